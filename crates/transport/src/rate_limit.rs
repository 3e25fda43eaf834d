//! Sending no faster than the budget, and no faster than the service asks for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use drillmaster_models::wire::is_throttled;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::error::Error;
use crate::log;
use crate::patience::{Patience, Why};
use crate::rate::Rate;
use crate::request::{Request, Response, Scope, Source, Transport};
use crate::wait::{spent_wait, told_wait};

/// The share of the budget that a second full of good answers gives back after a slow-down.
const CLIMB: f64 = 0.05;
/// The slowest that a service can make us, as a share of the budget.
const SLOWEST: f64 = 1.0 / 64.0;
/// The pause after an answer that asks to slow down and does not say for how long; it doubles while nothing
/// else comes.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest of such pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Keeps the requests of one credential within a budget. Wrap one `RateLimit` around the transport of each
/// service and share it among all who send.
///
/// Requests leave in the order in which they came, evenly spaced; after a rest a small
/// [burst](Rate::burst) may leave at once. In no second leave more than the budget and the burst.
///
/// - An answer that **asks to slow down** (429, or a 403 that says so) pauses all requests until the time
///   that its `Retry-After` or rate limit headers tell, at most an hour; where they tell none, for 1 s,
///   doubling to 60 s. It also halves the rate, down to 1/64 of the budget. The answers to requests that
///   were on their way by then prolong the pause but do not halve again.
/// - A rate limit header that tells of **none remaining** pauses until its reset.
/// - Each second full of other answers gives 5 % of the budget back, up to the whole; a single one never
///   gives back more.
///
/// The answer itself is handed on: whether to send again is for [`Retry`](crate::Retry), above. A request
/// that is dropped while it waits costs nothing. One for which a pause is longer than its [`Patience`] is not
/// sent: it gets the answer that the service would have for it, a 429 in the service's last words, with the
/// rest of the pause.
///
/// ```
/// use drillmaster_models::thm::ListRooms;
/// use drillmaster_transport::{Connection, RejectAll, RateLimit};
/// use std::sync::Arc;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
/// # runtime.block_on(async {
/// let pace = Arc::new(RateLimit::new(RejectAll, "10/s".parse().unwrap()));
/// let connection = Connection::new(pace.clone());
/// for _ in 0..11 {
///     let _ = connection.send(&ListRooms::default()).await;
/// }
/// // Two leave at once, the others a tenth of a second apart.
/// let reached = pace.reached();
/// assert_eq!((reached.requests, reached.elapsed.as_millis()), (11, 900));
/// # });
/// ```
// Not built on the crate `governor`: its quota is fixed when it is made, and pausing everybody, halving,
// climbing back and keeping the order would all have to stand around it. The algorithm (GCRA) is `earliest`
// and `admit`; on tokio's clock it can be tested without waiting.
pub struct RateLimit<T> {
    inner: T,
    budget: Rate,
    /// Held by the one request that waits for its time; the others queue up behind it in order.
    gate: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    patience: Patience,
}

struct State {
    /// Requests per second at present.
    rate: f64,
    /// When the next request would be due if all were evenly spaced.
    due: Option<Instant>,
    /// Since when nothing leaves, and until when.
    pause: Option<(Instant, Instant)>,
    /// The body of the last answer that asked to slow down.
    asked: Option<Vec<u8>>,
    /// When the rate was last halved.
    halved: Option<Instant>,
    /// How often it was halved in a row.
    slowdowns: u32,
    first_sent: Option<Instant>,
    last_seen: Option<Instant>,
    requests: u64,
    throttled: u64,
}

/// What a [`RateLimit`] has let through so far.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RateStats {
    /// How many requests were sent.
    pub requests: u64,
    /// How many answers asked to slow down.
    pub throttled: u64,
    /// The time from the first request to the latest request or answer.
    pub elapsed: Duration,
    /// How many requests a second are allowed at present: the budget, or less after a slow-down.
    pub allowed: f64,
}

impl RateStats {
    /// How many requests a second were really sent, on average; none before the clock has moved.
    pub fn per_second(&self) -> Option<f64> {
        // Counts stay far below where the conversion would round.
        #[expect(clippy::cast_precision_loss, reason = "no run sends 2^52 requests")]
        let requests = self.requests as f64;
        (!self.elapsed.is_zero()).then(|| requests / self.elapsed.as_secs_f64())
    }
}

impl<T> RateLimit<T> {
    /// Sends over `inner` within this budget.
    pub fn new(inner: T, budget: Rate) -> Self {
        let state = State {
            rate: budget.per_second(),
            due: None,
            pause: None,
            asked: None,
            halved: None,
            slowdowns: 0,
            first_sent: None,
            last_seen: None,
            requests: 0,
            throttled: 0,
        };
        let (gate, state) = (tokio::sync::Mutex::default(), Mutex::new(state));
        Self { inner, budget, gate, state, patience: Patience::default() }
    }

    /// The same with another patience. What [`Retry`](crate::Retry) waits counts to it too.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The budget.
    pub fn budget(&self) -> Rate {
        self.budget
    }

    /// What was sent so far and what is allowed at present, for progress and records.
    pub fn reached(&self) -> RateStats {
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

    /// How far ahead of its even spacing a request may leave.
    fn tolerance(&self) -> Duration {
        self.budget.interval() * (self.budget.burst() - 1)
    }

    /// Waits for a request's turn, and tells when it came; or how long the pause is still that it does not wait out.
    async fn turn(&self, service: &'static str) -> Result<Instant, Duration> {
        let asked = Instant::now();
        // Whoever will not wait need not stand in the queue.
        self.bear_pause(service, asked)?;
        let _gate = self.gate.lock().await;
        loop {
            let now = Instant::now();
            match self.admit(now) {
                Ok(()) => {
                    Patience::spend(self.pause_since(asked, now));
                    return Ok(now);
                }
                // A pause may have begun by then: look again.
                Err(earliest) => match self.bear_pause(service, asked)? {
                    None => sleep_until(earliest).await,
                    Some(_) => tokio::select! {
                        () = sleep_until(earliest) => {}
                        // The look tells how long it is still.
                        () = self.patience.ended() => {
                            let rest = self.bear_pause(service, asked)?;
                            return Err(rest.unwrap_or_default());
                        }
                    },
                },
            }
        }
    }

    /// How long the pause is still, if there is one; as an error where it is longer, with what of it has passed since
    /// then, than the request may wait.
    fn bear_pause(
        &self,
        service: &'static str,
        asked: Instant,
    ) -> Result<Option<Duration>, Duration> {
        let now = Instant::now();
        let Some((since, until)) = self.state().pause.filter(|(_, until)| *until > now) else {
            return Ok(None);
        };
        let rest = until - now;
        let affords = self.patience.affords(service, until - asked.max(since), Why::Asked);
        if affords { Ok(Some(rest)) } else { Err(rest) }
    }

    /// How much of the time between was part of the latest pause.
    fn pause_since(&self, from: Instant, to: Instant) -> Duration {
        let pause = self.state().pause;
        pause.map_or(Duration::ZERO, |(since, until)| to.min(until) - to.min(from.max(since)))
    }

    /// What the service would answer during a pause.
    fn refusal(&self, rest: Duration) -> Response {
        let words = json!({ "message": "its rate limit is spent" }).to_string().into_bytes();
        let body = self.state().asked.clone().unwrap_or(words);
        let seconds = rest.as_millis().div_ceil(1000).to_string();
        let headers = [("content-type", "application/json"), ("retry-after", &seconds)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Response { status: 429, headers: headers.to_vec(), body }
    }

    /// Lets a request leave now, or tells when it may.
    fn admit(&self, now: Instant) -> Result<(), Instant> {
        let mut state = self.state();
        let tolerated = state.due.and_then(|due| due.checked_sub(self.tolerance()));
        match tolerated.max(state.pause.map(|(_, until)| until)) {
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

    /// Does as the answer to a request says that was sent then.
    fn heed(&self, sent: Instant, answer: &Response) {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let mut state = self.state();
        // Sent before the latest halving, it tells nothing about the rate since.
        let is_news = state.halved.is_none_or(|halved| sent > halved);
        if !is_throttled(answer) {
            if is_news {
                state.slowdowns = 0;
                let budget = self.budget.per_second();
                // At the present rate, a second full of these adds up to the share of the budget.
                state.rate = (state.rate + CLIMB * budget / state.rate.max(1.0)).min(budget);
            }
            if let Some(wait) = spent_wait(answer, wall) {
                state.pause(now, now + wait);
            }
            return;
        }
        state.throttled += 1;
        let doubled = PAUSE.saturating_mul(1 << state.slowdowns.min(16)).min(LONGEST_PAUSE);
        let until = now + told_wait(answer, wall).unwrap_or(doubled);
        state.pause(now, until);
        state.asked = Some(answer.body.clone());
        // Nobody is to rush out when the pause is over.
        state.due = state.due.max(until.checked_add(self.tolerance()));
        if is_news {
            state.halved = Some(now);
            state.slowdowns += 1;
            state.rate = (state.rate / 2.0).max(self.budget.per_second() * SLOWEST);
        }
    }
}

impl State {
    fn pause(&mut self, now: Instant, until: Instant) {
        self.pause = Some(match self.pause.filter(|(_, until)| *until > now) {
            Some((since, earlier)) => (since, earlier.max(until)),
            None => (now, until),
        });
    }
}

#[async_trait]
impl<T: Transport> Transport for RateLimit<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let asked = log::is_on().then(Instant::now);
        let turn = match self.turn(request.metadata.service()).await {
            Ok(turn) => turn,
            Err(rest) => return Ok(self.refusal(rest)),
        };
        if let Some(waited) = asked.map(|asked| turn - asked).filter(|waited| !waited.is_zero()) {
            tracing::debug!(
                target: log::WAIT,
                endpoint = request.metadata.name,
                wait_ms = log::millis(waited),
                scope = &*request.scope,
            );
        }
        let sent = self.inner.send(request).await;
        self.state().last_seen = Some(Instant::now());
        if let Ok(answer) = &sent {
            self.heed(turn, answer);
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
