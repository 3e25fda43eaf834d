//! Requests that take effect after some time, even if their senders have gone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::VISIBLE_AFTER;
use crate::error::Error;
use crate::request::{Request, Response, Transport};

/// Sends requests when they are due.
pub(super) struct Delayed<T> {
    inner: Arc<T>,
    pending: Mutex<Vec<Pending>>,
}

struct Pending {
    due: Instant,
    request: Request,
    visible_after: Duration,
    answer: oneshot::Sender<Result<Response, Error>>,
}

impl<T> Delayed<T> {
    pub(super) fn new(inner: Arc<T>) -> Self {
        Self { inner, pending: Mutex::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the earliest request, if it is due by then.
    fn next(&self, by: Option<Instant>) -> Option<Pending> {
        let mut pending = self.lock();
        // Of requests with the same time, the one that was sent first comes first.
        let (first, _) = pending.iter().enumerate().min_by_key(|(_, one)| one.due)?;
        let is_due = by.is_none_or(|by| pending[first].due <= by);
        is_due.then(|| pending.remove(first))
    }
}

impl<T: Transport> Delayed<T> {
    /// Sends all requests that are due by then, or all.
    pub(super) async fn carry_out(&self, by: Option<Instant>) {
        while let Some(Pending { request, visible_after, answer, .. }) = self.next(by) {
            let sent = VISIBLE_AFTER.scope(visible_after, self.inner.send(request)).await;
            // The sender may have gone.
            let _ = answer.send(sent);
        }
    }
}

impl<T: Transport + 'static> Delayed<T> {
    /// Sends a request after this time. The answer comes through the receiver.
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
