//! What can keep a call from its answer.

use drillmaster_models::Means;

use crate::refusal::Refusal;

/// Why a call has no answer. Ask it questions; its insides may change.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] drillmaster_transport::Error);

impl Error {
    /// What the service refused, if it did. Its own words are in [`words`](Self::words).
    pub fn refusal(&self) -> Option<Refusal> {
        match self.0.means()? {
            Means::Credential => Some(Refusal::Credential),
            _ => self.0.words().map(Refusal::read),
        }
    }

    /// The service's own words, of a refusal or of a failure.
    pub fn words(&self) -> Option<&str> {
        self.0.words()
    }

    /// The credential was refused: no further request can succeed.
    pub fn is_credential(&self) -> bool {
        self.0.is_credential()
    }

    /// The refusal says that the wanted state holds already: invited before, deleted before.
    pub fn is_already(&self) -> bool {
        self.0.is_already()
    }

    /// A write was sent, and whether it took effect is unknown.
    pub fn is_in_doubt(&self) -> bool {
        self.0.is_in_doubt()
    }

    /// Sending the same request again may succeed and can do no harm.
    pub fn is_retryable(&self) -> bool {
        self.0.is_retryable()
    }

    /// The request was wrong by itself and was not sent.
    pub fn is_invalid(&self) -> bool {
        self.0.is_invalid()
    }

    /// The transport's error, which answers more questions.
    pub fn transport(&self) -> &drillmaster_transport::Error {
        &self.0
    }
}
