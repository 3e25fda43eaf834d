//! What calls wait in: for each that is made at a time, a runtime on the thread that makes it.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use drillmaster_transport::Error;
use tokio::runtime::{Builder, Runtime};

/// Runtimes that are free. A call takes the one that was used last and puts it back: there are as many as there
/// ever were calls at a time, and each keeps its connections.
///
/// A thread that waits for a runtime of its own is woken once, by its answer. With a runtime on other threads it
/// would be handed over twice a call, which costs as much as the call.
#[derive(Default)]
pub(crate) struct Lanes {
    free: Mutex<Vec<Runtime>>,
}

impl Lanes {
    /// Waits for a call.
    pub(crate) fn block_on<F: Future>(&self, call: F) -> Result<F::Output, Error> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let lane = match free {
            Some(lane) => lane,
            None => Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Error::setup(format!("no more calls at a time: {error}")))?,
        };
        let answer = lane.block_on(call);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(lane);
        Ok(answer)
    }
}
