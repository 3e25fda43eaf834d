//! What a running script reaches of the world: the services, the roster, the inputs, the streams.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use drillmaster_journal::crash_point::crash_point;
use drillmaster_models::{EndpointDef, Pager};
use drillmaster_transport::cassette::{Event, RowEvent};
use drillmaster_transport::{Connection, Doubt, Error, RejectAll, Resolver, Scope};
use rhai::Map;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::console::Console;
use crate::execution::classify::{detail_of, not_attempted};
use crate::execution::fiber;
use crate::execution::memory::Memory;
use crate::execution::row_context::{Flaw, Issue, Output, RowContext};
use crate::execution::stop::Stop;
use crate::execution::store::Spool;
use crate::outcome::{Change, Outcome, State};
use crate::output::listing::Listing;
use crate::output::table::{Format, list};
use crate::progress::{Progress, Shown};
use crate::report_data::ReportData;
use crate::roster::Roster;
use crate::run::journal::RunJournal;
use crate::run::plan::Plan;
use crate::run::results::Results;
use crate::value::CallError;

/// The world of one run.
pub(crate) struct RunContext {
    pub(crate) connection: Connection,
    /// What looks into writes in doubt.
    pub(crate) resolver: Arc<Resolver>,
    /// Whether a row with a write in doubt ends, and is run again behind the others when that is resolved.
    pub(crate) defers: bool,
    pub(crate) runtime: Option<Handle>,
    pub roster: Option<Roster>,
    pub(crate) inputs: Map,
    pub(crate) console: Console,
    pub max_rows: Option<usize>,
    pub(crate) stop: Stop,
    pub(crate) memory: Memory,
    closed: Mutex<Closed>,
    pub concurrency: usize,
    pub results: Option<Mutex<Results>>,
    pub(crate) journal: Option<RunJournal>,
    pub plan: Option<Plan>,
    spools: Mutex<Vec<Spool>>,
    passes: AtomicUsize,
    pub(crate) progress: Option<Progress>,
    /// Those outside of rows.
    blemishes: Mutex<Vec<Issue>>,
    /// Those outside of rows.
    changes: Mutex<Vec<Change>>,
    handed: Mutex<ReportData>,
    listing: Mutex<Option<Listing>>,
}

/// What can not be called any more in this run.
#[derive(Default)]
struct Closed {
    /// No request can succeed: the credential was refused, or the replay has left its recording.
    all: Option<Error>,
    /// Entries that said that they are used up, with their words.
    exhausted: HashMap<&'static str, String>,
}

impl RunContext {
    pub(crate) fn new(connection: Connection, runtime: Option<Handle>, console: Console) -> Self {
        Self {
            connection,
            resolver: Arc::default(),
            defers: false,
            runtime,
            roster: None,
            inputs: Map::new(),
            console,
            max_rows: None,
            stop: Stop::default(),
            memory: Memory::default(),
            closed: Mutex::default(),
            concurrency: 1,
            results: None,
            journal: None,
            plan: None,
            spools: Mutex::default(),
            passes: AtomicUsize::new(0),
            progress: None,
            blemishes: Mutex::default(),
            changes: Mutex::default(),
            handed: Mutex::default(),
            listing: Mutex::default(),
        }
    }

    /// A world in which nothing runs: for compiling, checking and describing.
    pub(crate) fn idle() -> Self {
        Self::new(Connection::new(RejectAll), None, Console::standard(true))
    }

    /// The connection in the scope of the running row, or of the script outside any.
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
        self.is_open(endpoint, &fields)?;
        let Some(runtime) = &self.runtime else {
            return Err(CallError::Failed(Error::setup("nothing can be called here")));
        };
        // A script that tries again, or another row of the same person: it would be done twice. What an earlier
        // part of the run has is answered from there.
        if let Some(doubt) = self.resolver.in_the_way(endpoint, &fields)
            && !self.connection().is_recalled(endpoint, &fields)
        {
            self.mark(endpoint, &fields, Some(&doubt));
            return Err(CallError::Failed(doubt));
        }
        let row = RowContext::current();
        let (connection, is_within_row, stop) =
            (self.connection(), row.is_some(), self.stop.clone());
        let (resolver, defers) = (self.resolver.clone(), self.defers && is_within_row);
        let call = async move {
            let answer = {
                let call = async {
                    match connection.call_or_doubt(endpoint, &fields).await? {
                        Ok(answer) => Ok(answer),
                        // It is seldom needed, and larger than all the rest.
                        Err(doubt) => Box::pin(resolve(&resolver, doubt, defers, &stop)).await,
                    }
                };
                if is_within_row {
                    // A row in flight is finished.
                    call.await
                } else {
                    tokio::select! {
                        answer = call => answer,
                        () = stop.requested() => return None,
                    }
                }
            };
            Some((answer, fields))
        };
        let answer = RowContext::aside(|| fiber::wait_outside(call, |call| runtime.block_on(call)));
        let Some((answer, fields)) = answer else {
            let doubt = match self.resume() {
                _ if endpoint.metadata.effect.is_read() => String::new(),
                Some(resume) => format!("; `{resume}` finds out whether this took effect"),
                None => "; it is not known whether this took effect".to_owned(),
            };
            return Err(CallError::Skipped(format!("{}: interrupted{doubt}", endpoint.name())));
        };
        self.mark(endpoint, &fields, answer.as_ref().err());
        match answer {
            Ok(answer) => {
                let Some(write) = endpoint.metadata.effect.write() else { return Ok(answer) };
                let change = write.tells.then(|| Change::once(endpoint.name()));
                if let Some(row) = row {
                    row.note(|tally| {
                        tally.changed |= write.tells;
                        if let Some(change) = change {
                            change.add_to(&mut tally.changes);
                        }
                        if !tally.carried_out.contains(&endpoint.name()) {
                            tally.carried_out.push(endpoint.name());
                        }
                    });
                } else if let Some(change) = change {
                    change.add_to(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner));
                }
                Ok(answer)
            }
            Err(error) if error.is_already() => {
                let words = error.words().unwrap_or_default().to_owned();
                if let Some(row) = row {
                    row.note(|tally| {
                        tally.unchanged = true;
                        tally.notes.push(words.clone());
                    });
                }
                Ok(json!({ "unchanged": true, "words": words }))
            }
            // The wait was ended, or not begun, because the run is to end; nothing arrived.
            Err(error) if self.stop.is_requested() && error.is_wait_over() => {
                let name = endpoint.name();
                Err(CallError::Skipped(format!("{name}: interrupted before it could be sent")))
            }
            Err(error) => {
                self.close_after(Some(endpoint), &error);
                Err(CallError::Failed(error))
            }
        }
    }

    /// A value from outside, such as the time: in a replay the recorded one.
    pub(crate) fn value(&self, name: &'static str, fresh: Value) -> Result<Value, Error> {
        let value = self.connection().value(name, fresh);
        if let Err(error) = &value
            && error.is_replay_mismatch()
        {
            self.blemish((name, String::new()), Flaw::Unrecorded, detail_of(self, error));
            self.close_after(None, error);
        }
        value
    }

    /// Takes note of a call that a person has to know of, and drops the note when the same call is settled
    /// after all.
    fn mark(&self, endpoint: &'static EndpointDef, fields: &Value, error: Option<&Error>) {
        let flaw = match error {
            Some(error) if error.is_replay_mismatch() => Some(Flaw::Unrecorded),
            _ if endpoint.metadata.effect.is_read() => return,
            Some(error) if error.is_in_doubt() => Some(Flaw::InDoubt),
            Some(error) if error.is_stopped() => Some(Flaw::Stopped),
            Some(error) if error.is_unwritten() => Some(Flaw::NotMade),
            _ => None,
        };
        let call = (endpoint.name(), fields.to_string());
        match error.zip(flaw) {
            Some((error, flaw)) => self.blemish(call, flaw, detail_of(self, error)),
            None => self.blemishes(|known| known.retain(|blemish| blemish.call != call)),
        }
    }

    fn blemish(&self, call: (&'static str, String), flaw: Flaw, detail: String) {
        self.blemishes(|known| {
            known.retain(|blemish| blemish.call != call);
            known.push(Issue { call, flaw, detail });
        });
    }

    /// Those of the running row, or those outside of any.
    fn blemishes(&self, change: impl FnOnce(&mut Vec<Issue>)) {
        match RowContext::current() {
            Some(row) => row.note(|tally| change(&mut tally.blemishes)),
            None => change(&mut self.blemishes.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// What became of calls outside of rows that a person has to know of and that end no run by themselves.
    pub(crate) fn outside(&self) -> Vec<(State, String)> {
        let blemishes = self.blemishes.lock().unwrap_or_else(PoisonError::into_inner);
        let told = blemishes.iter().filter(|blemish| blemish.flaw != Flaw::Stopped);
        told.map(|blemish| (blemish.flaw.on(State::Done), blemish.detail.clone())).collect()
    }

    /// How often each endpoint changed something outside of rows.
    pub(crate) fn changes_outside(&self) -> Vec<Change> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes data for the report.
    pub(crate) fn report(&self, data: &Value) -> Result<(), String> {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).take(data)
    }

    /// The data for the report so far.
    pub(crate) fn handed(&self) -> ReportData {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How the row of a scope ended in an earlier part of the run.
    pub(crate) fn recorded(&self, scope: &str) -> Option<RowEvent> {
        self.journal.as_ref()?.history.row(scope).ok()?
    }

    /// The next page of a walk, or `None` at its end.
    pub(crate) fn turn(
        &self,
        endpoint: &'static EndpointDef,
        pager: &mut Pager,
    ) -> Option<Result<Vec<Value>, CallError>> {
        let fields = pager.request()?;
        let accept = |answer| {
            let told = |failure| Error::answer(failure).for_endpoint(endpoint);
            pager.accept(answer).map_err(|failure| CallError::Failed(told(failure)))
        };
        Some(self.call(endpoint, fields).and_then(accept))
    }

    fn is_open(&self, endpoint: &'static EndpointDef, fields: &Value) -> Result<(), CallError> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        // After a guard's word the rows in flight are finished, as far as the guard lets them; and where what became of
        // rows cannot be written down, as far as the journal does.
        let finishes = |error: &&Error| {
            !(error.is_stopped() || error.is_unwritten()) || RowContext::current().is_none()
        };
        if let Some(error) = closed.all.as_ref().filter(finishes) {
            let Some(row) = RowContext::current() else {
                return Err(CallError::Failed(error.clone()));
            };
            let (call, detail) = ((endpoint.name(), fields.to_string()), not_attempted(error));
            // What became of the call before says more.
            if !row.is_blemished_by(&call) {
                self.blemish(call, Flaw::NotMade, detail.clone());
            }
            return Err(CallError::Skipped(detail));
        }
        match closed.exhausted.get(endpoint.name()) {
            // What an earlier part of the run got is not taken back.
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

    /// Ends all calls, whatever the script makes of it: something that a run leaves behind cannot be written.
    pub(crate) fn close_unwritten(&self, what: &str, error: &io::Error) -> Error {
        let error = Error::unwritten(format!("{what}: {error}"));
        self.close_after(None, &error);
        error
    }

    /// What ended all calls, if something did.
    pub(crate) fn fatal(&self) -> Option<Error> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).all.clone()
    }

    /// Begins to go over rows that are kept in this spool.
    pub(crate) fn begin(&self, spool: &Spool) -> io::Result<()> {
        // What the script would have written before these rows comes before theirs.
        self.plan.as_ref().map_or(Ok(()), Plan::take_main)?;
        self.spools.lock().unwrap_or_else(PoisonError::into_inner).push(spool.clone());
        if let Some(results) = &self.results {
            results.lock().unwrap_or_else(PoisonError::into_inner).turn_to(spool);
        }
        Ok(())
    }

    /// Tells from now on how far so many rows are.
    pub(crate) fn show(&self, total: usize) -> Option<Shown> {
        self.progress.as_ref().zip(self.runtime.as_ref()).map(|(own, on)| own.begin(total, on))
    }

    /// Takes note of a finished row, which is in the spool already. What cannot be written down ends the run after
    /// the rows in flight.
    pub(crate) fn finish_row(&self, scope: &str, outcome: &Outcome) {
        self.note_row(scope, outcome);
        self.add_result(outcome);
    }

    /// Adds a finished row to the results.
    pub(crate) fn add_result(&self, outcome: &Outcome) {
        if let Some(results) = &self.results {
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = results.add(outcome) {
                self.close_unwritten("the results cannot be written", &error);
            }
        }
        crash_point("result");
    }

    /// Tells the journal, the plan and whoever watches of a finished row.
    pub(crate) fn note_row(&self, scope: &str, outcome: &Outcome) {
        if let Some(progress) = &self.progress {
            progress.row(outcome.state);
        }
        if let Err(error) = self.note(scope, outcome) {
            self.close_unwritten("the journal cannot be written", &error);
        }
        if let Some(Err(error)) = self.plan.as_ref().map(|plan| plan.take(scope)) {
            self.close_unwritten("the plan cannot be kept", &error);
        }
        crash_point("row");
    }

    fn note(&self, scope: &str, outcome: &Outcome) -> io::Result<()> {
        if let Some(RunJournal { journal, history, .. }) = &self.journal {
            let known = history.row(scope).map_err(|error| io::Error::other(error.to_string()))?;
            let event = RowEvent {
                scope: scope.to_owned(),
                key: outcome.key.clone(),
                state: outcome.state.name().to_owned(),
                detail: outcome.detail.clone(),
                returned: outcome.returned.clone(),
                line: outcome.line,
            };
            if known.as_ref() != Some(&event) {
                journal.append(&Event::Row(event))?;
            }
        }
        Ok(())
    }

    /// Whether a row may still be run again because a write of it is in doubt.
    pub(crate) fn is_deferred(&self, scope: &str, outcome: &Outcome) -> bool {
        let row = Scope::row_of(scope);
        self.defers
            && outcome.state == State::InDoubt
            && self.fatal().is_none()
            && self.resolver.holds(|own| Scope::row_of(own) == row)
    }

    /// Waits until nothing in doubt is looked into any more, or the run is asked to end. Gives the rows in which
    /// something was resolved; what is called in these is answered from the journal, as far as it has it.
    pub(crate) fn resolve_rows(&self, rows: usize) -> io::Result<HashSet<String>> {
        let (Some(runtime), Some(keeping)) = (&self.runtime, &self.journal) else {
            return Ok(HashSet::new());
        };
        let (are, their, writes) =
            if rows == 1 { ("row is", "its", "write") } else { ("rows are", "their", "writes") };
        self.console.note(&format!(
            "{rows} {are} in doubt: checking whether {their} {writes} took effect; Ctrl-C ends that"
        ));
        let finished = runtime.block_on(async {
            tokio::select! {
                () = self.resolver.finish() => true,
                () = self.stop.requested() => false,
            }
        });
        let resolved = self.resolver.take_resolved();
        let rows: HashSet<_> =
            resolved.iter().map(|scope| Scope::row_of(scope).to_owned()).collect();
        if !finished || rows.is_empty() || self.fatal().is_some() {
            return Ok(HashSet::new());
        }
        runtime.block_on(keeping.journal.flush())?;
        self.resolver.forget(|scope| rows.contains(Scope::row_of(scope)));
        let again = keeping.history.rerun(&keeping.path, rows.clone());
        again.map_err(|error| io::Error::other(error.to_string()))?;
        Ok(rows)
    }

    /// Puts the final outcome of a row that was run again into the place of the first.
    pub(crate) fn amend(&self, spool: &Spool, index: usize, outcome: &Outcome) -> io::Result<()> {
        spool.amend(index, outcome)?;
        match &self.results {
            Some(results) => {
                results.lock().unwrap_or_else(PoisonError::into_inner).amended();
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The command that looks again at what is in doubt.
    pub(crate) fn resume(&self) -> Option<&str> {
        self.journal.as_ref().map(|keeping| keeping.resume.as_str())
    }

    pub(crate) fn spools(&self) -> Vec<Spool> {
        self.spools.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says something now, or when it is the turn of the row that is running.
    pub(crate) fn say(&self, said: Output) {
        match RowContext::current() {
            Some(row) => row.said.lock().unwrap_or_else(PoisonError::into_inner).push(said),
            None => match said {
                Output::Data(text) => self.console.print(&text),
                Output::People(text) => self.console.warn(&text),
                Output::Line(cells) => self.listing(|listing| {
                    if let Some(listing) = listing {
                        listing.lines.push(cells);
                    }
                }),
            },
        }
    }

    /// Looks at the list that the script prints, or changes it.
    pub(crate) fn listing<T>(&self, look: impl FnOnce(&mut Option<Listing>) -> T) -> T {
        look(&mut self.listing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Prints the list, where that was not done line by line.
    pub(crate) fn finish_listing(&self) {
        let format = self.console.list_format();
        let Some(Listing { columns, lines }) = self.listing(Option::take) else { return };
        if format != Format::Csv {
            self.console.print(&list(format, &columns, lines, self.console.width()));
        }
    }

    /// The scope of a row: its key, told apart where the script goes over the same rows again.
    pub(crate) fn scopes(&self) -> impl Fn(&str) -> Scope + use<> {
        let row = RowContext::current();
        let passes = row.as_ref().map_or(&self.passes, |row| &row.passes);
        let pass = passes.fetch_add(1, Ordering::Relaxed) + 1;
        move |key| {
            // A single `#` is ours, so that no key of a roster can take another's place.
            let mut name = key.replace('#', "##");
            if name == Scope::MAIN {
                name = format!("#{name}");
            }
            if let Some(outer) = &row {
                name = format!("{}#/{name}", outer.scope.name());
            }
            Scope::new(if pass == 1 { name } else { format!("{name}#{pass}") })
        }
    }
}

/// Looks into a write in doubt, as long as the run has patience. A row that is run again does not wait for it.
async fn resolve(
    resolver: &Resolver,
    doubt: Doubt,
    defers: bool,
    stop: &Stop,
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
        () = stop.requested() => Err(error),
    }
}

/// After such an error no request of the run can succeed.
pub(crate) fn is_fatal(error: &Error) -> bool {
    error.is_credential()
        || error.is_replay_mismatch()
        || error.is_setup()
        || error.is_unwritten()
        || error.is_stopped()
}
