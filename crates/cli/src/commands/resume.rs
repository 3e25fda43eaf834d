//! `drillmaster resume`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{ArgMatches, Args};
use drillmaster_transport::cassette::Event;
use drillmaster_transport::journal::{History, Journal, Unusable};

use crate::Ui;
use crate::complete;
use crate::execute::{PreparedRun, perform};
use crate::paths::Paths;
use crate::preflight::look_ahead;
use crate::run_args::{DOUBTS, Settings, absolute};
use crate::session::Session;
use crate::transport::Connections;
use crate::trust::{self, Stranger};
use crate::waiting::patience;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::outcome::State;
use drillmaster_runner::run::journal::RunJournal;
use drillmaster_runner::run_spec::{self, ApprovedPlan, RunSpec, Target};

/// What is told of a journal whose lines do not answer for each other.
pub(crate) const OLD: &str = "an earlier release wrote this journal: lines that were lost, doubled or moved cannot be noticed";

/// The flags of `resume`. It needs none: the journal knows how the run was begun.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The run's id, or the path of its journal; the last run unless named
    #[arg(add = complete::runs())]
    run: Option<String>,
    /// Try the rows again that were refused or failed
    #[arg(long)]
    failed: bool,
    /// Go on although the script, the roster, an input or the target is another than the run began with
    #[arg(long)]
    allow_changed: bool,
    /// Go on with a journal that was not written by you on this machine, after showing what it names
    #[arg(long)]
    trust_journal: bool,
    /// Make the writes of this plan instead of those of an earlier one, and stop before any other
    #[arg(long, value_name = "PLAN")]
    approved: Option<PathBuf>,
    #[command(flatten)]
    doubts: DoubtArgs,
    #[command(flatten)]
    settings: Settings,
}

/// What to do about writes in doubt.
#[derive(Debug, Args)]
struct DoubtArgs {
    /// Wait until what is in doubt can no longer take effect, and resolve it then
    #[arg(long, help_heading = DOUBTS)]
    wait: bool,
    /// Send a write in doubt once more, when it can no longer take effect, although nothing shows that it did not.
    /// Look at the service first: it may be done twice
    #[arg(long, help_heading = DOUBTS)]
    repeat_in_doubt: bool,
}

pub(crate) fn resume(
    args: &ResumeArgs,
    matches: &ArgMatches,
    shell: &Ui,
) -> Result<Exit, Diagnostic> {
    let path = run_spec::find(args.run.as_deref())?;
    let unusable = |error: Unusable| Diagnostic::usage(error.to_string());
    // Nothing is changed in the journal, not even that it has ended, before it is certain that the run goes on.
    let seen = run_spec::read(&path)?;
    let began = RunSpec::of(seen.header(), &path)?;
    if args.run.is_none() && !args.failed {
        refuse_ended(&began, &seen)?;
    }
    let mut order = args.settings.over(began.clone(), matches)?;
    if let Some(plan) = &args.approved {
        order.approved = Some(ApprovedPlan::of(absolute(plan)?)?);
    }
    if args.failed && order.max_rows != began.max_rows {
        let problem = "--failed tries again what failed in all rows of the run, and --max-rows would leave some out";
        return Err(Diagnostic::usage(problem).with_help("leave --max-rows away"));
    }
    if let Some(stranger) = Stranger::of(&path, seen.header(), &order)? {
        if !args.trust_journal {
            return Err(stranger.refused());
        }
        shell.console.warn(stranger.trusted());
    }
    if !seen.is_chained() {
        shell.console.note(OLD);
    }
    Paths::of(&order).write("the run's journal", Some(&path)).check()?;
    let mut ready = PreparedRun::of(order, shell)?;
    (ready.waits, ready.repeats_in_doubt) = (args.doubts.wait, args.doubts.repeat_in_doubt);
    if !args.allow_changed {
        refuse_changes(&began, &ready, &seen)?;
    }
    // A missing credential is told before anything is written.
    let session = Session::start(&shell.console)?;
    let patience = patience(&ready.order.place, &shell.console, &session.stop);
    let target = Connections::open(&ready.order.place, &ready.services(), &patience)?;
    if args.allow_changed
        && let Some(approval) = &mut ready.order.approved
    {
        *approval = ApprovedPlan::of(approval.plan.clone())?;
    }
    if args.allow_changed || args.approved.is_some() {
        look_ahead(&mut ready, &target, &session, shell)?;
    }
    let (mut journal, mut history) = Journal::open(&path).map_err(unusable)?;
    if history.header() != seen.header() {
        return Err(Diagnostic::usage(format!(
            "somebody else went on with run {} just now",
            began.id
        )));
    }
    // From here on the run is what it is now asked to be.
    let header = trust::signed(ready.journal_header(), &shell.console);
    if header != *history.header() {
        journal
            .append(&Event::Order(header))
            .map_err(|error| Diagnostic::usage(format!("{}: {error}", path.display())))?;
    }
    if args.failed {
        forget_failures(&journal, &history)
            .map_err(|error| Diagnostic::usage(format!("{}: {error}", path.display())))?;
        drop((journal, history));
        (journal, history) = Journal::open(&path).map_err(unusable)?;
    }
    let told = match history.requests() {
        0 => "nothing was asked yet".to_owned(),
        1 => "1 request is in its journal".to_owned(),
        requests => format!("{requests} requests are in its journal"),
    };
    shell.console.note(&format!("going on with {}: {told}", ready.order.id));
    let keeping = RunJournal::new(journal, history, &path, &run_spec::name_of(&path));
    perform(&ready, &target, &session, Some(&keeping), None, shell)
}

/// Who does not say which run may mean one that was stopped before. Nothing is open in the last one, and it is
/// not for us to begin with the other unasked: what it was to do may not be wanted any more.
fn refuse_ended(last: &RunSpec, history: &History) -> Result<(), Diagnostic> {
    let doubts = history.counts().into_iter().any(|(state, _)| state == State::InDoubt.name());
    if !history.is_finished() || doubts {
        return Ok(());
    }
    let Some(stopped) = run_spec::stopped()? else { return Ok(()) };
    let order = RunSpec::of(run_spec::read(&stopped)?.header(), &stopped)?;
    let script = order.script.file_name().unwrap_or_default().to_string_lossy();
    let problem = format!(
        "run {} came to its end, but an earlier one, of {script} at {}, did not",
        last.id,
        order.started.strftime("%Y-%m-%d %H:%M UTC")
    );
    let help = format!("if you mean that one, go on with `drillmaster resume {}`", order.id);
    Err(Diagnostic::usage(problem).with_help(help))
}

/// What failed is opened anew: in the rows that came to nothing, and outside of them.
fn forget_failures(journal: &Journal, history: &History) -> Result<(), String> {
    let again =
        |scope: String| journal.append(&Event::Again { scope }).map_err(|error| error.to_string());
    let states = [State::Refused, State::Failed].map(State::name);
    again(drillmaster_transport::Scope::MAIN.to_owned())?;
    for row in history.rows() {
        let row = row.map_err(|error| error.to_string())?;
        if states.contains(&row.state.as_str()) {
            again(row.scope)?;
        }
    }
    Ok(())
}

/// What was answered may not be what a changed run asks for.
fn refuse_changes(
    began: &RunSpec,
    ready: &PreparedRun,
    history: &History,
) -> Result<(), Diagnostic> {
    let (now, header, order) = (ready.header(), history.header(), &ready.order);
    let inputs = |order: &RunSpec| order.set.iter().cloned().collect::<BTreeMap<_, _>>();
    let target = |order: &RunSpec| Target { rate: None, retry_for: None, ..order.place.clone() };
    let roster = now.roster != header.roster || order.key != began.key;
    let plan = match &began.approved {
        // One that is given now takes its place.
        Some(approval) if order.approved == began.approved => {
            ApprovedPlan::of(approval.plan.clone())? != *approval
        }
        _ => false,
    };
    let changes = [
        ("the script", now.script != header.script),
        ("the roster", roster),
        ("an input", inputs(order) != inputs(began)),
        ("the target", target(order) != target(began)),
        ("the approved plan", plan),
    ];
    let others: Vec<_> = changes.iter().filter(|(_, is)| *is).map(|(what, _)| *what).collect();
    if others.is_empty() {
        return Ok(());
    }
    let verb = if others.len() == 1 { "is not what" } else { "are not what" };
    let problem = format!("{} {verb} run {} began with", others.join(" and "), began.id);
    Err(Diagnostic::usage(problem).with_help(
        "what the journal holds may not fit any more: put it back, begin a new run, \
         or go on all the same with --allow-changed",
    ))
}
