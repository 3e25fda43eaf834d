//! How a running script makes calls: which are possible, what became of them, and what a person has to know.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drillmaster_models::{EndpointDef, Pager};
use drillmaster_transport::cassette::RowEvent;
use drillmaster_transport::{Connection, Error, InDoubtWrite, Resolver, Scope};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::execution::details::{detail_of, is_fatal, not_attempted};
use crate::execution::fiber;
use crate::execution::history::RunHistory;
use crate::execution::memory::Memory;
use crate::execution::row_context::{Issue, IssueKind, RowContext};
use crate::outcome::{Change, Outcome, State};
use crate::value::CallError;

/// Makes the calls of one run.
pub(crate) struct RunContext {
    pub(crate) runtime: Handle,
    pub(crate) stop: CancellationToken,
    pub(crate) memory: Memory,
    connection: Connection,
    /// Checks writes in doubt.
    resolver: Arc<Resolver>,
    /// Whether a row with a write in doubt ends, and runs again after the others if that is resolved.
    defers: bool,
    history: Option<Arc<dyn RunHistory>>,
    closed: Mutex<Closed>,
    /// Those outside of rows.
    issues: Mutex<Vec<Issue>>,
    /// Those outside of rows.
    changes: Mutex<Vec<Change>>,
}

/// What cannot be called any more in this run.
#[derive(Default)]
struct Closed {
    /// No request can succeed: the credential was refused, or the replay has left its recording.
    all: Option<Error>,
    /// The endpoints whose service said that a quota is used up, with its words.
    exhausted: HashMap<&'static str, String>,
}

impl RunContext {
    /// Makes calls over `connection`. `defers` needs a history.
    pub(crate) fn new(
        connection: Connection,
        runtime: Handle,
        stop: CancellationToken,
        history: Option<Arc<dyn RunHistory>>,
        defers: bool,
    ) -> Self {
        Self {
            runtime,
            stop,
            memory: Memory::default(),
            connection,
            resolver: Arc::default(),
            defers: defers && history.is_some(),
            history,
            closed: Mutex::default(),
            issues: Mutex::default(),
            changes: Mutex::default(),
        }
    }

    /// The connection in the scope of the running row, or of the script outside of rows.
    pub(crate) fn connection(&self) -> Connection {
        match RowContext::current() {
            Some(row) => self.connection.within(row.scope.clone()),
            None => self.connection.clone(),
        }
    }

    /// Calls an endpoint and waits. A refusal that means "already so" is an answer, not an error.
    pub(crate) fn call(
        &self,
        endpoint: &'static EndpointDef,
        fields: Value,
    ) -> Result<Value, CallError> {
        self.check_open(endpoint, &fields)?;
        // The script tries again, or another row is about the same person: sending it could do it twice. What an
        // earlier part of the run did is answered from the journal.
        if let Some(doubt) = self.resolver.conflict(endpoint, &fields)
            && !self.connection().is_recalled(endpoint, &fields)
        {
            self.note_issue_of(endpoint, &fields, Some(&doubt));
            return Err(CallError::Failed(doubt));
        }
        let row = RowContext::current();
        let (answer, fields) = self.send(endpoint, fields, row.is_some())?;
        self.note_issue_of(endpoint, &fields, answer.as_ref().err());
        match answer {
            Ok(answer) => {
                self.note_write(endpoint, row.as_deref());
                Ok(answer)
            }
            Err(error) if error.is_already() => {
                let words = error.words().unwrap_or_default().to_owned();
                if let Some(row) = row {
                    row.update(|stats| {
                        stats.unchanged = true;
                        stats.notes.push(words.clone());
                    });
                }
                Ok(json!({ "unchanged": true, "words": words }))
            }
            // The run is being ended while the call waited to be sent; nothing arrived.
            Err(error) if self.stop.is_cancelled() && error.is_wait_over() => {
                let name = endpoint.name();
                Err(CallError::Skipped(format!("{name}: interrupted before it could be sent")))
            }
            Err(error) => {
                self.close_after(Some(endpoint), &error);
                Err(CallError::Failed(error))
            }
        }
    }

    /// Sends a call and waits for its answer. Gives the fields back.
    fn send(
        &self,
        endpoint: &'static EndpointDef,
        fields: Value,
        is_within_row: bool,
    ) -> Result<(Result<Value, Error>, Value), CallError> {
        let (connection, stop) = (self.connection(), self.stop.clone());
        let (resolver, defers) = (self.resolver.clone(), self.defers && is_within_row);
        let call = async move {
            let answer = {
                let call = async {
                    match connection.call_or_in_doubt(endpoint, &fields).await? {
                        Ok(answer) => Ok(answer),
                        // Boxed because it is rarely needed and larger than all the rest.
                        Err(doubt) => Box::pin(resolve(&resolver, doubt, defers, &stop)).await,
                    }
                };
                if is_within_row {
                    // A row in progress is finished.
                    call.await
                } else {
                    tokio::select! {
                        answer = call => answer,
                        () = stop.cancelled() => return None,
                    }
                }
            };
            Some((answer, fields))
        };
        let wait = || fiber::wait_outside(call, |call| self.runtime.block_on(call));
        RowContext::suspend(wait).ok_or_else(|| {
            let doubt = match self.resume_command() {
                _ if endpoint.metadata.effect.is_read() => String::new(),
                Some(resume) => format!("; `{resume}` finds out whether this took effect"),
                None => "; it is not known whether this took effect".to_owned(),
            };
            CallError::Skipped(format!("{}: interrupted{doubt}", endpoint.name()))
        })
    }

    /// The next page of a list, or `None` at its end.
    pub(crate) fn next_page(
        &self,
        endpoint: &'static EndpointDef,
        pager: &mut Pager,
    ) -> Option<Result<Vec<Value>, CallError>> {
        let fields = pager.request()?;
        let accept = |answer| {
            pager
                .accept(answer)
                .map_err(|failure| CallError::Failed(Error::answer(failure).for_endpoint(endpoint)))
        };
        Some(self.call(endpoint, fields).and_then(accept))
    }

    /// A value from outside, such as the time: in a replay the recorded one.
    pub(crate) fn value(&self, name: &'static str, fresh: Value) -> Result<Value, Error> {
        let value = self.connection().value(name, fresh);
        if let Err(error) = &value
            && error.is_replay_mismatch()
        {
            self.note_issue(
                (name, String::new()),
                IssueKind::Unrecorded,
                detail_of(error, self.resume_command()),
            );
            self.close_after(None, error);
        }
        value
    }

    /// Counts a write that was carried out.
    fn note_write(&self, endpoint: &'static EndpointDef, row: Option<&RowContext>) {
        let Some(write) = endpoint.metadata.effect.write() else { return };
        let change = write.tells.then(|| Change::once(endpoint.name()));
        if let Some(row) = row {
            row.update(|stats| {
                stats.changed |= write.tells;
                if let Some(change) = change {
                    change.add_to(&mut stats.changes);
                }
                if !stats.carried_out.contains(&endpoint.name()) {
                    stats.carried_out.push(endpoint.name());
                }
            });
        } else if let Some(change) = change {
            change.add_to(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Notes a call that a person has to know of, and drops the note if the same call succeeds after all.
    fn note_issue_of(&self, endpoint: &'static EndpointDef, fields: &Value, error: Option<&Error>) {
        let kind = match error {
            Some(error) if error.is_replay_mismatch() => Some(IssueKind::Unrecorded),
            _ if endpoint.metadata.effect.is_read() => return,
            Some(error) if error.is_in_doubt() => Some(IssueKind::InDoubt),
            Some(error) if error.is_stopped() => Some(IssueKind::Stopped),
            Some(error) if error.is_unwritten() => Some(IssueKind::NotMade),
            _ => None,
        };
        let call = (endpoint.name(), fields.to_string());
        match error.zip(kind) {
            Some((error, kind)) => {
                self.note_issue(call, kind, detail_of(error, self.resume_command()));
            }
            None => self.update_issues(|issues| issues.retain(|issue| issue.call != call)),
        }
    }

    fn note_issue(&self, call: (&'static str, String), kind: IssueKind, detail: String) {
        self.update_issues(|issues| {
            issues.retain(|issue| issue.call != call);
            issues.push(Issue { call, kind, detail });
        });
    }

    /// Changes the issues of the running row, or those outside of rows.
    fn update_issues(&self, update: impl FnOnce(&mut Vec<Issue>)) {
        match RowContext::current() {
            Some(row) => row.update(|stats| update(&mut stats.issues)),
            None => update(&mut self.issues.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// The calls outside of rows that a person has to know of and that do not end the run: the state that a row would
    /// have ended in, and the reason.
    pub(crate) fn issues_outside_rows(&self) -> Vec<(State, String)> {
        let issues = self.issues.lock().unwrap_or_else(PoisonError::into_inner);
        let issues = issues.iter().filter(|issue| issue.kind != IssueKind::Stopped);
        issues.map(|issue| (issue.kind.worsen(State::Done), issue.detail.clone())).collect()
    }

    /// What was changed outside of rows.
    pub(crate) fn changes_outside_rows(&self) -> Vec<Change> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn check_open(&self, endpoint: &'static EndpointDef, fields: &Value) -> Result<(), CallError> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        // Rows in progress are finished after a guard stopped a write, and after a file could not be written, as far
        // as the guard and the journal let them.
        let applies = |error: &&Error| {
            !(error.is_stopped() || error.is_unwritten()) || RowContext::current().is_none()
        };
        if let Some(error) = closed.all.as_ref().filter(applies) {
            let Some(row) = RowContext::current() else {
                return Err(CallError::Failed(error.clone()));
            };
            let (call, detail) = ((endpoint.name(), fields.to_string()), not_attempted(error));
            // An earlier issue of the same call says more.
            if !row.has_issue(&call) {
                self.note_issue(call, IssueKind::NotMade, detail.clone());
            }
            return Err(CallError::Skipped(detail));
        }
        match closed.exhausted.get(endpoint.name()) {
            // What an earlier part of the run got stays.
            Some(_) if self.connection().is_recalled(endpoint, fields) => Ok(()),
            Some(words) => Err(CallError::Skipped(format!("not attempted: {words}"))),
            None => Ok(()),
        }
    }

    fn close_after(&self, endpoint: Option<&'static EndpointDef>, error: &Error) {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if is_fatal(error) {
            closed.all.get_or_insert_with(|| error.clone());
        }
        if let Some(endpoint) = endpoint.filter(|_| error.is_exhausted()) {
            let words = error.words().unwrap_or_default().to_owned();
            closed.exhausted.insert(endpoint.name(), words);
        }
    }

    /// Ends all calls, whatever the script does: a file of the run cannot be written.
    pub(crate) fn close_unwritten(&self, what: impl std::fmt::Display) -> Error {
        let error = Error::unwritten(what.to_string());
        self.close_after(None, &error);
        error
    }

    /// The error that ended all calls.
    pub(crate) fn fatal(&self) -> Option<Error> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).all.clone()
    }

    /// Whether rows with a write in doubt run again.
    pub(crate) fn defers(&self) -> bool {
        self.defers
    }

    /// Whether a row may still run again because one of its writes is in doubt.
    pub(crate) fn is_deferred(&self, scope: &str, outcome: &Outcome) -> bool {
        let row = Scope::row_of(scope);
        self.defers
            && outcome.state == State::InDoubt
            && self.fatal().is_none()
            && self.resolver.knows_scope(|own| Scope::row_of(own) == row)
    }

    /// Waits until all writes in doubt are resolved or given up, or the run is asked to end. Gives the rows to run
    /// again: something of theirs was resolved, and the journal answers their calls so far.
    pub(crate) fn resolve_rows(&self) -> io::Result<HashSet<String>> {
        let Some(history) = &self.history else { return Ok(HashSet::new()) };
        let finished = self.runtime.block_on(async {
            tokio::select! {
                () = self.resolver.finish() => true,
                () = self.stop.cancelled() => false,
            }
        });
        let resolved = self.resolver.take_resolved();
        let rows: HashSet<_> =
            resolved.iter().map(|scope| Scope::row_of(scope).to_owned()).collect();
        if !finished || rows.is_empty() || self.fatal().is_some() {
            return Ok(HashSet::new());
        }
        self.resolver.forget(|scope| rows.contains(Scope::row_of(scope)));
        history.run_again(rows.clone(), &self.runtime)?;
        Ok(rows)
    }

    /// Checks writes in doubt until it is dropped.
    pub(crate) fn start_resolver(&self) -> tokio::task::AbortHandle {
        let resolver = self.resolver.clone();
        self.runtime.spawn(async move { resolver.run().await }).abort_handle()
    }

    /// How long until the writes in doubt can no longer take effect, if there are any.
    pub(crate) fn horizon(&self) -> Option<Duration> {
        self.resolver.time_to_horizon()
    }

    /// How the row of a scope ended in an earlier part of the run.
    pub(crate) fn recorded(&self, scope: &str) -> Option<RowEvent> {
        self.history.as_ref()?.row(scope)
    }

    /// The command that resumes the run, if it can be resumed.
    pub(crate) fn resume_command(&self) -> Option<&str> {
        self.history.as_ref().map(|history| history.resume_command())
    }
}

/// Checks a write in doubt, for as long as the run has patience. A row that can run again does not wait for it.
async fn resolve(
    resolver: &Resolver,
    doubt: InDoubtWrite,
    defers: bool,
    stop: &CancellationToken,
) -> Result<Value, Error> {
    let doubt = match resolver.try_now(doubt).await {
        Ok(outcome) => return outcome,
        Err(doubt) => doubt,
    };
    let error = doubt.error().clone();
    let outcome = resolver.add(*doubt);
    if defers {
        return Err(error);
    }
    tokio::select! {
        outcome = outcome => outcome.unwrap_or(Err(error)),
        () = stop.cancelled() => Err(error),
    }
}
