//! A journal's lines: how one is written, and how they are read back.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

use super::unusable::{Problem, Unusable};
use crate::cassette::{self, Damage, Event, Header};
use crate::files;
use drillmaster_models::json;

/// What closes a line: `,"sum":"01234567"}`.
const SEAL: usize = 18;
/// Most lines are no longer, in bytes.
const USUAL: usize = 512;
/// The memory of a longer line is given back, in bytes.
const LARGEST_KEPT: usize = 64 << 10;

const SEAL_START: &[u8] = b",\"sum\":\"";

/// An event as a line of a journal, with its checksum as the last field.
///
/// ```
/// use drillmaster_transport::cassette::Event;
/// use drillmaster_transport::journal::line;
///
/// let text = String::from_utf8(line(&Event::Again { scope: "main".to_owned() })).unwrap();
/// assert_eq!(text, "{\"event\":\"again\",\"scope\":\"main\",\"sum\":\"8bacc8e6\"}\n");
/// ```
pub fn line(event: &Event) -> Vec<u8> {
    let mut line = Vec::with_capacity(USUAL);
    write(event, &mut line);
    line
}

/// Uses the line of an event. It is put together where this thread's line before was.
pub(super) fn with_line<R>(event: &Event, work: impl FnOnce(&[u8]) -> R) -> R {
    thread_local! {
        static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut line = LINE.take();
    line.clear();
    write(event, &mut line);
    let result = work(&line);
    if line.capacity() <= LARGEST_KEPT {
        LINE.set(line);
    }
    result
}

fn write(event: &Event, line: &mut Vec<u8>) {
    if serde_json::to_writer(&mut *line, event).is_err() {
        line.clear();
    }
    // The brace goes behind the checksum.
    line.pop();
    let seal = seal(line);
    line.extend_from_slice(&seal);
    line.push(b'\n');
}

/// The checksum is to find what a disk or a hand has damaged: no byte that was changed alone escapes a CRC.
fn seal(event: &[u8]) -> [u8; SEAL] {
    let (mut seal, mut sum) = (*b",\"sum\":\"01234567\"}", crc32fast::hash(event));
    for digit in seal[SEAL_START.len()..SEAL - 2].iter_mut().rev() {
        *digit = b"0123456789abcdef"[sum as usize & 0xf];
        sum >>= 4;
    }
    seal
}

/// Takes the checksum off a line, so that the event remains; `false` where it is not the line's.
pub(crate) fn unseal(line: &mut Vec<u8>) -> bool {
    let Some(split) = line.len().checked_sub(SEAL) else {
        return false;
    };
    // A sealed cassette has no checksums, and reckoning one takes longer than reading an event.
    if !line[split..].starts_with(SEAL_START) || line[split..] != seal(&line[..split]) {
        return false;
    }
    line.truncate(split);
    line.push(b'}');
    true
}

/// The whole lines of a journal, one after the other, in the memory of one.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    next: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn of(input: R) -> Self {
        Self { input, line: Vec::new(), next: 0 }
    }

    /// Where the line begins that was not read yet: after the last whole one, at the end.
    pub(super) fn next_at(&self) -> u64 {
        self.next
    }

    /// Reads on: where the line begins, and its event without the checksum.
    pub(super) fn read(&mut self) -> Result<Option<(u64, &[u8])>, Problem> {
        self.line.clear();
        let length = self.input.read_until(b'\n', &mut self.line)? as u64;
        // The last line is there in part where the writer was killed. Nobody was told that it is safe.
        if self.line.pop() != Some(b'\n') {
            return Ok(None);
        }
        let at = self.next;
        self.next += length;
        if unseal(&mut self.line) {
            Ok(Some((at, &self.line)))
        } else {
            Err(Problem::damaged(at, "its checksum is missing or wrong"))
        }
    }

    /// Reads the first line.
    pub(super) fn header(&mut self) -> Result<Header, Problem> {
        const START: &[u8] = b"{\"event\":\"cassette\",";
        self.line.clear();
        self.next = self.input.read_until(b'\n', &mut self.line)? as u64;
        if !(self.line.starts_with(START) || START.starts_with(&self.line)) {
            return Err(Problem::NotAJournal);
        }
        if self.line.pop() != Some(b'\n') {
            return Err(Problem::Empty);
        }
        let sound = unseal(&mut self.line);
        let event = serde_json::from_slice::<Value>(&self.line).unwrap_or_default();
        // Another version may have other checksums, so that the version is told first.
        match cassette::header(event) {
            Err(Damage::Version(version)) => Err(Problem::Version(version)),
            _ if !sound => Err(Problem::damaged(0, "its checksum is missing or wrong")),
            Ok(header) => Ok(header),
            Err(Damage::At { problem, .. }) => Err(Problem::damaged(0, problem)),
            Err(_) => Err(Problem::NotAJournal),
        }
    }
}

/// Reads a journal event by event, for whoever wants to know what happened. A torn last line is passed
/// over; what is damaged before it ends the reading with an error.
///
/// ```
/// use drillmaster_transport::cassette::{Event, Header};
/// use drillmaster_transport::journal::{Events, Journal};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("run.journal");
/// let journal = Journal::create(&path, Header::default()).unwrap();
/// journal.append(&Event::Again { scope: "main".to_owned() }).unwrap();
/// drop(journal);
///
/// let events = Events::open(&path).unwrap();
/// assert_eq!(events.header(), &Header::default());
/// assert_eq!(events.count(), 1);
/// ```
pub struct Events<'a> {
    lines: Lines<BufReader<File>>,
    header: Header,
    path: &'a Path,
}

impl<'a> Events<'a> {
    /// Opens a journal, and reads its header.
    pub fn open(path: &'a Path) -> Result<Self, Unusable> {
        let refuse = |problem| Unusable::new(path, problem);
        let file = files::open(path).map_err(|error| refuse(error.into()))?;
        let mut lines = Lines::of(BufReader::new(file));
        let header = lines.header().map_err(refuse)?;
        Ok(Self { lines, header, path })
    }

    /// What the run was made from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    fn read(&mut self) -> Result<Option<Event>, Problem> {
        match self.lines.read()? {
            Some((at, event)) => Ok(Some(event_of(at, event)?)),
            None => Ok(None),
        }
    }
}

impl Iterator for Events<'_> {
    type Item = Result<Event, Unusable>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map_err(|problem| Unusable::new(self.path, problem)).transpose()
    }
}

/// Reads an event from its line without the checksum.
pub(super) fn event_of(at: u64, event: &[u8]) -> Result<Event, Problem> {
    json::read(event).map_err(|error| Problem::damaged(at, error.to_string()))
}

/// Reads the event whose line begins at this byte.
pub(super) fn event_at(file: &File, at: u64) -> Result<Event, Problem> {
    let mut line = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = read_at(file, &mut chunk, at + line.len() as u64)?;
        let part = &chunk[..read];
        let end = part.iter().position(|&byte| byte == b'\n');
        line.extend_from_slice(&part[..end.unwrap_or(read)]);
        if end.is_some() || read == 0 {
            break;
        }
    }
    if unseal(&mut line) {
        event_of(at, &line)
    } else {
        Err(Problem::damaged(at, "it was changed while it was read"))
    }
}

/// Reading at a place leaves alone where the writer is.
#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}
