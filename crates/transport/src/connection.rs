//! Makes calls over a transport.

use std::sync::Arc;

use drillmaster_models::{Dialect, Endpoint, EndpointDef, Failure, Pager, endpoint};
use futures::stream::{self, Stream, StreamExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Error;
use crate::request::{Purpose, Request, Scope, Source, Transport};
use crate::resolve_policy::ResolvePolicy;

/// Makes calls over a transport, in a dialect and within a scope. Cloning is cheap.
///
/// A call may name its endpoint by a type, or by its name:
///
/// ```
/// use drillmaster_models::{endpoint, thm::CheckRoom};
/// use drillmaster_sandbox::Sandbox;
/// use drillmaster_transport::Connection;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connection = Connection::new(Sandbox::default());
/// let typed = connection.send(&CheckRoom { room_code: "linux1".to_owned() }).await?;
/// let named = connection.call(endpoint("thm.room_exists")?, &json!({ "roomCode": "linux1" })).await?;
/// assert!(typed.room_exists);
/// assert_eq!(named["roomExists"], true);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Connection {
    transport: Arc<dyn Transport>,
    dialect: Dialect,
    scope: Arc<Scope>,
    policy: ResolvePolicy,
}

impl Connection {
    /// Calls over `transport`, in the current dialect and in the scope `main`.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self {
            transport: Arc::new(transport),
            dialect: Dialect::Current,
            scope: Arc::new(Scope::new(Scope::MAIN)),
            policy: ResolvePolicy::default(),
        }
    }

    /// Sets the dialect. It does not matter to services that have only one.
    #[must_use]
    pub fn with_dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// The same connection in another scope.
    #[must_use]
    pub fn within(&self, scope: Arc<Scope>) -> Self {
        Self { scope, ..self.clone() }
    }

    /// Sets how writes in doubt are resolved.
    #[must_use]
    pub fn resolving(mut self, policy: ResolvePolicy) -> Self {
        self.policy = policy;
        self
    }

    pub(crate) fn policy(&self) -> ResolvePolicy {
        self.policy
    }

    pub(crate) fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    /// The dialect.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The scope in which requests are numbered.
    pub fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    /// Returns a value from outside, such as the time, which the transport may record or replay.
    pub fn value(&self, name: &str, fresh: Value) -> Result<Value, Error> {
        self.transport.value(&self.scope, name, fresh)
    }

    /// Checks the fields and calls an endpoint. The answer has the shape of the current dialect.
    pub async fn call(
        &self,
        endpoint: &'static EndpointDef,
        fields: &Value,
    ) -> Result<Value, Error> {
        self.send_draft(endpoint, self.draft(endpoint, fields)?).await
    }

    /// Sends a draft with the scope's next number and decodes the answer.
    pub(crate) async fn send_draft(
        &self,
        endpoint: &'static EndpointDef,
        draft: Request,
    ) -> Result<Value, Error> {
        self.send_request(endpoint, Request { ordinal: self.scope.next(), ..draft }).await
    }

    /// Sends a request with its number and decodes the answer.
    pub(crate) async fn send_request(
        &self,
        endpoint: &'static EndpointDef,
        request: Request,
    ) -> Result<Value, Error> {
        let metadata = request.metadata;
        // Whether a lost write is in doubt must not depend on the transport.
        let answer = self.transport.send(request).await;
        let answer = answer.map_err(|error| error.about(metadata))?;
        endpoint
            .answer(&answer, self.dialect)
            .map_err(|failure| Error::answer(failure).about(metadata))
    }

    /// Who would answer this request now.
    pub(crate) fn source(&self, request: &Request) -> Source {
        self.transport.source(request)
    }

    /// Whether an earlier part of the run has the answer to this call.
    pub fn is_recalled(&self, endpoint: &'static EndpointDef, fields: &Value) -> bool {
        self.draft(endpoint, fields)
            .is_ok_and(|draft| matches!(self.source(&draft), Source::History { .. }))
    }

    /// A request of this scope without a number.
    pub(crate) fn draft(
        &self,
        endpoint: &'static EndpointDef,
        fields: &Value,
    ) -> Result<Request, Error> {
        let wire = endpoint.request(fields, self.dialect).map_err(Error::answer)?;
        let metadata =
            endpoint.metadata(self.dialect).map_err(|error| Error::answer(error.into()))?;
        Ok(Request {
            wire: Arc::new(wire),
            metadata,
            scope: self.scope.name().clone(),
            ordinal: 0,
            purpose: Purpose::Call,
        })
    }

    /// Sends a typed request and returns its typed answer.
    pub async fn send<E: Endpoint>(&self, request: &E) -> Result<E::Response, Error> {
        let (endpoint, fields) = to_fields(request)?;
        from_answer(endpoint, self.call(endpoint, &fields).await?)
    }

    /// Returns the items of an endpoint's list, across all pages. A page is requested when its items are needed.
    pub fn walk(
        &self,
        endpoint: &'static EndpointDef,
        fields: &Value,
    ) -> impl Stream<Item = Result<Value, Error>> + Send + use<> {
        struct Walk {
            connection: Connection,
            endpoint: &'static EndpointDef,
            pager: Option<Pager>,
        }
        let start = Pager::new(endpoint, fields).map_err(|error| Error::answer(error.into()));
        let (walk, refused) = match start {
            Ok(pager) => {
                (Some(Walk { connection: self.clone(), endpoint, pager: Some(pager) }), None)
            }
            Err(error) => (None, Some(Err(error))),
        };
        let pages = stream::unfold(walk, |walk| async move {
            let mut walk = walk?;
            let mut pager = walk.pager.take()?;
            let request = pager.request()?;
            match walk.connection.call(walk.endpoint, &request).await {
                Ok(answer) => match pager.accept(answer) {
                    Ok(items) => {
                        walk.pager = Some(pager);
                        Some((items.into_iter().map(Ok).collect(), Some(walk)))
                    }
                    Err(failure) => {
                        let error = Error::answer(failure).about(&walk.endpoint.metadata);
                        Some((vec![Err(error)], None))
                    }
                },
                Err(error) => Some((vec![Err(error)], None)),
            }
        });
        stream::iter(refused).chain(pages.map(stream::iter).flatten())
    }

    /// Returns the items of a typed request's list, across all pages, as [`walk`](Self::walk) does.
    pub fn items<E, T>(
        &self,
        request: &E,
    ) -> impl Stream<Item = Result<T, Error>> + Send + use<E, T>
    where
        E: Endpoint,
        T: DeserializeOwned + Send + 'static,
    {
        let (walk, refused) = match to_fields(request) {
            Ok((endpoint, fields)) => {
                let items = self.walk(endpoint, &fields);
                (Some(items.map(move |item| from_answer(endpoint, item?))), None)
            }
            Err(error) => (None, Some(Err(error))),
        };
        stream::iter(refused).chain(stream::iter(walk).flatten())
    }
}

fn to_fields<E: Endpoint>(request: &E) -> Result<(&'static EndpointDef, Value), Error> {
    let endpoint = endpoint(E::METADATA.name).map_err(|error| Error::setup(error.to_string()))?;
    let fields = serde_json::to_value(request)
        .map_err(|error| Error::setup(format!("{}: {error}", E::METADATA.name)))?;
    Ok((endpoint, fields))
}

fn from_answer<T: DeserializeOwned>(endpoint: &EndpointDef, answer: Value) -> Result<T, Error> {
    serde_json::from_value(answer)
        .map_err(|error| Error::answer(Failure::Shape(error.to_string())).about(&endpoint.metadata))
}
