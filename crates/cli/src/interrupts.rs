//! Ctrl-C and the other signals that ask the process to end.

use std::io;

use drillmaster_runner::diagnostic::Diagnostic;
use tokio::runtime::Runtime;

/// Requests to end this process: Ctrl-C, and on Unix `SIGTERM` and `SIGHUP`, unless the process was started with
/// `nohup`. Requests that arrive between [`listen`](Self::listen) and [`next`](Self::next) are kept.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Interrupts {
    /// Listens in this runtime.
    pub(crate) fn listen_in(runtime: &Runtime) -> Result<Self, Diagnostic> {
        let _context = runtime.enter();
        Self::listen()
    }

    /// Listens from now on. Must be called within a runtime.
    pub(crate) fn listen() -> Result<Self, Diagnostic> {
        Self::register()
            .map_err(|error| Diagnostic::usage(format!("cannot listen for Ctrl-C: {error}")))
    }

    fn register() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            // With a handler for SIGXFSZ, a write beyond the file size limit fails instead of ending the process.
            let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hangup: if outlives_terminal() {
                    None
                } else {
                    Some(signal(SignalKind::hangup())?)
                },
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for the next request.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            Some(()) = async { self.hangup.as_mut()?.recv().await } => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Whether the process was started with `SIGHUP` ignored, as by `nohup`. Known on Linux only.
#[cfg(unix)]
fn outlives_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is the lowest bit of the mask.
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}
