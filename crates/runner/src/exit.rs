//! The exit code that a diagnostic leads to.
//!
//! ```
//! use drillmaster_runner::diagnostic::Diagnostic;
//! use drillmaster_runner::exit::Exit;
//!
//! let exit = Exit::of(&Diagnostic::script("the script stopped"));
//! assert_eq!(exit, Exit::Script);
//! assert_eq!(exit.max(Exit::Rows) as u8, 3);
//! ```

use std::process::ExitCode;

use crate::diagnostic::{Category, Diagnostic, Severity};

/// The exit codes. If several apply, the highest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Every row is done or unchanged.
    Done = 0,
    /// A row was refused, failed, is in doubt or was skipped.
    Rows = 1,
    /// The command line or the configuration is wrong; nothing was sent.
    Usage = 2,
    /// The script is wrong, or stopped with an error.
    Script = 3,
    /// A guard or a refused credential stopped the run.
    Stopped = 4,
    /// A replay did not match its recording.
    Replay = 5,
    /// A file could not be written: the disk is full, or no more files can be opened. What was sent stands.
    Unwritten = 8,
    /// The run was interrupted.
    Interrupted = 130,
}

impl Exit {
    /// How the command ends because of this diagnostic. A warning changes nothing.
    pub const fn of(diagnostic: &Diagnostic) -> Self {
        match (diagnostic.severity, diagnostic.category) {
            (Severity::Warning, _) => Self::Done,
            (Severity::Error, Category::Call) => Self::Rows,
            (Severity::Error, Category::Usage) => Self::Usage,
            (Severity::Error, Category::Script) => Self::Script,
            (Severity::Error, Category::Stopped) => Self::Stopped,
            (Severity::Error, Category::Replay) => Self::Replay,
            (Severity::Error, Category::Unwritten) => Self::Unwritten,
            (Severity::Error, Category::Interrupted) => Self::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
