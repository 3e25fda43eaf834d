//! What earlier parts of a resumed run did.

use std::collections::HashSet;
use std::io;

use drillmaster_transport::cassette::RowEvent;
use tokio::runtime::Handle;

/// The history of a run that can be resumed.
pub trait RunHistory: Send + Sync {
    /// The command that resumes the run.
    fn resume_command(&self) -> &str;

    /// How the row of a scope ended before, if it was attempted.
    fn row(&self, scope: &str) -> Option<RowEvent>;

    /// Prepares rows to run again: their calls so far are answered from the journal.
    fn run_again(&self, rows: HashSet<String>, runtime: &Handle) -> io::Result<()>;
}
