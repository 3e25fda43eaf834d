//! Making calls.

use std::sync::Arc;

use drillmaster_models::{Dialect, Endpoint, EndpointDef, Failure, Pager, endpoint};
use futures::stream::{self, Stream, StreamExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Error;
use crate::request::{Purpose, Request, Scope, Source, Transport};
use crate::resolve::ResolvePolicy;

/// A transport with what a call needs besides: the dialect, and the scope in which requests are numbered.
/// Cloning is cheap.
///
/// See the crate's documentation for an example.
#[derive(Clone)]
pub struct Connection {
    transport: Arc<dyn Transport>,
    dialect: Dialect,
    scope: Arc<Scope>,
    policy: ResolvePolicy,
}

impl Connection {
    /// Calls over `transport`, in the current dialect and the scope `main`.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self {
            transport: Arc::new(transport),
            dialect: Dialect::Current,
            scope: Arc::new(Scope::new(Scope::MAIN)),
            policy: ResolvePolicy::default(),
        }
    }

    /// The same in a dialect. Services that have but one are not affected.
    #[must_use]
    pub fn with_dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// The same within another scope.
    #[must_use]
    pub fn within(&self, scope: Arc<Scope>) -> Self {
        Self { scope, ..self.clone() }
    }

    /// The same with writes in doubt resolved in this way.
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

    /// The dialect that is spoken.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The scope that requests are numbered in.
    pub fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    /// Hands out a value from outside, recorded or replayed where the transport does so.
    pub fn value(&self, name: &str, fresh: Value) -> Result<Value, Error> {
        self.transport.value(&self.scope, name, fresh)
    }

    /// Calls an endpoint with fields that are checked first. The answer has the current dialect's shape.
    pub async fn call(
        &self,
        endpoint: &'static EndpointDef,
        fields: &Value,
    ) -> Result<Value, Error> {
        self.send_draft(endpoint, self.draft(endpoint, fields)?).await
    }

    /// Sends a draft under the scope's next number and reads the answer.
    pub(crate) async fn send_draft(
        &self,
        endpoint: &'static EndpointDef,
        draft: Request,
    ) -> Result<Value, Error> {
        self.send_request(endpoint, Request { ordinal: self.scope.next(), ..draft }).await
    }

    /// Sends a request that has its number and reads the answer.
    pub(crate) async fn send_request(
        &self,
        endpoint: &'static EndpointDef,
        request: Request,
    ) -> Result<Value, Error> {
        let metadata = request.metadata;
        // Whether a lost write is in doubt must not depend on a transport's remembering to say so.
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

    /// A request of the scope that has no number yet.
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

    /// Sends a typed request.
    pub async fn send<E: Endpoint>(&self, request: &E) -> Result<E::Response, Error> {
        let (endpoint, fields) = erase(request)?;
        typed(endpoint, self.call(endpoint, &fields).await?)
    }

    /// Walks through the items of an endpoint's list, page by page as they are asked for.
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

    /// Walks through the items of a typed request's list.
    pub fn items<E, T>(
        &self,
        request: &E,
    ) -> impl Stream<Item = Result<T, Error>> + Send + use<E, T>
    where
        E: Endpoint,
        T: DeserializeOwned + Send + 'static,
    {
        let (walk, refused) = match erase(request) {
            Ok((endpoint, fields)) => {
                let items = self.walk(endpoint, &fields);
                (Some(items.map(move |item| typed(endpoint, item?))), None)
            }
            Err(error) => (None, Some(Err(error))),
        };
        stream::iter(refused).chain(stream::iter(walk).flatten())
    }
}

fn erase<E: Endpoint>(request: &E) -> Result<(&'static EndpointDef, Value), Error> {
    let endpoint = endpoint(E::METADATA.name).map_err(|error| Error::setup(error.to_string()))?;
    let fields = serde_json::to_value(request)
        .map_err(|error| Error::setup(format!("{}: {error}", E::METADATA.name)))?;
    Ok((endpoint, fields))
}

fn typed<T: DeserializeOwned>(endpoint: &EndpointDef, answer: Value) -> Result<T, Error> {
    serde_json::from_value(answer)
        .map_err(|error| Error::answer(Failure::Shape(error.to_string())).about(&endpoint.metadata))
}
