//! The async runtime of a run, and how Ctrl-C stops the run.

use std::sync::{Arc, OnceLock};

use crate::console::Console;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use tokio::runtime::{Handle, Runtime};
use tokio_util::sync::CancellationToken;

use crate::interrupts::Interrupts;

/// A runtime whose run the user can stop: the first interrupt lets the current rows finish, the second ends the
/// process.
pub(crate) struct InterruptibleRuntime {
    runtime: Runtime,
    pub(crate) stop: CancellationToken,
    /// The command that resumes the run, once it has a journal.
    resume: Arc<OnceLock<String>>,
}

impl InterruptibleRuntime {
    pub(crate) fn start(console: &Console) -> Result<Self, Diagnostic> {
        let runtime = multi_thread()?;
        let interrupts = Interrupts::listen_in(&runtime)?;
        let (stop, resume) = (CancellationToken::new(), Arc::new(OnceLock::new()));
        runtime.spawn(stop_on_interrupt(interrupts, stop.clone(), console.clone(), resume.clone()));
        Ok(Self { runtime, stop, resume })
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Sets the command that is shown to the user when the process ends on the second interrupt.
    pub(crate) fn set_resume_command(&self, command: &str) {
        // Each runtime has one run, so the command is set once.
        let _ = self.resume.set(command.to_owned());
    }
}

/// A runtime for a run.
pub(crate) fn multi_thread() -> Result<Runtime, Diagnostic> {
    Runtime::new().map_err(|error| cannot_start(&error))
}

/// A runtime for a command that makes one call after the other.
pub(crate) fn current_thread() -> Result<Runtime, Diagnostic> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| cannot_start(&error))
}

fn cannot_start(error: &std::io::Error) -> Diagnostic {
    Diagnostic::usage(format!("cannot start the async runtime: {error}"))
}

async fn stop_on_interrupt(
    mut interrupts: Interrupts,
    stop: CancellationToken,
    console: Console,
    resume: Arc<OnceLock<String>>,
) {
    interrupts.next().await;
    stop.cancel();
    console.warn("interrupted: finishing the current rows; press Ctrl-C again to stop now");
    interrupts.next().await;
    if let Some(resume) = resume.get() {
        console.warn(&format!("stopped; resume with `{resume}`"));
    }
    std::process::exit(i32::from(Exit::Interrupted as u8));
}
