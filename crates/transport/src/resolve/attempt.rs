//! How one attempt to resolve a write in doubt ended.

use serde_json::Value;

use crate::error::Error;

/// How an attempt to resolve a write ended.
pub(super) enum Attempt {
    /// It took effect, or certainly did not.
    Resolved(Result<Value, Error>),
    /// It is still in doubt.
    Open,
    /// It is still in doubt, and no further attempt can help: a guard or the credential prevents it.
    Hopeless,
}

impl Attempt {
    /// What the answer to a repeat shows.
    pub(super) fn from_repeat(answer: Result<Value, Error>) -> Self {
        match answer {
            Err(error) if error.is_in_doubt() || error.is_retryable() => Self::Open,
            // "Already done" does not say by whom, so it is returned as it is.
            Err(error) if error.is_refusal() || error.is_replay_mismatch() => {
                Self::Resolved(Err(error))
            }
            Err(_) => Self::Hopeless,
            answer => Self::Resolved(answer),
        }
    }

    /// The word for it in logs.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Resolved(Ok(_)) => "resolved",
            Self::Resolved(Err(_)) => "refused",
            Self::Open => "in doubt",
            Self::Hopeless => "in doubt for good",
        }
    }
}
