//! Writes files that appear complete, or not at all.
//!
//! ```
//! use drillmaster_runner::fs::{Visibility, write_atomic};
//!
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("plan.jsonl");
//! write_atomic(&path, Visibility::Owner, |out| writeln!(out, "{{}}")).unwrap();
//! assert_eq!(std::fs::read_to_string(path).unwrap(), "{}\n");
//! ```

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Whether a file cannot be opened because this process or this machine has too many open.
pub(crate) fn is_out_of_handles(error: &io::Error) -> bool {
    // These have no `io::ErrorKind`.
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    cfg!(unix) && matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Only its owner, because it names people.
    Owner,
    /// Everyone whom the system lets read new files.
    Everyone,
}

/// Writes a file under a temporary name, and renames it when it is on the disk.
pub fn write_atomic(
    path: &Path,
    visibility: Visibility,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    if visibility == Visibility::Everyone {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let file = builder.prefix(".writing-").tempfile_in(folder_of(path))?;
    let mut out = BufWriter::new(file.as_file());
    content(&mut out)?;
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The folder of a file, which need not exist.
pub fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
