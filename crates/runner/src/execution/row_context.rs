//! The running row: what it has output and done so far.

use std::cell::RefCell;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use drillmaster_transport::Scope;
use serde_json::Value;

use crate::outcome::{Change, State};

/// Something that a script outputs.
pub(crate) enum Output {
    /// A line of data.
    Print(String),
    /// A warning for people.
    Warn(String),
    /// A line of the script's list, which is printed as a whole.
    ListLine(Vec<Value>),
}

/// The row that runs on this thread.
pub(crate) struct RowContext {
    pub(crate) scope: Arc<Scope>,
    /// The row's number, from 1. A row within a row has that of the outer one.
    pub(crate) number: usize,
    pub(crate) passes: AtomicUsize,
    stats: Mutex<RowStats>,
    output: Mutex<Vec<Output>>,
}

/// What a row has done so far.
#[derive(Debug, Default)]
pub(crate) struct RowStats {
    /// Whether a write was carried out whose answer shows that it changed something.
    pub(crate) changed: bool,
    /// The endpoints of the writes that were carried out, each once.
    pub(crate) carried_out: Vec<&'static str>,
    /// How often each endpoint changed something.
    pub(crate) changes: Vec<Change>,
    /// Whether something was already as it should be.
    pub(crate) unchanged: bool,
    /// What the row's detail says.
    pub(crate) notes: Vec<String>,
    /// Problems that count whatever the script makes of them.
    pub(crate) issues: Vec<Issue>,
}

impl RowStats {
    /// Adds what a row within this row did.
    pub(crate) fn add(&mut self, inner: &Self) {
        self.issues.extend(inner.issues.iter().cloned());
        self.carried_out.extend(&inner.carried_out);
        inner.changes.iter().for_each(|change| change.add_to(&mut self.changes));
    }
}

/// A call whose error the script may catch, and of which a person has to know all the same.
#[derive(Debug, Clone)]
pub(crate) struct Issue {
    /// The endpoint and the fields.
    pub(crate) call: (&'static str, String),
    pub(crate) kind: IssueKind,
    pub(crate) detail: String,
}

/// What is wrong with such a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IssueKind {
    /// It is not known whether a write took effect.
    InDoubt,
    /// A replay has no recording of it, so the script continued with something else.
    Unrecorded,
    /// A guard stopped a write.
    Stopped,
    /// The call was not made, because the run had ended by then.
    NotMade,
}

impl IssueKind {
    /// The state of a row that had this issue and would have ended in `state`.
    pub(crate) const fn worsen(self, state: State) -> State {
        match self {
            // A doubt is worse than anything else.
            Self::InDoubt => State::InDoubt,
            Self::Unrecorded if !matches!(state, State::InDoubt) => State::Failed,
            Self::Stopped if state.is_fine() => State::Failed,
            Self::NotMade if state.is_fine() => State::Skipped,
            _ => state,
        }
    }
}

thread_local! {
    static ROW: RefCell<Option<Arc<RowContext>>> = const { RefCell::new(None) };
}

impl RowContext {
    pub(crate) fn new(scope: Scope, number: usize) -> Arc<Self> {
        Arc::new(Self {
            scope: Arc::new(scope),
            number,
            passes: AtomicUsize::new(0),
            stats: Mutex::default(),
            output: Mutex::default(),
        })
    }

    /// The row that runs on this thread, if there is one.
    pub(crate) fn current() -> Option<Arc<Self>> {
        ROW.with_borrow(Clone::clone)
    }

    /// Runs `work` as this row.
    pub(crate) fn enter<T>(self: &Arc<Self>, work: impl FnOnce() -> T) -> T {
        let outer = ROW.replace(Some(self.clone()));
        let result = work();
        ROW.set(outer);
        result
    }

    /// Runs `work`, during which other rows may run on this thread.
    pub(crate) fn suspend<T>(work: impl FnOnce() -> T) -> T {
        let row = ROW.take();
        let result = work();
        ROW.set(row);
        result
    }

    /// Takes what the row has done, after its end.
    pub(crate) fn take_stats(&self) -> RowStats {
        std::mem::take(&mut *self.stats.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether this call has an issue.
    pub(crate) fn has_issue(&self, call: &(&'static str, String)) -> bool {
        let stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.issues.iter().any(|issue| issue.call == *call)
    }

    /// Keeps output until the row's turn comes.
    pub(crate) fn keep(&self, output: Output) {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).push(output);
    }

    /// Takes what the row has output.
    pub(crate) fn take_output(&self) -> Vec<Output> {
        std::mem::take(&mut *self.output.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what the row has done so far.
    pub(crate) fn update(&self, update: impl FnOnce(&mut RowStats)) {
        update(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
