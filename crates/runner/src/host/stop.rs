//! The end of a run before its end.

use std::sync::Arc;

use tokio::sync::watch;

/// A request to end the run after the rows in flight.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Asks the run to end.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was asked to.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is.
    pub(crate) async fn requested(&self) {
        // The sender is held by `self`, so that waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|stop| *stop).await;
    }
}
