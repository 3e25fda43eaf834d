//! Why a journal cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use super::lines::VERSION;

/// Why a journal cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct Unusable {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("a file is there already; resume that run, or name another file")]
    Exists,
    #[error("another process is writing this journal; wait until it has ended")]
    Busy,
    #[error("this is no journal: it does not begin with a `cassette` event")]
    NotAJournal,
    #[error(
        "the journal ends within its first line: nothing was sent yet; delete it and run again"
    )]
    Empty,
    #[error(
        "the journal has version {0}, and none after {VERSION} is understood; resume it with the \
         release that wrote it"
    )]
    Version(u64),
    #[error(
        "the journal is damaged at byte {byte}: {problem}; put an undamaged copy in its place, or look \
         up what was done before you run the script anew"
    )]
    Damaged { byte: u64, problem: String },
}

impl Problem {
    pub(super) fn damaged(byte: u64, problem: impl Into<String>) -> Self {
        Self::Damaged { byte, problem: problem.into() }
    }
}

impl Unusable {
    pub(super) fn new(path: &Path, problem: Problem) -> Self {
        Self { path: path.to_owned(), problem }
    }

    /// A file is in its place already.
    pub fn is_there_already(&self) -> bool {
        matches!(self.problem, Problem::Exists)
    }

    /// Another process is writing it.
    pub fn is_busy(&self) -> bool {
        matches!(self.problem, Problem::Busy)
    }

    /// The run was killed before its header was written, so that nothing was sent.
    pub fn is_empty(&self) -> bool {
        matches!(self.problem, Problem::Empty)
    }

    /// The byte at which the damaged line begins, where damage is the reason.
    pub fn damaged_at(&self) -> Option<u64> {
        match self.problem {
            Problem::Damaged { byte, .. } => Some(byte),
            _ => None,
        }
    }
}
