//! Sends a request again where that can do no harm.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use drillmaster_models::wire::is_throttled;
use serde_json::Value;

use crate::error::{Error, NetworkError};
use crate::log::{self, RETRY, millis};
use crate::request::{Request, Response, Scope, Source, Transport};
use crate::retry_after::retry_after;
use crate::wait_policy::{WaitPolicy, WaitReason};

/// How often a request is sent at most, not counting answers that ask to slow down.
const MAX_ATTEMPTS: u32 = 3;
/// The longest backoff before the second attempt. It doubles with every further one.
const BACKOFF: Duration = Duration::from_millis(200);
/// The longest backoff of all.
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// The longest backoff while a service that answered before cannot be reached.
const MAX_OUTAGE_BACKOFF: Duration = Duration::from_secs(30);
/// The tokens at the start, which is also the most there can be.
const QUOTA: u32 = 500;
/// The tokens that another attempt costs.
const COST: u32 = 5;
/// The tokens that another attempt costs after a timeout, which blocked a worker for a long time.
const TIMEOUT_COST: u32 = 10;

/// Sends a request again where that can do no harm.
///
/// A **read** is sent up to 3 times while it gets lost or the service answers with a 5xx. A **write** is sent again
/// only if the connection never opened; otherwise, and after a 5xx, it is in doubt, and [resolved](crate::Resolver)
/// in the way that its endpoint declares.
///
/// A request that the service answers by asking to slow down was not carried out. It is sent again after the wait,
/// read or write, as long as its [`WaitPolicy`] allows; then the last answer is returned. The same goes for a service
/// that answered before and cannot be reached any more. A service that never answered is tried 3 times, because its
/// address may be wrong.
///
/// Backoff is random, between nothing and 200 ms, 400 ms and so on up to 5 s, so that requests which failed together
/// do not come back together. A `Retry-After` is waited for exactly. With a [`RateLimit`](crate::RateLimit) below,
/// both wait for the same moment, and the rate limit then sends one request after the other.
///
/// All requests share a quota of 500 tokens: another attempt costs 5, after a timeout 10, and each good answer gives 1
/// back. When it is used up, nothing is sent again, so that retries do not keep a failing service down. Waits that the
/// service asks for cost nothing, nor does waiting for it to come back.
///
/// ```
/// use drillmaster_models::thm::ShowScoreboard;
/// use drillmaster_transport::{Connection, FaultInjector, FaultPlan, RejectAll, Retry};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
/// # runtime.block_on(async {
/// // The first two attempts get lost; the third gets through, here to a transport that rejects it.
/// let plan: FaultPlan = "reset-before@1,2".parse().unwrap();
/// let connection = Connection::new(Retry::new(FaultInjector::new(RejectAll, plan)));
/// let request = ShowScoreboard { room_code: "linux1".to_owned() };
/// assert!(connection.send(&request).await.unwrap_err().is_setup());
/// # });
/// ```
pub struct Retry<T> {
    inner: T,
    shared: Mutex<Shared>,
    policy: WaitPolicy,
    /// Whether the service ever answered.
    answered: AtomicBool,
}

/// What all requests share.
struct Shared {
    tokens: u32,
    random: fastrand::Rng,
}

impl<T> Retry<T> {
    /// Sends over `inner`, and again where that can do no harm.
    pub fn new(inner: T) -> Self {
        Self {
            inner,
            shared: Mutex::new(Shared { tokens: QUOTA, random: fastrand::Rng::new() }),
            policy: WaitPolicy::default(),
            answered: AtomicBool::new(false),
        }
    }

    /// Limits how long requests wait for the service.
    #[must_use]
    pub fn with_wait_policy(self, policy: WaitPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Seeds the random backoff.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        self.shared().random.seed(seed);
        self
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes tokens, if there are enough.
    fn take_tokens(&self, cost: u32) -> bool {
        let mut shared = self.shared();
        match shared.tokens.checked_sub(cost) {
            Some(left) => shared.tokens = left,
            None => return false,
        }
        true
    }

    /// A random backoff after the nth attempt, up to `max`.
    fn backoff(&self, nth: u32, max: Duration) -> Duration {
        let longest = BACKOFF.saturating_mul(1 << nth.saturating_sub(1).min(16)).min(max);
        longest.mul_f64(self.shared().random.f64())
    }
}

/// What to do after an attempt.
enum Next {
    /// Return what it came to.
    Return,
    /// Wait as the service asked, then send again.
    Wait,
    /// Wait for a service that answered before to come back.
    Outage,
    /// Send again for this many tokens.
    Retry(u32),
}

fn next(request: &Request, sent: &Result<Response, Error>, answered: bool) -> Next {
    let is_read = request.metadata.effect.is_read();
    match sent {
        Ok(answer) if is_throttled(answer) => Next::Wait,
        Ok(answer) if answer.status >= 500 && is_read => Next::Retry(COST),
        Ok(_) => Next::Return,
        Err(error) => match error.network_error() {
            Some(NetworkError::Connect) if answered => Next::Outage,
            Some(NetworkError::Connect) => Next::Retry(COST),
            Some(NetworkError::Timeout) if is_read => Next::Retry(TIMEOUT_COST),
            Some(NetworkError::ConnectionLost) if is_read => Next::Retry(COST),
            _ => Next::Return,
        },
    }
}

impl<T: Transport> Retry<T> {
    async fn send_again(&self, request: Request) -> Result<Response, Error> {
        let service = request.metadata.service();
        let (mut attempts, mut waits) = (1, 0);
        loop {
            let sent = log::as_attempt(attempts + waits, self.inner.send(request.clone())).await;
            let answered = self.answered.load(Ordering::Relaxed);
            if sent.is_ok() && !answered {
                self.answered.store(true, Ordering::Relaxed);
            }
            let (wait, reason) = match next(&request, &sent, answered) {
                Next::Wait => {
                    waits += 1;
                    let asked = sent.as_ref().ok().and_then(|a| retry_after(a, SystemTime::now()));
                    let wait = asked.unwrap_or_else(|| self.backoff(waits, MAX_BACKOFF));
                    (wait, Some(WaitReason::RateLimited))
                }
                Next::Outage => {
                    waits += 1;
                    (self.backoff(waits, MAX_OUTAGE_BACKOFF), Some(WaitReason::Unreachable))
                }
                Next::Retry(cost) if attempts < MAX_ATTEMPTS && self.take_tokens(cost) => {
                    attempts += 1;
                    (self.backoff(attempts - 1, MAX_BACKOFF), None)
                }
                Next::Return => {
                    if sent.as_ref().is_ok_and(|answer| answer.status < 500) {
                        let mut shared = self.shared();
                        shared.tokens = (shared.tokens + 1).min(QUOTA);
                    }
                    return sent;
                }
                Next::Retry(_) => return sent,
            };
            tracing::warn!(
                target: RETRY,
                endpoint = request.metadata.name,
                attempt = attempts + waits,
                wait_ms = millis(wait),
                scope = &*request.scope,
            );
            match reason {
                Some(reason) if !self.policy.wait(service, wait, reason).await => return sent,
                Some(_) => {}
                None => tokio::time::sleep(wait).await,
            }
        }
    }
}

#[async_trait]
impl<T: Transport> Transport for Retry<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        self.policy.scope(self.send_again(request)).await
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
