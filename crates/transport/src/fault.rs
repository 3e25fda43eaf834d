//! Injects faults: lost requests, failures, and answers that are not what was asked for.
//!
//! A [`FaultPlan`] says which calls go wrong and how; a [`FaultInjector`] carries it out over another transport.
//!
//! ```
//! use drillmaster_models::thm::AddSeat;
//! use drillmaster_transport::fault::{Calls, FaultInjector, FaultKind, FaultPlan};
//! use drillmaster_transport::{Capture, Connection, RejectAll};
//! use std::sync::Arc;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
//! # runtime.block_on(async {
//! let service = Arc::new(Capture::new(RejectAll));
//! // Also written as `500-before@1,500-after@2`.
//! let plan = FaultPlan::default()
//!     .fault(FaultKind::ErrorBefore, Calls::nth([1]))
//!     .fault(FaultKind::ErrorAfter, Calls::nth([2]));
//! let connection = Connection::new(FaultInjector::new(service.clone(), plan));
//! let seat = AddSeat { email: "ada@example.com".to_owned() };
//!
//! let error = connection.send(&seat).await.unwrap_err();
//! assert_eq!((error.status(), service.requests().len()), (Some(500), 0));
//! let _ = connection.send(&seat).await;
//! assert_eq!(service.requests().len(), 1);
//! # });
//! ```

mod delayed;
mod kind;
mod plan;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use self::delayed::Delayed;
pub use self::kind::{FaultKind, FaultyAnswer, Shape, TakesEffect};
pub use self::plan::{Calls, FaultPlan, FaultPlanError};
use crate::error::{Error, NetworkError};
use crate::http::TIMEOUT;
use crate::request::{Request, Response, Scope, Source, Transport};

/// Injects the faults of a [`FaultPlan`] into calls over another transport.
///
/// What the other transport is asked to do really happens: an answer that gets lost *after* the call belongs to a
/// request that took effect.
///
/// A write with a `late-effect` or a `slow-effect` is sent after its time by tokio's clock, which tests can pause,
/// even if its caller has gone; if the runtime ends before, it is sent when the next request comes. A caller waits
/// one minute for a slow effect, like [`Http`](crate::Http). `visible-after` is for the transport below, which reads
/// it with [`visible_after`]; the sandbox does.
pub struct FaultInjector<T> {
    inner: Arc<T>,
    faults: Faults,
    delayed: Arc<Delayed<T>>,
}

impl<T> FaultInjector<T> {
    /// Sends over `inner` what the plan lets through.
    pub fn new(inner: T, plan: FaultPlan) -> Self {
        let inner = Arc::new(inner);
        Self { delayed: Arc::new(Delayed::new(inner.clone())), inner, faults: Faults::new(plan) }
    }

    /// The number of writes that have yet to take effect.
    pub fn pending(&self) -> usize {
        self.delayed.len()
    }
}

impl<T: Transport> FaultInjector<T> {
    /// Lets all pending writes take effect now, in the order of their times.
    pub async fn carry_out_pending(&self) {
        self.delayed.carry_out(None).await;
    }
}

tokio::task_local! {
    static VISIBLE_AFTER: Duration;
}

/// How long after it took effect the current write should appear in lists, as the `visible-after` of the
/// [`FaultInjector`] above says. For transports that simulate a service.
pub fn visible_after() -> Duration {
    VISIBLE_AFTER.try_with(|time| *time).unwrap_or_default()
}

#[async_trait]
impl<T: Transport + 'static> Transport for FaultInjector<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        // Overdue writes come first, in case the runtime that should have sent them has ended.
        self.delayed.carry_out(Some(tokio::time::Instant::now())).await;
        let Injection { delay, fault, visible_after } =
            self.faults.next(Some(request.metadata.name));
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let metadata = request.metadata;
        let Some(fault) = fault else {
            return VISIBLE_AFTER.scope(visible_after, self.inner.send(request)).await;
        };
        let real = match fault.takes_effect() {
            TakesEffect::Never => None,
            TakesEffect::BeforeAnswer => {
                Some(VISIBLE_AFTER.scope(visible_after, self.inner.send(request)).await?)
            }
            TakesEffect::AfterAnswer(time) => {
                drop(self.delayed.send(request, time, visible_after));
                None
            }
            TakesEffect::WithSlowAnswer(time) => {
                let answer = self.delayed.send(request, time, visible_after);
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
        match fault.apply(real, Some(metadata)) {
            FaultyAnswer::Answer(answer) => Ok(answer),
            FaultyAnswer::Reset => lost("an injected fault broke the connection"),
            FaultyAnswer::Cut(_) => lost("an injected fault cut the answer short"),
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

/// A plan that is being carried out: it counts calls. Clones count together.
///
/// [`FaultInjector`] has one. A server that injects faults itself, below HTTP, uses it directly.
#[derive(Debug, Clone)]
pub struct Faults {
    plan: Arc<FaultPlan>,
    /// The number of calls that each rule of the plan applies to.
    calls: Arc<[AtomicU64]>,
}

impl Faults {
    /// Starts a plan at its first call.
    pub fn new(plan: FaultPlan) -> Self {
        let calls = plan.rules().iter().map(|_| AtomicU64::new(0)).collect();
        Self { plan: Arc::new(plan), calls }
    }

    /// Whether nothing ever goes wrong.
    pub fn is_empty(&self) -> bool {
        self.plan.is_empty()
    }

    /// What to inject into the next call. `endpoint` is `None` for a request that belongs to no endpoint. Delays add
    /// up; of several other faults for one call, the first in the plan applies.
    pub fn next(&self, endpoint: Option<&str>) -> Injection {
        let mut injection = Injection::default();
        for (position, (rule, calls)) in self.plan.rules().iter().zip(&*self.calls).enumerate() {
            if !rule.applies_to(endpoint) {
                continue;
            }
            let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
            if rule.hits(self.plan.seed(), position, call) {
                rule.inject(&mut injection, self.plan.seed(), position, call);
            }
        }
        injection
    }
}

/// What to inject into one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Injection {
    /// How long to hold the call up first.
    pub delay: Duration,
    /// What goes wrong then.
    pub fault: Option<FaultKind>,
    /// How long after it took effect the write should appear in lists.
    pub visible_after: Duration,
}
