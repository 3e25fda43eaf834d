//! A transport that returns prepared answers, and requests to send over it.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use drillmaster_models::{Dialect, Endpoint, endpoint};
use drillmaster_transport::{Error, Purpose, Request, Response, Transport};
use serde_json::Value;

pub(crate) struct Scripted(Mutex<VecDeque<Result<Response, Error>>>);

impl Scripted {
    pub(crate) fn new(answers: impl IntoIterator<Item = Result<Response, Error>>) -> Self {
        Self(Mutex::new(answers.into_iter().collect()))
    }

    /// Answers with 200 and these bodies.
    pub(crate) fn saying(bodies: impl IntoIterator<Item = Value>) -> Self {
        Self::new(bodies.into_iter().map(|body| Ok(Response::json(200, &body))))
    }
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let answer = self.0.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| panic!("no answer is left for {}", request.line()))
    }
}

/// The request that a connection makes from this, as the first one of `main`.
pub(crate) fn request<E: Endpoint>(fields: &E) -> Request {
    let endpoint = endpoint(E::METADATA.name).unwrap();
    let fields = serde_json::to_value(fields).unwrap();
    Request {
        wire: endpoint.request(&fields, Dialect::Current).unwrap().into(),
        metadata: &endpoint.metadata,
        scope: "main".into(),
        ordinal: 0,
        purpose: Purpose::Call,
    }
}
