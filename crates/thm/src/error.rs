//! Why a call has no answer.

use drillmaster_models::Means;

use crate::refusal::Refusal;

/// Why a call has no answer. Its methods say what happened; it has no public fields.
///
/// ```
/// use drillmaster_thm::{Client, Refusal};
/// use drillmaster_sandbox::{Options, Sandbox};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let full = Client::new(Sandbox::new(Options { seats: 0, ..Options::default() }));
/// let someone = full.users().await.unwrap()[0].email.clone().unwrap();
/// let error = full.add_seat(someone).await.unwrap_err();
/// assert_eq!(error.refusal(), Some(Refusal::NoSeatsLeft));
/// assert_eq!(error.to_string(), "thm.add_seat: no available seats in dashboard.");
/// assert!(!error.is_in_doubt());
/// # }
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] drillmaster_transport::Error);

impl Error {
    /// The refusal, if the service refused the request.
    pub fn refusal(&self) -> Option<Refusal> {
        match self.0.means()? {
            Means::Credential => Some(Refusal::Credential),
            _ => self.words().map(Refusal::from_words),
        }
    }

    /// The service's own message, if it answered with one.
    pub fn words(&self) -> Option<&str> {
        self.0.words()
    }

    /// Whether nothing had to be done, because the wanted state holds already.
    pub fn is_already(&self) -> bool {
        self.0.is_already()
    }

    /// Whether the service refused the credential. No other call can succeed either.
    pub fn is_credential(&self) -> bool {
        self.0.is_credential()
    }

    /// Whether a write was sent, or may have been, and it is unknown whether it took effect.
    pub fn is_in_doubt(&self) -> bool {
        self.0.is_in_doubt()
    }

    /// Whether sending the same request again may succeed and can do no harm.
    pub fn is_retryable(&self) -> bool {
        self.0.is_retryable()
    }

    /// Whether a field of the request is invalid. Nothing was sent.
    pub fn is_invalid(&self) -> bool {
        self.0.is_invalid()
    }

    /// Whether the dialect lacks the endpoint. Nothing was sent.
    pub fn is_unsupported(&self) -> bool {
        self.0.is_unsupported()
    }

    /// The transport's error, which has more to say.
    pub fn transport(&self) -> &drillmaster_transport::Error {
        &self.0
    }
}
