//! What a run was asked to do, as its journal records it, and the folder of the journals.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use drillmaster_journal::{History, Journal};
use drillmaster_models::{Dialect, Service};
use drillmaster_transport::Rate;
use drillmaster_transport::cassette::Header;
use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::diagnostic::Diagnostic;
use crate::report_data::Section;
use drillmaster_transport::files;

/// Everything that a run was asked to do. Paths are absolute, so that it can be resumed from any folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// Identifies the run. Ids sort by time.
    pub id: String,
    /// When it was started first. A resumed run keeps it.
    pub started: jiff::Timestamp,
    /// The path of the script.
    pub script: PathBuf,
    /// The path of the roster, if the script works on one.
    pub roster: Option<PathBuf>,
    /// The column that identifies the rows of the roster. `None`: the first.
    pub key: Option<String>,
    /// Values of the script's inputs, by name. Of equal names, the last wins.
    pub set: Vec<(String, String)>,
    /// Where calls go.
    #[serde(flatten)]
    pub place: Target,
    /// The number of rows after which the run stops. `None`: no limit.
    pub max_rows: Option<usize>,
    /// How many rows run at the same time.
    pub concurrency: usize,
    /// The path of the results, if they are saved.
    pub results: Option<PathBuf>,
    /// The reports that are written at the end.
    #[serde(default, skip_serializing_if = "Reports::is_empty")]
    pub reports: Reports,
    /// The number of rows from which it may remove something.
    pub max_removals: Option<usize>,
    /// Whether it may make irreversible changes.
    pub yes: bool,
    /// The plan that was approved for it.
    pub approved: Option<ApprovedPlan>,
    /// How long the effect of a write in doubt may still appear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect_within: Option<jiff::SignedDuration>,
    /// How long to look for the effect of a write in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve_for: Option<jiff::SignedDuration>,
}

/// The reports of a run. Paths are absolute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reports {
    /// The files to write. The ending of each decides its format.
    pub files: Vec<PathBuf>,
    /// The template to use in place of the built-in ones.
    pub template: Option<PathBuf>,
    /// The sections to write. Empty: those that the script chooses, or else all.
    pub sections: Vec<Section>,
    /// Whether people get made-up names.
    pub pseudonymise: bool,
}

impl Reports {
    /// Whether none is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// A plan that was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovedPlan {
    /// The path of the plan.
    pub plan: PathBuf,
    /// The hash of the file's bytes, to detect a changed plan.
    pub(crate) hash: String,
}

impl ApprovedPlan {
    /// Reads the plan to hash it.
    pub fn read(plan: PathBuf) -> Result<Self, Diagnostic> {
        let bytes = files::read(&plan, files::BY_PROGRAM).map_err(|error| {
            Diagnostic::usage(format!("cannot read the plan {}: {error}", plan.display()))
        })?;
        Ok(Self { plan, hash: blake3::hash(&bytes).to_hex().to_string() })
    }
}

/// What a cassette records of a run, to replay its script. It has nothing of this machine.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReplaySpec {
    /// The file name of the script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// The file name of the roster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roster: Option<String>,
    /// The column that identifies the rows of the roster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Values of the script's inputs, by name. Of equal names, the last wins.
    pub set: Vec<(String, String)>,
    /// The dialect that was spoken.
    #[serde(with = "as_text")]
    pub dialect: Dialect,
    /// The number of rows after which the run stopped. `None`: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<usize>,
}

impl ReplaySpec {
    /// Reads it from a header. Missing fields have their defaults.
    pub fn from_header(header: &Header) -> Result<Self, serde_json::Error> {
        serde_json::from_value(Value::Object(header.run.clone()))
    }

    /// The form in a header.
    pub fn as_run(&self) -> Map<String, Value> {
        as_map(self)
    }
}

fn as_map(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// Where calls go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Which services are called.
    pub on: Environment,
    /// Addresses other than the default, by service.
    pub urls: BTreeMap<String, String>,
    /// The dialect to speak with services that have more than one.
    #[serde(with = "as_text")]
    pub dialect: Dialect,
    /// The highest rate of calls to each service. `None`: the default.
    #[serde(with = "as_text::optional")]
    pub rate: Option<Rate>,
    /// The profile with the keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// How long a call waits for a live service, retries included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_for: Option<jiff::SignedDuration>,
}

impl Target {
    /// The address of a service.
    pub fn url<'a>(&'a self, service: &'a Service) -> &'a str {
        self.urls.get(service.name).map_or(service.base_url, String::as_str)
    }
}

/// Which services are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// The embedded sandbox: nothing leaves this machine
    #[default]
    Sandbox,
    /// The services at their addresses, with your credentials
    Live,
}

/// Serializes a value as the text that it is parsed from. The crates of these types do not need serde for them.
mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(text: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(text)?.parse().map_err(D::Error::custom)
    }

    pub(super) mod optional {
        use super::{Deserialize, Deserializer, Display, Error, FromStr, Serializer};

        #[expect(clippy::ref_option, reason = "serde requires this signature")]
        pub(in super::super) fn serialize<T: Display, S: Serializer>(
            value: &Option<T>,
            out: S,
        ) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => out.collect_str(value),
                None => out.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'de, T, D>(text: D) -> Result<Option<T>, D::Error>
        where
            T: FromStr<Err: Display>,
            D: Deserializer<'de>,
        {
            let text = Option::<String>::deserialize(text)?;
            text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
        }
    }
}

impl RunSpec {
    /// A new id such as `20261122-093015-4f2a`: the time in UTC, then the millisecond with random bits.
    pub fn new_id(started: jiff::Timestamp) -> String {
        let millisecond = started.subsec_millisecond().unsigned_abs();
        let rest = (millisecond << 6) | fastrand::u32(..1 << 6);
        format!("{}-{rest:04x}", started.strftime("%Y%m%d-%H%M%S"))
    }

    /// The form in the header of a journal.
    pub fn as_run(&self) -> Map<String, Value> {
        as_map(self)
    }

    /// The part that a cassette records.
    pub fn recorded(&self) -> ReplaySpec {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        ReplaySpec {
            script: name(&self.script),
            roster: self.roster.as_deref().and_then(name),
            key: self.key.clone(),
            set: self.set.clone(),
            dialect: self.place.dialect,
            max_rows: self.max_rows,
        }
    }

    /// Adds what was recorded and not set now. The dialect is always the recorded one.
    #[must_use]
    pub fn recorded_as(mut self, mut recorded: ReplaySpec) -> Self {
        self.max_rows = self.max_rows.or(recorded.max_rows);
        self.key = self.key.or(recorded.key.filter(|_| self.roster.is_some()));
        self.place.dialect = recorded.dialect;
        // The last value of an input wins.
        recorded.set.append(&mut self.set);
        self.set = recorded.set;
        self
    }

    /// Reads what the run of a journal was asked to do.
    pub fn from_header(header: &Header, path: &Path) -> Result<Self, Diagnostic> {
        serde_json::from_value(Value::Object(header.run.clone())).map_err(|error| {
            let problem = format!("cannot read how {} was started: {error}", path.display());
            Diagnostic::usage(problem)
                .with_help("only the journal of a drillmaster run can be resumed")
        })
    }
}

/// The folder for state that outlives a command, by the platform's convention.
pub fn state_folder() -> Result<PathBuf, Diagnostic> {
    let base = etcetera::choose_base_strategy().map_err(|error| {
        Diagnostic::usage(format!("cannot find a folder for journals: {error}"))
            .with_help("choose a file with --journal")
    })?;
    Ok(base.state_dir().unwrap_or_else(|| base.data_dir()).join("drillmaster"))
}

/// The folder of the journals.
pub(crate) fn folder() -> Result<PathBuf, Diagnostic> {
    Ok(state_folder()?.join("runs"))
}

/// Creates the folder of the journals, readable only by its owner.
pub fn make_folder() -> Result<PathBuf, Diagnostic> {
    let folder = folder()?;
    make_private(&folder).map_err(|error| {
        Diagnostic::usage(format!("cannot create the folder {}: {error}", folder.display()))
            .with_help("choose a file for the journal with --journal")
    })?;
    Ok(folder)
}

/// Creates the state folder, readable only by its owner.
pub fn make_state_folder() -> Result<PathBuf, Diagnostic> {
    let folder = state_folder()?;
    make_private(&folder).map_err(|error| {
        Diagnostic::usage(format!("cannot create the folder {}: {error}", folder.display()))
    })?;
    Ok(folder)
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The journals in the folder, from the oldest to the latest.
pub fn journals() -> Result<Vec<PathBuf>, Diagnostic> {
    let folder = folder()?;
    let files = match std::fs::read_dir(&folder) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Diagnostic::usage(format!("cannot list {}: {error}", folder.display())));
        }
    };
    let mut paths: Vec<_> = files.filter_map(Result::ok).map(|file| file.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "journal"));
    paths.sort();
    Ok(paths)
}

/// The journal of a run, by its id or its path; without either, the latest.
pub fn find(run: Option<&str>) -> Result<PathBuf, Diagnostic> {
    let Some(run) = run else { return latest() };
    let by_id = folder().ok().map(|folder| folder.join(format!("{run}.journal")));
    let candidates = by_id.into_iter().chain([PathBuf::from(run)]);
    candidates.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        Diagnostic::usage(format!("there is no run `{run}`")).with_help(
            "`drillmaster runs --all` lists all runs; you can also give the path of a journal",
        )
    })
}

/// The journal of the latest run that did something, or else the latest journal.
fn latest() -> Result<PathBuf, Diagnostic> {
    let paths = journals()?;
    // An unreadable journal is reported when it is opened.
    let did_something = |path: &&PathBuf| !History::read(path).is_ok_and(|run| run.is_blank());
    let latest = paths.iter().rev().find(did_something).or(paths.last()).cloned();
    latest.ok_or_else(|| {
        Diagnostic::usage("there are no runs yet")
            .with_help("start one with `drillmaster run SCRIPT`")
    })
}

/// The latest run that stopped before its end.
pub fn stopped() -> Result<Option<PathBuf>, Diagnostic> {
    let is_stopped = |path: &PathBuf| {
        let is_open = |run: History| !run.is_finished() && !run.is_blank();
        History::read(path).is_ok_and(is_open) && !Journal::is_in_use(path)
    };
    Ok(journals()?.into_iter().rev().find(is_stopped))
}

/// What the command line calls a run: its id, or the file of its journal where that lies elsewhere.
pub fn name_of(path: &Path) -> String {
    let id = path.file_stem().map(|id| id.to_string_lossy().into_owned());
    let is_here = folder().is_ok_and(|folder| path.parent() == Some(&folder));
    // From any folder.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    id.filter(|_| is_here).unwrap_or_else(|| path.display().to_string())
}

/// Reads a journal to look at it.
pub fn read(path: &Path) -> Result<History, Diagnostic> {
    History::read(path).map_err(|error| Diagnostic::usage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> RunSpec {
        RunSpec {
            id: "20261122-093015-4f2a".to_owned(),
            started: jiff::Timestamp::UNIX_EPOCH,
            script: "/desk/onboard.rhai".into(),
            roster: Some("/desk/class.csv".into()),
            key: None,
            set: vec![("room".to_owned(), "linux1".to_owned())],
            place: Target {
                on: Environment::Live,
                urls: [("thm".to_owned(), "http://127.0.0.1:1".to_owned())].into(),
                dialect: Dialect::Legacy,
                rate: Some("30/m".parse().unwrap()),
                profile: Some("school".to_owned()),
                retry_for: Some(jiff::SignedDuration::from_mins(2)),
            },
            max_rows: Some(3),
            concurrency: 16,
            results: None,
            reports: Reports::default(),
            max_removals: None,
            yes: false,
            approved: None,
            effect_within: Some(jiff::SignedDuration::from_millis(1500)),
            resolve_for: None,
        }
    }

    #[test]
    fn a_spec_is_read_back_from_its_header() {
        let header = Header { run: spec().as_run(), ..Header::default() };
        assert_eq!(RunSpec::from_header(&header, Path::new("x.journal")).unwrap(), spec());
    }

    #[test]
    fn a_header_without_a_run_is_an_error() {
        let problem = RunSpec::from_header(&Header::default(), Path::new("x.journal")).unwrap_err();
        assert!(problem.message.starts_with("cannot read how x.journal was started"), "{problem}");
    }

    #[test]
    fn ids_sort_by_time_and_differ_within_a_millisecond() {
        let at = |millisecond| jiff::Timestamp::from_millisecond(millisecond).unwrap();
        assert!(RunSpec::new_id(at(999)) < RunSpec::new_id(at(1000)));
        assert!(RunSpec::new_id(at(7)) < RunSpec::new_id(at(8)));
        let ids: std::collections::HashSet<_> = (0..64).map(|_| RunSpec::new_id(at(999))).collect();
        assert!(ids.len() > 1);
    }
}
