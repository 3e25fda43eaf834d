//! Making calls.

use std::sync::Arc;

use drillmaster_models::{Dialect, Endpoint, Entry, Failure, Pager, entry};
use futures::stream::{self, Stream, StreamExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Error;
use crate::request::{Request, Scope, Source, Transport};

/// A transport with what a call needs besides: the dialect, and the scope in which requests are numbered.
/// Cloning is cheap.
///
/// See the crate's documentation for an example.
#[derive(Clone)]
pub struct Connection {
    transport: Arc<dyn Transport>,
    dialect: Dialect,
    scope: Arc<Scope>,
}

impl Connection {
    /// Calls over `transport`, in the current dialect and the scope `main`.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self {
            transport: Arc::new(transport),
            dialect: Dialect::Current,
            scope: Arc::new(Scope::new(Scope::MAIN)),
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

    /// Calls an entry with fields that are checked first. The answer has the current dialect's shape.
    pub async fn call(&self, entry: &'static Entry, fields: &Value) -> Result<Value, Error> {
        self.send_draft(entry, self.draft(entry, fields)?).await
    }

    /// Sends a draft under the scope's next number and reads the answer.
    pub(crate) async fn send_draft(
        &self,
        entry: &'static Entry,
        draft: Request,
    ) -> Result<Value, Error> {
        let request = Request { ordinal: self.scope.next(), ..draft };
        let spec = request.spec;
        // Whether a lost write is in doubt must not depend on a transport's remembering to say so.
        let answer = self.transport.send(request).await;
        let answer = answer.map_err(|error| error.about(spec))?;
        entry.answer(&answer, self.dialect).map_err(|failure| Error::answer(failure).about(spec))
    }

    /// Who would answer this request now.
    pub(crate) fn source(&self, request: &Request) -> Source {
        self.transport.source(request)
    }

    /// A request of the scope that has no number yet.
    pub(crate) fn draft(&self, entry: &'static Entry, fields: &Value) -> Result<Request, Error> {
        let wire = entry.request(fields, self.dialect).map_err(Error::answer)?;
        let spec = entry.spec(self.dialect).map_err(|error| Error::answer(error.into()))?;
        Ok(Request { wire: Arc::new(wire), spec, scope: self.scope.name().clone(), ordinal: 0 })
    }

    /// Sends a typed request.
    pub async fn send<E: Endpoint>(&self, request: &E) -> Result<E::Response, Error> {
        let (entry, fields) = erase(request)?;
        typed(entry, self.call(entry, &fields).await?)
    }

    /// Walks through the items of an entry's list, page by page as they are asked for.
    pub fn walk(
        &self,
        entry: &'static Entry,
        fields: &Value,
    ) -> impl Stream<Item = Result<Value, Error>> + Send + use<> {
        struct Walk {
            connection: Connection,
            entry: &'static Entry,
            pager: Option<Pager>,
        }
        let start = Pager::new(entry, fields).map_err(|error| Error::answer(error.into()));
        let (walk, refused) = match start {
            Ok(pager) => (Some(Walk { connection: self.clone(), entry, pager: Some(pager) }), None),
            Err(error) => (None, Some(Err(error))),
        };
        let pages = stream::unfold(walk, |walk| async move {
            let mut walk = walk?;
            let mut pager = walk.pager.take()?;
            let request = pager.request()?;
            match walk.connection.call(walk.entry, &request).await {
                Ok(answer) => {
                    let items = match pager.accept(answer) {
                        Ok(items) => items,
                        Err(failure) => {
                            let error = Error::answer(failure).about(&walk.entry.spec);
                            return Some((vec![Err(error)], None));
                        }
                    };
                    walk.pager = Some(pager);
                    Some((items.into_iter().map(Ok).collect(), Some(walk)))
                }
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
            Ok((entry, fields)) => {
                let items = self.walk(entry, &fields);
                (Some(items.map(move |item| typed(entry, item?))), None)
            }
            Err(error) => (None, Some(Err(error))),
        };
        stream::iter(refused).chain(stream::iter(walk).flatten())
    }
}

fn erase<E: Endpoint>(request: &E) -> Result<(&'static Entry, Value), Error> {
    let entry = entry(E::SPEC.name).map_err(|error| Error::setup(error.to_string()))?;
    let fields = serde_json::to_value(request)
        .map_err(|error| Error::setup(format!("{}: {error}", E::SPEC.name)))?;
    Ok((entry, fields))
}

fn typed<T: DeserializeOwned>(entry: &Entry, answer: Value) -> Result<T, Error> {
    serde_json::from_value(answer)
        .map_err(|error| Error::answer(Failure::Shape(error.to_string())).about(&entry.spec))
}
