//! Keeps requests within a rate, and slows down when the service asks for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use drillmaster_models::wire::is_throttled;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::error::Error;
use crate::log::{self, WAIT, millis};
use crate::rate::Rate;
use crate::request::{Request, Response, Scope, Source, Transport};
use crate::retry_after::{limit_reset, retry_after};
use crate::wait_policy::{WaitPolicy, WaitReason};

/// The share of the full rate that one second of good answers restores after a slow-down.
const RECOVERY: f64 = 0.05;
/// The slowest rate that a service can force, as a share of the full rate.
const MIN_SHARE: f64 = 1.0 / 64.0;
/// The pause after a throttling answer that does not say how long to wait. It doubles with each such answer in a row.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest of these pauses.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Keeps the requests of one credential within a rate. Put one `RateLimit` around the transport of each service, and
/// share it among all senders.
///
/// Requests are sent in order, evenly spaced; after a rest, a small [burst](Rate::burst) may be sent at once. No second
/// has more requests than the rate and the burst together.
///
/// - An answer that **asks to slow down** (429, or a 403 that says so) pauses all requests for the time in its
///   `Retry-After` or rate limit headers, an hour at most; without such a header, for 1 s, doubling up to 60 s. It also
///   halves the rate, down to 1/64. Answers to requests that had been sent before extend the pause, and do not halve the
///   rate again.
/// - A rate limit header that says **none remaining** pauses all requests until its reset.
/// - Each second of other answers restores 5 % of the full rate.
///
/// Answers are returned as they are; sending again is left to [`Retry`](crate::Retry), above. A request that is dropped
/// while it waits costs nothing. A request that would have to wait longer than its [`WaitPolicy`] allows is not sent:
/// it gets the answer that the service would give, a 429 with the service's last message and the rest of the pause.
///
/// ```
/// use drillmaster_models::thm::ListRooms;
/// use drillmaster_transport::{Connection, Rate, RateLimit, RejectAll};
/// use std::sync::Arc;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
/// # runtime.block_on(async {
/// let limited = Arc::new(RateLimit::new(RejectAll, Rate::per_second(10)));
/// let connection = Connection::new(limited.clone());
/// for _ in 0..11 {
///     let _ = connection.send(&ListRooms::default()).await;
/// }
/// // Two are sent at once, the others a tenth of a second apart.
/// let stats = limited.stats();
/// assert_eq!((stats.requests, stats.elapsed.as_millis()), (11, 900));
/// # });
/// ```
// Not built on the crate `governor`: its quota is fixed, and pausing, halving, recovering and the order of requests
// would all have to be built around it. The algorithm (GCRA) is in `admit`, on tokio's clock, which tests can pause.
pub struct RateLimit<T> {
    inner: T,
    rate: Rate,
    /// Held by the one request that waits for its time; the others queue behind it in order.
    gate: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    policy: WaitPolicy,
}

struct State {
    /// The present rate in requests per second.
    rate: f64,
    /// When the next request may be sent if all are evenly spaced.
    due: Option<Instant>,
    /// The start and the end of the present pause.
    pause: Option<(Instant, Instant)>,
    /// The body of the last throttling answer.
    throttled_body: Option<Vec<u8>>,
    /// When the rate was last halved.
    halved: Option<Instant>,
    /// How often it was halved in a row.
    slowdowns: u32,
    first_sent: Option<Instant>,
    last_seen: Option<Instant>,
    requests: u64,
    throttled: u64,
}

/// What a [`RateLimit`] has sent so far.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RateStats {
    /// The number of requests sent.
    pub requests: u64,
    /// The number of answers that asked to slow down.
    pub throttled: u64,
    /// The time from the first request to the latest request or answer.
    pub elapsed: Duration,
    /// The rate in requests per second that is allowed at present: the full rate, or less after a slow-down.
    pub allowed: f64,
}

impl RateStats {
    /// The average rate of the requests sent. `None` before the clock has moved.
    pub fn requests_per_second(&self) -> Option<f64> {
        // Counts stay far below where the conversion would round.
        #[expect(clippy::cast_precision_loss, reason = "no run sends 2^52 requests")]
        let requests = self.requests as f64;
        (!self.elapsed.is_zero()).then(|| requests / self.elapsed.as_secs_f64())
    }
}

impl<T> RateLimit<T> {
    /// Sends over `inner` at this rate.
    pub fn new(inner: T, rate: Rate) -> Self {
        let state = State {
            rate: rate.requests_per_second(),
            due: None,
            pause: None,
            throttled_body: None,
            halved: None,
            slowdowns: 0,
            first_sent: None,
            last_seen: None,
            requests: 0,
            throttled: 0,
        };
        let (gate, state) = (tokio::sync::Mutex::default(), Mutex::new(state));
        Self { inner, rate, gate, state, policy: WaitPolicy::default() }
    }

    /// Limits how long requests wait. Waits of a [`Retry`](crate::Retry) above count as well.
    #[must_use]
    pub fn with_wait_policy(self, policy: WaitPolicy) -> Self {
        Self { policy, ..self }
    }

    /// The full rate.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// What was sent so far and what is allowed at present, for progress and recordings.
    pub fn stats(&self) -> RateStats {
        let state = self.state();
        let elapsed = state.first_sent.zip(state.last_seen).map(|(first, last)| last - first);
        RateStats {
            requests: state.requests,
            throttled: state.throttled,
            elapsed: elapsed.unwrap_or_default(),
            allowed: state.rate,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far ahead of even spacing a request may be sent.
    fn tolerance(&self) -> Duration {
        self.rate.interval() * (self.rate.burst() - 1)
    }

    /// Waits for a request's turn and returns when it came. If the pause is longer than the request may wait, returns
    /// the rest of the pause as an error.
    async fn turn(&self, service: &'static str) -> Result<Instant, Duration> {
        let queued = Instant::now();
        // A request that will not wait need not queue.
        self.check_pause(service, queued)?;
        let _gate = self.gate.lock().await;
        loop {
            let now = Instant::now();
            match self.admit(now) {
                Ok(()) => {
                    WaitPolicy::spend(self.pause_between(queued, now));
                    return Ok(now);
                }
                // A pause may have begun in the meantime.
                Err(earliest) => match self.check_pause(service, queued)? {
                    None => sleep_until(earliest).await,
                    Some(_) => tokio::select! {
                        () = sleep_until(earliest) => {}
                        () = self.policy.cancelled() => {
                            let rest = self.check_pause(service, queued)?;
                            return Err(rest.unwrap_or_default());
                        }
                    },
                },
            }
        }
    }

    /// The rest of the pause, if there is one. It is an error if the pause, with what of it has passed since
    /// `queued`, is longer than the request may wait.
    fn check_pause(
        &self,
        service: &'static str,
        queued: Instant,
    ) -> Result<Option<Duration>, Duration> {
        let now = Instant::now();
        let Some((start, end)) = self.state().pause.filter(|(_, end)| *end > now) else {
            return Ok(None);
        };
        let rest = end - now;
        let wait = end - queued.max(start);
        let allowed = self.policy.allows(service, wait, WaitReason::RateLimited);
        if allowed { Ok(Some(rest)) } else { Err(rest) }
    }

    /// How much of the time between was part of the latest pause.
    fn pause_between(&self, from: Instant, to: Instant) -> Duration {
        let pause = self.state().pause;
        pause.map_or(Duration::ZERO, |(start, end)| to.min(end) - to.min(from.max(start)))
    }

    /// The answer that the service would give during a pause.
    fn throttling_answer(&self, rest: Duration) -> Response {
        let default = json!({ "message": "its rate limit is used up" }).to_string().into_bytes();
        let body = self.state().throttled_body.clone().unwrap_or(default);
        let seconds = rest.as_millis().div_ceil(1000).to_string();
        let headers = [("content-type", "application/json"), ("retry-after", &seconds)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Response { status: 429, headers: headers.to_vec(), body }
    }

    /// Lets a request be sent now, or returns the earliest time for it.
    fn admit(&self, now: Instant) -> Result<(), Instant> {
        let mut state = self.state();
        let tolerated = state.due.and_then(|due| due.checked_sub(self.tolerance()));
        match tolerated.max(state.pause.map(|(_, end)| end)) {
            Some(earliest) if earliest > now => return Err(earliest),
            _ => {}
        }
        let interval = Duration::from_secs_f64(1.0 / state.rate);
        state.due = Some(state.due.map_or(now, |due| due.max(now)) + interval);
        state.first_sent.get_or_insert(now);
        state.last_seen = Some(now);
        state.requests += 1;
        Ok(())
    }

    /// Adapts the rate and the pause to the answer to a request that was sent at `sent`.
    fn adapt(&self, sent: Instant, answer: &Response) {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let mut state = self.state();
        // Sent before the latest halving, it says nothing about the rate since.
        let is_news = state.halved.is_none_or(|halved| sent > halved);
        if !is_throttled(answer) {
            if is_news {
                state.slowdowns = 0;
                let full = self.rate.requests_per_second();
                // At the present rate, the answers of one second add up to the share.
                state.rate = (state.rate + RECOVERY * full / state.rate.max(1.0)).min(full);
            }
            if let Some(wait) = limit_reset(answer, wall) {
                state.pause(now, now + wait);
            }
            return;
        }
        state.throttled += 1;
        let doubled = PAUSE.saturating_mul(1 << state.slowdowns.min(16)).min(MAX_PAUSE);
        let end = now + retry_after(answer, wall).unwrap_or(doubled);
        state.pause(now, end);
        state.throttled_body = Some(answer.body.clone());
        // No burst after the pause.
        state.due = state.due.max(end.checked_add(self.tolerance()));
        if is_news {
            state.halved = Some(now);
            state.slowdowns += 1;
            state.rate = (state.rate / 2.0).max(self.rate.requests_per_second() * MIN_SHARE);
        }
    }
}

impl State {
    fn pause(&mut self, now: Instant, end: Instant) {
        self.pause = Some(match self.pause.filter(|(_, end)| *end > now) {
            Some((start, earlier)) => (start, earlier.max(end)),
            None => (now, end),
        });
    }
}

#[async_trait]
impl<T: Transport> Transport for RateLimit<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let queued = log::is_on().then(Instant::now);
        let turn = match self.turn(request.metadata.service()).await {
            Ok(turn) => turn,
            Err(rest) => return Ok(self.throttling_answer(rest)),
        };
        if let Some(waited) = queued.map(|queued| turn - queued).filter(|wait| !wait.is_zero()) {
            tracing::debug!(
                target: WAIT,
                endpoint = request.metadata.name,
                wait_ms = millis(waited),
                scope = &*request.scope,
            );
        }
        let sent = self.inner.send(request).await;
        self.state().last_seen = Some(Instant::now());
        if let Ok(answer) = &sent {
            self.adapt(turn, answer);
        }
        sent
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
