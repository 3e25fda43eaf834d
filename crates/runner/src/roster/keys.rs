//! Finding keys that are there twice, in memory that does not grow with the roster.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

/// Hashes are looked at part by part.
const PARTS: usize = 64;
/// Bytes of a part that are kept in memory; longer parts wait in a temporary file.
const IN_MEMORY: usize = 32 << 10;
/// Bytes that are written to a part at a time.
const AT_A_TIME: usize = 4 << 10;

/// The hashes of keys.
pub(super) struct Keys {
    parts: Vec<BufWriter<SpooledTempFile>>,
}

impl Keys {
    pub(super) fn new() -> Self {
        let part = || BufWriter::with_capacity(AT_A_TIME, SpooledTempFile::new(IN_MEMORY));
        Self { parts: (0..PARTS).map(|_| part()).collect() }
    }

    pub(super) fn add(&mut self, key: &str) -> io::Result<()> {
        let hash = hash(key);
        let part = usize::try_from(hash % PARTS as u64).unwrap_or_default();
        self.parts[part].write_all(&hash.to_le_bytes())
    }

    /// The hashes that were added more than once.
    pub(super) fn doubled(self) -> io::Result<HashSet<u64>> {
        let mut doubled = HashSet::new();
        let mut bytes = Vec::new();
        for part in self.parts {
            let mut file = part.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.seek(SeekFrom::Start(0))?;
            bytes.clear();
            file.read_to_end(&mut bytes)?;
            let (hashes, _) = bytes.as_chunks::<8>();
            let mut hashes: Vec<_> =
                hashes.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
            hashes.sort_unstable();
            doubled.extend(hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]));
        }
        Ok(doubled)
    }
}

/// The same for keys that differ in case only.
pub(super) fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.to_lowercase().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_found_in_memory_and_on_disk() {
        for many in [10, 1_000_000] {
            let mut keys = Keys::new();
            for number in 0..many {
                keys.add(&format!("learner-{number}")).unwrap();
            }
            keys.add("LEARNER-7").unwrap();
            assert_eq!(keys.doubled().unwrap(), HashSet::from([hash("learner-7")]));
        }
    }

    #[test]
    fn what_is_there_once_is_no_double() {
        let mut keys = Keys::new();
        for key in ["ada", "bob", ""] {
            keys.add(key).unwrap();
        }
        assert!(keys.doubled().unwrap().is_empty());
    }
}
