//! `each`: maps a function over a roster, and collects the outcome of every row.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use drillmaster_transport::cassette::ValueEvent;
use drillmaster_transport::{Error, Scope};
use rhai::{Array, Dynamic, EvalAltResult, FnPtr, NativeCallContext, Position};

use crate::diagnostic::{Category, Diagnostic};
use crate::execution::MAX_CONCURRENCY;
use crate::execution::captures::worker_copy;
use crate::execution::classify::{RowResult, classify};
use crate::execution::context::RunContext;
use crate::execution::details::not_attempted;
use crate::execution::memory::EXCEEDED;
use crate::execution::pool::run_in_order;
use crate::execution::row_context::{RowContext, RowStats};
use crate::execution::row_sink::{FinishedRow, Revision};
use crate::execution::script_context::ScriptContext;
use crate::execution::store::RowStore;
use crate::log;
use crate::outcome::{Outcome, State};
use crate::roster::{Roster, Row};
use crate::value::frozen::{self, freeze_captures};
use crate::value::{CallError, ScriptResult, call_error, runtime_error};

/// What `each` returns to a script: the outcomes, in the order of the rows.
#[derive(Clone)]
pub struct Outcomes {
    store: RowStore,
    /// Only those in this state.
    only: Option<State>,
}

impl Outcomes {
    /// The outcomes in this state.
    pub(crate) fn with(&self, state: State) -> Self {
        Self { store: self.store.clone(), only: Some(state) }
    }

    pub(crate) fn len(&self) -> usize {
        match self.only {
            Some(state) => self.store.count(state),
            None => State::ALL.into_iter().map(|state| self.store.count(state)).sum(),
        }
    }
}

impl IntoIterator for Outcomes {
    type Item = ScriptResult<Outcome>;
    type IntoIter = Box<dyn Iterator<Item = ScriptResult<Outcome>>>;

    fn into_iter(self) -> Self::IntoIter {
        let only = self.only;
        let is_wanted = move |outcome: &io::Result<Outcome>| {
            outcome.as_ref().map_or(true, |outcome| only.is_none_or(|state| outcome.state == state))
        };
        let unreadable = |error: io::Error| {
            runtime_error(&format!("the finished rows cannot be read: {error}"), Position::NONE)
        };
        let outcomes = self.store.outcomes().filter(is_wanted);
        Box::new(outcomes.map(move |outcome| outcome.map_err(unreadable)))
    }
}

/// The rows of a roster, as scripts use them.
#[derive(Debug, Clone)]
pub struct RosterRows {
    pub(crate) roster: Roster,
    pub(crate) max_rows: usize,
}

impl RosterRows {
    pub(crate) fn len(&self) -> usize {
        self.roster.len().min(self.max_rows)
    }
}

impl IntoIterator for RosterRows {
    type Item = ScriptResult<Row>;
    type IntoIter = Box<dyn Iterator<Item = ScriptResult<Row>>>;

    fn into_iter(self) -> Self::IntoIter {
        let failed = |problem: Diagnostic| roster_error(&problem, Position::NONE);
        match self.roster.rows() {
            Ok(rows) => Box::new(rows.take(self.max_rows).map(move |row| row.map_err(failed))),
            Err(problem) => Box::new(std::iter::once(Err(failed(problem)))),
        }
    }
}

/// An item to run the function for: its key, the item itself, and its row of the roster.
type Item = (String, Dynamic, Option<Row>);

/// Maps `function` over the rows of a roster.
pub(crate) fn each_row(
    ctx: &NativeCallContext,
    rows: &RosterRows,
    function: &FnPtr,
) -> ScriptResult<Outcomes> {
    let position = ctx.call_position();
    let failed = |problem: Diagnostic| roster_error(&problem, position);
    let items = rows.roster.rows().map_err(failed)?.take(rows.max_rows).map(|row| {
        let row = row.map_err(failed)?;
        Ok((row.key().to_owned(), Dynamic::from(row.clone()), Some(row)))
    });
    run_rows(ctx, items, rows.len(), function)
}

/// Maps `function` over the items of an array. An item's key is the item itself, or its property of this name.
pub(crate) fn each_item(
    ctx: &NativeCallContext,
    items: Array,
    key: Option<&str>,
    function: &FnPtr,
) -> ScriptResult<Outcomes> {
    let position = ctx.call_position();
    let mut keys = HashSet::new();
    // All keys are checked before anything is sent.
    for item in &items {
        let Some(key) = key_of(item, key) else {
            let help = "each needs a key: give the name of one as its second argument, \
                        such as each(users, \"email\", |user| …)";
            return Err(runtime_error(help, position));
        };
        if keys.contains(&key) {
            let problem =
                format!("the key `{key}` is there twice, and each row needs one of its own");
            return Err(runtime_error(&problem, position));
        }
        keys.insert(key);
    }
    drop(keys);
    // A recording keeps whom the rows are about, in their order, so that a replay knows which pseudonym is whose. A
    // recording without it can be replayed too.
    let names: Vec<_> = items.iter().filter_map(|item| key_of(item, key)).collect();
    let context = ScriptContext::of(ctx)?;
    let _ = context.calls.connection().value(ValueEvent::ROWS, names.into());
    let total = items.len();
    let items =
        items.into_iter().map(|item| Ok((key_of(&item, key).unwrap_or_default(), item, None)));
    run_rows(ctx, items, total, function)
}

fn key_of(item: &Dynamic, key: Option<&str>) -> Option<String> {
    let value = match key {
        None => item.clone(),
        Some(key) => frozen::field(item, key)?,
    };
    (value.is_string() || value.is_int()).then(|| value.to_string())
}

/// A row whose function has returned or failed.
struct EndedRow {
    number: usize,
    /// The item, if the row may run again.
    item: Dynamic,
    outcome: Outcome,
    row: Arc<RowContext>,
}

impl EndedRow {
    fn scope(&self) -> &str {
        self.row.scope.name()
    }

    fn finished(&self, revision: Revision) -> FinishedRow<'_> {
        FinishedRow { scope: self.scope(), outcome: &self.outcome, revision }
    }
}

/// An `each` in progress.
struct Each<'a> {
    context: &'a ScriptContext,
    ctx: &'a NativeCallContext<'a>,
    /// The row that the `each` is called in, if any.
    outer: Option<Arc<RowContext>>,
    store: RowStore,
}

fn run_rows(
    ctx: &NativeCallContext,
    items: impl Iterator<Item = ScriptResult<Item>> + Send,
    total: usize,
    function: &FnPtr,
) -> ScriptResult<Outcomes> {
    let context = ScriptContext::of(ctx)?;
    let scope_of = context.scopes();
    let each =
        Each { context: &context, ctx, outer: RowContext::current(), store: RowStore::new() };
    let items = (1..).zip(items).map(|(number, item)| Ok((number, item?)));
    let run =
        |function: &mut FnPtr, (number, item)| each.run_row(function, number, item, &scope_of);
    match &each.outer {
        None => each.run_side_by_side(items, total, function, run)?,
        // Rows within a row run one after the other: the row is one sequence of requests.
        Some(_) => {
            let mut function = function.clone();
            for item in items {
                let row = run(&mut function, item?);
                each.output(&row);
                each.store.push(&row.outcome).map_err(|error| each.cannot_keep(&error))?;
            }
        }
    }
    match context.calls.fatal() {
        Some(error) => Err(call_error(CallError::Failed(error), ctx.call_position())),
        None => Ok(Outcomes { store: each.store, only: None }),
    }
}

impl Each<'_> {
    /// Runs the rows of an `each` outside of rows, several at a time.
    fn run_side_by_side(
        &self,
        items: impl Iterator<Item = ScriptResult<(usize, Item)>> + Send,
        total: usize,
        function: &FnPtr,
        run: impl Fn(&mut FnPtr, (usize, Item)) -> EndedRow + Sync,
    ) -> ScriptResult<()> {
        let sinks = &self.context.sinks;
        let _end = EndSinks(self.context);
        for sink in sinks {
            sink.begin(&self.store, total).map_err(|error| self.unwritten(error))?;
        }
        let mut deferred = Vec::new();
        let keep = |row: EndedRow| -> ScriptResult<()> {
            let index = self.store.push(&row.outcome).map_err(|error| self.cannot_keep(&error))?;
            if self.context.calls.is_deferred(row.scope(), &row.outcome) {
                self.context.in_doubt(&row.finished(Revision::First));
                deferred.push((index, row));
            } else {
                self.output(&row);
                self.context.finished(&row.finished(Revision::First));
            }
            Ok(())
        };
        let frozen = freeze_captures(function);
        let workers = self.context.concurrency.clamp(1, total.clamp(1, MAX_CONCURRENCY));
        // No more files can be opened.
        let not_started =
            |error: io::Error| self.unwritten(format!("the rows cannot be started: {error}"));
        run_in_order(items, workers, || worker_copy(&frozen), &run, keep)
            .map_err(not_started)??;
        self.finish_deferred(deferred, |rows| {
            let mut ended = Vec::new();
            let keep = |row| {
                ended.push(row);
                Ok::<(), Box<EvalAltResult>>(())
            };
            let rows = rows.into_iter().map(Ok);
            run_in_order(rows, workers, || worker_copy(&frozen), &run, keep)
                .map_err(not_started)??;
            Ok(ended)
        })
    }

    /// Runs the function for one row.
    fn run_row(
        &self,
        function: &FnPtr,
        place: usize,
        (key, item, roster_row): Item,
        scope_of: impl Fn(&str) -> Scope,
    ) -> EndedRow {
        let calls = &self.context.calls;
        let number = self.outer.as_ref().map_or(place, |outer| outer.number);
        let row = RowContext::new(scope_of(&key), number);
        let _numbered = log::number(&row.scope, number);
        let kept_item = (calls.defers() && self.outer.is_none()).then(|| item.clone());
        let (result, stats) = match reason_to_skip(calls) {
            // What an earlier part of the run did stays done.
            Some(reason) => {
                let recorded = calls.recorded(row.scope.name()).and_then(RowResult::from_event);
                let skipped = || RowResult::new(State::Skipped, reason);
                (recorded.unwrap_or_else(skipped), RowStats::default())
            }
            None => {
                let call = || function.call_within_context::<Dynamic>(self.ctx, (item,));
                let result = row.enter(call);
                let stats = row.take_stats();
                (classify(calls.resume_command(), &stats, result).with_issues(&stats), stats)
            }
        };
        if let Some(outer) = &self.outer {
            outer.update(|outer| outer.add(&stats));
        }
        let RowResult { state, detail, line, returned } = result;
        let changes = stats.changes;
        let outcome = Outcome { key, state, detail, line, row: roster_row, returned, changes };
        EndedRow { number: place, item: kept_item.unwrap_or_default(), outcome, row }
    }

    /// Finishes the rows with a write in doubt, after all others: those whose write was resolved meanwhile run again.
    /// `deferred` has each with its index in the store.
    fn finish_deferred(
        &self,
        mut deferred: Vec<(usize, EndedRow)>,
        run_again: impl Fn(Vec<(usize, Item)>) -> ScriptResult<Vec<EndedRow>>,
    ) -> ScriptResult<()> {
        while !deferred.is_empty() {
            self.note_deferred(deferred.len());
            let resolved =
                self.context.calls.resolve_rows().map_err(|error| self.cannot_keep(&error))?;
            let (mut indices, mut rows) = (Vec::new(), Vec::new());
            for (index, row) in std::mem::take(&mut deferred) {
                if resolved.contains(Scope::row_of(row.scope())) {
                    let EndedRow { number, item, outcome, .. } = row;
                    indices.push(index);
                    rows.push((number, (outcome.key, item, outcome.row)));
                } else {
                    self.output(&row);
                    self.context.finished(&row.finished(Revision::Unchanged));
                }
            }
            for (index, row) in indices.into_iter().zip(run_again(rows)?) {
                self.store.amend(index, &row.outcome).map_err(|error| self.cannot_keep(&error))?;
                if self.context.calls.is_deferred(row.scope(), &row.outcome) {
                    self.context.in_doubt(&row.finished(Revision::Replaced));
                    deferred.push((index, row));
                } else {
                    self.output(&row);
                    self.context.finished(&row.finished(Revision::Replaced));
                }
            }
        }
        Ok(())
    }

    fn note_deferred(&self, rows: usize) {
        let (are, their, writes) =
            if rows == 1 { ("row is", "its", "write") } else { ("rows are", "their", "writes") };
        self.context.output.note(&format!(
            "{rows} {are} in doubt: checking whether {their} {writes} took effect; press Ctrl-C to stop checking"
        ));
    }

    /// Passes on what a row has output, in its turn.
    fn output(&self, row: &EndedRow) {
        let _numbered = log::number(&row.row.scope, row.row.number);
        for output in row.row.take_output() {
            self.context.output(output);
        }
        if self.outer.is_none() {
            tracing::info!(
                target: log::ROW,
                state = row.outcome.state.name(),
                rehearsal = self.context.is_rehearsal.then_some(true),
                scope = row.scope(),
            );
        }
    }

    #[expect(clippy::unnecessary_box_returns, reason = "Rhai boxes its errors")]
    fn cannot_keep(&self, error: &io::Error) -> Box<EvalAltResult> {
        self.unwritten(format!("the finished rows cannot be kept: {error}"))
    }

    /// Ends all calls because of a file that cannot be written.
    #[expect(clippy::unnecessary_box_returns, reason = "Rhai boxes its errors")]
    fn unwritten(&self, what: impl std::fmt::Display) -> Box<EvalAltResult> {
        let error = self.context.calls.close_unwritten(what);
        call_error(CallError::Failed(error), self.ctx.call_position())
    }
}

/// Tells the sinks that the rows are over, however that comes.
struct EndSinks<'a>(&'a ScriptContext);

impl Drop for EndSinks<'_> {
    fn drop(&mut self) {
        self.0.sinks.iter().for_each(|sink| sink.end());
    }
}

fn reason_to_skip(calls: &RunContext) -> Option<String> {
    match calls.fatal() {
        Some(error) => Some(not_attempted(&error)),
        None if calls.memory.is_exceeded() => Some(format!("not attempted: {EXCEEDED}")),
        None => calls.stop.is_cancelled().then(|| "not attempted: interrupted".to_owned()),
    }
}

/// A roster that cannot be read while a script runs.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai boxes its errors")]
fn roster_error(problem: &Diagnostic, position: Position) -> Box<EvalAltResult> {
    match problem.category {
        // No more files can be opened: the script is not to blame.
        Category::Unwritten => {
            call_error(CallError::Failed(Error::unwritten(&problem.message)), position)
        }
        _ => runtime_error(&problem.message, position),
    }
}
