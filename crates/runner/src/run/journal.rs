//! The journal of a run: what its rows have come to, and how it is resumed.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use drillmaster_journal::crash_point::crash_point;
use drillmaster_journal::{History, Journal};
use drillmaster_transport::cassette::{Event, RowEvent};
use tokio::runtime::Handle;

use crate::execution::history::RunHistory;
use crate::execution::row_sink::{FinishedRow, RowSink, WriteError};
use crate::execution::store::RowStore;

/// The journal of a run, and its content when this part of the run began.
#[derive(Clone)]
pub struct RunJournal {
    /// Where new events go.
    pub journal: Arc<Journal>,
    /// What it contained.
    pub history: Arc<History>,
    /// The command that resumes the run.
    pub resume: String,
    path: PathBuf,
    name: String,
}

impl RunJournal {
    /// The journal in this file. `name` is what the command line calls the run: its id, or its file.
    pub fn new(journal: Journal, history: History, path: &Path, name: &str) -> Self {
        let name = shell_words::quote(name).into_owned();
        let (journal, history) = (Arc::new(journal), Arc::new(history));
        let (path, resume) = (path.to_owned(), format!("drillmaster resume {name}"));
        Self { journal, history, resume, path, name }
    }

    /// A command about the run, such as `drillmaster runs show ID`.
    pub fn command(&self, verb: &str) -> String {
        format!("drillmaster {verb} {}", self.name)
    }

    fn write(&self, row: &FinishedRow<'_>) -> io::Result<()> {
        let known = self.history.row(row.scope).map_err(other)?;
        let outcome = row.outcome;
        let event = RowEvent {
            scope: row.scope.to_owned(),
            key: outcome.key.clone(),
            state: outcome.state.name().to_owned(),
            detail: outcome.detail.clone(),
            returned: outcome.returned.clone(),
            line: outcome.line,
        };
        if known.as_ref() != Some(&event) {
            self.journal.append(&Event::Row(event))?;
        }
        Ok(())
    }
}

impl RowSink for RunJournal {
    fn begin(&self, _: &RowStore, _: usize) -> Result<(), WriteError> {
        Ok(())
    }

    fn finished(&self, row: &FinishedRow<'_>) -> Result<(), WriteError> {
        let written = self.write(row).map_err(WriteError::because("the journal cannot be written"));
        crash_point("row");
        written
    }
}

impl RunHistory for RunJournal {
    fn resume_command(&self) -> &str {
        &self.resume
    }

    fn row(&self, scope: &str) -> Option<RowEvent> {
        self.history.row(scope).ok()?
    }

    fn run_again(&self, rows: HashSet<String>, runtime: &Handle) -> io::Result<()> {
        runtime.block_on(self.journal.flush())?;
        self.history.rerun(&self.path, rows).map_err(other)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn other(error: impl ToString) -> io::Error {
    io::Error::other(error.to_string())
}
