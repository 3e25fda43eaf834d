//! Reading files that the user named.
//!
//! Only regular files are opened: a pipe may never have a writer, a device may never end (`/dev/zero`), and most files
//! are read more than once. Reading a whole file has a size limit.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// The size limit of files that people write: scripts, templates, configuration.
pub const BY_HAND: u64 = 16 << 20;

/// The size limit of files that programs write, such as recordings and plans. They are read into memory.
pub const BY_PROGRAM: u64 = 4 << 30;

/// Opens a file for reading. Fails if it is something else, such as a folder or a pipe.
///
/// ```
/// use drillmaster_transport::files;
/// let folder = std::env::temp_dir();
/// assert_eq!(files::open(&folder).unwrap_err().to_string(), "it is a folder, not a file");
/// ```
pub fn open(path: &Path) -> io::Result<File> {
    check(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    // It may have been replaced in the meantime.
    check(&file.metadata()?)?;
    Ok(file)
}

/// Reads a file, which must not have more bytes than the limit.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(invalid(&format!("it is larger than {}", size(limit))));
    }
    Ok(bytes)
}

/// Reads a text file, which must not have more bytes than the limit.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("invalid UTF-8 at byte {byte}"))
    })
}

fn check(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(invalid(if metadata.is_dir() { "it is a folder, not a file" } else { kind(metadata) }))
}

#[cfg(unix)]
fn kind(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_fifo() || kind.is_socket() {
        return "it is a pipe, not a file; save its output to a file first";
    }
    "it is a device, not a file"
}

#[cfg(not(unix))]
fn kind(_: &Metadata) -> &'static str {
    "it is not a file"
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path) -> String {
        read(path, 4).unwrap_err().to_string()
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "1234").unwrap();
        assert_eq!(read_text(file.path(), 4).unwrap(), "1234");
        assert_eq!(read(file.path(), 3).unwrap_err().to_string(), "it is larger than 3 bytes");
        std::fs::write(file.path(), b"ab\xe9").unwrap();
        assert_eq!(read_text(file.path(), 4).unwrap_err().to_string(), "invalid UTF-8 at byte 2");
    }

    #[test]
    fn a_folder_is_refused_and_so_is_nothing() {
        assert_eq!(refusal(&std::env::temp_dir()), "it is a folder, not a file");
        let absent = read(Path::new("no-such-file"), 4).unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_and_a_pipe_without_a_writer_are_refused_at_once() {
        assert_eq!(refusal(Path::new("/dev/zero")), "it is a device, not a file");
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(refusal(&pipe).starts_with("it is a pipe, not a file"));
    }
}
