//! Runs a script, and keeps what it leaves behind: results, plan and journal.

pub mod journal;
pub mod plan;
mod results;
pub mod summary;

use std::path::PathBuf;
use std::sync::Arc;

use drillmaster_transport::Connection;
use rhai::{Dynamic, Map, Scope};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use self::journal::RunJournal;
use self::plan::Plan;
use self::results::Results;
use self::summary::RowStores;
pub use self::summary::RunSummary;
use crate::diagnostic::Diagnostic;
use crate::execution::DEFAULT_CONCURRENCY;
use crate::execution::context::RunContext;
use crate::execution::history::RunHistory;
use crate::execution::row_sink::RowSink;
use crate::execution::script_context::ScriptContext;
use crate::language::engine;
use crate::outcome::State;
use crate::output::OutputSink;
use crate::output::table::Format;
use crate::roster::Roster;
use crate::script::Script;

/// What a script runs with.
pub struct Job {
    /// Where its calls go.
    pub connection: Connection,
    /// Where its output goes.
    pub output: Arc<dyn OutputSink>,
    /// The format of its tables and lists, if the user chose one.
    pub format: Option<Format>,
    /// The width of the terminal that tables have to fit into, if there is one.
    pub width: Option<u16>,
    /// The roster, if it needs one.
    pub roster: Option<Roster>,
    /// The values of its inputs, from [`Script::read_inputs`].
    pub inputs: Map,
    /// The most rows that are read.
    pub max_rows: Option<usize>,
    /// How many rows run at a time, up to [`MAX_CONCURRENCY`](crate::execution::MAX_CONCURRENCY).
    pub concurrency: usize,
    /// The file for the outcome of each row.
    pub results: Option<PathBuf>,
    /// The journal for the outcome of each row. The connection's transport must write to the same journal.
    pub journal: Option<RunJournal>,
    /// Whether a row with a write in doubt ends, and runs again from the journal after all others, instead of waiting.
    /// It needs a journal, and no recorder above it.
    pub defers: bool,
    /// The plan that the connection's rehearsal writes to.
    pub plan: Option<Plan>,
    /// Ends the run after the rows in progress.
    pub stop: CancellationToken,
    /// Whatever else follows the rows, such as a progress bar.
    pub sinks: Vec<Arc<dyn RowSink>>,
}

impl Job {
    /// A job without roster and inputs.
    pub fn new(connection: Connection, output: Arc<dyn OutputSink>) -> Self {
        Self {
            connection,
            output,
            format: None,
            width: None,
            roster: None,
            inputs: Map::new(),
            max_rows: None,
            concurrency: DEFAULT_CONCURRENCY,
            results: None,
            journal: None,
            defers: false,
            plan: None,
            stop: CancellationToken::new(),
            sinks: Vec::new(),
        }
    }
}

/// Runs a script to its end. Call it on a thread that may block, outside of the runtime.
///
/// ```
/// use std::sync::Arc;
///
/// use drillmaster_runner::output::Captured;
/// use drillmaster_runner::run::{Job, run};
/// use drillmaster_runner::script::Script;
/// use drillmaster_sandbox::Sandbox;
/// use drillmaster_transport::Connection;
///
/// let runtime = tokio::runtime::Runtime::new().unwrap();
/// let output = Arc::new(Captured::default());
/// let script = Script::parse("demo.rhai", "print(thm::rooms().roomInfo.len() > 0)").unwrap();
/// let connection = Connection::new(Sandbox::default());
/// let summary = run(&script, Job::new(connection, output.clone()), runtime.handle());
/// assert!(summary.problem.is_none());
/// assert_eq!(output.printed(), "true\n");
/// ```
pub fn run(script: &Script, job: Job, runtime: &Handle) -> RunSummary {
    run_with_scope(script, job, runtime, &mut Scope::new())
}

/// Runs a script that can use the variables of a scope, and adds its own to them.
pub fn run_with_scope(
    script: &Script,
    job: Job,
    runtime: &Handle,
    scope: &mut Scope<'static>,
) -> RunSummary {
    let stores = Arc::new(RowStores::default());
    let results = job.results.as_deref().map(|path| Arc::new(Results::new(path)));
    let mut sinks: Vec<Arc<dyn RowSink>> = vec![stores.clone()];
    sinks.extend(job.sinks);
    sinks.extend(job.journal.clone().map(|journal| Arc::new(journal) as _));
    sinks.extend(job.plan.clone().map(|plan| Arc::new(plan) as _));
    sinks.extend(results.clone().map(|results| results as _));
    let history = job.journal.map(|journal| Arc::new(journal) as Arc<dyn RunHistory>);
    let calls = RunContext::new(job.connection, runtime.clone(), job.stop, history, job.defers);
    let mut context = ScriptContext::new(calls, job.output);
    context.roster = job.roster;
    context.inputs = job.inputs;
    context.max_rows = job.max_rows;
    context.concurrency = job.concurrency;
    context.is_rehearsal = job.plan.is_some();
    context.sinks = sinks;
    context.format = job.format;
    context.width = job.width;
    let context = Arc::new(context);
    let mut engine = engine::build(script.path());
    engine::attach(&mut engine, &context);
    let calls = &context.calls;
    let resolving = calls.start_resolver();
    let _watch = calls.memory.watch();
    let (value, problem) = match engine::run(&engine, script.ast(), scope) {
        Ok(value) => (value, calls.fatal().map(|error| Diagnostic::call(&error))),
        Err(error) => (Dynamic::UNIT, Some(script.explain(*error))),
    };
    resolving.abort();
    context.finish_listing();
    // A script that stopped before its first row leaves an older result file alone.
    let results = results.filter(|_| problem.is_none() || !stores.is_empty());
    let written = results.map_or(Ok(()), |results| results.finish());
    let planned = job.plan.map_or(Ok(()), |plan| plan.take_main());
    let unwritten = written.and(planned).err();
    let problem = problem.or(unwritten.map(|error| Diagnostic::unwritten(error.to_string())));
    let mut outside = calls.issues_outside_rows();
    // The error that stopped the run is shown with its diagnostic. A detail is the first line of an error.
    let stopping = problem.as_ref().and_then(|problem| problem.message.lines().next());
    outside.retain(|(state, detail)| *state == State::InDoubt || stopping != Some(detail));
    RunSummary {
        stores: stores.take(),
        problem,
        outside,
        horizon: calls.horizon(),
        fatal: calls.fatal(),
        report_data: context.report_data(),
        changes_outside: calls.changes_outside_rows(),
        value,
    }
}
