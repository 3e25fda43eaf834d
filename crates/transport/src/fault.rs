//! Trouble on purpose.

mod plan;

pub use plan::{FaultPlan, FaultPlanError};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::error::{Error, Lost};
use crate::request::{Request, Response, Scope, Source, Transport};

/// Makes trouble as a [`FaultPlan`] has it: requests that get lost, answers that do, and answers that are
/// none. What the inner transport is asked it really does: an answer that is lost *after* was a request
/// that took effect.
///
/// ```
/// use drillmaster_models::thm::AddSeat;
/// use drillmaster_transport::{Capture, Connection, Fault, FaultPlan, Never};
/// use std::sync::Arc;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # runtime.block_on(async {
/// let service = Arc::new(Capture::new(Never));
/// let plan: FaultPlan = "500-before@1,500-after@2".parse().unwrap();
/// let connection = Connection::new(Fault::new(service.clone(), plan));
/// let seat = AddSeat { email: "ada@example.com".to_owned() };
///
/// let error = connection.send(&seat).await.unwrap_err();
/// assert_eq!((error.status(), service.requests().len()), (Some(500), 0));
/// let _ = connection.send(&seat).await;
/// assert_eq!(service.requests().len(), 1);
/// # });
/// ```
pub struct Fault<T> {
    inner: T,
    faults: Faults,
}

impl<T> Fault<T> {
    /// Sends over `inner` what the plan lets through.
    pub fn new(inner: T, plan: FaultPlan) -> Self {
        Self { inner, faults: Faults::new(plan) }
    }
}

#[async_trait]
impl<T: Transport> Transport for Fault<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let Strike { delay, trouble } = self.faults.next(Some(request.spec.name));
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let Some(trouble) = trouble else {
            return self.inner.send(request).await;
        };
        let spec = request.spec;
        let mut real = None;
        if !trouble.is_before() {
            real = Some(self.inner.send(request).await?);
        }
        let lost = |detail| Err(Error::lost(Lost::Reset, detail).about(spec));
        match trouble.done_to(real) {
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

    /// What is done to the next call, of this entry or of something that is none. Delays add up; of several
    /// other faults that fall on one call, the first in the plan is done.
    pub fn next(&self, entry: Option<&str>) -> Strike {
        let mut strike = Strike::default();
        for (place, (rule, calls)) in self.plan.rules().iter().zip(&*self.calls).enumerate() {
            if !rule.concerns(entry) {
                continue;
            }
            let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
            if rule.falls_on(self.plan.seed(), place, call) {
                rule.strike(&mut strike);
            }
        }
        strike
    }
}

/// What is done to one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strike {
    /// How long it is held up first.
    pub delay: Duration,
    /// What goes wrong with it then.
    pub trouble: Option<Trouble>,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
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

impl Trouble {
    /// Whether it happens before the service has the request.
    pub fn is_before(self) -> bool {
        matches!(self, Self::ResetBefore | Self::Throttled(_) | Self::BrokenBefore)
    }

    /// What it makes of the service's answer, which is there unless it happens [before](Self::is_before).
    pub fn done_to(self, real: Option<Response>) -> Outcome {
        let broken = || Response::json(500, &json!({ "message": "unknown error" }));
        let replaced = |kind: &str, body: &str| Response {
            status: 200,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: body.as_bytes().to_vec(),
        };
        Outcome::Answer(match self {
            Self::ResetBefore | Self::ResetAfter => return Outcome::Reset,
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
