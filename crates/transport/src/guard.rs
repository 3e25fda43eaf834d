//! Stopping before harm is done.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use drillmaster_models::scope::row_of;
use drillmaster_models::{Removes, Write};
use serde_json::Value;

use crate::dry_run::Planned;
use crate::error::{Error, Stopped};
use crate::request::{Request, Response, Scope, Sending, Source, Transport};

/// Stops a run before it takes something away from too many, and before anything that cannot be undone. A
/// write that goes too far is [refused](Error::is_stopped). What was removed is counted as [`Removals`]
/// says, from when the guard was made.
///
/// Other writes pass, so that a row in which something was removed already can be finished. Whether anything
/// new is begun after a refusal is for the caller.
///
/// ```
/// use drillmaster_models::endpoint;
/// use drillmaster_transport::{Connection, DryRun, Guard, Limits, RejectAll, Stopped};
/// use serde_json::json;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let limits = Limits { removals: Some(1), irreversible: false };
/// let connection = Connection::new(Guard::new(DryRun::new(RejectAll), limits));
/// let remove = endpoint("thm.remove_seat").unwrap();
/// let (ada, bob) = (json!({ "email": "ada@example.com" }), json!({ "email": "bob@example.com" }));
///
/// assert!(connection.call(remove, &ada).await.is_ok());
/// let error = connection.call(remove, &bob).await.unwrap_err();
/// assert_eq!(error.stopped_by(), Some(Stopped::Removals));
/// # });
/// ```
pub struct Guard<T> {
    inner: T,
    limits: Limits,
    removals: Mutex<Removals>,
}

/// How far a run may go. By default it may remove what can be given back, without a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// From how many rows something may be taken away; `None`: from any number.
    pub removals: Option<usize>,
    /// Whether it may do what cannot be undone.
    pub irreversible: bool,
}

impl<T> Guard<T> {
    /// Sends over `inner` what stays within the limits.
    pub fn new(inner: T, limits: Limits) -> Self {
        Self { inner, limits, removals: Mutex::default() }
    }

    fn admit(&self, request: &Request, write: &Write) -> Result<(), Error> {
        // Most writes never remove anything, so that they need not be read.
        if write.removes == Removes::Never && !write.irreversible {
            return Ok(());
        }
        let Some(planned) = Planned::of(request)? else { return Ok(()) };
        let stopped = |by, problem| Err(Error::stopped(by, problem).for_request(request));
        if planned.irreversible && !self.limits.irreversible {
            let problem = format!("`{}`: this cannot be undone; not sent", planned.subject);
            return stopped(Stopped::Irreversible, problem);
        }
        let Some(limit) = self.limits.removals else { return Ok(()) };
        let mut removals = self.removals.lock().unwrap_or_else(PoisonError::into_inner);
        if removals.with(&planned) > limit {
            let problem = format!(
                "`{}`: something was to be taken away from {limit} at most, and this would be one more; \
                 not sent",
                planned.subject
            );
            return stopped(Stopped::Removals, problem);
        }
        removals.count(&planned);
        Ok(())
    }
}

impl<T: Transport> Transport for Guard<T> {
    fn send<'a, 'b>(&'a self, request: Request) -> Sending<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        match request.metadata.effect.write().map(|write| self.admit(&request, write)) {
            Some(Err(refused)) => Box::pin(async { Err(refused) }),
            _ => self.inner.send(request),
        }
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        self.inner.value(scope, name, fresh)
    }

    fn source(&self, request: &Request) -> Source {
        self.inner.source(request)
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        self.inner.resolved(request, answer);
    }
}

/// Counts from how many something is taken away: rows, and outside any row the people that the writes are
/// about. A row counts once, whatever is removed in it and in later passes over it; where rows within it
/// remove things, it counts as many as those are about. What the service refuses counts too.
///
/// ```
/// use drillmaster_models::endpoint;
/// use drillmaster_transport::{Connection, DryRun, RejectAll, Removals};
/// use serde_json::json;
/// use std::sync::Arc;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let rehearsal = Arc::new(DryRun::new(RejectAll));
/// let connection = Connection::new(rehearsal.clone());
/// for email in ["ada@example.com", "bob@example.com", "ada@example.com"] {
///     connection.call(endpoint("thm.remove_seat").unwrap(), &json!({ "email": email })).await.unwrap();
/// }
/// let mut removals = Removals::default();
/// let counts = rehearsal.take("main").iter().map(|write| removals.count(write)).collect::<Vec<_>>();
/// assert_eq!(counts, [1, 2, 2]);
/// # });
/// ```
#[derive(Debug, Default)]
pub struct Removals {
    /// By row: whom removals are about that were made in rows within it.
    rows: HashMap<Key, HashSet<Key>>,
    total: usize,
}

impl Removals {
    /// Takes note of a write, and tells how many there are now.
    pub fn count(&mut self, write: &Planned) -> usize {
        if let Some((row, subject)) = counted(write) {
            let before = self.rows.get(&row).map_or(0, |inner| inner.len().max(1));
            let inner = self.rows.entry(row).or_default();
            inner.extend(subject);
            self.total += inner.len().max(1) - before;
        }
        self.total
    }

    /// How many there would be with this write.
    fn with(&self, write: &Planned) -> usize {
        let Some((row, subject)) = counted(write) else { return self.total };
        let Some(inner) = self.rows.get(&row) else { return self.total + 1 };
        let is_new = subject.is_some_and(|subject| !inner.contains(&subject));
        self.total + usize::from(is_new && !inner.is_empty())
    }
}

/// The row that a removal counts for, and whom it is about where that is not one and the same.
fn counted(write: &Planned) -> Option<(Key, Option<Key>)> {
    if !write.removes {
        return None;
    }
    let row = row_of(&write.scope);
    let is_within = write.scope == Scope::MAIN || write.scope[row.len()..].contains("#/");
    Some((key(row, ""), is_within.then(|| key(row, &write.subject))))
}

/// Two texts in 16 bytes, so that a million of them fit into memory.
pub(crate) type Key = [u8; 16];

pub(crate) fn key(first: &str, second: &str) -> Key {
    let mut hasher = blake3::Hasher::new();
    // The length keeps `a` + `bc` apart from `ab` + `c`.
    hasher.update(&(first.len() as u64).to_le_bytes());
    hasher.update(first.as_bytes()).update(second.as_bytes());
    let mut key = Key::default();
    hasher.finalize_xof().fill(&mut key);
    key
}
