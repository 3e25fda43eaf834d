//! The people in a sealed cassette: requests get pseudonyms, and responses get the real values back.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use drillmaster_models::{Metadata, wire};
use serde_json::Value;

use crate::redact::{Redactor, Rows, Sealing, shape};
use crate::request::{Request, Response};

/// Who is who, as far as it is known yet.
pub(super) struct People {
    pub(super) sealing: Sealing,
    redactor: RwLock<Redactor>,
}

impl People {
    pub(super) fn new(sealing: &Sealing, roster: Option<&Rows>) -> Self {
        let redactor = RwLock::new(Redactor::of(sealing, roster));
        Self { sealing: sealing.clone(), redactor }
    }

    /// The request with pseudonyms.
    pub(super) fn redacted(&self, request: &Request) -> Request {
        self.read().request(request)
    }

    pub(super) fn scope(&self, scope: &str) -> String {
        self.read().scope(scope)
    }

    /// The response with the real values.
    pub(super) fn answered(&self, answer: Response) -> Response {
        self.read().restore(answer)
    }

    /// A pseudonym in the request that stands for no known person.
    pub(super) fn unknown_pseudonym(&self, request: &Request) -> Option<String> {
        self.read().stranger(request)
    }

    /// Learns who the people in a recorded request are: those in the given one, which differs in nothing else. Uses the
    /// first such recorded request; `false` if there is none.
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

    /// Learns who the people are in values from outside that are lists.
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
