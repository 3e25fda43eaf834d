//! How the command ends.

use std::process::ExitCode;

/// The exit codes. The highest of those that apply wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Every row is done or unchanged.
    Done = 0,
    /// Some row was refused, failed, is in doubt or was skipped.
    Rows = 1,
    /// The command line or the configuration is wrong; nothing was sent.
    Usage = 2,
    /// The script is wrong, or stopped with an error.
    Script = 3,
    /// A guard or a refused credential stopped the run.
    Stopped = 4,
    /// A replay did not match its recording.
    Replay = 5,
    /// A file could not be written: the disk is full, or no file can be opened any more. What was sent stands.
    Unwritten = 8,
    /// The run was interrupted.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
