//! Files that appear whole, or not at all.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Whether a file cannot be opened because too many are: by this process, or on this machine.
pub(crate) fn is_out_of_handles(error: &io::Error) -> bool {
    // They have no kind of their own.
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    cfg!(unix) && matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Only its owner: it names people.
    Owner,
    /// Whom the system lets read new files.
    Everybody,
}

/// Writes a file beside its place, and renames it when it is on the disk.
pub fn put(
    path: &Path,
    readers: Readers,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    if readers == Readers::Everybody {
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
