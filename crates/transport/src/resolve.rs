//! Resolving writes in doubt: finding out whether a write without a clear answer took effect, and sending it
//! again only where that cannot do it twice.

mod look;
mod pending;
mod resolver;

use std::sync::Arc;
use std::time::Duration;

use drillmaster_models::{EndpointDef, Resolve, Write};
use serde_json::Value;
use tokio::time::Instant;

pub use self::resolver::Resolver;
use crate::connection::Connection;
use crate::error::Error;
use crate::log;
use crate::request::{Purpose, Request, Response, Source};

/// When a write in doubt is looked into, after it became so.
const LOOKS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
];

/// How writes in doubt are resolved.
///
/// ```
/// use drillmaster_transport::ResolvePolicy;
/// use std::time::Duration;
///
/// let patient = ResolvePolicy { look_for: Duration::from_secs(300), ..ResolvePolicy::default() };
/// assert_eq!(patient.effect_within, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolvePolicy {
    /// How long after a request without a clear answer its effect may still appear; what the endpoint declares
    /// where it is `None`.
    pub effect_within: Option<Duration>,
    /// For how long a write is looked into before it is left in doubt: 30 s by default.
    pub look_for: Duration,
    /// Whether to wait for the horizon, however far off it is.
    pub wait: bool,
    /// Whether a write is repeated past its horizon although nothing shows that it is absent. Only a person
    /// who has looked can know that this is right.
    pub repeat_unproven: bool,
}

impl Default for ResolvePolicy {
    fn default() -> Self {
        Self {
            effect_within: None,
            look_for: LOOKS[LOOKS.len() - 1],
            wait: false,
            repeat_unproven: false,
        }
    }
}

/// A write that was sent, or may have been, and got no clear answer.
pub struct Doubt {
    connection: Connection,
    endpoint: &'static EndpointDef,
    write: Write,
    fields: Value,
    /// As it was first sent: with the number under which a journal has it.
    request: Request,
    error: Error,
    source: Source,
    /// When this process learnt of it.
    taken: Instant,
    /// How long it had been in doubt by then.
    age: Duration,
}

impl Doubt {
    pub(crate) fn new(
        connection: Connection,
        endpoint: &'static EndpointDef,
        fields: &Value,
        request: Request,
        source: Source,
        error: Error,
    ) -> Result<Self, Error> {
        let Some(write) = endpoint.metadata.effect.write().copied() else { return Err(error) };
        let (fields, taken) = (fields.clone(), Instant::now());
        let (ordinal, age) = match source {
            // A clock that was set back makes it as young as it can be.
            Source::History { ordinal, since } => {
                (ordinal, since.map_or(Duration::ZERO, |since| since.elapsed().unwrap_or_default()))
            }
            _ => (request.ordinal, Duration::ZERO),
        };
        let request = Request { ordinal, ..request };
        Ok(Self { connection, endpoint, write, fields, request, error, source, taken, age })
    }

    /// The error that left it in doubt.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The row that it belongs to, or `main`.
    pub fn scope(&self) -> &Arc<str> {
        &self.request.scope
    }

    fn policy(&self) -> ResolvePolicy {
        self.connection.policy()
    }

    /// When its effect can no longer appear.
    fn horizon(&self) -> Instant {
        let within = self.policy().effect_within.unwrap_or(self.write.effect_within);
        self.taken + within.saturating_sub(self.age)
    }

    /// Whether a repeat is harmless at any time.
    fn is_harmless(&self) -> bool {
        matches!(self.write.resolve, Resolve::Repeat | Resolve::Refusal)
    }

    /// Whether what is known can only come from a recording.
    fn is_recorded(&self) -> bool {
        matches!(self.source, Source::Recording | Source::OldRecording)
    }

    /// Sends it again. The answer is that of the first request, too.
    async fn repeat(&self) -> Result<Value, Error> {
        let draft = self.connection.draft(self.endpoint, &self.fields)?;
        let purpose = Purpose::Repeat { of: self.request.ordinal };
        self.connection.send_draft(self.endpoint, Request { purpose, ..draft }).await
    }

    /// The answer to expect of it, now that it is known to have taken effect. Whoever keeps a record keeps it.
    fn done(&self) -> Result<Value, Error> {
        let told = |failure| Error::answer(failure).about(&self.endpoint.metadata);
        let answer = self.endpoint.predict(&self.fields).map_err(told)?;
        let dialect = self.connection.dialect();
        let wire = self.endpoint.answer_to_wire(answer.clone(), dialect).map_err(told)?;
        self.connection.resolved(&self.request, &wire);
        Ok(answer)
    }

    fn tell(&self, round: u32, outcome: &'static str) {
        tracing::warn!(
            target: log::SETTLE,
            endpoint = self.endpoint.name(),
            round,
            outcome,
            scope = &**self.scope(),
        );
    }

    /// What tells it from others.
    fn place(&self) -> (Arc<str>, u64) {
        (self.request.scope.clone(), self.request.ordinal)
    }
}

impl Connection {
    /// Calls an endpoint, and resolves a write in doubt as a [`Resolver`] does. Waits for that as long as
    /// the [policy](Connection::resolving) allows. An `Err` that is in doubt could not be resolved.
    pub async fn call_and_resolve(
        &self,
        endpoint: &'static EndpointDef,
        fields: &Value,
    ) -> Result<Value, Error> {
        let doubt = match self.call_or_doubt(endpoint, fields).await? {
            Ok(answer) => return Ok(answer),
            Err(doubt) => doubt,
        };
        let resolver = Resolver::default();
        // It is seldom needed, and larger than all the rest.
        Box::pin(async {
            match resolver.try_now(doubt).await {
                Ok(outcome) => outcome,
                Err(doubt) => {
                    let error = doubt.error.clone();
                    let outcome = resolver.add(*doubt);
                    tokio::select! {
                        outcome = outcome => outcome.unwrap_or(Err(error)),
                        () = resolver.run() => Err(error),
                    }
                }
            }
        })
        .await
    }

    /// Calls an endpoint. A write without a clear answer is given back to be resolved, by a [`Resolver`] or later.
    pub async fn call_or_doubt(
        &self,
        endpoint: &'static EndpointDef,
        fields: &Value,
    ) -> Result<Result<Value, Doubt>, Error> {
        let draft = self.draft(endpoint, fields)?;
        if endpoint.metadata.effect.is_read() {
            return self.send_draft(endpoint, draft).await.map(Ok);
        }
        let source = self.source(&draft);
        let request = Request { ordinal: self.scope().next(), ..draft };
        match self.send_request(endpoint, request.clone()).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) if error.is_in_doubt() => {
                let own = Request { metadata: request.metadata, ..request };
                Doubt::new(self.clone(), endpoint, fields, own, source, error).map(Err)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes down what a write without a clear answer came to.
    fn resolved(&self, request: &Request, answer: &Response) {
        self.transport().resolved(request, answer);
    }
}
