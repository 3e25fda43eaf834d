//! Who is who in a sealed cassette: pseudonyms in the place of what a script sends, and real values in the place
//! of pseudonyms in what it gets.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use drillmaster_models::{Message, wire};
use serde_json::Value;

use crate::cassette::{Interaction, identity};
use crate::redact::{Redactor, Rows, Scheme, mask_request};
use crate::request::{Request, Response};

/// What is known of them so far.
pub(super) struct People {
    pub(super) scheme: Scheme,
    redactor: RwLock<Redactor>,
}

impl People {
    pub(super) fn of(scheme: &Scheme, roster: Option<&Rows>) -> Self {
        let redactor = RwLock::new(Redactor::new(scheme, roster));
        Self { scheme: scheme.clone(), redactor }
    }

    /// The request as the recording would have it.
    pub(super) fn asked(&self, request: &Request) -> Request {
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

    /// The answer as the script knows its people.
    pub(super) fn answered(&self, answer: Response) -> Response {
        self.read().restore(answer)
    }

    /// A pseudonym in the request that stands for nobody known.
    pub(super) fn stranger(&self, request: &Request) -> Option<String> {
        self.read().unknown_pseudonym(request.message())
    }

    /// Learns from a request who the people of the first recorded one are that differs from it in nothing else,
    /// if there is one.
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

    /// Learns from values that the script got from outside, where they are lists.
    pub(super) fn learn_lists(&self, own: &Value, recorded: &Value) {
        self.write().bind_lists(own, recorded);
    }

    /// A recorded interaction with real values in place of pseudonyms.
    pub(super) fn restore(&self, mut interaction: Interaction) -> Interaction {
        let redactor = self.read();
        let request = &mut interaction.request;
        if let Ok(wire) = request.wire() {
            request.carry(&redactor.restore_request(&wire));
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
