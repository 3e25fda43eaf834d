//! What becomes of a row when its function has returned, or has not.

use drillmaster_transport::Error;
use drillmaster_transport::cassette::RowEvent;
use rhai::{Dynamic, EvalAltResult};
use serde_json::Value;

use crate::diagnostic::how_to_resolve;
use crate::execution::context::{RunContext, is_fatal};
use crate::execution::row_context::Tally;
use crate::execution::script_error::{self, innermost};
use crate::outcome::{SCRIPT_LINE, State};
use crate::value::{CallError, ScriptResult, to_json};

/// How a row ended, as far as that is known from its function.
pub(crate) struct RowResult {
    pub(crate) state: State,
    pub(crate) detail: String,
    pub(crate) line: Option<u64>,
    pub(crate) returned: serde_json::Map<String, Value>,
}

impl RowResult {
    pub(crate) fn new(state: State, detail: String) -> Self {
        Self { state, detail, line: None, returned: serde_json::Map::new() }
    }

    /// How a row ended that was attempted.
    pub(crate) fn of(row: RowEvent) -> Option<Self> {
        let mut states = State::ALL.into_iter().filter(|state| *state != State::Skipped);
        let state = states.find(|state| state.name() == row.state)?;
        Some(Self { state, detail: row.detail, line: row.line, returned: row.returned })
    }

    /// The same with what a person has to know of all the same.
    pub(crate) fn with(mut self, tally: &Tally) -> Self {
        for blemish in &tally.blemishes {
            self.state = blemish.flaw.on(self.state);
            if !self.detail.contains(&blemish.detail) {
                let gap = if self.detail.is_empty() { "" } else { "; " };
                self.detail = format!("{}{gap}{}", self.detail, blemish.detail);
            }
        }
        // Whoever reads `skipped` takes it that nothing was done.
        if self.state == State::Skipped && !tally.carried_out.is_empty() {
            self.state = State::Failed;
            let verb = if tally.carried_out.len() == 1 { "was" } else { "were" };
            let done = tally.carried_out.join(", ");
            self.detail = format!("skipped after {done} {verb} carried out: {}", self.detail);
        }
        self
    }
}

pub(crate) fn conclude(
    host: &RunContext,
    tally: &Tally,
    result: ScriptResult<Dynamic>,
) -> RowResult {
    let value = match result {
        Ok(value) => value,
        Err(error) => {
            let (mut error, ..) = innermost(*error);
            let line = error.take_position().line().map(|line| line as u64);
            let (state, detail) = failed(host, &error, line);
            // What was done before the error is told too.
            let told: Vec<_> = tally.notes.iter().cloned().chain([detail]).collect();
            return RowResult { line, ..RowResult::new(state, told.join("; ")) };
        }
    };
    let state = if tally.unchanged && !tally.changed { State::Unchanged } else { State::Done };
    let mut returned = match to_json(&value) {
        Ok(Value::Object(fields)) => fields,
        Ok(Value::Null) => serde_json::Map::new(),
        Ok(value) => [("value".to_owned(), value)].into_iter().collect(),
        Err(problem) => {
            let detail = format!("what the row returned cannot be written down: {problem}");
            return RowResult::new(State::Failed, detail);
        }
    };
    if returned.contains_key("state") {
        let detail = "a row returned `state`, and how it ended is told by what it did".to_owned();
        return RowResult::new(State::Failed, detail);
    }
    let told = returned.shift_remove("detail").map(|detail| crate::output::table::cell(&detail));
    let detail = told.unwrap_or_else(|| tally.notes.join("; "));
    RowResult { returned, ..RowResult::new(state, detail) }
}

fn failed(host: &RunContext, error: &EvalAltResult, line: Option<u64>) -> (State, String) {
    if let EvalAltResult::ErrorRuntime(value, _) = error
        && let Some(error) = value.read_lock::<CallError>()
    {
        return match &*error {
            CallError::Skipped(reason) => (State::Skipped, reason.clone()),
            CallError::Failed(error) => (state_of(error), detail_of(host, error)),
        };
    }
    let text = script_error::message_in_row(error);
    let place = line.map_or(String::new(), |line| format!("{SCRIPT_LINE} {line}: "));
    (State::Failed, format!("{place}{text}"))
}

fn state_of(error: &Error) -> State {
    match () {
        () if error.is_refusal() => State::Refused,
        () if error.is_in_doubt() => State::InDoubt,
        () if is_fatal(error) => State::Skipped,
        () => State::Failed,
    }
}

pub(crate) fn detail_of(host: &RunContext, error: &Error) -> String {
    let told = first_line(&error.to_string());
    match (error.words(), error.endpoint()) {
        // Which call was refused matters where a row makes several.
        (Some(words), Some(endpoint)) if error.is_refusal() => format!("{endpoint}: {words}"),
        _ if error.is_in_doubt() => match host.resume() {
            Some(resume) => format!("{told}; `{resume}` looks again"),
            None => format!("{told}; {}", how_to_resolve(error)),
        },
        _ if error.is_throttled() => match host.resume() {
            Some(resume) => format!("{told}; `{resume}` tries again, --retry-for waits longer"),
            None => told,
        },
        _ => told,
    }
}

/// What is told about what an error kept from being attempted.
pub(crate) fn not_attempted(error: &Error) -> String {
    format!("not attempted: {}", first_line(&error.to_string()))
}

/// A detail is one line; what stopped the whole run is told at length elsewhere.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
