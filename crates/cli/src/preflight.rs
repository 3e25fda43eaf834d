//! Finding out what a run would write: dry runs, and the check of limits before anything is sent.

use std::path::Path;

use crate::console::Console;
use crate::progress::Progress;
use drillmaster_models::endpoint;
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::exit::Exit;
use drillmaster_runner::guards::PlannedWrite;
use drillmaster_runner::output::table::Format;
use drillmaster_runner::run::plan::{self, Plan, PlanStats};
use drillmaster_runner::run::{Job, RunSummary, run as run_script};
use serde_json::Value;

use crate::prepare::PreparedRun;
use crate::reports::Completion;
use crate::runtime::InterruptibleRuntime;
use crate::summary::MAX_ROWS;
use crate::transport::{Backend, traced};
use crate::ui::Ui;

/// The number of removals that are always allowed without a flag.
const MIN_REMOVAL_LIMIT: usize = 10;

/// Runs the script with simulated writes. The script prints to `console`.
fn simulate(
    run: &PreparedRun,
    backend: &Backend,
    runtime: &InterruptibleRuntime,
    ui: &Ui,
    console: &Console,
    trace: Option<Console>,
) -> (RunSummary, Plan) {
    // The trace is below the plan, so that it shows only what is really sent.
    let plan = Plan::new(traced(backend.transport(), trace));
    let job = Job {
        plan: Some(plan.clone()),
        // The user sees progress even if the output of the script is discarded.
        sinks: Progress::on_stderr(&ui.console, runtime.handle()).into_iter().collect(),
        ..run.job(backend.connect(plan.rehearsal(), None), console, runtime)
    };
    let summary = run_script(&run.script, job, runtime.handle());
    (summary, plan)
}

/// `run --dry-run`: prints what a run would write, and saves the plan to `save`.
pub(crate) fn dry_run(
    run: &PreparedRun,
    backend: &Backend,
    runtime: &InterruptibleRuntime,
    save: Option<&Path>,
    ui: &Ui,
) -> Result<Exit, Diagnostic> {
    run.reports.refuse_to_replace()?;
    // A program that reads JSON or CSV gets the plan without the output of the script.
    let console = match ui.format {
        Format::Table => ui.console.clone(),
        Format::Json | Format::Csv => ui.console.without_data(),
    };
    let (summary, plan) = simulate(run, backend, runtime, ui, &console, ui.trace());
    run.warn_of_changed_roster(ui);
    if runtime.stop.is_cancelled() {
        return Err(interrupted());
    }
    let tally = plan.stats();
    print_plan(&plan, &tally, ui)?;
    if let Some(problem) = &summary.problem {
        ui.print_diagnostic(problem);
    } else if let Some(path) = save {
        plan.save(path, &run.header())
            .map_err(|error| Diagnostic::unwritten(format!("cannot write the plan: {error}")))?;
    }
    for need in summary.needs_a_person(MAX_ROWS).needs {
        ui.console.note(&format!("  {need}"));
    }
    let counts = summary.summary().map_or(String::new(), |counts| format!("{counts}; "));
    ui.console.note(&format!("dry run: {counts}no write was sent"));
    let limit = removal_limit(run.spec.max_removals, summary.len());
    if let Err(problem) = check_limits(&tally, limit, run.spec.yes) {
        ui.console.note(&format!("a real run would stop: {problem}"));
    }
    run.write_reports(&summary, Completion::DryRun, ui)?;
    Ok(summary.exit())
}

fn print_plan(plan: &Plan, tally: &PlanStats, ui: &Ui) -> Result<(), Diagnostic> {
    let writes = || {
        plan.writes().map_err(|error| Diagnostic::usage(format!("cannot read the plan: {error}")))
    };
    let effect =
        |name: &str| endpoint(name).map_or("write", |endpoint| endpoint.metadata.effect.word());
    match ui.format {
        Format::Json => {
            let writes = serde_json::to_value(writes()?).unwrap_or(Value::Null);
            ui.console.print(&format!("{writes:#}"));
        }
        Format::Csv => {
            let cells = |write: PlannedWrite| {
                let effect = effect(&write.endpoint).to_owned();
                vec![write.scope, write.endpoint, write.subject, effect]
            };
            let rows = writes()?.into_iter().map(cells).collect();
            ui.rows(&["row", "endpoint", "subject", "effect"], rows);
        }
        Format::Table if tally.is_empty() => ui.console.print("the run would write nothing"),
        Format::Table => {
            let cells = |(name, count): &(String, usize)| {
                vec![name.clone(), count.to_string(), effect(name).to_owned()]
            };
            let rows = tally.endpoints.iter().map(cells).collect();
            ui.rows(&["would call", "times", "effect"], rows);
            if ui.verbose {
                let cells = |write: PlannedWrite| vec![write.scope, write.endpoint, write.subject];
                let rows = writes()?.into_iter().map(cells).collect();
                ui.console.print("");
                ui.rows(&["row", "would call", "subject"], rows);
            }
        }
    }
    Ok(())
}

/// Fails before anything is sent if the run would exceed its limits. A script that can remove something is
/// simulated to find out; an approved plan is only counted.
pub(crate) fn preflight(
    run: &mut PreparedRun,
    backend: &Backend,
    runtime: &InterruptibleRuntime,
    ui: &Ui,
) -> Result<(), Diagnostic> {
    let mut rows = run.rows();
    let tally = match &run.spec.approved {
        Some(approved) => plan::check(&approved.plan, &run.header())?,
        None if run.script.may_remove() => {
            ui.console.note("this script can remove things: doing a dry run first");
            let (summary, plan) = simulate(run, backend, runtime, ui, &Console::silent(), None);
            if runtime.stop.is_cancelled() {
                return Err(interrupted());
            }
            rows = summary.len();
            if let Some(problem) = summary.problem {
                return Err(problem);
            }
            plan.stats()
        }
        None => PlanStats::default(),
    };
    let limit = removal_limit(run.spec.max_removals, rows);
    check_limits(&tally, limit, run.spec.yes)?;
    run.spec.max_removals = Some(limit);
    Ok(())
}

fn interrupted() -> Diagnostic {
    let message = "interrupted during the dry run: no write was sent";
    Diagnostic { category: Category::Interrupted, ..Diagnostic::usage(message) }
}

/// From how many rows something may be removed: the flag, or a tenth of the rows.
pub(crate) fn removal_limit(flag: Option<usize>, rows: usize) -> usize {
    flag.unwrap_or_else(|| rows.div_ceil(10).max(MIN_REMOVAL_LIMIT))
}

fn check_limits(tally: &PlanStats, limit: usize, yes: bool) -> Result<(), Diagnostic> {
    let stopped =
        |message: String| Diagnostic { category: Category::Stopped, ..Diagnostic::usage(message) };
    let removals = tally.removals;
    if removals > limit {
        let message = format!(
            "the run would remove something from {removals} rows, more than the limit of {limit}: no write was sent"
        );
        return Err(stopped(message).with_help(format!(
            "to see them, use --dry-run -v; to allow it, use --max-removals {removals}"
        )));
    }
    if let Some((write, count)) = tally.irreversible.as_ref().filter(|_| !yes) {
        let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
        let message = format!(
            "the run would call {} {times}, which is irreversible: no write was sent",
            write.endpoint
        );
        return Err(
            stopped(message).with_help("to see them, use --dry-run -v; to allow it, use --yes")
        );
    }
    Ok(())
}
