//! The journal of a run, as the command line speaks of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use drillmaster_journal::{History, Journal};

/// The journal of a run, and what it held when this part of the run began.
#[derive(Clone)]
pub struct RunJournal {
    /// What is written to.
    pub journal: Arc<Journal>,
    /// What was there.
    pub history: Arc<History>,
    /// The command that goes on with the run.
    pub resume: String,
    /// Where the journal is.
    pub(crate) path: PathBuf,
    /// What the command line calls the run.
    name: String,
}

impl RunJournal {
    /// The journal in this file, whose run the command line knows by this name: its id, or its file.
    pub fn new(journal: Journal, history: History, path: &Path, name: &str) -> Self {
        let is_plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
        let name = if name.chars().all(is_plain) {
            name.to_owned()
        } else {
            // As a shell takes it for one word.
            format!("'{}'", name.replace('\'', r"'\''"))
        };
        let (journal, history) = (Arc::new(journal), Arc::new(history));
        let (path, resume) = (path.to_owned(), format!("drillmaster resume {name}"));
        Self { journal, history, resume, path, name }
    }

    /// A command about the run.
    pub fn command(&self, verb: &str) -> String {
        format!("drillmaster {verb} {}", self.name)
    }
}
