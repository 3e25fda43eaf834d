//! The people in a sealed cassette: requests get pseudonyms, and responses get the real values back.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use drillmaster_models::{Message, wire};
use serde_json::Value;

use crate::cassette::{Interaction, identity};
use crate::redact::{Redactor, Rows, Scheme, mask_request};
use crate::request::{Request, Response};

/// Who is who, as far as it is known yet.
pub(super) struct People {
    pub(super) scheme: Scheme,
    redactor: RwLock<Redactor>,
}

impl People {
    pub(super) fn new(scheme: &Scheme, roster: Option<&Rows>) -> Self {
        let redactor = RwLock::new(Redactor::new(scheme, roster));
        Self { scheme: scheme.clone(), redactor }
    }

    /// The request with pseudonyms.
    pub(super) fn redacted(&self, request: &Request) -> Request {
        let redactor = self.read();
        Request {
            wire: redactor.request(request.message()).into(),
            scope: redactor.scope(&request.scope).into(),
            ..request.clone()
        }
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
        self.read().unknown_pseudonym(request.message())
    }

    /// Learns who the people in a recorded request are: those in the given one, which differs in nothing else. Uses the
    /// first such recorded request; `false` if there is none.
    pub(super) fn learn(
        &self,
        request: &Request,
        recorded: impl Iterator<Item = wire::Request>,
    ) -> bool {
        let message = request.message();
        let masked = |wire: &wire::Request| {
            identity(&mask_request(Message { wire, ..message }, &self.scheme))
        };
        let own = masked(message.wire);
        let mut alike = recorded.filter(|wire| masked(wire) == own);
        alike.any(|wire| self.write().bind(message, &wire))
    }

    /// Learns who the people are in values from outside that are lists.
    pub(super) fn learn_lists(&self, own: &Value, recorded: &Value) {
        self.write().bind_lists(own, recorded);
    }

    /// A recorded interaction with real values in place of pseudonyms.
    pub(super) fn restore(&self, mut interaction: Interaction) -> Interaction {
        let redactor = self.read();
        let request = &mut interaction.request;
        if let Ok(wire) = request.wire() {
            request.set_message(&redactor.restore_request(&wire));
        }
        request.scope = redactor.restore_text(&request.scope);
        interaction.outcome = interaction.outcome.map(|answer| redactor.restore(answer));
        interaction
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Redactor> {
        self.redactor.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Redactor> {
        self.redactor.write().unwrap_or_else(PoisonError::into_inner)
    }
}
