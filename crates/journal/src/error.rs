//! Why a journal cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use drillmaster_transport::cassette::lines::LineError;

/// Why a journal cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct JournalError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the file already exists; resume that run, or choose another file")]
    AlreadyExists,
    #[error("another process is writing this journal; wait until it has ended")]
    Busy,
    #[error(transparent)]
    Content(#[from] LineError),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Content(error.into())
    }
}

impl JournalError {
    pub(crate) fn new(path: &Path, problem: impl Into<Problem>) -> Self {
        Self { path: path.to_owned(), problem: problem.into() }
    }

    /// The file already exists.
    pub fn already_exists(&self) -> bool {
        matches!(self.problem, Problem::AlreadyExists)
    }

    /// Another process is writing it.
    pub fn is_busy(&self) -> bool {
        matches!(self.problem, Problem::Busy)
    }

    /// The run was killed before its header was written, so nothing was sent.
    pub fn is_empty(&self) -> bool {
        matches!(self.problem, Problem::Content(LineError::Empty))
    }

    /// The byte at which the damaged line begins, if the journal is damaged.
    pub fn damaged_at(&self) -> Option<u64> {
        match self.problem {
            Problem::Content(LineError::Damaged { byte, .. }) => Some(byte),
            _ => None,
        }
    }
}
