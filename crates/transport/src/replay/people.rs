//! Who is who in a sealed cassette: pseudonyms in the place of what a script sends, and real values in the place
//! of pseudonyms in what it gets.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use drillmaster_models::{Metadata, wire};
use serde_json::Value;

use crate::redact::{Redactor, Rows, Sealing, shape};
use crate::request::{Request, Response};

/// What is known of them so far.
pub(super) struct People {
    pub(super) sealing: Sealing,
    redactor: RwLock<Redactor>,
}

impl People {
    pub(super) fn of(sealing: &Sealing, roster: Option<&Rows>) -> Self {
        let redactor = RwLock::new(Redactor::of(sealing, roster));
        Self { sealing: sealing.clone(), redactor }
    }

    /// The request as the recording would have it.
    pub(super) fn asked(&self, request: &Request) -> Request {
        self.read().request(request)
    }

    pub(super) fn scope(&self, scope: &str) -> String {
        self.read().scope(scope)
    }

    /// The answer as the script knows its people.
    pub(super) fn answered(&self, answer: Response) -> Response {
        self.read().restore(answer)
    }

    /// A pseudonym in the request that stands for nobody known.
    pub(super) fn stranger(&self, request: &Request) -> Option<String> {
        self.read().stranger(request)
    }

    /// Learns from a request who the people of the first recorded one are that differs from it in nothing else,
    /// if there is one.
    pub(super) fn learn(
        &self,
        request: &Request,
        recorded: impl Iterator<Item = wire::Request>,
    ) -> bool {
        let shape_of =
            |wire: &wire::Request, metadata: &Metadata| shape(wire, metadata, &self.sealing);
        let own = shape_of(&request.wire, request.metadata);
        let mut alike = recorded.filter(|wire| shape_of(wire, request.metadata) == own);
        alike.any(|wire| self.write().bind(request, &wire))
    }

    /// Learns from values that the script got from outside, where they are lists.
    pub(super) fn learn_lists(&self, own: &Value, recorded: &Value) {
        self.write().bind_lists(own, recorded);
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Redactor> {
        self.redactor.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Redactor> {
        self.redactor.write().unwrap_or_else(PoisonError::into_inner)
    }
}
