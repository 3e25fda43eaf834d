//! The trait [`Transport`], and the requests and answers that it carries.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use drillmaster_models::{Credential, Message, Metadata, scope, wire};
use serde_json::Value;

use crate::error::Error;

/// An answer, as it was received.
pub type Response = wire::Response;

/// A request: what is sent, and where in the run it belongs.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is sent, without the credential. Shared, so that sending it again copies nothing.
    pub wire: Arc<wire::Request>,
    /// The declaration of its endpoint.
    pub metadata: &'static Metadata,
    /// The row it belongs to, or `main`.
    pub scope: Arc<str>,
    /// Its number among the requests of its scope.
    pub ordinal: u64,
    /// Why it is sent.
    pub purpose: Purpose,
}

/// Why a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// To make a call.
    #[default]
    Call,
    /// To see whether a write in doubt took effect. It needs a fresh answer of the service.
    Probe,
    /// To send a write in doubt again.
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

    /// The request in one line for people, such as `PUT /api/v2/external/seats/users`. Values that act as a
    /// credential are left out.
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

/// Whether the values in requests of this endpoint may be shown. Where no credential is sent, they act as one.
pub(crate) fn is_open(metadata: &Metadata) -> bool {
    metadata.credential != Credential::None
}

/// A request in one line, with the values of its query if they may be shown.
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

/// Sends requests and returns their answers.
///
/// An `Err` means that no answer came. A refusal by the service is an answer, which
/// [`Connection`](crate::Connection) decodes.
///
/// A layer sends over another transport, and passes the other three methods on to it:
///
/// ```
/// use async_trait::async_trait;
/// use drillmaster_transport::{Error, Request, Response, Scope, Source, Transport};
/// use serde_json::Value;
///
/// struct Print<T>(T);
///
/// #[async_trait]
/// impl<T: Transport> Transport for Print<T> {
///     async fn send(&self, request: Request) -> Result<Response, Error> {
///         println!("{}", request.line());
///         self.0.send(request).await
///     }
///
///     fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
///         self.0.value(scope, name, fresh)
///     }
///
///     fn source(&self, request: &Request) -> Source {
///         self.0.source(request)
///     }
///
///     fn resolved(&self, request: &Request, answer: &Response) {
///         self.0.resolved(request, answer);
///     }
/// }
/// ```
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one request and waits for its answer.
    async fn send(&self, request: Request) -> Result<Response, Error>;

    /// Returns a value that a script gets from outside, such as the time or a random number. A recorder records it; a
    /// replay returns the recorded one instead of the fresh one.
    fn value(&self, _scope: &Scope, _name: &str, fresh: Value) -> Result<Value, Error> {
        Ok(fresh)
    }

    /// Who would answer this request if it were sent now. Resolving a write in doubt waits for the service, but not
    /// for a file.
    fn source(&self, _request: &Request) -> Source {
        Source::Service
    }

    /// Records that a write in doubt has taken effect, with the answer that replaces the missing one, so that this
    /// need not be found out again.
    fn resolved(&self, _request: &Request, _answer: &Response) {}
}

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The service, or a simulation of it.
    Service,
    /// An earlier part of this run, which this part resumes.
    History {
        /// The number of the request in that part.
        ordinal: u64,
        /// Since when the request, a write, has been in doubt, if that is known.
        since: Option<SystemTime>,
    },
    /// A recording of a whole run.
    Recording,
    /// A recording by an older release, which has probes and repeats among the requests of their rows.
    OldRecording,
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        (**self).send(request).await
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

/// A part of a run with its own numbering of requests, so that a recording does not depend on which row ran first.
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
    /// The scope of probes for writes in doubt, which belong to no row.
    pub const PROBES: &'static str = "#looks";

    /// Creates a scope with no requests yet.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), next: AtomicU64::new(0) }
    }

    /// The row in a scope's name, without its pass and the rows within it.
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

impl Error {
    /// Says which request the error is about.
    #[must_use]
    pub fn for_request(self, request: &Request) -> Self {
        self.about(request.metadata)
    }
}

/// Sends each request over the transport of its service.
///
/// ```
/// use drillmaster_transport::{RejectAll, Route};
/// let route = Route::default().to("thm", RejectAll).to("veracode", RejectAll);
/// ```
#[derive(Default)]
pub struct Route {
    transports: HashMap<&'static str, Arc<dyn Transport>>,
}

impl Route {
    /// Adds the transport of a service.
    #[must_use]
    pub fn to(mut self, service: &'static str, transport: impl Transport + 'static) -> Self {
        self.transports.insert(service, Arc::new(transport));
        self
    }
}

#[async_trait]
impl Transport for Route {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let service = request.metadata.service();
        if let Some(transport) = self.transports.get(service) {
            return transport.send(request).await;
        }
        let error = Error::setup(format!("no connection to {service} is set up"));
        Err(error.for_request(&request))
    }

    fn source(&self, request: &Request) -> Source {
        self.transports
            .get(request.metadata.service())
            .map_or(Source::Service, |transport| transport.source(request))
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        if let Some(transport) = self.transports.get(request.metadata.service()) {
            transport.resolved(request, answer);
        }
    }
}
