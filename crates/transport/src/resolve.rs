//! Resolves writes in doubt: finds out whether a write without a clear answer took effect, and sends it again only
//! where that cannot do it twice.

mod attempt;
mod pending;
mod probe;
mod resolver;

use std::sync::Arc;
use std::time::Duration;

use drillmaster_models::{EndpointDef, Resolve, Write};
use serde_json::Value;
use tokio::time::Instant;

pub use self::resolver::Resolver;
use crate::connection::Connection;
use crate::error::Error;
use crate::log::RESOLVE;
use crate::request::{Purpose, Request, Source};
use crate::resolve_policy::ResolvePolicy;

/// A write that was sent, or may have been, and got no clear answer. A [`Resolver`] resolves it.
pub struct InDoubtWrite {
    connection: Connection,
    endpoint: &'static EndpointDef,
    write: Write,
    fields: Value,
    /// As it was first sent, with the number that a journal has it under.
    request: Request,
    error: Error,
    source: Source,
    /// When this process learned of it.
    since: Instant,
    /// How long it had been in doubt by then.
    age: Duration,
}

impl InDoubtWrite {
    fn new(
        connection: Connection,
        endpoint: &'static EndpointDef,
        fields: &Value,
        request: Request,
        source: Source,
        error: Error,
    ) -> Result<Self, Error> {
        let Some(write) = endpoint.metadata.effect.write().copied() else { return Err(error) };
        let (fields, since) = (fields.clone(), Instant::now());
        let (ordinal, age) = match source {
            // If the clock was set back, it counts as new.
            Source::History { ordinal, since } => {
                (ordinal, since.map_or(Duration::ZERO, |since| since.elapsed().unwrap_or_default()))
            }
            _ => (request.ordinal, Duration::ZERO),
        };
        let request = Request { ordinal, ..request };
        Ok(Self { connection, endpoint, write, fields, request, error, source, since, age })
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
        self.since + within.saturating_sub(self.age)
    }

    /// Whether a repeat is harmless at any time.
    fn is_harmless(&self) -> bool {
        matches!(self.write.resolve, Resolve::Repeat | Resolve::Refusal)
    }

    /// Whether all that can be known about it is in a recording.
    fn is_recorded(&self) -> bool {
        matches!(self.source, Source::Recording | Source::OldRecording)
    }

    /// Sends it again. The answer also counts as that of the first request.
    async fn repeat(&self) -> Result<Value, Error> {
        let draft = self.connection.draft(self.endpoint, &self.fields)?;
        let purpose = Purpose::Repeat { of: self.request.ordinal };
        self.connection.send_draft(self.endpoint, Request { purpose, ..draft }).await
    }

    /// Records that it took effect, and returns the answer that its endpoint gives then.
    fn took_effect(&self) -> Result<Value, Error> {
        let failed = |failure| Error::answer(failure).about(&self.endpoint.metadata);
        let answer = self.endpoint.predict(&self.fields).map_err(failed)?;
        let dialect = self.connection.dialect();
        let wire = self.endpoint.answer_to_wire(answer.clone(), dialect).map_err(failed)?;
        self.connection.transport().resolved(&self.request, &wire);
        Ok(answer)
    }

    fn log(&self, round: u32, outcome: &'static str) {
        tracing::warn!(
            target: RESOLVE,
            endpoint = self.endpoint.name(),
            round,
            outcome,
            scope = &**self.scope(),
        );
    }

    /// What identifies it within a run.
    fn id(&self) -> WriteId {
        (self.request.scope.clone(), self.request.ordinal)
    }
}

/// The scope and the number of a write.
type WriteId = (Arc<str>, u64);

impl Connection {
    /// Calls an endpoint, and resolves a write in doubt as a [`Resolver`] does. Waits for that as long as the
    /// [policy](Connection::resolving) allows. An error that is in doubt could not be resolved.
    pub async fn call_and_resolve(
        &self,
        endpoint: &'static EndpointDef,
        fields: &Value,
    ) -> Result<Value, Error> {
        let write = match self.call_or_in_doubt(endpoint, fields).await? {
            Ok(answer) => return Ok(answer),
            Err(write) => write,
        };
        let resolver = Resolver::default();
        // Boxed because it is rarely needed and larger than everything else here.
        Box::pin(async {
            match resolver.try_now(write).await {
                Ok(outcome) => outcome,
                Err(write) => {
                    let error = write.error.clone();
                    let outcome = resolver.add(*write);
                    tokio::select! {
                        outcome = outcome => outcome.unwrap_or(Err(error)),
                        () = resolver.run() => Err(error),
                    }
                }
            }
        })
        .await
    }

    /// Calls an endpoint. A write without a clear answer is returned, for a [`Resolver`] to resolve now or later.
    pub async fn call_or_in_doubt(
        &self,
        endpoint: &'static EndpointDef,
        fields: &Value,
    ) -> Result<Result<Value, InDoubtWrite>, Error> {
        let draft = self.draft(endpoint, fields)?;
        if endpoint.metadata.effect.is_read() {
            return self.send_draft(endpoint, draft).await.map(Ok);
        }
        let source = self.source(&draft);
        let request = Request { ordinal: self.scope().next(), ..draft };
        match self.send_request(endpoint, request.clone()).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) if error.is_in_doubt() => {
                InDoubtWrite::new(self.clone(), endpoint, fields, request, source, error).map(Err)
            }
            Err(error) => Err(error),
        }
    }
}
