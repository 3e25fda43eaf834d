//! Running a script over a roster.

pub mod journal;
pub mod plan;
pub mod results;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use drillmaster_transport::{Connection, Error};
use rhai::{Dynamic, Map, Scope};
use tokio::runtime::Handle;

use self::journal::RunJournal;
use crate::console::Console;
use crate::diagnostic::Diagnostic;
use crate::execution::DEFAULT_CONCURRENCY;
use crate::execution::context::RunContext;
use crate::execution::stop::Stop;
use crate::execution::store::Spool;
use crate::exit::Exit;
use crate::language::engine;
use crate::outcome::Change;
use crate::outcome::{Outcome, State};
use crate::progress::Progress;
use crate::report_data::ReportData;
use crate::roster::Roster;
use crate::run::plan::Plan;
use crate::run::results::Results;
use crate::script::Script;

/// What a script runs with.
pub struct Job {
    /// Where its calls go.
    pub connection: Connection,
    /// Where it speaks.
    pub console: Console,
    /// The roster, if it needs one.
    pub roster: Option<Roster>,
    /// The values of its inputs, from [`Script::read_inputs`].
    pub inputs: Map,
    /// The most rows that are taken.
    pub max_rows: Option<usize>,
    /// How many rows run at a time, up to [`MAX_CONCURRENCY`](crate::execution::MAX_CONCURRENCY).
    pub concurrency: usize,
    /// Where to write what became of each row.
    pub results: Option<PathBuf>,
    /// The journal that rows are noted in; its requests are those of the connection's own transport.
    pub journal: Option<RunJournal>,
    /// Whether a row with a write in doubt ends, and is run again from the journal behind the others, instead of
    /// waiting for that to be resolved. It needs a journal, and no recorder above it.
    pub defers: bool,
    /// What would be written, where the connection is over its rehearsal.
    pub plan: Option<Plan>,
    /// Ends the run early.
    pub stop: Stop,
    /// Tells how far it is; nothing does unless said otherwise.
    pub progress: Option<Progress>,
}

impl Job {
    /// A job without roster and inputs.
    pub fn new(connection: Connection, console: Console) -> Self {
        Self {
            connection,
            console,
            roster: None,
            inputs: Map::new(),
            max_rows: None,
            concurrency: DEFAULT_CONCURRENCY,
            results: None,
            journal: None,
            defers: false,
            plan: None,
            stop: Stop::default(),
            progress: None,
        }
    }
}

/// How a run ended.
pub struct RunSummary {
    spools: Vec<Spool>,
    /// What stopped the script, if something did.
    pub problem: Option<Diagnostic>,
    /// What a person has to know of that was called outside of rows, with how a row would have ended that did it.
    pub outside: Vec<(State, String)>,
    /// In how long the writes that are in doubt can no longer take effect, where some are.
    pub horizon: Option<Duration>,
    /// What ended all calls, whatever the script made of it.
    pub fatal: Option<Error>,
    /// What the script handed over with `report(…)`.
    pub(crate) handed: ReportData,
    /// How often each endpoint changed something outside of rows.
    pub(crate) changes_outside: Vec<Change>,
    /// What the script's last statement came to.
    pub value: Dynamic,
}

impl RunSummary {
    /// What became of each row, in order.
    pub fn outcomes(&self) -> impl Iterator<Item = io::Result<Outcome>> + use<> {
        self.spools.clone().into_iter().flat_map(|spool| spool.iter())
    }

    /// How many rows ended so.
    pub fn count(&self, state: State) -> usize {
        self.spools.iter().map(|spool| spool.count(state)).sum()
    }

    /// How many rows there were.
    pub fn len(&self) -> usize {
        State::ALL.into_iter().map(|state| self.count(state)).sum()
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether nobody needs to look at any row.
    fn all_fine(&self) -> bool {
        State::ALL.into_iter().all(|state| state.is_fine() || self.count(state) == 0)
    }

    /// How the command ends.
    pub fn exit(&self) -> Exit {
        let fine = self.outside.is_empty() && self.all_fine();
        let rows = if fine { Exit::Done } else { Exit::Rows };
        let fatal = self.fatal.as_ref().map(|error| Exit::of(&Diagnostic::call(error)));
        let stopped = self.problem.as_ref().map(Exit::of);
        stopped.map_or(rows, |stopped| fatal.map_or(stopped, |fatal| fatal.max(stopped)))
    }

    /// Whether the script handed something over for a report.
    pub fn has_data(&self) -> bool {
        self.handed != ReportData::default()
    }

    /// The counts in a line, `30 rows: 21 done, 9 unchanged`; `None` where there were no rows.
    pub fn summary(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let counted = State::ALL.into_iter().map(|state| (state, self.count(state)));
        let counted = counted.filter(|(_, count)| *count > 0);
        let counts: Vec<_> = counted.map(|(state, count)| format!("{count} {state}")).collect();
        let rows = if self.len() == 1 { "row" } else { "rows" };
        Some(format!("{} {rows}: {}", self.len(), counts.join(", ")))
    }

    /// Which rows need a person and why; rows for the same reason share one. At most `most` of them, and one
    /// more that counts the rest. Of a text of many lines the first time all is told, and then the first.
    pub fn needs_a_person(&self, most: usize) -> Needs {
        let outside = self.outside.iter().map(|(state, detail)| Need {
            key: None,
            told: format!("outside of rows: {state}: {detail}"),
        });
        // All rows need not be read again to find none.
        let outcomes = (!self.all_fine()).then(|| self.outcomes());
        let bad = outcomes
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter(|outcome| !outcome.state.is_fine());
        let mut groups: Vec<(Outcome, usize)> = Vec::new();
        let mut untold = 0;
        for outcome in bad {
            let same = |group: &(Outcome, usize)| {
                group.0.state == outcome.state && group.0.detail == outcome.detail
            };
            match groups.iter().position(same) {
                Some(index) => groups[index].1 += 1,
                None if groups.len() < most => groups.push((outcome, 1)),
                None => untold += 1,
            }
        }
        let (mut told_whole, mut is_cut) = (false, untold > 0);
        let mut told = |(mut outcome, count): (Outcome, usize)| {
            if let Some((first, _)) = outcome.detail.split_once('\n') {
                if told_whole {
                    outcome.detail = format!("{} …", first.trim_end());
                    is_cut = true;
                }
                told_whole = true;
            }
            let others = match count - 1 {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            let told = outcome.to_string().replace('\n', "\n    ");
            Need { told: format!("{others}: {told}"), key: Some(outcome.key) }
        };
        let mut needs: Vec<_> = groups.into_iter().map(&mut told).collect();
        if untold > 0 {
            let rows = if untold == 1 { "row" } else { "rows" };
            needs.push(Need { key: None, told: format!("and {untold} more {rows}") });
        }
        needs.extend(outside);
        Needs { needs, is_cut }
    }
}

/// What a person has to look at.
#[derive(Debug)]
pub struct Needs {
    /// One for rows with the same trouble.
    pub needs: Vec<Need>,
    /// Whether more could be told of them.
    pub is_cut: bool,
}

/// Something that a person has to look at.
#[derive(Debug)]
pub struct Need {
    /// The key of the first row that it is about; none where it is not about a row.
    pub key: Option<String>,
    /// What comes behind the key.
    pub told: String,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key.as_deref().unwrap_or_default())?;
        f.write_str(&self.told)
    }
}

/// Runs a script to its end. Must be called from a thread that may block, not from within the runtime.
///
/// ```
/// use drillmaster_runner::console::Console;
/// use drillmaster_runner::run::{Job, run};
/// use drillmaster_runner::script::Script;
/// use drillmaster_sandbox::{Options, Sandbox};
/// use drillmaster_transport::Connection;
/// use std::sync::{Arc, Mutex};
///
/// let runtime = tokio::runtime::Runtime::new().unwrap();
/// let out = Arc::new(Mutex::new(Vec::new()));
/// let console = Console::to(out.clone(), Arc::new(Mutex::new(Vec::new())));
/// let script = Script::parse("demo.rhai", "print(thm::rooms().roomInfo.len() > 0)").unwrap();
/// let sandbox = Sandbox::new(Options { learners: 50, seats: 30, ..Options::default() });
/// let report = run(&script, Job::new(Connection::new(sandbox), console), runtime.handle());
/// assert!(report.problem.is_none());
/// assert_eq!(*out.lock().unwrap(), b"true\n");
/// ```
pub fn run(script: &Script, job: Job, runtime: &Handle) -> RunSummary {
    run_over(script, job, runtime, &mut Scope::new())
}

/// Runs a script over these variables, to which it adds its own.
pub(crate) fn run_over(
    script: &Script,
    job: Job,
    runtime: &Handle,
    scope: &mut Scope<'static>,
) -> RunSummary {
    let mut host = RunContext::new(job.connection, Some(runtime.clone()), job.console);
    host.roster = job.roster;
    host.inputs = job.inputs;
    host.max_rows = job.max_rows;
    host.concurrency = job.concurrency;
    host.defers = job.defers && job.journal.is_some();
    host.journal = job.journal;
    host.plan = job.plan;
    host.results = job.results.as_deref().map(|path| Mutex::new(Results::new(path)));
    host.stop = job.stop;
    host.progress = job.progress;
    let host = Arc::new(host);
    let engine = engine::build(&host, script.path());
    let resolving = runtime.spawn({
        let resolver = host.resolver.clone();
        async move { resolver.run().await }
    });
    let _watch = host.memory.watch();
    let (value, problem) = match engine::run(&engine, script.ast(), scope) {
        Ok(value) => (value, host.fatal().map(|error| Diagnostic::call(&error))),
        Err(error) => (Dynamic::UNIT, Some(script.explain(*error))),
    };
    resolving.abort();
    host.finish_listing();
    let written = finish_results(&host, problem.is_none());
    let planned = host
        .plan
        .as_ref()
        .map_or(Ok(()), Plan::take_main)
        .map_err(|error| Diagnostic::unwritten(format!("the plan cannot be kept: {error}")));
    let problem = problem.or(written.err()).or(planned.err());
    let mut outside = host.outside();
    // What stopped the run is told by itself.
    let is_told =
        |detail: &str| problem.as_ref().is_some_and(|problem| problem.message.starts_with(detail));
    outside.retain(|(state, detail)| *state == State::InDoubt || !is_told(detail));
    RunSummary {
        spools: host.spools(),
        problem,
        outside,
        horizon: host.resolver.waiting(),
        fatal: host.fatal(),
        handed: host.handed(),
        changes_outside: host.changes_outside(),
        value,
    }
}

/// A script that stopped before its first row leaves an older result file alone.
fn finish_results(host: &RunContext, came_to_its_end: bool) -> Result<(), Diagnostic> {
    let Some(results) = &host.results else { return Ok(()) };
    if !came_to_its_end && host.spools().is_empty() {
        return Ok(());
    }
    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
    results
        .finish()
        .map_err(|error| Diagnostic::unwritten(format!("the results cannot be written: {error}")))
}
