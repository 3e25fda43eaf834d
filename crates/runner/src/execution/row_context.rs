//! The row that is running: what it has said and done so far.

use std::cell::RefCell;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use drillmaster_transport::Scope;
use serde_json::Value;

use crate::outcome::Change;
use crate::outcome::State;

/// Something that was said, and whether as data or to people.
pub(crate) enum Output {
    Data(String),
    People(String),
    /// A line of the script's list, which is printed as a whole.
    Line(Vec<Value>),
}

/// The row that is running on this thread.
pub(crate) struct RowContext {
    pub(crate) scope: Arc<Scope>,
    /// Its place among the rows, from 1; a row within a row has that of the outer one.
    pub(crate) number: usize,
    pub(crate) passes: AtomicUsize,
    tally: Mutex<Tally>,
    pub(crate) said: Mutex<Vec<Output>>,
}

/// What a row has done so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// A write was carried out, and its answer tells that it changed something.
    pub(crate) changed: bool,
    /// The endpoints of the writes that were carried out, each once.
    pub(crate) carried_out: Vec<&'static str>,
    /// How often each endpoint changed something.
    pub(crate) changes: Vec<Change>,
    /// Something was already as wanted.
    pub(crate) unchanged: bool,
    /// What is to be told about the row.
    pub(crate) notes: Vec<String>,
    /// What keeps it from being fine, whatever the script makes of it.
    pub(crate) blemishes: Vec<Issue>,
}

impl Tally {
    /// Takes over what a row within the row did and has to answer for.
    pub(crate) fn add(&mut self, inner: &Self) {
        self.blemishes.extend(inner.blemishes.iter().cloned());
        self.carried_out.extend(&inner.carried_out);
        inner.changes.iter().for_each(|change| change.add_to(&mut self.changes));
    }
}

/// A call that a script may catch the error of, and that a person has to know of all the same.
#[derive(Debug, Clone)]
pub(crate) struct Issue {
    /// The endpoint and the fields.
    pub(crate) call: (&'static str, String),
    pub(crate) flaw: Flaw,
    pub(crate) detail: String,
}

/// What is wrong with such a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is not known whether a write took effect.
    InDoubt,
    /// A replay has no recording of it: what the script went on with is not what was recorded.
    Unrecorded,
    /// A guard stopped a write.
    Stopped,
    /// It was not made, because the run had ended by then.
    NotMade,
}

impl Flaw {
    /// How a row ends that had this and was to end so.
    pub(crate) fn on(self, state: State) -> State {
        match self {
            // A doubt is worse than anything else.
            Self::InDoubt => State::InDoubt,
            Self::Unrecorded if state != State::InDoubt => State::Failed,
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
            tally: Mutex::default(),
            said: Mutex::default(),
        })
    }

    /// The row that runs on this thread, if one does.
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

    /// Does `work`, during which other rows may run on this thread.
    pub(crate) fn aside<T>(work: impl FnOnce() -> T) -> T {
        let row = ROW.take();
        let result = work();
        ROW.set(row);
        result
    }

    /// Takes what the row has done, when it is over.
    pub(crate) fn tally(&self) -> Tally {
        std::mem::take(&mut *self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there is something to tell of this call.
    pub(crate) fn is_blemished_by(&self, call: &(&'static str, String)) -> bool {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.blemishes.iter().any(|blemish| blemish.call == *call)
    }

    /// Takes what the row said.
    pub(crate) fn said(&self) -> Vec<Output> {
        std::mem::take(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn note(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
