//! The trait, and what it carries.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use drillmaster_models::{Credential, Message, Metadata, scope, wire};
use serde_json::Value;

use crate::error::Error;

/// An answer as it travels.
pub type Response = wire::Response;

/// A request on its way: what travels, and where in the run it belongs.
#[derive(Debug, Clone)]
pub struct Request {
    /// What travels, without the credential. Shared, so that nothing is copied to send it again.
    pub wire: Arc<wire::Request>,
    /// The declaration it was made from.
    pub metadata: &'static Metadata,
    /// The row it belongs to, or `main`.
    pub scope: Arc<str>,
    /// Its number among the requests of its scope.
    pub ordinal: u64,
    /// What it is sent for.
    pub purpose: Purpose,
}

/// What a request is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// Somebody made the call.
    #[default]
    Call,
    /// To see whether a write in doubt took effect. Only a fresh answer of the service counts.
    Look,
    /// To send a write in doubt once more.
    Repeat {
        /// The number of the first request in its scope.
        of: u64,
    },
}

impl Request {
    /// Its content, for code that does not send it.
    pub fn message(&self) -> Message<'_> {
        Message { endpoint: self.metadata.name, scope: &self.scope, wire: &self.wire }
    }

    /// The same request for people: `PUT /api/v2/external/seats/users`. What stands in for a credential is
    /// left out of it.
    ///
    /// ```
    /// use drillmaster_models::{Dialect, endpoint};
    /// use drillmaster_transport::{Purpose, Request, Scope};
    ///
    /// let register = endpoint("thm.register").unwrap();
    /// let fields = serde_json::json!({ "token": "somebody-s" });
    /// let request = Request {
    ///     wire: register.request(&fields, Dialect::Current).unwrap().into(),
    ///     metadata: &register.metadata,
    ///     scope: Scope::MAIN.into(),
    ///     ordinal: 0,
    ///     purpose: Purpose::Call,
    /// };
    /// assert_eq!(request.line(), "GET /external/api/register?token=\u{2026}");
    /// ```
    pub fn line(&self) -> String {
        line(self.wire.method.as_str(), &self.wire.target, is_open(self.metadata))
    }
}

/// Whether what a request of this endpoint says may be shown. Where no credential is sent, the request itself
/// is what lets its sender in: its values are secrets.
pub(crate) fn is_open(metadata: &Metadata) -> bool {
    metadata.credential != Credential::None
}

/// A request in a line, with the values of its query where it is open.
pub(crate) fn line(method: &str, target: &str, open: bool) -> String {
    match target.split_once('?') {
        Some((path, query)) if !open => {
            let name =
                |pair: &str| format!("{}=\u{2026}", pair.split('=').next().unwrap_or_default());
            let names: Vec<_> = query.split('&').map(name).collect();
            format!("{method} {path}?{}", names.join("&"))
        }
        _ => format!("{method} {target}"),
    }
}

/// A request on its way, as [`Transport::send`] gives it. A layer that adds nothing to a request gives that of
/// the layer below as it is: each of its own would be made, kept and dropped for every request.
pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send + 'a>>;

/// Carries a request to where it is answered.
///
/// An `Err` is trouble on the way; a refusal by the service is an answer, which
/// [`Connection`](crate::Connection) reads.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one request and waits for its answer.
    async fn send(&self, request: Request) -> Result<Response, Error>;

    /// Hands out a value that a script got from outside, a clock or a die. A recorder writes it down, a
    /// replay gives the recorded one instead of the fresh one.
    fn value(&self, _scope: &Scope, _name: &str, fresh: Value) -> Result<Value, Error> {
        Ok(fresh)
    }

    /// Who would answer this request, were it sent now. Who looks into a doubtful write waits for the
    /// service, and need not wait for a file.
    fn source(&self, _request: &Request) -> Source {
        Source::Service
    }

    /// Takes note that a write which got no clear answer has taken effect, with the answer that stands for it
    /// from now on. A record keeps it, so that nobody has to find out again.
    fn resolved(&self, _request: &Request, _answer: &Response) {}
}

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The service, or what stands for it.
    Service,
    /// An earlier part of this run, which goes on where that ends.
    History {
        /// The number under which that has the request.
        ordinal: u64,
        /// Since when the request, a write, has been in doubt. `None`: for no time that is known.
        since: Option<SystemTime>,
    },
    /// A recording of a whole run.
    Recording,
    /// One that has the looks and repeats of writes in doubt among the requests of their rows.
    OldRecording,
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send<'a, 'b>(&'a self, request: Request) -> Sending<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        (**self).send(request)
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        (**self).value(scope, name, fresh)
    }

    fn source(&self, request: &Request) -> Source {
        (**self).source(request)
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        (**self).resolved(request, answer);
    }
}

/// A place in a run within which requests are numbered, so that a recording does not depend on which of
/// several rows ran first.
///
/// ```
/// let row = drillmaster_transport::Scope::new("ada@example.com");
/// assert_eq!((row.next(), row.next()), (0, 1));
/// ```
#[derive(Debug)]
pub struct Scope {
    name: Arc<str>,
    next: AtomicU64,
}

impl Scope {
    /// The scope outside any row.
    pub const MAIN: &'static str = scope::MAIN;
    /// The scope of the looks for writes in doubt, which no row's requests are numbered with.
    pub const LOOKS: &'static str = "#looks";

    /// A scope in which nothing was sent yet.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), next: AtomicU64::new(0) }
    }

    /// The row of a scope with this name, without what tells its later passes and the rows within it.
    ///
    /// ```
    /// use drillmaster_transport::Scope;
    /// assert_eq!(Scope::row_of("ada@example.com#/linux1"), "ada@example.com");
    /// ```
    pub fn row_of(name: &str) -> &str {
        scope::row_of(name)
    }

    /// The row's key, or `main`.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Takes the next number.
    pub fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// Hands each request to the transport of its service.
///
/// ```
/// use drillmaster_transport::{RejectAll, Route};
/// let route = Route::default().to("thm", RejectAll).to("veracode", RejectAll);
/// ```
#[derive(Default)]
pub struct Route {
    ways: HashMap<&'static str, Arc<dyn Transport>>,
}

impl Route {
    /// Adds the way to a service.
    #[must_use]
    pub fn to(mut self, service: &'static str, transport: impl Transport + 'static) -> Self {
        self.ways.insert(service, Arc::new(transport));
        self
    }
}

impl Transport for Route {
    fn send<'a, 'b>(&'a self, request: Request) -> Sending<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let service = request.metadata.service();
        if let Some(way) = self.ways.get(service) {
            return way.send(request);
        }
        let error = Error::setup(format!("no connection to {service} is set up"));
        let error = error.for_request(&request);
        Box::pin(async { Err(error) })
    }

    fn source(&self, request: &Request) -> Source {
        self.ways.get(request.metadata.service()).map_or(Source::Service, |way| way.source(request))
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        if let Some(way) = self.ways.get(request.metadata.service()) {
            way.resolved(request, answer);
        }
    }
}
