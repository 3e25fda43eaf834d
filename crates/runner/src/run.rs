//! Running a script over a roster.

use std::sync::Arc;

use drillmaster_transport::Connection;
use rhai::Map;
use tokio::runtime::Handle;

use crate::console::Console;
use crate::engine;
use crate::exit::Exit;
use crate::host::{Host, Stop};
use crate::problem::Problem;
use crate::roster::Roster;
use crate::rows::{Outcome, State};
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
    /// Ends the run early.
    pub stop: Stop,
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
            stop: Stop::default(),
        }
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Report {
    /// What became of each row.
    pub outcomes: Vec<Outcome>,
    /// What stopped the script, if something did.
    pub problem: Option<Problem>,
}

impl Report {
    /// How many rows ended so.
    pub fn count(&self, state: State) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.state == state).count()
    }

    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match &self.problem {
            Some(problem) => problem.exit,
            None if self.outcomes.iter().all(|outcome| outcome.state.is_fine()) => Exit::Done,
            None => Exit::Rows,
        }
    }

    /// The counts in a line, `30 rows: 21 done, 9 unchanged`; `None` where there were no rows.
    pub fn summary(&self) -> Option<String> {
        if self.outcomes.is_empty() {
            return None;
        }
        let counted = State::ALL.into_iter().map(|state| (state, self.count(state)));
        let counted = counted.filter(|(_, count)| *count > 0);
        let counts: Vec<_> = counted.map(|(state, count)| format!("{count} {state}")).collect();
        let rows = if self.outcomes.len() == 1 { "row" } else { "rows" };
        Some(format!("{} {rows}: {}", self.outcomes.len(), counts.join(", ")))
    }
}

/// Runs a script to its end. Must be called from a thread that may block, not from within the runtime.
///
/// ```
/// use drillmaster::console::Console;
/// use drillmaster::run::{Job, run};
/// use drillmaster::script::Script;
/// use drillmaster_sandbox::Sandbox;
/// use drillmaster_transport::Connection;
/// use std::sync::{Arc, Mutex};
///
/// let runtime = tokio::runtime::Runtime::new().unwrap();
/// let out = Arc::new(Mutex::new(Vec::new()));
/// let console = Console::to(out.clone(), Arc::new(Mutex::new(Vec::new())));
/// let script = Script::parse("demo.rhai", "print(thm::rooms().roomInfo.len() > 0)").unwrap();
/// let sandbox = Sandbox::academy(1, 50, 30);
/// let report = run(&script, Job::new(Connection::new(sandbox), console), runtime.handle());
/// assert!(report.problem.is_none());
/// assert_eq!(*out.lock().unwrap(), b"true\n");
/// ```
pub fn run(script: &Script, job: Job, runtime: &Handle) -> Report {
    let mut host = Host::new(job.connection, Some(runtime.clone()), job.console);
    host.roster = job.roster;
    host.inputs = job.inputs;
    host.max_rows = job.max_rows;
    host.stop = job.stop;
    let host = Arc::new(host);
    let engine = engine::build(&host, script.path());
    let problem = match engine::run(&engine, script.ast()) {
        Ok(()) => host.fatal().map(|error| Problem::call(&error)),
        Err(error) => Some(script.explain(*error)),
    };
    Report { outcomes: host.outcomes(), problem }
}
