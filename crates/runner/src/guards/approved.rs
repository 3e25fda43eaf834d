//! Carrying out an approved plan, and nothing else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use drillmaster_transport::cassette::identity;
use drillmaster_transport::{Error, Request, Response, Scope, Source, Stopped, Transport};
use serde_json::Value;

use super::dry_run::endpoint_of;
use super::{Key, key};

/// Sends reads, and the writes of an approved plan, each as often as the plan lists it. Any other write is
/// [refused](Error::is_stopped).
///
/// A write without a clear answer may be sent again, and so may one whose answer says that it was not carried
/// out. A write that the service refused counts as made. A write that an [earlier part](Source::History) of the
/// run has answered is not sent and needs no approval.
///
/// See the [module](super) for an example.
pub struct Approved<T> {
    inner: T,
    remaining: Mutex<Remaining>,
}

/// How often each write may still be made. A million writes take less than 50 MB.
type Remaining = HashMap<Key, u32>;

impl<T> Approved<T> {
    /// Allows the writes of a plan, given as the scope and the [identity] of each.
    pub fn new<S, H>(inner: T, plan: impl IntoIterator<Item = (S, H)>) -> Self
    where
        S: AsRef<str>,
        H: AsRef<str>,
    {
        let mut remaining = Remaining::new();
        for (scope, hash) in plan {
            *remaining.entry(key(scope.as_ref(), hash.as_ref())).or_default() += 1;
        }
        Self { inner, remaining: Mutex::new(remaining) }
    }

    /// How many writes of the plan were not made.
    pub fn remaining(&self) -> usize {
        lock(&self.remaining).values().map(|count| *count as usize).sum()
    }

    /// Takes a write out of the plan.
    fn reserve(&self, request: &Request) -> Result<Reservation<'_>, Error> {
        let key = key(&request.scope, &identity(&request.wire));
        let problem = match lock(&self.remaining).get_mut(&key) {
            Some(0) => "was already made as often as the approved plan lists it",
            Some(count) => {
                *count -= 1;
                return Ok(Reservation { remaining: &self.remaining, key, used: false });
            }
            None => "is not in the approved plan",
        };
        let problem = format!("{} {problem}; not sent", request.line());
        Err(Error::stopped(Stopped::Unapproved, problem).for_request(request))
    }
}

fn lock(remaining: &Mutex<Remaining>) -> MutexGuard<'_, Remaining> {
    remaining.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A write in flight. Unless it was used it goes back to the plan, also when the call is cancelled.
struct Reservation<'a> {
    remaining: &'a Mutex<Remaining>,
    key: Key,
    used: bool,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.used {
            *lock(self.remaining).entry(self.key).or_default() += 1;
        }
    }
}

#[async_trait]
impl<T: Transport> Transport for Approved<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        if request.metadata.effect.is_read() {
            return self.inner.send(request).await;
        }
        let mut reservation = match self.reserve(&request) {
            Ok(reservation) => reservation,
            Err(_) if matches!(self.inner.source(&request), Source::History { .. }) => {
                return self.inner.send(request).await;
            }
            Err(refused) => return Err(refused),
        };
        let outcome = self.inner.send(request.clone()).await;
        reservation.used = outcome.as_ref().is_ok_and(|answer| is_clear(&request, answer));
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

/// Whether an answer says what became of a write.
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
