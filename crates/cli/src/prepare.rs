//! Preparing a run: everything it names is read and checked before the first request.

use std::path::PathBuf;
use std::time::Duration;

use crate::console::Console;
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::report::About;
use drillmaster_runner::roster::Roster;
use drillmaster_runner::run::{Job, RunSummary};
use drillmaster_runner::run_spec::{Environment, RunSpec};
use drillmaster_runner::script::Script;
use drillmaster_transport::cassette::Header;
use drillmaster_transport::redact::ApiKeys;
use drillmaster_transport::{Connection, ResolvePolicy};
use jiff::SignedDuration;
use rhai::Map;

use crate::paths::{display_path, output_path};
use crate::reports::{Completion, PreparedReports, file_name, title};
use crate::runtime::InterruptibleRuntime;
use crate::transport::Backend;
use crate::ui::Ui;

/// A run whose script, inputs, roster and output files have been checked; nothing has been sent.
pub(crate) struct PreparedRun {
    pub(crate) spec: RunSpec,
    pub(crate) script: Script,
    pub(crate) inputs: Map,
    pub(crate) roster: Option<Roster>,
    pub(crate) results: Option<PathBuf>,
    pub(crate) reports: PreparedReports,
    /// Whether to wait until in-doubt writes can no longer take effect.
    pub(crate) waits: bool,
    /// Whether to repeat in-doubt writes whose absence cannot be shown.
    pub(crate) repeats_in_doubt: bool,
}

/// Reads and checks everything that a run names.
pub(crate) fn prepare(spec: RunSpec, ui: &Ui) -> Result<PreparedRun, Diagnostic> {
    let script = Script::open(&display_path(&spec.script))?;
    check_script(&script, ui)?;
    let inputs = script.read_inputs(&spec.set)?;
    let roster = open_roster(&spec, &script, ui)?;
    let results = spec.results.as_deref().map(|file| output_path(&display_path(file)));
    let results = results.transpose()?;
    let reports = PreparedReports::new(&spec.reports)?;
    Ok(PreparedRun {
        spec,
        script,
        inputs,
        roster,
        results,
        reports,
        waits: false,
        repeats_in_doubt: false,
    })
}

/// Prints all mistakes in a script but the last one, which is returned.
pub(crate) fn check_script(script: &Script, ui: &Ui) -> Result<(), Diagnostic> {
    let Err(mut diagnostics) = script.check() else { return Ok(()) };
    let last = diagnostics.pop().unwrap_or_else(|| Diagnostic::script("the script has mistakes"));
    for diagnostic in &diagnostics {
        ui.print_diagnostic(diagnostic);
    }
    Err(last)
}

fn open_roster(spec: &RunSpec, script: &Script, ui: &Ui) -> Result<Option<Roster>, Diagnostic> {
    let Some(path) = &spec.roster else {
        if script.uses_roster() {
            let message = format!("{} needs a roster", script.path().display());
            let columns = match script.columns().as_slice() {
                [] => String::new(),
                [column] => format!(" with the column {column}"),
                columns => format!(" with the columns {}", columns.join(", ")),
            };
            return Err(
                Diagnostic::usage(message).with_help(format!("add --roster FILE.csv{columns}"))
            );
        }
        return Ok(None);
    };
    // Nothing has been sent, so any problem with the file is a usage error.
    let roster = Roster::open(&display_path(path), spec.key.as_deref())
        .map_err(|diagnostic| Diagnostic { category: Category::Usage, ..diagnostic })?;
    script.check_roster(&roster)?;
    let name = roster.path().display();
    match roster.suspicious_lines() {
        [] => {}
        [line, others @ ..] => ui.console.warn(&format!(
            "{name} line {line}: a quoted cell contains a line that looks like a row{}; is a closing quote missing?",
            if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) }
        )),
    }
    if roster.is_empty() {
        ui.console.warn(&format!("{name} has no rows below its header"));
    }
    if !script.uses_roster() {
        ui.console.warn(&format!("{} does not use the roster", script.path().display()));
    }
    Ok(Some(roster))
}

impl PreparedRun {
    /// How in-doubt writes are resolved: as the flags say, or as is usual for the backend.
    pub(crate) fn resolve_policy(&self, backend: &Backend) -> ResolvePolicy {
        let default = backend.resolve_policy;
        let flag =
            |time: Option<SignedDuration>| time.and_then(|time| Duration::try_from(time).ok());
        ResolvePolicy {
            effect_within: flag(self.spec.effect_within).or(default.effect_within),
            probe_for: flag(self.spec.resolve_for).unwrap_or(default.probe_for),
            wait: self.waits,
            repeat_unproven: self.repeats_in_doubt,
        }
    }

    /// The header of its recordings: the hashes of the script and the roster.
    pub(crate) fn header(&self) -> Header {
        let roster = self.roster.as_ref().map(Roster::hash);
        Header { script: Some(self.script.hash()), roster, ..Header::default() }
    }

    /// The header of its cassette, with what a replay needs to know.
    pub(crate) fn cassette_header(&self) -> Header {
        Header { run: self.spec.recorded().as_run(), ..self.header() }
    }

    /// The header of its journal, with what a resume needs to know, and fingerprints of the keys that must not
    /// appear in a cassette made from it.
    pub(crate) fn journal_header(&self) -> Header {
        Header { keys: ApiKeys::known(), run: self.spec.as_run(), ..self.header() }
    }

    /// The number of roster rows that it processes.
    pub(crate) fn rows(&self) -> usize {
        let rows = self.roster.as_ref().map_or(0, Roster::len);
        rows.min(self.spec.max_rows.unwrap_or(rows))
    }

    /// The input of the script runner.
    pub(crate) fn job(
        &self,
        connection: Connection,
        console: &Console,
        runtime: &InterruptibleRuntime,
    ) -> Job {
        Job {
            roster: self.roster.clone(),
            inputs: self.inputs.clone(),
            max_rows: self.spec.max_rows,
            concurrency: self.spec.concurrency,
            stop: runtime.stop.clone(),
            ..console.job(connection)
        }
    }

    /// Warns if the roster file has changed since it was read.
    pub(crate) fn warn_of_changed_roster(&self, ui: &Ui) {
        if let Some(roster) = self.roster.as_ref().filter(|roster| roster.has_changed()) {
            ui.console.warn(&format!(
                "{} changed in the meantime: this run used the version that it read at the start",
                roster.path().display()
            ));
        }
    }

    /// The services that the script calls.
    pub(crate) fn services(&self) -> Vec<&'static str> {
        self.script.services().collect()
    }

    /// Writes the reports of the run.
    pub(crate) fn write_reports(
        &self,
        summary: &RunSummary,
        completion: Completion,
        ui: &Ui,
    ) -> Result<(), Diagnostic> {
        let stopped = match completion {
            Completion::Interrupted => Some("It was interrupted.".to_owned()),
            Completion::Ended | Completion::DryRun => {
                summary.problem.as_ref().map(|diagnostic| diagnostic.message.clone())
            }
        };
        let about = About {
            title: title(&self.script.doc(), self.script.path()),
            script: file_name(self.script.path()),
            began: self.spec.started,
            on: match self.spec.place.on {
                Environment::Sandbox => "on the sandbox, without real people",
                Environment::Live => "on the live services",
            },
            is_rehearsal: completion == Completion::DryRun,
            stopped,
        };
        self.reports.write(about, &self.spec, self.roster.as_ref(), summary, ui)
    }
}
