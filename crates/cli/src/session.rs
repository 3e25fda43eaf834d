//! The runtime of a run, and its ear for interrupts.

use std::sync::{Arc, OnceLock};

use tokio::runtime::{Handle, Runtime};

use crate::interrupts::Interrupts;
use drillmaster_runner::console::Console;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::execution::stop::Stop;
use drillmaster_runner::exit::Exit;

/// What a run has for as long as it lasts.
pub(crate) struct Session {
    runtime: Runtime,
    pub(crate) stop: Stop,
    /// The command that goes on with the run, once it has a journal.
    resume: Arc<OnceLock<String>>,
}

impl Session {
    pub(crate) fn start(console: &Console) -> Result<Self, Diagnostic> {
        let runtime =
            Runtime::new().map_err(|error| Diagnostic::usage(format!("cannot start: {error}")))?;
        let interrupts = {
            let _inside = runtime.enter();
            Interrupts::watch()
                .map_err(|error| Diagnostic::usage(format!("cannot watch for Ctrl-C: {error}")))?
        };
        let (stop, resume) = (Stop::default(), Arc::new(OnceLock::new()));
        runtime.spawn(listen(interrupts, stop.clone(), console.clone(), resume.clone()));
        Ok(Self { runtime, stop, resume })
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Says by which command the run goes on.
    pub(crate) fn resumes_by(&self, command: &str) {
        // A session has one run.
        let _ = self.resume.set(command.to_owned());
    }
}

/// The first interrupt ends the run after the rows in flight, the second at once.
async fn listen(
    mut interrupts: Interrupts,
    stop: Stop,
    console: Console,
    resume: Arc<OnceLock<String>>,
) {
    interrupts.next().await;
    stop.request();
    console.warn("interrupted: finishing what is in flight; once more to stop at once");
    interrupts.next().await;
    if let Some(resume) = resume.get() {
        console.warn(&format!("stopped; go on with `{resume}`"));
    }
    std::process::exit(i32::from(Exit::Interrupted as u8));
}
