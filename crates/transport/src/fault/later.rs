//! Requests that take effect only after some time, whatever became of those who sent them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::VISIBLE_AFTER;
use crate::error::Error;
use crate::request::{Request, Response, Transport};

/// Hands requests on when their time has come.
pub(super) struct Later<T> {
    inner: Arc<T>,
    pending: Mutex<Vec<Pending>>,
}

struct Pending {
    due: Instant,
    request: Request,
    visible_after: Duration,
    answer: oneshot::Sender<Result<Response, Error>>,
}

impl<T> Later<T> {
    pub(super) fn new(inner: Arc<T>) -> Self {
        Self { inner, pending: Mutex::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one whose time comes first, if it has come by then.
    fn next(&self, now: Option<Instant>) -> Option<Pending> {
        let mut pending = self.lock();
        let (first, _) = pending.iter().enumerate().min_by_key(|(_, one)| one.due)?;
        let is_due = now.is_none_or(|now| pending[first].due <= now);
        // Of those that are due at once, the one that came first goes first.
        is_due.then(|| pending.remove(first))
    }
}

impl<T: Transport> Later<T> {
    /// Hands on all that are due by then, or all.
    pub(super) async fn carry_out(&self, now: Option<Instant>) {
        while let Some(Pending { request, visible_after, answer, .. }) = self.next(now) {
            let sent = VISIBLE_AFTER.scope(visible_after, self.inner.send(request)).await;
            // Nobody may be waiting any more.
            let _ = answer.send(sent);
        }
    }
}

impl<T: Transport + 'static> Later<T> {
    /// Hands a request on after this time; the answer comes to whoever waits for it.
    pub(super) fn send(
        self: &Arc<Self>,
        request: Request,
        after: Duration,
        visible_after: Duration,
    ) -> oneshot::Receiver<Result<Response, Error>> {
        let due = Instant::now() + after;
        let (answer, answered) = oneshot::channel();
        self.lock().push(Pending { due, request, visible_after, answer });
        let own = self.clone();
        tokio::spawn(async move {
            sleep_until(due).await;
            own.carry_out(Some(due)).await;
        });
        answered
    }
}
