//! Reading files that a person named. All that are read are opened here.
//!
//! What is no file proper is refused before it is opened: a pipe may never have a writer, a device never end
//! (`/dev/zero`), and most files are read more than once. What is read as a whole has a limit.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a file that people write by hand: a script, a template, a configuration.
pub const BY_HAND: u64 = 16 << 20;

/// The most bytes of a file that programs write: a recording, a plan. They are read into memory.
pub const BY_PROGRAM: u64 = 4 << 30;

/// Opens a file to read it; an error where it is something else, such as a folder or a pipe.
///
/// ```
/// use drillmaster_transport::files;
/// let folder = std::env::temp_dir();
/// assert_eq!(files::open(&folder).unwrap_err().to_string(), "it is a folder, not a file");
/// ```
pub fn open(path: &Path) -> io::Result<File> {
    check(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    // It may have been replaced meanwhile.
    check(&file.metadata()?)?;
    Ok(file)
}

/// Reads a file of at most so many bytes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(unfit(&format!("it is larger than {}", size(most))));
    }
    Ok(bytes)
}

/// Reads a text file of at most so many bytes.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("it is not UTF-8 at byte {byte}"))
    })
}

fn check(about: &Metadata) -> io::Result<()> {
    if about.is_file() {
        return Ok(());
    }
    Err(unfit(if about.is_dir() { "it is a folder, not a file" } else { other(about) }))
}

#[cfg(unix)]
fn other(about: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = about.file_type();
    if kind.is_fifo() || kind.is_socket() {
        return "it is a pipe, not a file; write what comes out of it to a file, and name that";
    }
    "it is a device, not a file"
}

#[cfg(not(unix))]
fn other(_: &Metadata) -> &'static str {
    "it is not a file"
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

fn unfit(why: &str) -> io::Error {
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
        assert_eq!(read_text(file.path(), 4).unwrap_err().to_string(), "it is not UTF-8 at byte 2");
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
