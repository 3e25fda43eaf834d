//! Sending again, where that can do no harm.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use drillmaster_models::wire::is_throttled;
use serde_json::Value;

use crate::error::{Error, NetworkError};
use crate::log;
use crate::patience::{Patience, Why};
use crate::request::{Request, Response, Scope, Source, Transport};
use crate::wait::told_wait;

/// How often a request is sent at most, answers that ask to slow down not counted.
const ATTEMPTS: u32 = 3;
/// The longest wait before the second attempt; it doubles with every further one.
const BASE: Duration = Duration::from_millis(200);
/// The longest wait of all.
const LONGEST: Duration = Duration::from_secs(5);
/// The longest wait for a service that answered before and cannot be reached now.
const LONGEST_OUTAGE: Duration = Duration::from_secs(30);
/// The tokens at the start, and the most there can be.
const QUOTA: u32 = 500;
/// What another attempt costs.
const COST: u32 = 5;
/// What another attempt costs after a request that was waited for in vain: it held a worker all that time.
const COST_OF_TIMEOUT: u32 = 10;

/// Sends a request again where that can do no harm.
///
/// A **read** is sent up to 3 times while it is lost or answered by a 5xx. A **write** is sent again only
/// when the connection never opened; any other loss, and a 5xx, leaves it in doubt, which is for its endpoint's
/// own way to settle. An answer that asks to slow down was not carried out: it is waited out, for reads and
/// writes alike, as long as the request's [`Patience`] lasts; then it is the answer. So is a service that
/// answered before and cannot be reached any more, at ever longer intervals: a service that never answered is
/// tried 3 times, for its address may be wrong.
///
/// Waits are random between nothing and 200 ms, 400 ms and so on up to 5 s, so that requests which failed
/// together do not come back together. A `Retry-After` is waited for as told. With a
/// [`RateLimit`](crate::RateLimit) below, both wait for the same moment, and the pace then lets one after the other
/// through.
///
/// All requests share a quota of 500 tokens: another attempt costs 5, after a timeout 10, and a good answer
/// gives 1 back. When it is empty nothing is sent again: a service that is down is not kept down by us.
/// Waiting as the service asked costs nothing, nor does waiting for it to come back.
///
/// ```
/// use drillmaster_models::thm::ShowScoreboard;
/// use drillmaster_transport::{Connection, FaultInjector, FaultPlan, RejectAll, Retry};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
/// # runtime.block_on(async {
/// // The first two attempts are lost; the third gets through, here to a transport that refuses it.
/// let plan: FaultPlan = "reset-before@1,2".parse().unwrap();
/// let connection = Connection::new(Retry::new(FaultInjector::new(RejectAll, plan)));
/// let request = ShowScoreboard { room_code: "linux1".to_owned() };
/// assert!(connection.send(&request).await.unwrap_err().is_setup());
/// # });
/// ```
pub struct Retry<T> {
    inner: T,
    shared: Mutex<Shared>,
    patience: Patience,
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
            patience: Patience::default(),
            answered: AtomicBool::new(false),
        }
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The same with waits that come from this seed.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        self.shared().random.seed(seed);
        self
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes tokens, if there are as many.
    fn afford(&self, cost: u32) -> bool {
        let mut shared = self.shared();
        match shared.tokens.checked_sub(cost) {
            Some(left) => shared.tokens = left,
            None => return false,
        }
        true
    }

    /// A random wait before what comes after the nth attempt, up to this.
    fn jitter(&self, nth: u32, most: Duration) -> Duration {
        let longest = BASE.saturating_mul(1 << nth.saturating_sub(1).min(16)).min(most);
        longest.mul_f64(self.shared().random.f64())
    }
}

/// What is to be done about a request's end.
enum Next {
    /// It stands.
    Keep,
    /// The service asked to be asked later.
    Wait,
    /// The service answered before, and may come back.
    Outage,
    /// It may be sent again at this cost.
    Again(u32),
}

fn next(request: &Request, sent: &Result<Response, Error>, answered: bool) -> Next {
    let reads = request.metadata.effect.is_read();
    match sent {
        Ok(answer) if is_throttled(answer) => Next::Wait,
        Ok(answer) if answer.status >= 500 && reads => Next::Again(COST),
        Ok(_) => Next::Keep,
        Err(error) => match error.network_error() {
            Some(NetworkError::Connect) if answered => Next::Outage,
            Some(NetworkError::Connect) => Next::Again(COST),
            Some(NetworkError::Timeout) if reads => Next::Again(COST_OF_TIMEOUT),
            Some(NetworkError::ConnectionLost) if reads => Next::Again(COST),
            _ => Next::Keep,
        },
    }
}

impl<T: Transport> Retry<T> {
    async fn send_patiently(&self, request: Request) -> Result<Response, Error> {
        let service = request.metadata.service();
        let (mut attempts, mut waits) = (1, 0);
        loop {
            let sent = log::as_attempt(attempts + waits, self.inner.send(request.clone())).await;
            let answered = self.answered.load(Ordering::Relaxed);
            if sent.is_ok() && !answered {
                self.answered.store(true, Ordering::Relaxed);
            }
            let (wait, why) = match next(&request, &sent, answered) {
                Next::Wait => {
                    waits += 1;
                    let told = sent.as_ref().ok().and_then(|a| told_wait(a, SystemTime::now()));
                    (told.unwrap_or_else(|| self.jitter(waits, LONGEST)), Some(Why::Asked))
                }
                Next::Outage => {
                    waits += 1;
                    (self.jitter(waits, LONGEST_OUTAGE), Some(Why::Unreachable))
                }
                Next::Again(cost) if attempts < ATTEMPTS && self.afford(cost) => {
                    attempts += 1;
                    (self.jitter(attempts - 1, LONGEST), None)
                }
                Next::Keep => {
                    if sent.as_ref().is_ok_and(|answer| answer.status < 500) {
                        let mut shared = self.shared();
                        shared.tokens = (shared.tokens + 1).min(QUOTA);
                    }
                    return sent;
                }
                Next::Again(_) => return sent,
            };
            tracing::warn!(
                target: log::RETRY,
                endpoint = request.metadata.name,
                attempt = attempts + waits,
                wait_ms = log::millis(wait),
                scope = &*request.scope,
            );
            match why {
                Some(why) if !self.patience.wait(service, wait, why).await => return sent,
                Some(_) => {}
                None => tokio::time::sleep(wait).await,
            }
        }
    }
}

#[async_trait]
impl<T: Transport> Transport for Retry<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        self.patience.over(self.send_patiently(request)).await
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
