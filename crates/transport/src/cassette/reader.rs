//! Reading a journal from start to end.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::lines::{LineError, LineFormat, Lines, parse_event};
use super::{Event, Header};
use crate::files;

/// Reads the journal of a run event by event. A torn last line is ignored; reading ends with an error at the first
/// damaged line.
///
/// ```
/// use drillmaster_transport::cassette::{Event, EventReader, Header, lines};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("run.journal");
/// let events = [Event::Cassette(Header::default()), Event::End { interactions: 0 }];
/// std::fs::write(&path, events.each_ref().map(lines::line).concat()).unwrap();
///
/// let reader = EventReader::open(&path).unwrap();
/// assert_eq!(reader.header(), &Header::default());
/// assert_eq!(reader.count(), 1);
/// ```
pub struct EventReader<'a> {
    lines: Lines<BufReader<File>>,
    header: Header,
    path: &'a Path,
}

/// A journal that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct ReadError {
    path: PathBuf,
    problem: LineError,
}

impl ReadError {
    /// A file with something wrong in it.
    pub fn new(path: &Path, problem: LineError) -> Self {
        Self { path: path.to_owned(), problem }
    }

    /// What is wrong.
    pub fn problem(&self) -> &LineError {
        &self.problem
    }
}

impl<'a> EventReader<'a> {
    /// Opens a journal and reads its header.
    pub fn open(path: &'a Path) -> Result<Self, ReadError> {
        let error = |problem| ReadError::new(path, problem);
        let file = files::open(path).map_err(|problem| error(problem.into()))?;
        let mut lines = Lines::new(BufReader::new(file));
        let header = lines.read_header().map_err(error)?;
        Ok(Self { lines, header, path })
    }

    /// What the run was made from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether each line vouches for those before it. Those of early versions of this program do not.
    pub fn is_chained(&self) -> bool {
        self.lines.format() == LineFormat::Chained
    }

    fn read(&mut self) -> Result<Option<Event>, LineError> {
        match self.lines.read_line()? {
            Some((at, event)) => Ok(Some(parse_event(at, event)?)),
            None => Ok(None),
        }
    }
}

impl Iterator for EventReader<'_> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map_err(|problem| ReadError::new(self.path, problem)).transpose()
    }
}
