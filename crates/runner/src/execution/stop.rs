//! The end of a run before its end.

use tokio_util::sync::CancellationToken;

/// A request to end the run after the rows in flight.
#[derive(Debug, Clone, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// Asks the run to end.
    pub fn request(&self) {
        self.0.cancel();
    }

    /// Whether it was asked to.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it is.
    pub(crate) async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// What ends the waits of calls.
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }
}
