//! Decides the state of a row from what its function returned or failed with.

use drillmaster_transport::Error;
use drillmaster_transport::cassette::RowEvent;
use rhai::{Dynamic, EvalAltResult};
use serde_json::{Map, Value};

use crate::execution::details::{detail_of, is_fatal};
use crate::execution::row_context::RowStats;
use crate::execution::script_error::{self, innermost};
use crate::outcome::{SCRIPT_LINE, State};
use crate::output::table::cell;
use crate::value::{CallError, ScriptResult, to_json};

/// How a row ended.
pub(crate) struct RowResult {
    pub(crate) state: State,
    pub(crate) detail: String,
    pub(crate) line: Option<u64>,
    pub(crate) returned: Map<String, Value>,
}

impl RowResult {
    pub(crate) fn new(state: State, detail: String) -> Self {
        Self { state, detail, line: None, returned: Map::new() }
    }

    /// How a row ended in an earlier part of the run, if it was attempted.
    pub(crate) fn from_event(row: RowEvent) -> Option<Self> {
        let mut states = State::ALL.into_iter().filter(|state| *state != State::Skipped);
        let state = states.find(|state| state.name() == row.state)?;
        Some(Self { state, detail: row.detail, line: row.line, returned: row.returned })
    }

    /// Adds what counts whatever the script made of it.
    pub(crate) fn with_issues(mut self, stats: &RowStats) -> Self {
        for issue in &stats.issues {
            self.state = issue.kind.worsen(self.state);
            if !self.detail.contains(&issue.detail) {
                let gap = if self.detail.is_empty() { "" } else { "; " };
                self.detail = format!("{}{gap}{}", self.detail, issue.detail);
            }
        }
        // `skipped` promises that nothing was done.
        if self.state == State::Skipped && !stats.carried_out.is_empty() {
            self.state = State::Failed;
            let verb = if stats.carried_out.len() == 1 { "was" } else { "were" };
            let done = stats.carried_out.join(", ");
            self.detail = format!("skipped after {done} {verb} carried out: {}", self.detail);
        }
        self
    }
}

/// The result of a row whose function returned or failed. `resume` is the command that resumes the run.
pub(crate) fn classify(
    resume: Option<&str>,
    stats: &RowStats,
    result: ScriptResult<Dynamic>,
) -> RowResult {
    let value = match result {
        Ok(value) => value,
        Err(error) => {
            let (mut error, ..) = innermost(*error);
            let line = error.take_position().line().map(|line| line as u64);
            let (ended, detail) = failure(resume, &error, line);
            // The notes say what was done before the error.
            let parts: Vec<_> = stats.notes.iter().cloned().chain([detail]).collect();
            return RowResult { line, ..RowResult::new(ended, parts.join("; ")) };
        }
    };
    let ended = if stats.unchanged && !stats.changed { State::Unchanged } else { State::Done };
    let mut returned = match to_json(&value) {
        Ok(Value::Object(fields)) => fields,
        Ok(Value::Null) => Map::new(),
        Ok(value) => [("value".to_owned(), value)].into_iter().collect(),
        Err(problem) => {
            let detail = format!("what the row returned cannot be written: {problem}");
            return RowResult::new(State::Failed, detail);
        }
    };
    if returned.contains_key("state") {
        let detail =
            "the row returned `state`, which is decided by how the row ended: use another name";
        return RowResult::new(State::Failed, detail.to_owned());
    }
    let detail = returned.shift_remove("detail").map(|detail| cell(&detail));
    let detail = detail.unwrap_or_else(|| stats.notes.join("; "));
    RowResult { returned, ..RowResult::new(ended, detail) }
}

fn failure(resume: Option<&str>, error: &EvalAltResult, line: Option<u64>) -> (State, String) {
    if let EvalAltResult::ErrorRuntime(value, _) = error
        && let Some(error) = value.read_lock::<CallError>()
    {
        return match &*error {
            CallError::Skipped(reason) => (State::Skipped, reason.clone()),
            CallError::Failed(error) => (state_of(error), detail_of(error, resume)),
        };
    }
    let place = line.map_or(String::new(), |line| format!("{SCRIPT_LINE} {line}: "));
    (State::Failed, format!("{place}{}", script_error::message_in_row(error)))
}

fn state_of(error: &Error) -> State {
    match () {
        () if error.is_refusal() => State::Refused,
        () if error.is_in_doubt() => State::InDoubt,
        () if is_fatal(error) => State::Skipped,
        () => State::Failed,
    }
}
