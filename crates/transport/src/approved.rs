//! Carrying out a plan that somebody has looked at, and nothing else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::cassette::identity;
use crate::dry_run::endpoint_of;
use crate::error::{Error, Stopped};
use crate::guard::{Key, key};
use crate::request::{Request, Response, Scope, Source, Transport};

/// Lets reads through, and of the writes those of an approved plan, each as often as the plan has it. Any
/// other write is [refused](Error::is_stopped).
///
/// A write that got no clear answer, or an answer which says that it was not carried out, may be sent again:
/// settling it may need that. A write that the service refused has had its turn. What an
/// [earlier part](Source::History) of the run tells of is not sent, and needs no approval.
///
/// ```
/// use drillmaster_models::endpoint;
/// use drillmaster_sandbox::Sandbox;
/// use drillmaster_transport::{Approved, Connection, DryRun};
/// use serde_json::json;
/// use std::sync::Arc;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// let sandbox = Sandbox::default();
/// let add = endpoint("thm.add_seat").unwrap();
/// let fields = json!({ "email": "kian.rutherford@example.com" });
///
/// let rehearsal = Arc::new(DryRun::new(sandbox.clone()));
/// Connection::new(rehearsal.clone()).call(add, &fields).await.unwrap();
/// let plan = rehearsal.take("main");
///
/// let pairs = plan.iter().map(|write| (&write.scope, &write.hash));
/// let approved = Connection::new(Approved::new(sandbox, pairs));
/// approved.call(add, &fields).await.unwrap();
/// assert!(approved.call(add, &fields).await.unwrap_err().is_stopped());
/// # });
/// ```
pub struct Approved<T> {
    inner: T,
    left: Mutex<Left>,
}

/// What is left of the plan. A million writes take less than 50 MB.
type Left = HashMap<Key, u32>;

impl<T> Approved<T> {
    /// Sends over `inner` the writes that are in the plan, told by the scope and the
    /// [identity](crate::cassette::identity) of each.
    pub fn new<S, H>(inner: T, plan: impl IntoIterator<Item = (S, H)>) -> Self
    where
        S: AsRef<str>,
        H: AsRef<str>,
    {
        let mut left = Left::new();
        for (scope, hash) in plan {
            *left.entry(key(scope.as_ref(), hash.as_ref())).or_default() += 1;
        }
        Self { inner, left: Mutex::new(left) }
    }

    /// How many writes of the plan were not made.
    pub fn remaining(&self) -> usize {
        lock(&self.left).values().map(|count| *count as usize).sum()
    }

    /// Takes a write out of the plan.
    fn borrow(&self, request: &Request) -> Result<Loan<'_>, Error> {
        let key = key(&request.scope, &identity(&request.wire));
        let problem = match lock(&self.left).get_mut(&key) {
            Some(0) => "was made already, and is not in the approved plan once more",
            Some(count) => {
                *count -= 1;
                return Ok(Loan { left: &self.left, key, spent: false });
            }
            None => "is not in the approved plan",
        };
        let problem = format!("{} {problem}; not sent", request.line());
        Err(Error::stopped(Stopped::Unapproved, problem).for_request(request))
    }
}

fn lock(left: &Mutex<Left>) -> MutexGuard<'_, Left> {
    left.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A write on its way. It is given back to the plan unless it was spent, also when nobody waits for its
/// answer any more.
struct Loan<'a> {
    left: &'a Mutex<Left>,
    key: Key,
    spent: bool,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if !self.spent {
            *lock(self.left).entry(self.key).or_default() += 1;
        }
    }
}

#[async_trait]
impl<T: Transport> Transport for Approved<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        if request.metadata.effect.is_read() {
            return self.inner.send(request).await;
        }
        let mut loan = match self.borrow(&request) {
            Ok(loan) => loan,
            Err(_) if matches!(self.inner.source(&request), Source::History { .. }) => {
                return self.inner.send(request).await;
            }
            Err(refused) => return Err(refused),
        };
        let outcome = self.inner.send(request.clone()).await;
        loan.spent = outcome.as_ref().is_ok_and(|answer| is_clear(&request, answer));
        outcome
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

/// Whether an answer to a write settles it, for good or ill.
fn is_clear(request: &Request, answer: &Response) -> bool {
    let Ok(endpoint) = endpoint_of(request) else { return false };
    match endpoint.answer(answer, request.metadata.dialect) {
        Ok(_) => true,
        Err(failure) => {
            let error = Error::answer(failure).for_request(request);
            !error.is_in_doubt() && !error.is_retryable()
        }
    }
}
