//! `each`: a function mapped over a roster, and what became of every row.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use drillmaster_transport::Error;
use drillmaster_transport::Scope;
use drillmaster_transport::cassette::ValueEvent;
use rhai::{Array, Dynamic, EvalAltResult, FnPtr, NativeCallContext, Position};

use crate::diagnostic::{Category, Diagnostic};
use crate::execution::MAX_CONCURRENCY;
use crate::execution::captures::worker_copy;
use crate::execution::classify::{RowResult, conclude, not_attempted};
use crate::execution::context::RunContext;
use crate::execution::memory::EXCEEDED;
use crate::execution::pool::fan;
use crate::execution::row_context::{RowContext, Tally};
use crate::execution::store::Spool;
use crate::log;
use crate::outcome::{Outcome, State};
use crate::roster::{Roster, Row};
use crate::value::frozen::{self, freeze_captures};
use crate::value::{CallError, ScriptResult, call_error, runtime_error};

/// The outcomes of one `each`, in the order of the rows: what a script gets back.
#[derive(Clone)]
pub struct Rows {
    spool: Spool,
    /// Only those that ended so.
    only: Option<State>,
}

impl Rows {
    pub(crate) fn with(&self, state: State) -> Self {
        Self { spool: self.spool.clone(), only: Some(state) }
    }

    pub(crate) fn len(&self) -> usize {
        match self.only {
            Some(state) => self.spool.count(state),
            None => State::ALL.into_iter().map(|state| self.spool.count(state)).sum(),
        }
    }
}

impl IntoIterator for Rows {
    type Item = ScriptResult<Outcome>;
    type IntoIter = Box<dyn Iterator<Item = ScriptResult<Outcome>>>;

    fn into_iter(self) -> Self::IntoIter {
        let only = self.only;
        let wanted = move |outcome: &io::Result<Outcome>| {
            outcome.as_ref().map_or(true, |outcome| only.is_none_or(|state| outcome.state == state))
        };
        let told = |error: io::Error| {
            runtime_error(&format!("the finished rows cannot be read: {error}"), Position::NONE)
        };
        Box::new(self.spool.iter().filter(wanted).map(move |outcome| outcome.map_err(told)))
    }
}

/// The roster, as a script holds it.
#[derive(Debug, Clone)]
pub struct RosterRows {
    pub roster: Roster,
    pub most: usize,
}

impl RosterRows {
    pub(crate) fn len(&self) -> usize {
        self.roster.len().min(self.most)
    }
}

/// Something to go over: what tells it from the others, the item, and its roster row if it is one.
type Item = (String, Dynamic, Option<Row>);

/// Maps `work` over the rows of a roster.
pub(crate) fn over_roster(
    host: &RunContext,
    ctx: &NativeCallContext,
    rows: &RosterRows,
    work: &FnPtr,
) -> ScriptResult<Rows> {
    let position = ctx.call_position();
    let stop = |problem: Diagnostic| unread(&problem, position);
    let items = rows.roster.rows().map_err(stop)?.take(rows.most).map(|row| {
        let row = row.map_err(stop)?;
        Ok((row.key().to_owned(), Dynamic::from(row.clone()), Some(row)))
    });
    over(host, ctx, items, rows.len(), work)
}

/// Maps `work` over the items of an array. An item's key is the item itself, or the property of this name.
pub(crate) fn over_array(
    host: &RunContext,
    ctx: &NativeCallContext,
    items: Array,
    key: Option<&str>,
    work: &FnPtr,
) -> ScriptResult<Rows> {
    let position = ctx.call_position();
    let mut keys = HashSet::new();
    // All of them before anything is sent.
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
    // Tells a recording whom the rows are about, in their order, and a replay who stands for whom. Where there was
    // no such recording, nothing is lost.
    let names: Vec<_> = items.iter().filter_map(|item| key_of(item, key)).collect();
    let _ = host.connection().value(ValueEvent::ROWS, names.into());
    let total = items.len();
    let items =
        items.into_iter().map(|item| Ok((key_of(&item, key).unwrap_or_default(), item, None)));
    over(host, ctx, items, total, work)
}

fn key_of(item: &Dynamic, key: Option<&str>) -> Option<String> {
    let value = match key {
        None => item.clone(),
        Some(key) => frozen::field(item, key)?,
    };
    (value.is_string() || value.is_int()).then(|| value.to_string())
}

/// A row whose function has returned, or has not.
struct Ended {
    place: usize,
    /// What it was about, where it may be run again.
    item: Dynamic,
    outcome: Outcome,
    running: Arc<RowContext>,
}

fn over(
    host: &RunContext,
    ctx: &NativeCallContext,
    items: impl Iterator<Item = ScriptResult<Item>> + Send,
    total: usize,
    work: &FnPtr,
) -> ScriptResult<Rows> {
    let items = (1..).zip(items).map(|(place, item)| Ok((place, item?)));
    let scope_of = host.scopes();
    let outer = RowContext::current();
    let spool = Spool::new();
    let unwritten = |what: &str, error: &io::Error| {
        call_error(CallError::Failed(host.close_unwritten(what, error)), ctx.call_position())
    };
    let unkept = |error: io::Error| unwritten("what became of the rows cannot be kept", &error);
    // Kept until all rows are done.
    let _shown = match &outer {
        None => {
            host.begin(&spool).map_err(&unkept)?;
            host.show(total)
        }
        Some(_) => None,
    };
    let row = |work: &mut FnPtr, (place, (key, item, row)): (usize, Item)| {
        let number = outer.as_ref().map_or(place, |outer| outer.number);
        let running = RowContext::new(scope_of(&key), number);
        let _numbered = log::number(&running.scope, number);
        // For the case that the row is run again.
        let own = (host.defers && outer.is_none()).then(|| item.clone());
        let (conclusion, tally) = match reason_to_skip(host) {
            // What an earlier part of the run did stays done.
            Some(reason) => {
                let recorded = host.recorded(running.scope.name()).and_then(RowResult::of);
                let skipped = || RowResult::new(State::Skipped, reason);
                (recorded.unwrap_or_else(skipped), Tally::default())
            }
            None => {
                let result = running.enter(|| work.call_within_context::<Dynamic>(ctx, (item,)));
                let tally = running.tally();
                (conclude(host, &tally, result).with(&tally), tally)
            }
        };
        if let Some(outer) = &outer {
            outer.note(|all| all.add(&tally));
        }
        let RowResult { state, detail, line, returned } = conclusion;
        let outcome = Outcome { key, state, detail, line, row, returned, changes: tally.changes };
        Ended { place, item: own.unwrap_or_default(), outcome, running }
    };
    let tell = |Ended { outcome, running, .. }: &Ended| {
        let _numbered = log::number(&running.scope, running.number);
        for said in running.said() {
            host.say(said);
        }
        if outer.is_none() {
            tracing::info!(
                target: log::ROW,
                state = outcome.state.name(),
                rehearsal = host.plan.is_some().then_some(true),
                scope = &**running.scope.name(),
            );
        }
    };
    let mut deferred = Vec::new();
    let keep = |ended: Ended| -> ScriptResult<()> {
        let Ended { outcome, running, .. } = &ended;
        let scope = running.scope.name();
        if outer.is_some() {
            tell(&ended);
            return spool.push(outcome).map(drop).map_err(&unkept);
        }
        let at = spool.push(outcome).map_err(&unkept)?;
        if host.is_deferred(scope, outcome) {
            host.add_result(outcome);
            deferred.push((at, ended));
            return Ok(());
        }
        tell(&ended);
        host.finish_row(scope, outcome);
        Ok(())
    };
    let frozen = freeze_captures(work);
    let workers = host.concurrency.clamp(1, total.clamp(1, MAX_CONCURRENCY));
    // For want of file handles.
    let unstarted = |error: io::Error| unwritten("the rows cannot be begun", &error);
    match &outer {
        None => fan(items, workers, || worker_copy(&frozen), row, keep).map_err(unstarted)??,
        // Rows within a row come one after the other: the row is one sequence of requests.
        Some(_) => {
            let (mut work, mut keep) = (work.clone(), keep);
            for item in items {
                keep(row(&mut work, item?))?;
            }
        }
    }
    let again = |rows: Vec<(usize, Item)>| {
        let mut ended = Vec::new();
        let keep = |one| {
            ended.push(one);
            Ok::<(), Box<EvalAltResult>>(())
        };
        let rows = rows.into_iter().map(Ok);
        fan(rows, workers, || worker_copy(&frozen), row, keep).map_err(unstarted)??;
        Ok(ended)
    };
    finish_deferred(host, &spool, deferred, again, tell, unkept)?;
    match host.fatal() {
        Some(error) => Err(call_error(CallError::Failed(error), ctx.call_position())),
        None => Ok(Rows { spool, only: None }),
    }
}

/// Finishes the rows in which a write was in doubt, behind all others: as far as that was resolved meanwhile they are
/// run again. `deferred` has each with its place in the spool.
fn finish_deferred(
    host: &RunContext,
    spool: &Spool,
    mut deferred: Vec<(usize, Ended)>,
    again: impl Fn(Vec<(usize, Item)>) -> ScriptResult<Vec<Ended>>,
    tell: impl Fn(&Ended),
    unkept: impl Fn(io::Error) -> Box<EvalAltResult>,
) -> ScriptResult<()> {
    let finish = |ended: &Ended| {
        tell(ended);
        host.note_row(ended.running.scope.name(), &ended.outcome);
    };
    while !deferred.is_empty() {
        let resolved = host.resolve_rows(deferred.len()).map_err(&unkept)?;
        let is_resolved =
            |ended: &Ended| resolved.contains(Scope::row_of(ended.running.scope.name()));
        let (mut places, mut rows) = (Vec::new(), Vec::new());
        for (at, ended) in std::mem::take(&mut deferred) {
            if is_resolved(&ended) {
                let Ended { place, item, outcome, .. } = ended;
                places.push(at);
                rows.push((place, (outcome.key, item, outcome.row)));
            } else {
                finish(&ended);
            }
        }
        for (at, ended) in places.into_iter().zip(again(rows)?) {
            host.amend(spool, at, &ended.outcome).map_err(&unkept)?;
            if host.is_deferred(ended.running.scope.name(), &ended.outcome) {
                deferred.push((at, ended));
            } else {
                finish(&ended);
            }
        }
    }
    Ok(())
}

fn reason_to_skip(host: &RunContext) -> Option<String> {
    match host.fatal() {
        Some(error) => Some(not_attempted(&error)),
        None if host.memory.is_exceeded() => Some(format!("not attempted: {EXCEEDED}")),
        None => host.stop.is_requested().then(|| "not attempted: interrupted".to_owned()),
    }
}

/// Why the rows of a roster cannot be read while a script runs.
#[expect(clippy::unnecessary_box_returns, reason = "the engine speaks of boxed errors")]
pub(crate) fn unread(problem: &Diagnostic, position: Position) -> Box<EvalAltResult> {
    match problem.category {
        // For want of file handles: the script is not to blame.
        Category::Unwritten => {
            call_error(CallError::Failed(Error::unwritten(&problem.message)), position)
        }
        _ => runtime_error(&problem.message, position),
    }
}
