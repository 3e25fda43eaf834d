//! What calls travel over: the embedded sandbox, the live services, or a cassette.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clap::Args;
use drillmaster_models::{Dialect, SERVICES, Service};
use drillmaster_sandbox::{Options, Sandbox};
use drillmaster_transport::cassette::PaceEvent;
use drillmaster_transport::log::{self, Logged};
use drillmaster_transport::redact::{Keys, Policy, Remarks, Sensitivity};
use drillmaster_transport::{
    Connection, Error, ExposeSecret, Http, Mode, Patience, Rate, RateLimit, Replay, Request,
    ResolvePolicy, Response, Retry, Route, Scope, SecretString, Source, Transport, Writes,
};
use serde_json::Value;

use crate::complete;
use crate::config::{Config, KeySource, variable};
use crate::paths::Paths;
use drillmaster_runner::console::Console;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::fs::folder_of;
use drillmaster_runner::roster::Roster;
use drillmaster_runner::run_spec::{Environment, Target};
use drillmaster_transport::files;

/// Under what these flags stand in help.
const RECORDINGS: &str = "Recordings";

/// The flags that record and replay.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CassetteArgs {
    /// Write what travels to a cassette that can be shared: without secrets, with made-up people
    #[arg(long, value_name = "FILE", add = complete::files("cassette"), help_heading = RECORDINGS)]
    pub(crate) record: Option<PathBuf>,
    /// Answer from a cassette and send nothing
    #[arg(long, value_name = "FILE", add = complete::files("cassette"), conflicts_with_all = ["record", "on"], help_heading = RECORDINGS)]
    pub(crate) replay: Option<PathBuf>,
    /// Answer from a cassette what it holds, call the service for the rest, and add that
    #[arg(long, value_name = "FILE", add = complete::files("cassette"), conflicts_with_all = ["record", "replay"], help_heading = RECORDINGS)]
    pub(crate) append: Option<PathBuf>,
    /// Call the service with what a cassette holds, and tell where it answers otherwise
    #[arg(long, value_name = "FILE", add = complete::files("cassette"), conflicts_with_all = ["record", "replay", "append"], help_heading = RECORDINGS)]
    pub(crate) verify: Option<PathBuf>,
    /// With --verify on a live service, make the recorded writes, too; on a sandbox they are made anyway
    #[arg(long, requires = "verify", help_heading = RECORDINGS)]
    pub(crate) writes: bool,
    #[command(flatten)]
    private: PrivateArgs,
}

/// What is private besides what the declarations say.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PrivateArgs {
    /// In a recording, keep private what a field, a column or an input of this name holds: a secret, or as said
    /// (id, name, username, email, words, link, avatar)
    #[arg(long = "private", value_name = "FIELD[=KIND]", value_parser = private_field, help_heading = RECORDINGS)]
    fields: Vec<(String, Sensitivity)>,
    /// In a recording, keep this value private, wherever it stands
    #[arg(long = "private-value", value_name = "VALUE", help_heading = RECORDINGS)]
    values: Vec<String>,
}

fn private_field(text: &str) -> Result<(String, Sensitivity), String> {
    match text.split_once('=') {
        Some((name, kind)) => Ok((name.to_owned(), kind.parse()?)),
        None => Ok((text.to_owned(), Sensitivity::Secret)),
    }
}

impl PrivateArgs {
    pub(crate) fn policy(&self) -> Policy {
        let fields = self.fields.iter();
        let policy =
            fields.fold(Policy::default(), |policy, (name, holds)| policy.field(name, *holds));
        self.values.iter().fold(policy, Policy::value)
    }
}

/// Tells whoever sealed a recording what of it to look at once more.
pub(crate) fn tell(remarks: &Remarks, console: &Console) {
    if let Some(left) = remarks.left() {
        console.note(&format!("left as they are: {left}; `--private FIELD` makes one private"));
    }
    for field in &remarks.absent_fields {
        console.warn(&format!(
            "nothing is called `{field}`, so that --private {field} hides nothing; is it misspelt?"
        ));
    }
    for place in &remarks.absent_values {
        // The value itself stays unsaid.
        let which = place + 1;
        console.warn(&format!(
            "--private-value number {which} stands nowhere, so that it hides nothing; is it misspelt?"
        ));
    }
}

/// A cassette that a run goes through on its way to the service.
pub(crate) struct CassetteOptions {
    pub(crate) path: PathBuf,
    pub(crate) mode: Mode,
    pub(crate) policy: Policy,
    /// Whether a verification writes.
    pub(crate) writes: Writes,
}

impl CassetteArgs {
    /// The files that are named here, among those of a run.
    pub(crate) fn among(&self, paths: Paths) -> Paths {
        paths
            .write_cassette("--record", self.record.as_ref())
            .write_cassette("--append", self.append.as_ref())
            .read("--replay", self.replay.as_ref())
            .read("--verify", self.verify.as_ref())
    }

    /// The cassette that the run goes through, if it goes through one.
    pub(crate) fn taping(&self) -> Result<Option<CassetteOptions>, Diagnostic> {
        let place = |file: &Option<PathBuf>, mode| {
            let file = file.as_deref().map(cassette_place).transpose()?;
            Ok(file.map(|path| (path, mode)))
        };
        let record = place(&self.record, Mode::Record)?;
        let append = place(&self.append, Mode::Append)?;
        let verify = self.verify.clone().map(|path| (path, Mode::Verify));
        Ok(record.or(append).or(verify).map(|(path, mode)| CassetteOptions {
            path,
            mode,
            policy: self.private.policy(),
            writes: Writes::default(),
        }))
    }
}

/// A service that is called no faster than its budget.
type Paced = (&'static str, Arc<RateLimit<Arc<dyn Transport>>>);

/// What calls travel over, and what must be done with it at the end.
pub(crate) struct Connections {
    transport: Arc<dyn Transport>,
    dialect: Dialect,
    replay: Option<Arc<Replay>>,
    /// Whether what is needed is somewhere else, and not a sandbox on this machine.
    pub(crate) is_remote: bool,
    /// How writes in doubt are resolved there unless a run says otherwise.
    pub(crate) resolving: ResolvePolicy,
    paces: Vec<Paced>,
}

impl Connections {
    /// Opens the way to a place. `needed` are the services that will be called; a missing credential for one
    /// of them is told now. Calls wait for them as `patience` has it.
    pub(crate) fn open(
        place: &Target,
        needed: &[&'static str],
        patience: &Patience,
    ) -> Result<Self, Diagnostic> {
        let (mut paces, mut is_remote) = (Vec::new(), false);
        let transport: Arc<dyn Transport> = match place.on {
            Environment::Sandbox => {
                let options = Options { dialect: place.dialect, ..Options::default() };
                logged(Sandbox::new(options))
            }
            Environment::Live => {
                let transport = live(place, needed, patience, &mut paces, &mut is_remote)?;
                Arc::new(transport)
            }
        };
        let (dialect, resolving) = (place.dialect, resolving(place.on));
        Ok(Self { transport, dialect, replay: None, is_remote, resolving, paces })
    }

    /// Answers from a cassette.
    pub(crate) fn replaying(
        replay: Replay,
        dialect: Dialect,
        roster: Option<&Roster>,
    ) -> Result<Self, Diagnostic> {
        let replay = match roster {
            Some(roster) if replay.header().sealed.is_some() => {
                let with = replay.with_roster(&roster.people()?);
                with.map_err(|error| Diagnostic::call(&error))?
            }
            _ => replay,
        };
        let replay = Arc::new(replay);
        let (transport, paces) = (logged(replay.clone()), Vec::new());
        let resolving = ResolvePolicy::default();
        Ok(Self { transport, dialect, replay: Some(replay), is_remote: false, resolving, paces })
    }

    /// What requests end up in, to put layers over.
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        self.transport.clone()
    }

    /// A connection over these layers, which tells each call to the console, if there is one for it.
    pub(crate) fn connect(
        &self,
        layers: impl Transport + 'static,
        trace: Option<Console>,
    ) -> Connection {
        let connection = Connection::new(traced(layers, trace));
        connection.with_dialect(self.dialect).resolving(self.resolving)
    }

    /// How fast the services were called that have a budget.
    pub(crate) fn paces(&self) -> Vec<PaceEvent> {
        let event = |(service, pace): &Paced| {
            let reached = pace.reached();
            PaceEvent {
                service: (*service).to_owned(),
                requests: reached.requests,
                throttled: reached.throttled,
                seconds: reached.elapsed.as_secs_f64(),
            }
        };
        self.paces.iter().map(event).filter(|pace| pace.requests > 0).collect()
    }

    /// Fails when a replay was not used up.
    pub(crate) fn finish(&self) -> Result<(), Diagnostic> {
        match &self.replay {
            Some(replay) => replay.finish().map_err(|error| Diagnostic::call(&error)),
            None => Ok(()),
        }
    }
}

/// How writes in doubt are resolved: in the embedded sandbox nothing is on its way once a call has returned.
pub(crate) fn resolving(on: Environment) -> ResolvePolicy {
    let effect_within = (on == Environment::Sandbox).then_some(Duration::ZERO);
    ResolvePolicy { effect_within, ..ResolvePolicy::default() }
}

/// Where a cassette goes, and beside it the roster of made-up people. Neither takes the place of something else.
pub(crate) fn cassette_place(file: &Path) -> Result<PathBuf, Diagnostic> {
    let path = output(file)?;
    let roster = output(&path.with_extension("roster.csv"))?;
    keep(&path, "cassette", "\"cassette\"")?;
    keep(&roster, "roster of made-up people", "learner-0001")?;
    Ok(path)
}

/// Refuses to replace a file that does not have near its beginning what each of its kind has there.
pub(crate) fn keep(path: &Path, what: &str, sign: &str) -> Result<(), Diagnostic> {
    let mut start = Vec::new();
    let read = files::open(path).and_then(|file| file.take(1024).read_to_end(&mut start));
    let is_one = start.is_empty() || String::from_utf8_lossy(&start).contains(sign);
    if read.is_ok() && !is_one {
        let problem = format!("{} is there already, and is no {what}", path.display());
        return Err(Diagnostic::usage(problem).with_help("name another file, or remove that one"));
    }
    Ok(())
}

/// Where to write a file, links followed. Refused before anything is sent: a folder, a device, a place in no
/// folder. Whether it is the same as another is for [`Paths`] to say.
pub(crate) fn output(file: &Path) -> Result<PathBuf, Diagnostic> {
    let refuse = |why: &str, help: &str| {
        Err(Diagnostic::usage(format!("cannot write {}: {why}", file.display())).with_help(help))
    };
    if let Some(folder) =
        file.parent().filter(|folder| *folder != Path::new("") && !folder.is_dir())
    {
        return refuse(
            &format!("there is no folder {}", folder.display()),
            "make the folder first",
        );
    }
    if file == Path::new("-") {
        return refuse("`-` is no file", "standard output is the script's; name a file");
    }
    let path = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    // A link to what the process has open would be replaced by a file of that name.
    let is_device = ["/dev", "/proc"].iter().any(|folder| file.starts_with(folder));
    if is_device || (path.exists() && !path.is_file()) {
        return refuse("it is no plain file", "name a file");
    }
    // Files are written beside their place and renamed: it must be possible to make one there.
    match tempfile::tempfile_in(folder_of(&path)) {
        Ok(_) => Ok(path),
        Err(error) => {
            refuse(&format!("no file can be made beside it: {error}"), "name a file elsewhere")
        }
    }
}

fn live(
    place: &Target,
    needed: &[&str],
    patience: &Patience,
    paces: &mut Vec<Paced>,
    is_remote: &mut bool,
) -> Result<Route, Diagnostic> {
    let mut services = Vec::new();
    for service in SERVICES {
        let is_needed = needed.contains(&service.name);
        let credential = match key(service, place, is_needed) {
            Ok(None) => continue,
            // What is wrong with the key of a service is told when that is called.
            Err(_) if !is_needed => continue,
            Ok(Some(credential)) => credential,
            Err(problem) => return Err(problem),
        };
        let http =
            Http::new(place.url(service), credential).map_err(|error| Diagnostic::call(&error))?;
        services.push((service, http));
    }
    // One service may say the key of the other.
    let keys = Keys::known();
    let mut route = Route::default();
    for (service, http) in services {
        let (http, is_needed) = (http.masking(&keys), needed.contains(&service.name));
        *is_remote |= is_needed && !http.is_local();
        // A sandbox on this machine has no budget to keep to.
        let rate = place.rate.or_else(|| (!http.is_local()).then(Rate::default));
        let http = logged(http);
        route = match rate {
            Some(rate) => {
                let budgeted = RateLimit::new(http, rate).with_patience(patience.clone());
                let budgeted = Arc::new(budgeted);
                paces.push((service.name, budgeted.clone()));
                let retry = Retry::new(budgeted).with_patience(patience.clone());
                route.to(service.name, retry)
            }
            None => {
                let retry = Retry::new(http).with_patience(patience.clone());
                route.to(service.name, retry)
            }
        };
    }
    Ok(route)
}

/// The key of a service, in its form. A service that is not needed has one where that takes no more than a look
/// into the environment: no command is run for it.
fn key(
    service: &Service,
    place: &Target,
    is_needed: bool,
) -> Result<Option<SecretString>, Diagnostic> {
    let usual = KeySource::Variable(service.credential_variable.to_owned());
    let form = service.credential_form;
    let (source, key) = match variable(service.credential_variable) {
        Some(key) => (usual, Some(SecretString::from(key))),
        None if !is_needed => return Ok(None),
        None => {
            let config = Config::open()?;
            let profile = place.profile.as_deref().map(|name| config.profile(name)).transpose()?;
            let access = profile.and_then(|profile| profile.services.get(service.name));
            let source = access.and_then(|access| access.key.clone()).unwrap_or(usual);
            let key = source.read(&config)?;
            (source, key)
        }
    };
    match key {
        None => {
            let problem = format!("there is no key for {}: {source} is not set", service.title);
            Err(Diagnostic::usage(problem).with_help(format!(
                "put it into {source} as {form}, or let `drillmaster auth login {}` keep it",
                service.name
            )))
        }
        Some(key) if !service.accepts_form(key.expose_secret()) => {
            // The value itself stays unsaid: it may be a key with a typing error.
            Err(Diagnostic::usage(format!("{source} does not have the form {form}"))
                .with_help("is something missing, or a line break in it?"))
        }
        key => Ok(key),
    }
}

/// Tells the log of each request, if there is a log.
fn logged(transport: impl Transport + 'static) -> Arc<dyn Transport> {
    if log::is_on() { Arc::new(Logged::new(transport)) } else { Arc::new(transport) }
}

/// Tells each call to a person, if there is a console for it.
pub(crate) fn traced(
    transport: impl Transport + 'static,
    console: Option<Console>,
) -> Arc<dyn Transport> {
    match console {
        None => Arc::new(transport),
        Some(console) => Arc::new(Trace { inner: transport, console }),
    }
}

struct Trace<T> {
    inner: T,
    console: Console,
}

#[async_trait]
impl<T: Transport> Transport for Trace<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        // As it is declared: what is told may be kept in a log, and has nobody's address or id in it.
        let metadata = request.metadata;
        let told = format!("{} {} {}", metadata.name, metadata.method, metadata.path);
        let answer = self.inner.send(request).await;
        let ended = match &answer {
            Ok(answer) => answer.status.to_string(),
            Err(error) => error.to_string(),
        };
        self.console.warn(&format!("{told}: {ended}"));
        answer
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        self.inner.value(scope, name, fresh)
    }

    fn source(&self, request: &Request) -> Source {
        self.inner.source(request)
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        self.inner.resolved(request, answer);
    }
}
