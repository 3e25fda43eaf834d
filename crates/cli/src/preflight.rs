//! Looking ahead: dry runs, plans, and the guards that need to know what is coming.

use std::path::Path;

use drillmaster_models::endpoint;
use drillmaster_transport::Planned;
use serde_json::Value;

use crate::Ui;
use crate::execute::PreparedRun;
use crate::report_args::Ending;
use crate::session::Session;
use crate::transport::{Connections, traced};
use drillmaster_runner::console::Console;
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::table::Format;
use drillmaster_runner::progress::Progress;
use drillmaster_runner::run::plan::{self, Plan, Tally};
use drillmaster_runner::run::{Job, RunSummary, run as run_script};

/// From how many rows a run may take something away unless told: so many, or so many in a hundred.
const FREE_REMOVALS: usize = 10;

/// Runs the script over the rehearsal of a plan. What it says goes to `console`.
fn rehearse(
    ready: &PreparedRun,
    target: &Connections,
    session: &Session,
    shell: &Ui,
    console: Console,
    trace: Option<Console>,
) -> (RunSummary, Plan) {
    // Only what is really sent is told call by call.
    let plan = Plan::over(traced(target.transport(), trace));
    // The bar is on the console that people see, whoever listens to the script.
    let progress = Progress::on_standard_error(&shell.console, shell.coloured.people);
    let job = Job {
        plan: Some(plan.clone()),
        progress,
        ..ready.job(target.connect(plan.rehearsal(), None), console, session)
    };
    let report = run_script(&ready.script, job, session.handle());
    (report, plan)
}

/// `run --dry-run`: tells what a run would write, and saves it where that is asked for.
pub(crate) fn dry_run(
    ready: &PreparedRun,
    target: &Connections,
    session: &Session,
    save: Option<&Path>,
    shell: &Ui,
) -> Result<Exit, Diagnostic> {
    ready.reports.refuse_to_replace()?;
    // For another program the plan is the data, and nothing else is.
    let console = match shell.format {
        Format::Table => shell.console.clone(),
        Format::Json | Format::Csv => shell.console.without_data(),
    };
    let trace = shell.verbose.then(|| shell.console.clone());
    let (report, plan) = rehearse(ready, target, session, shell, console, trace);
    if session.stop.is_requested() {
        return Err(interrupted());
    }
    let unkept = |error| Diagnostic::unwritten(format!("the plan cannot be written: {error}"));
    let tally = plan.tally();
    tell(&plan, &tally, shell)?;
    if let Some(problem) = &report.problem {
        shell.tell(problem);
    } else if let Some(path) = save {
        plan.save(path, &ready.header()).map_err(unkept)?;
    }
    for need in report.needs_a_person(crate::execute::TOLD).needs {
        shell.console.note(&format!("  {need}"));
    }
    let summary = report.summary().map_or(String::new(), |summary| format!("{summary}; "));
    shell.console.note(&format!("dry run: {summary}no write was sent"));
    if let Err(problem) =
        within_limits(&tally, limit(ready.order.max_removals, report.len()), ready.order.yes)
    {
        shell.console.note(&format!("as a run, {problem}"));
    }
    ready.reports.finish(ready, &report, Ending::Rehearsal, shell)?;
    Ok(report.exit())
}

fn tell(plan: &Plan, tally: &Tally, shell: &Ui) -> Result<(), Diagnostic> {
    let unread = |error| Diagnostic::usage(format!("the plan cannot be read again: {error}"));
    let effect =
        |name: &str| endpoint(name).map_or("write", |endpoint| endpoint.metadata.effect.word());
    match shell.format {
        Format::Json => {
            let writes = plan.writes().map_err(unread)?;
            let writes = serde_json::to_value(writes).unwrap_or(Value::Null);
            shell.console.print(&format!("{writes:#}"));
        }
        Format::Csv => {
            let cells = |write: Planned| {
                let effect = effect(&write.endpoint).to_owned();
                vec![write.scope, write.endpoint, write.subject, effect]
            };
            let rows: Vec<_> = plan.writes().map_err(unread)?.into_iter().map(cells).collect();
            shell.rows(&["row", "entry", "subject", "effect"], rows)?;
        }
        Format::Table if tally.len() == 0 => shell.console.print("the run would write nothing"),
        Format::Table => {
            let cells = |(name, count): &(String, usize)| {
                vec![name.clone(), count.to_string(), effect(name).to_owned()]
            };
            let rows = tally.endpoints.iter().map(cells).collect();
            shell.rows(&["would write", "times", "effect"], rows)?;
            if shell.verbose {
                let cells = |write: Planned| vec![write.scope, write.endpoint, write.subject];
                let rows = plan.writes().map_err(unread)?.into_iter().map(cells).collect();
                shell.console.print("");
                shell.rows(&["row", "would write", "about"], rows)?;
            }
        }
    }
    Ok(())
}

/// Stops before anything is sent where a run would go beyond its limits. A script that can take something
/// away is rehearsed to find out; a plan that was approved tells by itself.
pub(crate) fn look_ahead(
    ready: &mut PreparedRun,
    target: &Connections,
    session: &Session,
    shell: &Ui,
) -> Result<(), Diagnostic> {
    let mut rows = ready.rows();
    let tally = match &ready.order.approved {
        Some(approval) => plan::check(&approval.plan, &ready.header())?,
        None if ready.script.may_remove() => {
            shell.console.note("this script can take something away: rehearsing it first");
            let silent = Console::silent();
            let (report, plan) = rehearse(ready, target, session, shell, silent, None);
            if session.stop.is_requested() {
                return Err(interrupted());
            }
            rows = report.len();
            if let Some(problem) = report.problem {
                return Err(problem);
            }
            plan.tally()
        }
        None => Tally::default(),
    };
    let limit = limit(ready.order.max_removals, rows);
    within_limits(&tally, limit, ready.order.yes)?;
    ready.order.max_removals = Some(limit);
    Ok(())
}

fn interrupted() -> Diagnostic {
    Diagnostic {
        category: Category::Interrupted,
        ..Diagnostic::usage("interrupted in the rehearsal: no write was sent")
    }
}

/// From how many rows something may be taken away, where so much is said about it.
pub(super) fn limit(said: Option<usize>, rows: usize) -> usize {
    said.unwrap_or_else(|| rows.div_ceil(10).max(FREE_REMOVALS))
}

fn within_limits(tally: &Tally, limit: usize, yes: bool) -> Result<(), Diagnostic> {
    let stopped =
        |message: String| Diagnostic { category: Category::Stopped, ..Diagnostic::usage(message) };
    if tally.removals > limit {
        let from = tally.removals;
        let problem = format!(
            "it would take something away from {from}, which is more than {limit}: no write was sent"
        );
        return Err(stopped(problem).with_help(format!(
            "--dry-run -v shows from whom; if that is meant, allow it with --max-removals {from}"
        )));
    }
    if let Some((write, count)) = tally.irreversible.as_ref().filter(|_| !yes) {
        let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
        let problem = format!(
            "it would call {} {times}, which cannot be undone: no write was sent",
            write.endpoint
        );
        return Err(stopped(problem)
            .with_help("--dry-run -v shows for whom; if that is meant, allow it with --yes"));
    }
    Ok(())
}
