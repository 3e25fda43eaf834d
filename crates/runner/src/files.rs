//! Files that appear whole, or not at all.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::engine::folder_of;

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Only its owner: it names people.
    Owner,
    /// Whom the system lets read new files.
    Everybody,
}

/// Writes a file beside its place, and renames it when it is on the disk.
pub(crate) fn put(
    path: &Path,
    readers: Readers,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    if readers == Readers::Everybody {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let mut out = BufWriter::new(builder.prefix(".writing-").tempfile_in(folder_of(path))?);
    content(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
