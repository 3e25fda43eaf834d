//! How long requests wait for a service that cannot answer them now.

use std::cell::Cell;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// What [`Patience`] is unless it is said: longer than a restart or a spent minute of a rate limit, and short enough
/// for a person who looks on.
const USUAL: Duration = Duration::from_secs(300);
/// Whoever has waited less than this is not told.
const WORTH_TELLING: Duration = Duration::from_secs(5);
/// How soon after a wait was told another short one is.
const QUIET: Duration = Duration::from_secs(60);

/// How long each request waits for a service in all: where it asks to slow down, where its rate limit is spent, where
/// it cannot be reached any more. It also knows who is told of a wait, and what ends all of them. Clones share that.
///
/// [`Retry`](crate::Retry) and [`RateLimit`](crate::RateLimit) take one; without, a request waits for five minutes at most,
/// nobody is told, and nothing ends a wait.
///
/// ```
/// use drillmaster_transport::Patience;
/// use std::time::Duration;
///
/// let stop = tokio_util::sync::CancellationToken::new();
/// let patience = Patience::new(Duration::from_secs(60))
///     .ended_by(stop.clone())
///     .telling(|wait| eprintln!("waiting for {} for {:?}", wait.service, wait.time));
/// stop.cancel(); // from here on no request waits
/// # let _ = patience;
/// ```
#[derive(Clone)]
pub struct Patience {
    limit: Duration,
    stop: CancellationToken,
    tell: Option<Tell>,
    /// Until when each service is known to be waited for.
    told: Arc<Mutex<HashMap<(&'static str, Ends), Instant>>>,
}

type Tell = Arc<dyn Fn(&Wait) + Send + Sync>;

/// A request waits, or will not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The service, by the first part of its endpoints' names.
    pub service: &'static str,
    /// How long.
    pub time: Duration,
    /// Why.
    pub why: Why,
    /// How it ends.
    pub ends: Ends,
    /// How long a request waits at most in all.
    pub limit: Duration,
}

/// Why a request waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// The service asked to slow down, or its rate limit is spent.
    Asked,
    /// The service answered before, and now cannot be reached.
    Unreachable,
}

/// How a wait ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ends {
    /// The request is sent.
    Sent,
    /// It is longer than the request may wait: that fails at once.
    Failed,
}

tokio::task_local! {
    /// How long the request that is being sent may still wait.
    static LEFT: Cell<Duration>;
}

impl Default for Patience {
    fn default() -> Self {
        Self::new(USUAL)
    }
}

impl Patience {
    /// So long for each request in all.
    pub fn new(limit: Duration) -> Self {
        Self { limit, stop: CancellationToken::new(), tell: None, told: Arc::default() }
    }

    /// The same, with an end to all waits when this is cancelled: what waits then fails.
    #[must_use]
    pub fn ended_by(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// The same, which tells of waits of five seconds and more; of many that are alike, once.
    #[must_use]
    pub fn telling(self, tell: impl Fn(&Wait) + Send + Sync + 'static) -> Self {
        Self { tell: Some(Arc::new(tell)), ..self }
    }

    /// Sends a request, whose waits count together from here on.
    pub(crate) async fn over<T>(&self, sent: impl Future<Output = T>) -> T {
        LEFT.scope(Cell::new(self.limit), sent).await
    }

    /// How long the request that is being sent may still wait.
    pub(crate) fn left(&self) -> Duration {
        LEFT.try_with(Cell::get).unwrap_or(self.limit)
    }

    /// Takes note of a wait that is over.
    pub(crate) fn spend(waited: Duration) {
        let _ = LEFT.try_with(|left| left.set(left.get().saturating_sub(waited)));
    }

    /// Comes when all waits are to end.
    pub(crate) async fn ended(&self) {
        self.stop.cancelled().await;
    }

    /// Waits, unless that is longer than the request may, or all waits are to end. Says whether it did.
    pub(crate) async fn wait(&self, service: &'static str, time: Duration, why: Why) -> bool {
        if !self.affords(service, time, why) {
            return false;
        }
        tokio::select! {
            biased;
            () = self.ended() => false,
            () = sleep(time) => {
                Self::spend(time);
                true
            }
        }
    }

    /// Whether the request may wait so long. Tells of it either way.
    pub(crate) fn affords(&self, service: &'static str, time: Duration, why: Why) -> bool {
        let left = self.left();
        let ends = if time > left { Ends::Failed } else { Ends::Sent };
        let waited = self.limit.saturating_sub(left) + time;
        if !self.stop.is_cancelled() && (ends == Ends::Failed || waited >= WORTH_TELLING) {
            self.tell(Wait { service, time, why, ends, limit: self.limit });
        }
        ends == Ends::Sent
    }

    fn tell(&self, wait: Wait) {
        let Some(tell) = &self.tell else { return };
        let now = Instant::now();
        let until = now + wait.time;
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            let known = told.entry((wait.service, wait.ends)).or_insert(now);
            if until <= *known {
                return;
            }
            // Those that wait for the same moment do not see it to the millisecond.
            *known = until.max(now + QUIET) + Duration::from_secs(1);
        }
        tell(&wait);
    }
}
