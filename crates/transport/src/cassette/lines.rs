//! How events are written as lines, one a line, and read back.
//!
//! Each line ends with the field `sum`, so that damage is noticed. In a [recording](LineFormat::Checksum) in progress
//! it is a CRC-32 of the line. In a [journal](LineFormat::Chained) it is the start of a hash of the line and of the
//! previous line's `sum`, so that lines that were lost, duplicated, moved or edited are noticed too.
//!
//! ```
//! use drillmaster_transport::cassette::{Event, lines};
//!
//! let event = Event::Retry { scope: "main".to_owned() };
//! let line = String::from_utf8(lines::line(&event)).unwrap();
//! assert_eq!(line, "{\"event\":\"again\",\"scope\":\"main\",\"sum\":\"8bacc8e6\"}\n");
//! ```

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead};

use drillmaster_models::json;
use serde_json::Value;

use super::header::{HeaderError, read_header, without_sum};
use super::{Event, Header, JOURNAL_VERSION};

/// Most lines are no longer, in bytes.
const TYPICAL: usize = 512;
/// The buffer of a longer line is not kept, in bytes.
const LARGEST_KEPT: usize = 64 << 10;

/// A line ends with `,"sum":"01234567"}`, with twice as many digits if lines are chained.
const START: &[u8] = b",\"sum\":\"";
const END: &[u8] = b"\"}";
/// How long that is at most, in bytes.
const LONGEST: usize = START.len() + 2 * size_of::<ChainHash>() + END.len();

/// Why a file of events cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// The file cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It does not begin with a header.
    #[error("this is not a journal: it does not begin with a `cassette` event")]
    NotAJournal,
    /// The program was killed while it wrote the header.
    #[error(
        "the journal ends within its first line: nothing was sent yet; delete it and run again"
    )]
    Empty,
    /// A newer version wrote it.
    #[error(
        "the journal has version {0}, and this release reads versions up to {JOURNAL_VERSION}; resume it with \
         the release that wrote it"
    )]
    Version(u64),
    /// A line is damaged.
    #[error(
        "the journal is damaged at byte {byte}: {problem}; restore an undamaged copy, or check what was \
         already done before you run the script again"
    )]
    Damaged {
        /// Where the line begins.
        byte: u64,
        /// What is wrong with it.
        problem: String,
    },
}

impl LineError {
    /// The line that begins at this byte is damaged.
    pub fn damaged(byte: u64, problem: impl Into<String>) -> Self {
        Self::Damaged { byte, problem: problem.into() }
    }
}

/// How the lines of a file end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineFormat {
    /// Each with its own checksum: recordings in progress, and journals of version 1.
    #[default]
    Checksum,
    /// Each with a hash of itself and of all lines before it.
    Chained,
}

impl LineFormat {
    /// The format of a file that begins with this event.
    pub(super) fn from_header(event: &Value) -> Self {
        match event["version"].as_u64() {
            Some(version) if version == u64::from(JOURNAL_VERSION) => Self::Chained,
            _ => Self::Checksum,
        }
    }
}

/// The hash at the end of a chained line. It is as long as what is written down, so that verifying a line needs only
/// the line before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainHash([u8; 8]);

impl ChainHash {
    /// The hash of the next line, given the hash of its content.
    fn next(self, content: &blake3::Hash) -> Self {
        let mut both = [0; size_of::<Self>() + blake3::OUT_LEN];
        both[..size_of::<Self>()].copy_from_slice(&self.0);
        both[size_of::<Self>()..].copy_from_slice(content.as_bytes());
        let hash = blake3::hash(&both);
        Self(std::array::from_fn(|index| hash.as_bytes()[index]))
    }

    /// The hash at the end of a line, if it has one.
    fn parse(line: &[u8]) -> Option<Self> {
        let digits = line.strip_suffix(END)?.last_chunk::<16>()?;
        let mut found = Self::default();
        for (byte, pair) in found.0.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(found)
    }
}

/// An event as a line that is about to be written.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    bytes: &'a [u8],
    /// The hash of the bytes, if the chain hash is still to be added.
    content: Option<blake3::Hash>,
}

impl Line<'_> {
    /// No line at all.
    pub const NONE: Self = Self { bytes: &[], content: None };

    /// Appends the line to others, of which the last one has this hash. The hash is updated.
    pub fn append_to(&self, lines: &mut Vec<u8>, hash: &mut ChainHash) {
        lines.extend_from_slice(self.bytes);
        if let Some(content) = &self.content {
            *hash = hash.next(content);
            close(lines, &hash.0);
        }
    }
}

/// An event as a line with a checksum.
pub fn line(event: &Event) -> Vec<u8> {
    let mut line = Vec::with_capacity(TYPICAL);
    write(event, LineFormat::Checksum, &mut line);
    line
}

/// Builds the line of an event in a buffer that the thread reuses, and does something with it.
pub fn with_line<R>(event: &Event, format: LineFormat, work: impl FnOnce(Line) -> R) -> R {
    thread_local! {
        static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut line = LINE.take();
    line.clear();
    let content = write(event, format, &mut line);
    let result = work(Line { bytes: &line, content });
    if line.capacity() <= LARGEST_KEPT {
        LINE.set(line);
    }
    result
}

/// Writes an event. A chained line is not closed yet; the hash of its content is returned.
fn write(event: &Event, format: LineFormat, line: &mut Vec<u8>) -> Option<blake3::Hash> {
    if serde_json::to_writer(&mut *line, event).is_err() {
        line.clear();
    }
    // The closing brace follows the sum.
    line.pop();
    match format {
        LineFormat::Checksum => {
            let sum = checksum(line);
            close(line, &sum);
            None
        }
        LineFormat::Chained => Some(blake3::hash(line)),
    }
}

fn close(lines: &mut Vec<u8>, sum: &[u8]) {
    let (closing, length) = closing(sum);
    lines.extend_from_slice(&closing[..length]);
    lines.push(b'\n');
}

/// The end of a line with this sum, and its length.
fn closing(sum: &[u8]) -> ([u8; LONGEST], usize) {
    let mut closing = [0; LONGEST];
    closing[..START.len()].copy_from_slice(START);
    let mut length = START.len();
    for byte in sum {
        for half in [byte >> 4, byte & 0xf] {
            closing[length] = b"0123456789abcdef"[half as usize];
            length += 1;
        }
    }
    closing[length..length + END.len()].copy_from_slice(END);
    (closing, length + END.len())
}

/// Finds damage by a disk or by hand: a CRC notices any single changed byte.
fn checksum(event: &[u8]) -> [u8; 4] {
    crc32fast::hash(event).to_be_bytes()
}

/// Removes the checksum from a line, so that the event remains; `false` if it is wrong.
pub(crate) fn strip_checksum(line: &mut Vec<u8>) -> bool {
    // A sealed cassette has no checksums, and computing one takes longer than reading an event.
    strip_sum(line, size_of::<u32>(), checksum).is_some()
}

/// Removes the hash from a line that follows one with this hash, which is updated; `false` if it is wrong.
pub(crate) fn strip_chain_hash(line: &mut Vec<u8>, last: &mut ChainHash) -> bool {
    let before = *last;
    let next = strip_sum(line, size_of::<ChainHash>(), |event| before.next(&blake3::hash(event)).0);
    *last = next.map_or(before, ChainHash);
    next.is_some()
}

/// Removes and returns the sum of a line, if it has this many bytes and the right value.
fn strip_sum<S: AsRef<[u8]>>(
    line: &mut Vec<u8>,
    bytes: usize,
    sum: impl FnOnce(&[u8]) -> S,
) -> Option<S> {
    let split = line.len().checked_sub(START.len() + 2 * bytes + END.len())?;
    if !line[split..].starts_with(START) {
        return None;
    }
    let expected = sum(&line[..split]);
    let (closing, length) = closing(expected.as_ref());
    if line[split..] != closing[..length] {
        return None;
    }
    line.truncate(split);
    line.push(b'}');
    Some(expected)
}

/// Reads a journal line by line, with one line in memory at a time. A torn last line is ignored.
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
    position: u64,
    format: LineFormat,
    hash: ChainHash,
}

impl<R: BufRead> Lines<R> {
    /// Reads lines from their start.
    pub fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::new(),
            position: 0,
            format: LineFormat::default(),
            hash: ChainHash::default(),
        }
    }

    /// How the lines end. Known once the header was read.
    pub fn format(&self) -> LineFormat {
        self.format
    }

    /// The hash of the last line that was read.
    pub fn hash(&self) -> ChainHash {
        self.hash
    }

    /// Where the next line begins; at the end, the length of the file without a torn last line.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Reads the first line.
    pub fn read_header(&mut self) -> Result<Header, LineError> {
        const START: &[u8] = b"{\"event\":\"cassette\",";
        self.line.clear();
        self.position = self.input.read_until(b'\n', &mut self.line)? as u64;
        if !(self.line.starts_with(START) || START.starts_with(&self.line)) {
            return Err(LineError::NotAJournal);
        }
        if self.line.pop() != Some(b'\n') {
            return Err(LineError::Empty);
        }
        let event = serde_json::from_slice::<Value>(&self.line).unwrap_or_default();
        self.format = LineFormat::from_header(&event);
        let is_sound = self.strip_sum();
        // Another version may have other checksums, so the version is reported first.
        match read_header(without_sum(event)) {
            Err(HeaderError::Version(version)) => Err(LineError::Version(version)),
            _ if !is_sound => Err(self.wrong_sum(0)),
            Ok(header) => Ok(header),
            Err(HeaderError::Invalid(problem)) => Err(LineError::damaged(0, problem)),
            Err(HeaderError::Missing) => Err(LineError::NotAJournal),
        }
    }

    /// Reads the next line: where it begins, and its event as JSON.
    pub fn read_line(&mut self) -> Result<Option<(u64, &[u8])>, LineError> {
        self.line.clear();
        let length = self.input.read_until(b'\n', &mut self.line)? as u64;
        // The last line is incomplete if the writer was killed. Nothing relied on it yet.
        if self.line.pop() != Some(b'\n') {
            return Ok(None);
        }
        let at = self.position;
        self.position += length;
        if self.strip_sum() { Ok(Some((at, &self.line))) } else { Err(self.wrong_sum(at)) }
    }

    fn strip_sum(&mut self) -> bool {
        match self.format {
            LineFormat::Checksum => strip_checksum(&mut self.line),
            LineFormat::Chained => strip_chain_hash(&mut self.line, &mut self.hash),
        }
    }

    fn wrong_sum(&self, at: u64) -> LineError {
        LineError::damaged(
            at,
            match self.format {
                LineFormat::Checksum => "its checksum is missing or wrong",
                LineFormat::Chained => {
                    "its checksum is missing or wrong, or a line before it was removed, added or moved"
                }
            },
        )
    }
}

/// Reads an event from the JSON of the line that begins at this byte.
pub fn parse_event(at: u64, event: &[u8]) -> Result<Event, LineError> {
    json::read(event).map_err(|error| LineError::damaged(at, error.to_string()))
}

/// Reads the event whose line begins at this byte. It must not be the first line.
pub fn read_event_at(file: &File, at: u64, format: LineFormat) -> Result<Event, LineError> {
    // Includes the hash of the previous line, and its line feed.
    let before = 1 + 2 * size_of::<ChainHash>() + END.len();
    let from = at
        .checked_sub(before as u64)
        .ok_or_else(|| LineError::damaged(at, "no line can begin there"))?;
    let mut line = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = read_at(file, &mut chunk, from + line.len() as u64)?;
        let searched = line.len().max(before);
        line.extend_from_slice(&chunk[..read]);
        let end = line.iter().skip(searched).position(|&byte| byte == b'\n');
        if let Some(end) = end {
            line.truncate(searched + end);
        }
        if end.is_some() || read == 0 {
            break;
        }
    }
    let head: Vec<_> = line.drain(..before.min(line.len())).collect();
    let is_sound = match format {
        LineFormat::Checksum => strip_checksum(&mut line),
        LineFormat::Chained => ChainHash::parse(head.trim_ascii_end())
            .is_some_and(|mut hash| strip_chain_hash(&mut line, &mut hash)),
    };
    if is_sound {
        parse_event(at, &line)
    } else {
        Err(LineError::damaged(at, "it was changed while it was read"))
    }
}

/// Does not move the position at which the file is written.
#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}
