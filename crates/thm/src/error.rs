//! Why a call has no answer.

use drillmaster_models::Means;

use crate::refusal::Refusal;

/// Why a call has no answer. Ask it questions.
///
/// ```
/// use drillmaster_thm::{Client, Refusal};
/// use drillmaster_sandbox::{Options, Sandbox};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let full = Client::new(Sandbox::new(Options { learners: 30, seats: 0, ..Options::default() }));
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
    /// Which refusal it is, if the service refused.
    pub fn refusal(&self) -> Option<Refusal> {
        match self.0.means()? {
            Means::Credential => Some(Refusal::KeyRefused),
            _ => self.words().map(Refusal::of),
        }
    }

    /// The service's own words, if it answered with any.
    pub fn words(&self) -> Option<&str> {
        self.0.words()
    }

    /// The refusal says that the wanted state holds already: nothing was changed, nothing is wrong.
    pub fn is_already(&self) -> bool {
        self.0.is_already()
    }

    /// The key was refused: no further call can succeed.
    pub fn is_credential(&self) -> bool {
        self.0.is_credential()
    }

    /// A write was sent, and whether it took effect is unknown.
    pub fn is_in_doubt(&self) -> bool {
        self.0.is_in_doubt()
    }

    /// Sending the same request again may succeed and can do no harm.
    pub fn is_retryable(&self) -> bool {
        self.0.is_retryable()
    }

    /// The legacy dialect has no such endpoint; nothing was sent.
    pub fn is_unsupported(&self) -> bool {
        self.0.is_unsupported()
    }

    /// The transport's error, which answers more questions.
    pub fn transport(&self) -> &drillmaster_transport::Error {
        &self.0
    }
}
