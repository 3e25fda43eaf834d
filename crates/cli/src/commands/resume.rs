//! `drillmaster resume`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{ArgMatches, Args};
use drillmaster_journal::{History, Journal, JournalError};
use drillmaster_transport::cassette::Event;

use crate::complete;
use crate::execute::execute;
use crate::paths::{Paths, absolute};
use crate::patience::patience;
use crate::preflight::preflight;
use crate::prepare::{PreparedRun, prepare};
use crate::run_args::{IN_DOUBT, RunOptions};
use crate::runtime::InterruptibleRuntime;
use crate::transport::Backend;
use crate::trust::{self, UNCHAINED, UntrustedJournal};
use crate::ui::Ui;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::outcome::State;
use drillmaster_runner::run::journal::RunJournal;
use drillmaster_runner::run_spec::{self, ApprovedPlan, RunSpec, Target};

/// The arguments of `resume`. None is needed: the journal has the settings of the run.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// ID of the run, or path of its journal [default: the last run]
    #[arg(add = complete::runs())]
    run: Option<String>,
    /// Retry rows that were refused or failed
    #[arg(long)]
    failed: bool,
    /// Resume even if the script, the roster, an input or the target has changed
    #[arg(long)]
    allow_changed: bool,
    /// Resume from a journal that you did not write on this machine, after printing what it uses
    #[arg(long)]
    trust_journal: bool,
    /// Make only the writes of this plan, instead of an earlier one, and stop before any other
    #[arg(long, value_name = "PLAN")]
    approved: Option<PathBuf>,
    #[command(flatten)]
    in_doubt: InDoubtArgs,
    #[command(flatten)]
    options: RunOptions,
}

/// The flags about in-doubt writes.
#[derive(Debug, Args)]
struct InDoubtArgs {
    /// Wait until in-doubt writes can no longer take effect, then check them
    #[arg(long, help_heading = IN_DOUBT)]
    wait: bool,
    /// Repeat in-doubt writes that can no longer take effect even if drillmaster cannot check whether they did.
    /// Check the service first: a write may be done twice
    #[arg(long, help_heading = IN_DOUBT)]
    repeat_in_doubt: bool,
}

pub(crate) fn run(args: &ResumeArgs, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    let path = run_spec::find(args.run.as_deref())?;
    let unusable = |error: JournalError| Diagnostic::usage(error.to_string());
    // The journal is only read until it is certain that the run can be resumed.
    let earlier = run_spec::read(&path)?;
    let original = RunSpec::from_header(earlier.header(), &path)?;
    if args.run.is_none() && !args.failed {
        refuse_ended(&original, &earlier)?;
    }
    let mut spec = args.options.override_spec(original.clone(), matches)?;
    if let Some(plan) = &args.approved {
        spec.approved = Some(ApprovedPlan::read(absolute(plan)?)?);
    }
    if args.failed && spec.max_rows != original.max_rows {
        let message = "--failed retries all failed rows, so it cannot be combined with --max-rows";
        return Err(Diagnostic::usage(message).with_help("remove --max-rows"));
    }
    if let Some(untrusted) = UntrustedJournal::check(&path, earlier.header(), &spec)? {
        if !args.trust_journal {
            return Err(untrusted.refuse());
        }
        ui.console.warn(untrusted.description());
    }
    if !earlier.is_chained() {
        ui.console.note(UNCHAINED);
    }
    Paths::for_run(&spec).write("the journal of the run", Some(&path)).check()?;
    let mut run = prepare(spec, ui)?;
    (run.waits, run.repeats_in_doubt) = (args.in_doubt.wait, args.in_doubt.repeat_in_doubt);
    if !args.allow_changed {
        refuse_changes(&original, &run, &earlier)?;
    }
    // A missing credential is reported before anything is written.
    let runtime = InterruptibleRuntime::start(&ui.console)?;
    let patience = patience(&run.spec.place, &ui.console, &runtime.stop);
    let backend = Backend::open(&run.spec.place, &run.services(), &patience)?;
    if args.allow_changed
        && let Some(approved) = &mut run.spec.approved
    {
        *approved = ApprovedPlan::read(approved.plan.clone())?;
    }
    if args.allow_changed || args.approved.is_some() {
        preflight(&mut run, &backend, &runtime, ui)?;
    }
    let (mut journal, mut history) = Journal::open(&path).map_err(unusable)?;
    if history.header() != earlier.header() {
        let message = format!("another process has just resumed run {}", original.id);
        return Err(Diagnostic::usage(message));
    }
    // A later resume uses the settings of this one.
    let header = trust::sign(run.journal_header(), &ui.console);
    if header != *history.header() {
        journal
            .append(&Event::Resumed(header))
            .map_err(|error| Diagnostic::usage(format!("{}: {error}", path.display())))?;
    }
    if args.failed {
        reopen_failures(&journal, &history)
            .map_err(|error| Diagnostic::usage(format!("{}: {error}", path.display())))?;
        drop((journal, history));
        (journal, history) = Journal::open(&path).map_err(unusable)?;
    }
    let requests = match history.requests() {
        0 => "no requests so far".to_owned(),
        1 => "1 request in its journal".to_owned(),
        requests => format!("{requests} requests in its journal"),
    };
    ui.console.note(&format!("resuming {}: {requests}", run.spec.id));
    let journal = RunJournal::new(journal, history, &path, &run_spec::name_of(&path));
    execute(&run, &backend, &runtime, Some(&journal), None, ui)
}

/// Refuses to pick a run if the last one is finished but an earlier one is not: the user may mean the earlier one, or
/// may no longer want it.
fn refuse_ended(last: &RunSpec, history: &History) -> Result<(), Diagnostic> {
    let in_doubt = history.counts().into_iter().any(|(state, _)| state == State::InDoubt.name());
    if !history.is_finished() || in_doubt {
        return Ok(());
    }
    let Some(stopped) = run_spec::stopped()? else { return Ok(()) };
    let spec = RunSpec::from_header(run_spec::read(&stopped)?.header(), &stopped)?;
    let script = spec.script.file_name().unwrap_or_default().to_string_lossy();
    let message = format!(
        "run {} is complete, but an earlier run of {script}, started {}, is not",
        last.id,
        spec.started.strftime("%Y-%m-%d %H:%M UTC")
    );
    let help = format!("to resume the earlier run, use `drillmaster resume {}`", spec.id);
    Err(Diagnostic::usage(message).with_help(help))
}

/// Lets requests that failed be sent again, in rows that were refused or failed and outside of rows.
fn reopen_failures(journal: &Journal, history: &History) -> Result<(), String> {
    let reopen =
        |scope: String| journal.append(&Event::Retry { scope }).map_err(|error| error.to_string());
    let states = [State::Refused, State::Failed].map(State::name);
    reopen(drillmaster_transport::Scope::MAIN.to_owned())?;
    for row in history.rows() {
        let row = row.map_err(|error| error.to_string())?;
        if states.contains(&row.state.as_str()) {
            reopen(row.scope)?;
        }
    }
    Ok(())
}

/// Refuses to resume a run that has changed: the journaled responses may not fit its requests.
fn refuse_changes(
    original: &RunSpec,
    run: &PreparedRun,
    history: &History,
) -> Result<(), Diagnostic> {
    let (now, header, spec) = (run.header(), history.header(), &run.spec);
    let inputs = |spec: &RunSpec| spec.set.iter().cloned().collect::<BTreeMap<_, _>>();
    let target = |spec: &RunSpec| Target { rate: None, retry_for: None, ..spec.place.clone() };
    let roster = now.roster != header.roster || spec.key != original.key;
    let plan = match &original.approved {
        // A plan that is given now may differ.
        Some(approved) if spec.approved == original.approved => {
            ApprovedPlan::read(approved.plan.clone())? != *approved
        }
        _ => false,
    };
    let parts = [
        ("the script", now.script != header.script),
        ("the roster", roster),
        ("an input", inputs(spec) != inputs(original)),
        ("the target", target(spec) != target(original)),
        ("the approved plan", plan),
    ];
    let changed: Vec<_> =
        parts.iter().filter(|(_, has_changed)| *has_changed).map(|(what, _)| *what).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let has = if changed.len() == 1 { "has" } else { "have" };
    let message =
        format!("{} {has} changed since run {} started", changed.join(" and "), original.id);
    Err(Diagnostic::usage(message).with_help(
        "undo the change, start a new run, or resume anyway with --allow-changed; \
         the responses in the journal may no longer fit",
    ))
}
