//! Stopping a run before it does harm.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use drillmaster_models::{Removes, Write};
use drillmaster_transport::{Error, Request, Response, Scope, Source, Stopped, Transport};
use serde_json::Value;

use super::dry_run::PlannedWrite;
use super::{Key, key};

/// Stops a run before it removes something from too many rows, and before anything that cannot be undone. A
/// write over the limit is [refused](Error::is_stopped). [`Removals`] says how removals are counted.
///
/// Other writes are sent, so that a row in which something was already removed can be finished. The caller
/// decides whether to start another row after a refusal.
///
/// ```
/// use drillmaster_models::endpoint;
/// use drillmaster_runner::guards::{DryRun, Guard, Limits};
/// use drillmaster_transport::{Connection, RejectAll, Stopped};
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

/// What a run may do. By default it may remove any number of things, as long as that can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// From how many rows it may remove something; `None` means any number.
    pub removals: Option<usize>,
    /// Whether it may do what cannot be undone.
    pub irreversible: bool,
}

impl<T> Guard<T> {
    /// Sends over `inner` what is within the limits.
    pub fn new(inner: T, limits: Limits) -> Self {
        Self { inner, limits, removals: Mutex::default() }
    }

    fn admit(&self, request: &Request, write: &Write) -> Result<(), Error> {
        // Most writes never remove anything: their fields need not be read.
        if write.removes == Removes::Never && !write.irreversible {
            return Ok(());
        }
        let Some(planned) = PlannedWrite::from_request(request)? else { return Ok(()) };
        let stopped = |by, problem| Err(Error::stopped(by, problem).for_request(request));
        if planned.irreversible && !self.limits.irreversible {
            let problem = format!("`{}`: this cannot be undone; not sent", planned.subject);
            return stopped(Stopped::Irreversible, problem);
        }
        let Some(limit) = self.limits.removals else { return Ok(()) };
        let mut removals = self.removals.lock().unwrap_or_else(PoisonError::into_inner);
        if removals.with(&planned) > limit {
            let problem = format!(
                "`{}`: the run may remove something from at most {limit}, and this would be one more; not sent",
                planned.subject
            );
            return stopped(Stopped::Removals, problem);
        }
        removals.count(&planned);
        Ok(())
    }
}

#[async_trait]
impl<T: Transport> Transport for Guard<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        if let Some(write) = request.metadata.effect.write() {
            self.admit(&request, write)?;
        }
        self.inner.send(request).await
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

/// Counts from how many rows something is removed. Outside of rows, people are counted.
///
/// A row counts once, whatever is removed in it and in later passes over it. If rows nested in it remove things,
/// it counts once for each person that they are about. Removals that the service refuses count too.
///
/// ```
/// use drillmaster_models::endpoint;
/// use drillmaster_runner::guards::{DryRun, Removals};
/// use drillmaster_transport::{Connection, RejectAll};
/// use serde_json::json;
/// use std::sync::Arc;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let dry_run = Arc::new(DryRun::new(RejectAll));
/// let connection = Connection::new(dry_run.clone());
/// for email in ["ada@example.com", "bob@example.com", "ada@example.com"] {
///     connection.call(endpoint("thm.remove_seat").unwrap(), &json!({ "email": email })).await.unwrap();
/// }
/// let mut removals = Removals::default();
/// let counts = dry_run.take("main").iter().map(|write| removals.count(write)).collect::<Vec<_>>();
/// assert_eq!(counts, [1, 2, 2]);
/// # });
/// ```
#[derive(Debug, Default)]
pub struct Removals {
    /// By row: the people whom the removals in its nested rows are about.
    rows: HashMap<Key, HashSet<Key>>,
    total: usize,
}

impl Removals {
    /// Counts a write, and returns the new total.
    pub fn count(&mut self, write: &PlannedWrite) -> usize {
        if let Some((row, subject)) = counted(write) {
            let before = self.rows.get(&row).map_or(0, |inner| inner.len().max(1));
            let inner = self.rows.entry(row).or_default();
            inner.extend(subject);
            self.total += inner.len().max(1) - before;
        }
        self.total
    }

    /// What the total would be with this write.
    fn with(&self, write: &PlannedWrite) -> usize {
        let Some((row, subject)) = counted(write) else { return self.total };
        let Some(inner) = self.rows.get(&row) else { return self.total + 1 };
        let is_new = subject.is_some_and(|subject| !inner.contains(&subject));
        self.total + usize::from(is_new && !inner.is_empty())
    }
}

/// The row that a removal counts for, and the person it is about if that is counted separately.
fn counted(write: &PlannedWrite) -> Option<(Key, Option<Key>)> {
    if !write.removes {
        return None;
    }
    let row = Scope::row_of(&write.scope);
    let is_within = write.scope == Scope::MAIN || write.scope[row.len()..].contains("#/");
    Some((key(row, ""), is_within.then(|| key(row, &write.subject))))
}
