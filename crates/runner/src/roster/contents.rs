//! The bytes of a roster file, read once: validation, the hash and every row use this copy.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use blake3::{Hash, Hasher};
use drillmaster_transport::files;

/// Longer files are copied to a temporary file instead of memory.
const IN_MEMORY: usize = 4 << 20;
/// How many bytes are read at a time.
const CHUNK: usize = 64 << 10;

/// A copy of a file, shared by all that read it.
#[derive(Debug, Clone)]
pub(super) struct Contents(Arc<Copy>);

#[derive(Debug)]
enum Copy {
    Memory(Vec<u8>),
    /// It has no name, so that nobody else can open it and nothing is left behind.
    Temporary(File),
}

/// Why a file could not be copied.
pub(super) enum CopyError {
    /// The file cannot be read.
    Read(io::Error),
    /// Another program wrote to the file in the meantime.
    Changed,
    /// The temporary copy cannot be written.
    Write(io::Error),
}

impl Contents {
    /// Copies a file, and hashes the bytes of the copy.
    pub(super) fn read(path: &Path) -> Result<(Self, Hash), CopyError> {
        let file = files::open(path).map_err(CopyError::Read)?;
        Self::copy_unchanged(&file, || file.metadata())
    }

    /// Copies a file, unless another program writes to it in the meantime: a file that is replaced as a whole stays
    /// readable, but one that is overwritten would be a mix of old and new.
    fn copy_unchanged(
        file: impl Read,
        metadata: impl Fn() -> io::Result<Metadata>,
    ) -> Result<(Self, Hash), CopyError> {
        let state = || {
            let metadata = metadata().map_err(CopyError::Read)?;
            Ok((metadata.len(), metadata.modified().ok()))
        };
        let before = state()?;
        let copied = Self::copy(file)?;
        if state()? == before { Ok(copied) } else { Err(CopyError::Changed) }
    }

    fn copy(mut file: impl Read) -> Result<(Self, Hash), CopyError> {
        let mut hasher = Hasher::new();
        let mut chunk = vec![0; CHUNK];
        let (mut bytes, mut temporary) = (Vec::new(), None);
        loop {
            let part = match file.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => &chunk[..length],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(CopyError::Read(error)),
            };
            hasher.update(part);
            if temporary.is_none() && bytes.len() + part.len() <= IN_MEMORY {
                bytes.extend_from_slice(part);
                continue;
            }
            let written = match &mut temporary {
                Some(file) => File::write_all(file, part),
                None => tempfile::tempfile().and_then(|mut file| {
                    file.write_all(&std::mem::take(&mut bytes))?;
                    file.write_all(part)?;
                    temporary = Some(file);
                    Ok(())
                }),
            };
            written.map_err(CopyError::Write)?;
        }
        let copy = temporary.map_or(Copy::Memory(bytes), Copy::Temporary);
        Ok((Self(Arc::new(copy)), hasher.finalize()))
    }

    /// Reads the bytes from the start. Several readers do not affect each other.
    pub(super) fn reader(&self) -> Reader {
        Reader { contents: self.clone(), offset: 0 }
    }
}

/// The hash of a file as it is now.
pub(super) fn hash_of(path: &Path) -> io::Result<Hash> {
    let mut hasher = Hasher::new();
    io::copy(&mut files::open(path)?, &mut hasher)?;
    Ok(hasher.finalize())
}

/// Reads [`Contents`].
pub(super) struct Reader {
    contents: Contents,
    offset: u64,
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = match &*self.contents.0 {
            Copy::Memory(bytes) => {
                let start = usize::try_from(self.offset).unwrap_or(bytes.len());
                let rest = bytes.get(start..).unwrap_or_default();
                let length = rest.len().min(into.len());
                into[..length].copy_from_slice(&rest[..length]);
                length
            }
            Copy::Temporary(file) => read_at(file, into, self.offset)?,
        };
        self.offset += length as u64;
        Ok(length)
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, offset)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_bytes_of_the_file_in_memory_and_on_disk() {
        for length in [0, 1, IN_MEMORY, IN_MEMORY + 1, 3 * IN_MEMORY] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &bytes).unwrap();
            let Ok((contents, hash)) = Contents::read(file.path()) else { panic!("not copied") };
            assert_eq!(hash, blake3::hash(&bytes));
            std::fs::write(file.path(), "something else").unwrap();
            assert_ne!(hash_of(file.path()).unwrap(), hash);
            // Two that read at the same time.
            let (mut one, mut other) = (contents.reader(), contents.reader());
            let mut read = vec![0; length / 2];
            one.read_exact(&mut read).unwrap();
            let mut whole = Vec::new();
            other.read_to_end(&mut whole).unwrap();
            one.read_to_end(&mut read).unwrap();
            assert_eq!((read == bytes, whole == bytes), (true, true), "{length}");
            assert_eq!(matches!(*contents.0, Copy::Memory(_)), length <= IN_MEMORY);
        }
    }

    #[test]
    fn a_file_that_is_overwritten_while_it_is_copied_is_refused() {
        struct Overwriting<'a>(&'a File, &'a Path);
        impl Read for Overwriting<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                std::fs::write(self.1, "shorter")?;
                self.0.read(into)
            }
        }
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        std::fs::write(&path, vec![b'x'; 2 * CHUNK]).unwrap();
        let file = File::open(&path).unwrap();
        let copied = Contents::copy_unchanged(Overwriting(&file, &path), || file.metadata());
        assert!(matches!(copied, Err(CopyError::Changed)));
    }
}
