//! What an answer was when it was not the one that was asked for.

use crate::endpoint_def::Unsupported;
use crate::field::FieldError;
use crate::metadata::Means;

/// Why a call has no answer, as far as its words alone can tell. Trouble on the way is the transport's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The request is wrong by itself and was not sent.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The dialect has no such endpoint; nothing was sent.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The service said no.
    #[error("{words}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The service's own words.
        words: String,
        /// What they mean, as declared.
        means: Means,
    },
    /// The service asked to be asked less often.
    #[error("the service asks to slow down ({status}: {words})")]
    Throttled {
        /// The HTTP status, 429 or 403.
        status: u16,
        /// The service's own words.
        words: String,
    },
    /// The service met an error of its own. Whether a write took effect is unknown.
    #[error("the service failed ({status}: {words})")]
    Broken {
        /// The HTTP status, 500 or above.
        status: u16,
        /// The service's own words.
        words: String,
    },
    /// An HTML page or a redirect, where JSON was due.
    #[error("not an API answer ({status}, {what}): is the base URL right, is the key accepted?")]
    NotAnApi {
        /// The HTTP status.
        status: u16,
        /// What came instead.
        what: String,
    },
    /// JSON, but not in the shape that the documents give.
    #[error("the answer does not fit the documents: {0}")]
    Shape(String),
}

impl Failure {
    pub(crate) fn shape(error: &FieldError) -> Self {
        Self::Shape(format!("at `{}`: {}", error.field, error.problem))
    }
}
