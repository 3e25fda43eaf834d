//! Dry runs: reads are sent, writes are simulated.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use drillmaster_models::{EndpointDef, Failure, FieldError, endpoint, wire};
use drillmaster_transport::cassette::identity;
use drillmaster_transport::{Error, Request, Response, Scope, Source, Transport};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Sends reads, and answers each write with what its endpoint predicts. No write is sent; what would have been
/// sent is kept until it is [taken](DryRun::take).
///
/// ```
/// use drillmaster_models::endpoint;
/// use drillmaster_runner::guards::DryRun;
/// use drillmaster_transport::{Connection, RejectAll};
/// use serde_json::json;
/// use std::sync::Arc;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let dry_run = Arc::new(DryRun::new(RejectAll));
/// let connection = Connection::new(dry_run.clone());
/// let fields = json!({ "email": "ada@example.com" });
/// connection.call(endpoint("thm.add_seat").unwrap(), &fields).await.unwrap();
///
/// let plan = dry_run.take("main");
/// assert_eq!((plan[0].endpoint.as_str(), plan[0].subject.as_str()), ("thm.add_seat", "ada@example.com"));
/// # });
/// ```
pub struct DryRun<T> {
    inner: T,
    planned: Mutex<BTreeMap<String, Vec<PlannedWrite>>>,
}

/// A write that would have been sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedWrite {
    /// The row it belongs to, or `main`.
    pub scope: String,
    /// Its number within the scope.
    pub ordinal: u64,
    /// The name of its endpoint.
    #[serde(rename = "entry")]
    pub endpoint: String,
    /// Whom it is about.
    pub subject: String,
    /// Its fields, in the current dialect's terms.
    pub fields: Value,
    /// Its [identity] as a request.
    pub hash: String,
    /// Whether it removes something from a person.
    pub removes: bool,
    /// Whether it cannot be undone.
    pub irreversible: bool,
}

impl PlannedWrite {
    /// What a request would write; `None` if it only reads.
    pub fn from_request(request: &Request) -> Result<Option<Self>, Error> {
        let Some(write) = request.metadata.effect.write() else { return Ok(None) };
        let fields = fields_of(endpoint_of(request)?, request)?;
        let subject = match &fields[write.subject] {
            Value::String(subject) => subject.clone(),
            other => other.to_string(),
        };
        Ok(Some(Self {
            scope: request.scope.to_string(),
            ordinal: request.ordinal,
            endpoint: request.metadata.name.to_owned(),
            subject,
            hash: identity(&request.wire),
            removes: write.takes_away(&fields),
            irreversible: write.irreversible,
            fields,
        }))
    }
}

impl<T> DryRun<T> {
    /// Sends reads over `inner`.
    pub fn new(inner: T) -> Self {
        Self { inner, planned: Mutex::default() }
    }

    /// Removes and returns what would have been written in a scope and in the scopes nested in it: scope by
    /// scope, each in the order of its ordinals.
    pub fn take(&self, scope: &str) -> Vec<PlannedWrite> {
        let mut planned = self.planned();
        let nested = format!("{scope}#/");
        let names: Vec<String> = planned
            .range(scope.to_owned()..)
            .map(|(name, _)| name)
            .take_while(|name| name.starts_with(scope))
            .filter(|name| *name == scope || name.starts_with(&nested))
            .cloned()
            .collect();
        let mut taken = Vec::new();
        for name in names {
            let mut own = planned.remove(&name).unwrap_or_default();
            own.sort_by_key(|write| write.ordinal);
            taken.append(&mut own);
        }
        taken
    }

    fn planned(&self) -> MutexGuard<'_, BTreeMap<String, Vec<PlannedWrite>>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<T: Transport> Transport for DryRun<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let Some(planned) = PlannedWrite::from_request(&request)? else {
            return self.inner.send(request).await;
        };
        let endpoint = endpoint_of(&request)?;
        let answer = endpoint.predict(&planned.fields);
        let answer =
            answer.and_then(|answer| endpoint.answer_to_wire(answer, request.metadata.dialect));
        let answer = answer.map_err(|failure| {
            // A failed answer would look as if the write had been sent.
            let problem = format!("not sent, and its answer cannot be predicted: {failure}");
            Error::setup(problem).for_request(&request)
        })?;
        self.planned().entry(planned.scope.clone()).or_default().push(planned);
        Ok(answer)
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

/// The endpoint that a request was made from.
pub(super) fn endpoint_of(request: &Request) -> Result<&'static EndpointDef, Error> {
    endpoint(request.metadata.name)
        .map_err(|error| Error::setup(error.to_string()).for_request(request))
}

/// The fields of a call, read back from its request.
fn fields_of(endpoint: &EndpointDef, request: &Request) -> Result<Value, Error> {
    let dialect = request.metadata.dialect;
    wire::read_fields(request.metadata, &request.wire.target, &request.wire.body)
        .map_err(|problem| FieldError::new(request.metadata.name, ".", &problem))
        .and_then(|fields| endpoint.fields_from_wire(Value::Object(fields), dialect))
        .and_then(|fields| endpoint.check(&fields))
        .map_err(|error| Error::answer(Failure::Field(error)).for_request(request))
}
