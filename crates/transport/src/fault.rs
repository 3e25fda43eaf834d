//! FaultKind on purpose.

mod later;
mod plan;

pub use plan::{FaultPlan, FaultPlanError};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use drillmaster_models::{Metadata, Reply};
use serde_json::{Value, json};

use self::later::Later;
use crate::error::{Error, NetworkError};
use crate::http::TIMEOUT;
use crate::request::{Request, Response, Scope, Source, Transport};

/// Makes trouble as a [`FaultPlan`] has it: requests that get lost, answers that do, and answers that are
/// none. What the inner transport is asked it really does: an answer that is lost *after* was a request
/// that took effect.
///
/// A write with a `late-effect` or a `slow-effect` is handed on after its time by tokio's clock, which tests may
/// pause, whatever became of its caller; at the latest, should the runtime end before, when the next request comes.
/// As [`Http`](crate::Http) does, a caller waits for a slow one for a minute. `visible-after` is for the transport
/// below, which is told by [`visible_after`]; the sandbox heeds it.
///
/// ```
/// use drillmaster_models::thm::AddSeat;
/// use drillmaster_transport::{Capture, Connection, FaultInjector, FaultPlan, RejectAll};
/// use std::sync::Arc;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # runtime.block_on(async {
/// let service = Arc::new(Capture::new(RejectAll));
/// let plan: FaultPlan = "500-before@1,500-after@2".parse().unwrap();
/// let connection = Connection::new(FaultInjector::new(service.clone(), plan));
/// let seat = AddSeat { email: "ada@example.com".to_owned() };
///
/// let error = connection.send(&seat).await.unwrap_err();
/// assert_eq!((error.status(), service.requests().len()), (Some(500), 0));
/// let _ = connection.send(&seat).await;
/// assert_eq!(service.requests().len(), 1);
/// # });
/// ```
pub struct FaultInjector<T> {
    inner: Arc<T>,
    faults: Faults,
    later: Arc<Later<T>>,
}

impl<T> FaultInjector<T> {
    /// Sends over `inner` what the plan lets through.
    pub fn new(inner: T, plan: FaultPlan) -> Self {
        let inner = Arc::new(inner);
        Self { later: Arc::new(Later::new(inner.clone())), inner, faults: Faults::new(plan) }
    }

    /// How many writes are still to take effect.
    pub fn pending(&self) -> usize {
        self.later.len()
    }
}

impl<T: Transport> FaultInjector<T> {
    /// Has all writes take effect now that are still to do so, in the order of their times.
    pub async fn carry_out_pending(&self) {
        self.later.carry_out(None).await;
    }
}

tokio::task_local! {
    static VISIBLE_AFTER: Duration;
}

/// How long after its effect the write that is being sent is to show in lists: what a `visible-after` of the
/// [`FaultInjector`] above says, and nothing without one. For transports that simulate a service.
pub fn visible_after() -> Duration {
    VISIBLE_AFTER.try_with(|time| *time).unwrap_or_default()
}

#[async_trait]
impl<T: Transport + 'static> Transport for FaultInjector<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        // What is due comes first, should nobody have been there to carry it out.
        self.later.carry_out(Some(tokio::time::Instant::now())).await;
        let Injection { delay, trouble, visible_after } =
            self.faults.next(Some(request.metadata.name));
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let metadata = request.metadata;
        let Some(trouble) = trouble else {
            return VISIBLE_AFTER.scope(visible_after, self.inner.send(request)).await;
        };
        let real = match trouble.takes_effect() {
            TakesEffect::Never => None,
            TakesEffect::First => {
                Some(VISIBLE_AFTER.scope(visible_after, self.inner.send(request)).await?)
            }
            TakesEffect::Late(after) => {
                drop(self.later.send(request, after, visible_after));
                None
            }
            TakesEffect::Slowly(after) => {
                let answer = self.later.send(request, after, visible_after);
                match tokio::time::timeout(TIMEOUT, answer).await {
                    Ok(Ok(answer)) => Some(answer?),
                    Ok(Err(_)) | Err(_) => {
                        let detail = format!("no answer within {} s", TIMEOUT.as_secs());
                        return Err(Error::network(NetworkError::Timeout, detail).about(metadata));
                    }
                }
            }
        };
        let lost =
            |detail| Err(Error::network(NetworkError::ConnectionLost, detail).about(metadata));
        match trouble.done_to(real, Some(metadata)) {
            Outcome::Answer(answer) => Ok(answer),
            Outcome::Reset => lost("a fault broke it, as planned"),
            Outcome::Cut(_) => lost("a fault cut the answer short, as planned"),
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

/// A plan that is being carried out: it counts the calls. Clones count together.
#[derive(Debug, Clone)]
pub struct Faults {
    plan: Arc<FaultPlan>,
    /// For each rule of the plan, how many calls it concerned.
    calls: Arc<[AtomicU64]>,
}

impl Faults {
    /// Starts at the first call.
    pub fn new(plan: FaultPlan) -> Self {
        let calls = plan.rules().iter().map(|_| AtomicU64::new(0)).collect();
        Self { plan: Arc::new(plan), calls }
    }

    /// Whether nothing ever goes wrong.
    pub fn is_empty(&self) -> bool {
        self.plan.is_empty()
    }

    /// What is done to the next call, of this endpoint or of something that is none. Delays add up; of several
    /// other faults that fall on one call, the first in the plan is done.
    pub fn next(&self, endpoint: Option<&str>) -> Injection {
        let mut injection = Injection::default();
        for (place, (rule, calls)) in self.plan.rules().iter().zip(&*self.calls).enumerate() {
            if !rule.concerns(endpoint) {
                continue;
            }
            let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
            if rule.falls_on(self.plan.seed(), place, call) {
                rule.injection(&mut injection, self.plan.seed(), place, call);
            }
        }
        injection
    }
}

/// What is done to one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Injection {
    /// How long it is held up first.
    pub delay: Duration,
    /// What goes wrong with it then.
    pub trouble: Option<FaultKind>,
    /// How long after its effect it is to show in lists.
    pub visible_after: Duration,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The connection breaks before the service has the request.
    ResetBefore,
    /// The connection breaks after the service did as it was asked.
    ResetAfter,
    /// The service asks to slow down, and may say for how long.
    Throttled(Option<Duration>),
    /// The service fails before it did anything.
    BrokenBefore,
    /// The service fails after it did as it was asked.
    BrokenAfter,
    /// The answer ends in the middle.
    Truncated,
    /// The answer is not JSON, although it says so.
    Garbage,
    /// The answer is a page for people.
    Html,
    /// The service fails now, with this status or by breaking the connection, and does as it was asked only after
    /// this time.
    LateEffect {
        /// The status; with none, the connection breaks.
        status: Option<u16>,
        /// When the request takes effect.
        after: Duration,
    },
    /// The service does as it was asked, and answers, only after this time.
    SlowEffect {
        /// The status of its failure; with none it answers as it would have.
        status: Option<u16>,
        /// When the request takes effect and is answered.
        after: Duration,
    },
    /// The answer of a list comes without the list.
    Listless {
        /// What it is instead.
        shape: Shape,
        /// Its status.
        status: u16,
    },
}

/// What the answer of a list is instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No body.
    Empty,
    /// `{}`.
    Object,
    /// `{"message": "maintenance"}`.
    Message,
    /// The usual answer with a null in the list's place.
    Null,
    /// The usual answer with an item that is a number.
    Kind,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Empty, Self::Object, Self::Message, Self::Null, Self::Kind];

    /// All of them, and the answer that says by its status that it has no content.
    const OR_NO_CONTENT: [Option<Self>; 6] = [
        None,
        Some(Self::Empty),
        Some(Self::Object),
        Some(Self::Message),
        Some(Self::Null),
        Some(Self::Kind),
    ];

    /// The name in a [`FaultPlan`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Object => "object",
            Self::Message => "message",
            Self::Null => "null",
            Self::Kind => "kind",
        }
    }

    /// The body of the answer, made from that of a whole one.
    fn body(self, whole: &[u8], metadata: Option<&Metadata>) -> Vec<u8> {
        let list = metadata.and_then(|metadata| metadata.list);
        let text = |value: Value| value.to_string().into_bytes();
        match self {
            Self::Empty => Vec::new(),
            Self::Object => text(json!({})),
            Self::Message => text(json!({ "message": "maintenance" })),
            Self::Null | Self::Kind => {
                let mut answer: Value = serde_json::from_slice(whole).unwrap_or_default();
                let mut place = &mut answer;
                let steps = [
                    metadata.filter(|metadata| metadata.reply == Reply::Data).map(|_| "data"),
                    list.map(|list| list.items).filter(|items| !items.is_empty()),
                ];
                for step in steps.into_iter().flatten() {
                    if !place.is_object() {
                        *place = json!({});
                    }
                    place = &mut place[step];
                }
                match (self, place.as_array_mut()) {
                    (Self::Kind, Some(items)) if !items.is_empty() => items[0] = 7.into(),
                    (Self::Kind, _) => *place = json!([7]),
                    _ => *place = Value::Null,
                }
                text(answer)
            }
        }
    }
}

/// When a request takes effect that something goes wrong with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakesEffect {
    /// The service never has it.
    Never,
    /// Before it is answered.
    First,
    /// This long after it was answered.
    Late(Duration),
    /// After this time, and then it is answered.
    Slowly(Duration),
}

/// What is left of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This one arrives.
    Answer(Response),
    /// None: the connection breaks.
    Reset,
    /// Half of this one: then the connection ends.
    Cut(Response),
}

impl FaultKind {
    /// When the request takes effect.
    pub fn takes_effect(self) -> TakesEffect {
        match self {
            Self::ResetBefore | Self::Throttled(_) | Self::BrokenBefore => TakesEffect::Never,
            Self::LateEffect { after, .. } => TakesEffect::Late(after),
            Self::SlowEffect { after, .. } => TakesEffect::Slowly(after),
            Self::ResetAfter
            | Self::BrokenAfter
            | Self::Truncated
            | Self::Garbage
            | Self::Html
            | Self::Listless { .. } => TakesEffect::First,
        }
    }

    /// What it makes of the service's answer, which is there where the request [takes effect](Self::takes_effect)
    /// before it is answered. `metadata` is that of the call, where it is known.
    pub fn done_to(self, real: Option<Response>, metadata: Option<&Metadata>) -> Outcome {
        let failed = |status| match status {
            204 | 304 => Response { status, headers: Vec::new(), body: Vec::new() },
            _ => Response::json(status, &json!({ "message": "unknown error" })),
        };
        let broken = || failed(500);
        let replaced = |kind: &str, body: &str| Response {
            status: 200,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: body.as_bytes().to_vec(),
        };
        Outcome::Answer(match self {
            Self::ResetBefore | Self::ResetAfter | Self::LateEffect { status: None, .. } => {
                return Outcome::Reset;
            }
            Self::LateEffect { status: Some(status), .. }
            | Self::SlowEffect { status: Some(status), .. } => failed(status),
            Self::SlowEffect { status: None, .. } => real.unwrap_or_else(broken),
            Self::Listless { shape, status } => {
                let whole = real.unwrap_or_else(broken);
                // What is refused is no list.
                if whole.status >= 300 {
                    return Outcome::Answer(whole);
                }
                let body =
                    if status == 204 { Vec::new() } else { shape.body(&whole.body, metadata) };
                Response { status, body, ..whole }
            }
            Self::Truncated => return Outcome::Cut(real.unwrap_or_else(broken)),
            Self::BrokenBefore | Self::BrokenAfter => broken(),
            Self::Garbage => replaced("application/json", "{\"status\": \"succ\u{fffd}, ]"),
            Self::Html => replaced("text/html", "<!DOCTYPE html><title>Be right back</title>"),
            Self::Throttled(wait) => {
                let mut answer = Response::json(429, &json!({ "message": "Too many requests." }));
                // The header knows whole seconds only: rounded up, as nobody is to come too early.
                let seconds = wait.map(|wait| wait.as_millis().div_ceil(1000).to_string());
                answer.headers.extend(seconds.map(|seconds| ("retry-after".to_owned(), seconds)));
                answer
            }
        })
    }
}
