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

/// The version of a journal whose lines are chained; those of version 1 are not.
pub const VERSION: u32 = 2;

/// Most lines are no longer, in bytes.
const USUAL: usize = 512;
/// The memory of a longer line is given back, in bytes.
const LARGEST_KEPT: usize = 64 << 10;

/// What closes a line is `,"sum":"01234567"}`, with twice as many digits where lines are chained.
const START: &[u8] = b",\"sum\":\"";
const END: &[u8] = b"\"}";
/// How long that is at most, in bytes.
const LONGEST: usize = START.len() + 2 * size_of::<Link>() + END.len();

/// How the lines of a file close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Layout {
    /// Each with a checksum of its own: recordings that were not sealed yet, and journals of version 1.
    #[default]
    Single,
    /// Each with a hash of itself and of all lines before it.
    Chained,
}

/// The hash that closes a chained line, as far as it is written down: so a line is compared with no more than what
/// stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Link([u8; 8]);

impl Link {
    /// The link that closes a line behind this one.
    fn next(self, content: &blake3::Hash) -> Self {
        let mut both = [0; size_of::<Self>() + blake3::OUT_LEN];
        both[..size_of::<Self>()].copy_from_slice(&self.0);
        both[size_of::<Self>()..].copy_from_slice(content.as_bytes());
        let hash = blake3::hash(&both);
        Self(std::array::from_fn(|index| hash.as_bytes()[index]))
    }

    /// The link that is written where a line closes; none where it closes in another way.
    fn written(line: &[u8]) -> Option<Self> {
        let digits = line.strip_suffix(END)?.last_chunk::<16>()?;
        let mut found = Self::default();
        for (byte, pair) in found.0.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(found)
    }
}

/// An event on its way into a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    bytes: &'a [u8],
    /// The hash of the bytes, where the link that closes them is still to come.
    content: Option<blake3::Hash>,
}

impl Line<'_> {
    /// No line.
    pub(super) const NONE: Self = Self { bytes: &[], content: None };

    /// Adds it behind the line that this link closes, which becomes its own.
    pub(super) fn add_to(&self, lines: &mut Vec<u8>, link: &mut Link) {
        lines.extend_from_slice(self.bytes);
        if let Some(content) = &self.content {
            *link = link.next(content);
            close(lines, &link.0);
        }
    }
}

/// An event as a line of a recording, with its checksum as the last field.
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
    write(event, Layout::Single, &mut line);
    line
}

/// Uses the line of an event. It is put together where this thread's line before was.
pub(super) fn with_line<R>(event: &Event, layout: Layout, work: impl FnOnce(Line) -> R) -> R {
    thread_local! {
        static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut line = LINE.take();
    line.clear();
    let content = write(event, layout, &mut line);
    let result = work(Line { bytes: &line, content });
    if line.capacity() <= LARGEST_KEPT {
        LINE.set(line);
    }
    result
}

/// Writes an event. The hash of a chained one is given back, and its line not closed yet.
fn write(event: &Event, layout: Layout, line: &mut Vec<u8>) -> Option<blake3::Hash> {
    if serde_json::to_writer(&mut *line, event).is_err() {
        line.clear();
    }
    // The brace goes behind the sum.
    line.pop();
    match layout {
        Layout::Single => {
            let sum = sum(line);
            close(line, &sum);
            None
        }
        Layout::Chained => Some(blake3::hash(line)),
    }
}

fn close(lines: &mut Vec<u8>, sum: &[u8]) {
    let (closing, length) = closing(sum);
    lines.extend_from_slice(&closing[..length]);
    lines.push(b'\n');
}

/// What closes a line that has this sum, and its length.
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

/// The checksum is to find what a disk or a hand has damaged: no byte that was changed alone escapes a CRC.
fn sum(event: &[u8]) -> [u8; 4] {
    crc32fast::hash(event).to_be_bytes()
}

/// Takes the checksum off a line, so that the event remains; `false` where it is not the line's.
pub(crate) fn unseal(line: &mut Vec<u8>) -> bool {
    // A sealed cassette has no checksums, and reckoning one takes longer than reading an event.
    open(line, size_of::<u32>(), sum).is_some()
}

/// Takes the link off a line that stands behind this one, which becomes its own; `false` where it is not the line's.
pub(crate) fn unlink(line: &mut Vec<u8>, last: &mut Link) -> bool {
    let before = *last;
    let next = open(line, size_of::<Link>(), |event| before.next(&blake3::hash(event)).0);
    *last = next.map_or(before, Link);
    next.is_some()
}

/// Takes off what closes a line, and gives the sum, where that is so many bytes long and what it is to be.
fn open<S: AsRef<[u8]>>(
    line: &mut Vec<u8>,
    bytes: usize,
    sum: impl FnOnce(&[u8]) -> S,
) -> Option<S> {
    let split = line.len().checked_sub(START.len() + 2 * bytes + END.len())?;
    if !line[split..].starts_with(START) {
        return None;
    }
    let due = sum(&line[..split]);
    let (closing, length) = closing(due.as_ref());
    if line[split..] != closing[..length] {
        return None;
    }
    line.truncate(split);
    line.push(b'}');
    Some(due)
}

/// The whole lines of a journal, one after the other, in the memory of one.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    next: u64,
    layout: Layout,
    link: Link,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn of(input: R) -> Self {
        Self { input, line: Vec::new(), next: 0, layout: Layout::Single, link: Link::default() }
    }

    /// How they close, once the first was read.
    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// What closes the last line that was read.
    pub(super) fn link(&self) -> Link {
        self.link
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
        if self.open() { Ok(Some((at, &self.line))) } else { Err(self.unsound(at)) }
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
        let event = serde_json::from_slice::<Value>(&self.line).unwrap_or_default();
        self.layout = cassette::layout(&event);
        let is_sound = self.open();
        // Another version may have other checksums, so that the version is told first.
        match cassette::header(cassette::without_sum(event)) {
            Err(Damage::Version(version)) => Err(Problem::Version(version)),
            _ if !is_sound => Err(self.unsound(0)),
            Ok(header) => Ok(header),
            Err(Damage::At { problem, .. }) => Err(Problem::damaged(0, problem)),
            Err(_) => Err(Problem::NotAJournal),
        }
    }

    /// Takes off what closes the line; `false` where that is wrong.
    fn open(&mut self) -> bool {
        match self.layout {
            Layout::Single => unseal(&mut self.line),
            Layout::Chained => unlink(&mut self.line, &mut self.link),
        }
    }

    fn unsound(&self, at: u64) -> Problem {
        Problem::damaged(
            at,
            match self.layout {
                Layout::Single => "its checksum is missing or wrong",
                Layout::Chained => {
                    "its checksum is missing or wrong, or a line before it was removed, added or moved"
                }
            },
        )
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

    /// Whether each line answers for those before it. Those of an earlier version of this program do not.
    pub fn is_chained(&self) -> bool {
        self.lines.layout() == Layout::Chained
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

/// Reads the event whose line begins at this byte, behind another line.
pub(super) fn event_at(file: &File, at: u64, layout: Layout) -> Result<Event, Problem> {
    // With what closes the line before, and its line feed.
    let before = 1 + 2 * size_of::<Link>() + END.len();
    let from = at
        .checked_sub(before as u64)
        .ok_or_else(|| Problem::damaged(at, "no line can begin there"))?;
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
    let is_sound = match layout {
        Layout::Single => unseal(&mut line),
        Layout::Chained => Link::written(head.trim_ascii_end())
            .is_some_and(|mut link| unlink(&mut line, &mut link)),
    };
    if is_sound {
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
