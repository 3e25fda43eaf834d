//! How long requests wait for a service that cannot answer now.

use std::cell::Cell;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// The default limit: longer than a restart or a minute of an exhausted rate limit, and short enough for a person who
/// is watching.
const DEFAULT_LIMIT: Duration = Duration::from_secs(300);
/// Shorter waits are not reported.
const MIN_REPORTED: Duration = Duration::from_secs(5);
/// How long after a report a short wait for the same service is not reported again.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// Limits how long each request may wait for a service in total: because it asked to slow down, because its rate limit
/// is used up, or because it can no longer be reached. It also reports waits and can cancel them. Clones share their
/// reports and their cancellation.
///
/// [`Retry`](crate::Retry) and [`RateLimit`](crate::RateLimit) take one. By default a request waits for five minutes
/// at most, and nothing is reported.
///
/// ```
/// use drillmaster_transport::WaitPolicy;
/// use std::time::Duration;
///
/// let stop = tokio_util::sync::CancellationToken::new();
/// let policy = WaitPolicy::new(Duration::from_secs(60))
///     .cancelled_by(stop.clone())
///     .on_wait(|wait| eprintln!("waiting {:?} for {}", wait.time, wait.service));
/// stop.cancel(); // from here on no request waits
/// # let _ = policy;
/// ```
#[derive(Clone)]
pub struct WaitPolicy {
    limit: Duration,
    stop: CancellationToken,
    on_wait: Option<OnWait>,
    /// Until when each service's waits have been reported.
    reported: Arc<Mutex<HashMap<(&'static str, WaitOutcome), Instant>>>,
}

type OnWait = Arc<dyn Fn(&Wait) + Send + Sync>;

/// A request that waits, or that gives up because it would have to wait too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The service, by the first part of its endpoints' names.
    pub service: &'static str,
    /// The length of this wait.
    pub time: Duration,
    /// Why the request has to wait.
    pub reason: WaitReason,
    /// What happens to the request.
    pub outcome: WaitOutcome,
    /// How long a request may wait in total.
    pub limit: Duration,
}

/// Why a request has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitReason {
    /// The service asked to slow down, or its rate limit is used up.
    RateLimited,
    /// The service answered before, and now cannot be reached.
    Unreachable,
}

/// What happens to a request that has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitOutcome {
    /// It is sent after the wait.
    Retry,
    /// The wait is longer than the limit allows, so it fails now.
    GiveUp,
}

tokio::task_local! {
    /// How much longer the current request may wait.
    static REMAINING: Cell<Duration>;
}

impl Default for WaitPolicy {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT)
    }
}

impl WaitPolicy {
    /// Lets each request wait this long in total.
    pub fn new(limit: Duration) -> Self {
        Self { limit, stop: CancellationToken::new(), on_wait: None, reported: Arc::default() }
    }

    /// Ends all waits when this token is cancelled. Requests that wait then fail.
    #[must_use]
    pub fn cancelled_by(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// Calls this for waits of five seconds and more. Many waits for the same reason are reported once.
    #[must_use]
    pub fn on_wait(self, report: impl Fn(&Wait) + Send + Sync + 'static) -> Self {
        Self { on_wait: Some(Arc::new(report)), ..self }
    }

    /// Sends a request. All waits within count towards its limit.
    pub(crate) async fn scope<T>(&self, send: impl Future<Output = T>) -> T {
        REMAINING.scope(Cell::new(self.limit), send).await
    }

    /// How much longer the current request may wait.
    pub(crate) fn remaining(&self) -> Duration {
        REMAINING.try_with(Cell::get).unwrap_or(self.limit)
    }

    /// Counts a wait of the current request towards its limit.
    pub(crate) fn spend(waited: Duration) {
        let _ = REMAINING.try_with(|left| left.set(left.get().saturating_sub(waited)));
    }

    /// Returns when all waits are cancelled.
    pub(crate) async fn cancelled(&self) {
        self.stop.cancelled().await;
    }

    /// Waits, unless the limit does not allow it or waits are cancelled. Returns whether it waited.
    pub(crate) async fn wait(
        &self,
        service: &'static str,
        time: Duration,
        reason: WaitReason,
    ) -> bool {
        if !self.allows(service, time, reason) {
            return false;
        }
        tokio::select! {
            biased;
            () = self.cancelled() => false,
            () = sleep(time) => {
                Self::spend(time);
                true
            }
        }
    }

    /// Whether the current request may wait this long. Reports the wait in either case.
    pub(crate) fn allows(&self, service: &'static str, time: Duration, reason: WaitReason) -> bool {
        let remaining = self.remaining();
        let outcome = if time > remaining { WaitOutcome::GiveUp } else { WaitOutcome::Retry };
        let total = self.limit.saturating_sub(remaining) + time;
        let is_long = outcome == WaitOutcome::GiveUp || total >= MIN_REPORTED;
        if is_long && !self.stop.is_cancelled() {
            self.report(Wait { service, time, reason, outcome, limit: self.limit });
        }
        outcome == WaitOutcome::Retry
    }

    fn report(&self, wait: Wait) {
        let Some(on_wait) = &self.on_wait else { return };
        let now = Instant::now();
        let end = now + wait.time;
        {
            let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
            let known = reported.entry((wait.service, wait.outcome)).or_insert(now);
            if end <= *known {
                return;
            }
            // Requests that wait for the same moment compute it a few milliseconds apart.
            *known = end.max(now + REPORT_INTERVAL) + Duration::from_secs(1);
        }
        on_wait(&wait);
    }
}
