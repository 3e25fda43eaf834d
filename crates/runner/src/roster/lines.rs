//! Reads a roster file line by line and checks its quotes more strictly than the CSV reader, which would accept an
//! unclosed quote and take the rest of the class for one cell. Lines are counted as editors count them.

use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use memchr::{memchr, memchr2};

use super::contents::Reader;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads at most one line at a time, so that the line on which a record starts is known.
pub(super) struct Lines {
    file: BufReader<Reader>,
    delimiter: u8,
    /// The current line.
    line: u64,
    is_line_start: bool,
    /// The last byte was a CR: an LF after it does not start another line.
    is_after_cr: bool,
    /// The first line that is not empty since the last call of [`Lines::take_start`].
    start: Option<u64>,
    state: State,
}

/// The position within a cell.
#[derive(Clone, Copy)]
enum State {
    /// Before its first byte.
    Start,
    /// In a cell without quotes.
    Unquoted,
    /// Inside quotes that were opened on this line.
    Quoted(u64),
    /// After a quote that either closes the cell or is the first of two that stand for one.
    Quote(u64),
    /// After the closing quote, in spaces.
    Closed(u64),
}

/// Wrong quotes.
#[derive(Debug)]
pub(super) enum QuoteError {
    /// Opened on this line and never closed.
    Unclosed(u64),
    /// Opened on the first line; closed on the second, where the cell continues.
    Continued(u64, u64),
}

impl Lines {
    /// Reads from this line on.
    pub(super) fn new(file: Reader, delimiter: u8, first: u64) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(1 << 16, file);
        if file.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            file.consume(BYTE_ORDER_MARK.len());
        }
        for _ in 1..first {
            file.skip_until(b'\n')?;
        }
        Ok(Self {
            file,
            delimiter,
            line: first,
            is_line_start: true,
            is_after_cr: false,
            start: None,
            state: State::Start,
        })
    }

    /// The line on which the part that was read since the last call starts.
    pub(super) fn take_start(&mut self) -> u64 {
        self.start.take().unwrap_or(self.line)
    }

    /// Counts lines and follows the quotes in a part of a line.
    fn follow(&mut self, part: &[u8]) -> Result<(), QuoteError> {
        if self.is_line_start && !matches!(part, [b'\r' | b'\n', ..]) {
            self.start.get_or_insert(self.line);
        }
        self.follow_quotes(part)?;
        let is_rest = part == b"\n" && self.is_after_cr;
        self.is_after_cr = part.ends_with(b"\r");
        self.is_line_start = self.is_after_cr || part.ends_with(b"\n");
        self.line += u64::from(self.is_line_start && !is_rest);
        Ok(())
    }

    fn follow_quotes(&mut self, part: &[u8]) -> Result<(), QuoteError> {
        // Most lines have no quotes.
        if matches!(self.state, State::Start | State::Unquoted) && memchr(b'"', part).is_none() {
            self.state = match part {
                [] => self.state,
                [.., b'\r' | b'\n'] => State::Start,
                [.., last] if *last == self.delimiter => State::Start,
                _ => State::Unquoted,
            };
            return Ok(());
        }
        for byte in part {
            self.state = match (self.state, byte) {
                (State::Quoted(line), b'"') => State::Quote(line),
                (State::Quoted(line), _) => State::Quoted(line),
                (_, b'\r' | b'\n') => State::Start,
                (_, byte) if *byte == self.delimiter => State::Start,
                (State::Start, b'"') => State::Quoted(self.line),
                (State::Start | State::Unquoted, _) => State::Unquoted,
                (State::Quote(line), b'"') => State::Quoted(line),
                (State::Quote(line) | State::Closed(line), b' ') => State::Closed(line),
                (State::Quote(line) | State::Closed(line), _) => {
                    return Err(QuoteError::Continued(line, self.line));
                }
            };
        }
        Ok(())
    }
}

impl Read for Lines {
    /// Reads at most one line.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.fill_buf()?;
        let line = memchr2(b'\r', b'\n', bytes).map(|end| end + 1);
        let length = line.unwrap_or(bytes.len()).min(into.len());
        let into = &mut into[..length];
        into.copy_from_slice(&bytes[..length]);
        self.file.consume(length);
        match self.state {
            State::Quoted(line) if length == 0 => Err(QuoteError::Unclosed(line)),
            _ => self.follow(into),
        }
        .map_err(|quotes| io::Error::new(io::ErrorKind::InvalidData, quotes))?;
        Ok(length)
    }
}

impl QuoteError {
    /// The wrong quotes that made the CSV reader fail, if that is the cause.
    pub(super) fn from_csv(error: &csv::Error) -> Option<&Self> {
        match error.kind() {
            csv::ErrorKind::Io(error) => error.get_ref()?.downcast_ref(),
            _ => None,
        }
    }

    /// The line to look at.
    pub(super) fn line(&self) -> u64 {
        match self {
            Self::Unclosed(line) | Self::Continued(line, _) => *line,
        }
    }
}

impl fmt::Display for QuoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed(_) => f.write_str("a quote is opened here and never closed"),
            Self::Continued(opened, line) if opened == line => {
                f.write_str("a cell continues after its closing quote")
            }
            Self::Continued(_, line) => {
                write!(f, "a quote is opened here and closed on line {line}, within a cell")
            }
        }
    }
}

impl Error for QuoteError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::contents::Contents;

    fn lines(text: &str, delimiter: u8) -> Lines {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let Ok((contents, _)) = Contents::read(file.path()) else { panic!("not read") };
        Lines::new(contents.reader(), delimiter, 1).unwrap()
    }

    fn read(text: &str) -> Result<String, String> {
        let mut read = String::new();
        match lines(text, b',').read_to_string(&mut read) {
            Ok(_) => Ok(read),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_bytes_stay_as_they_are() {
        let long = "x".repeat(200_000);
        for text in ["", "\n\n", "a,b\r\n\"c\n\"\"d\" ,5\" disk\n", "no end", long.as_str()] {
            assert_eq!(read(text).unwrap(), text);
        }
    }

    #[test]
    fn wrong_quotes_are_errors() {
        assert_eq!(read("a\n\"b\nc\n").unwrap_err(), "a quote is opened here and never closed");
        assert_eq!(
            read("a,b\n1,\"x\n2,\"y\"\n").unwrap_err(),
            "a quote is opened here and closed on line 3, within a cell"
        );
        assert_eq!(read("\"a\"b\n").unwrap_err(), "a cell continues after its closing quote");
    }

    #[test]
    fn a_record_starts_on_the_first_line_that_is_not_empty() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a", "", "", "b", "\"c", "", "d\"", "", "e", ""].join(end);
            let mut reader = csv::Reader::from_reader(lines(&text, b','));
            let mut starts = Vec::new();
            reader.headers().unwrap();
            starts.push(reader.get_mut().take_start());
            while reader.read_record(&mut csv::StringRecord::new()).unwrap() {
                starts.push(reader.get_mut().take_start());
            }
            assert_eq!(starts, [1, 4, 5, 9]);
        }
    }
}
