//! The lines of a roster's file, counted as editors count them, with quotes that are looked at more strictly
//! than the CSV reader does: one that is never closed would swallow the rest of a class without a word.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use memchr::{memchr, memchr2};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file that is handed on line by line, so that it is known on which line a record began.
pub(super) struct Lines {
    file: BufReader<File>,
    delimiter: u8,
    /// The line that is read.
    line: u64,
    is_line_start: bool,
    /// The last byte was a CR: an LF behind it ends no other line.
    is_after_cr: bool,
    /// The first line with something on it since that was last asked for.
    began: Option<u64>,
    cell: Cell,
}

/// Where in a cell the bytes are.
#[derive(Clone, Copy)]
enum Cell {
    /// Nothing of it was read.
    Start,
    /// It has no quotes around it.
    Bare,
    /// Within quotes that began on this line.
    Quoted(u64),
    /// After a quote that ends it, or is the first of two that stand for one.
    Quote(u64),
    /// After its end, in spaces.
    Ended(u64),
}

/// Quotes that are not as in a CSV file.
#[derive(Debug)]
pub(super) enum Quotes {
    /// They begin on this line and never end.
    Unclosed(u64),
    /// They begin on one line and end on another, where the cell goes on.
    Within(u64, u64),
}

impl Lines {
    /// The file from this line on.
    pub(super) fn from(file: File, delimiter: u8, first: u64) -> io::Result<Self> {
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
            began: None,
            cell: Cell::Start,
        })
    }

    /// The line on which what was read since the last call begins.
    pub(super) fn began(&mut self) -> u64 {
        self.began.take().unwrap_or(self.line)
    }

    /// Takes note of a part of a line.
    fn pass(&mut self, part: &[u8]) -> Result<(), Quotes> {
        if self.is_line_start && !matches!(part, [b'\r' | b'\n', ..]) {
            self.began.get_or_insert(self.line);
        }
        self.look_into(part)?;
        let is_rest = part == b"\n" && self.is_after_cr;
        self.is_after_cr = part.ends_with(b"\r");
        self.is_line_start = self.is_after_cr || part.ends_with(b"\n");
        self.line += u64::from(self.is_line_start && !is_rest);
        Ok(())
    }

    /// Looks where in a cell a part of a line ends.
    fn look_into(&mut self, part: &[u8]) -> Result<(), Quotes> {
        // Mostly there are no quotes to keep an eye on.
        if matches!(self.cell, Cell::Start | Cell::Bare) && memchr(b'"', part).is_none() {
            self.cell = match part {
                [] => self.cell,
                [.., b'\r' | b'\n'] => Cell::Start,
                [.., last] if *last == self.delimiter => Cell::Start,
                _ => Cell::Bare,
            };
            return Ok(());
        }
        for byte in part {
            self.cell = match (self.cell, byte) {
                (Cell::Quoted(line), b'"') => Cell::Quote(line),
                (Cell::Quoted(line), _) => Cell::Quoted(line),
                (_, b'\r' | b'\n') => Cell::Start,
                (_, byte) if *byte == self.delimiter => Cell::Start,
                (Cell::Start, b'"') => Cell::Quoted(self.line),
                (Cell::Start | Cell::Bare, _) => Cell::Bare,
                (Cell::Quote(line), b'"') => Cell::Quoted(line),
                (Cell::Quote(line) | Cell::Ended(line), b' ') => Cell::Ended(line),
                (Cell::Quote(line) | Cell::Ended(line), _) => {
                    return Err(Quotes::Within(line, self.line));
                }
            };
        }
        Ok(())
    }
}

impl Read for Lines {
    /// No more than a line at a time.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.fill_buf()?;
        let line = memchr2(b'\r', b'\n', bytes).map(|end| end + 1);
        let length = line.unwrap_or(bytes.len()).min(into.len());
        let into = &mut into[..length];
        into.copy_from_slice(&bytes[..length]);
        self.file.consume(length);
        match self.cell {
            Cell::Quoted(line) if length == 0 => Err(Quotes::Unclosed(line)),
            _ => self.pass(into),
        }
        .map_err(|quotes| io::Error::new(io::ErrorKind::InvalidData, quotes))?;
        Ok(length)
    }
}

impl Quotes {
    /// Those by which reading failed.
    pub(super) fn of(error: &csv::Error) -> Option<&Self> {
        match error.kind() {
            csv::ErrorKind::Io(error) => error.get_ref()?.downcast_ref(),
            _ => None,
        }
    }

    /// The line of which a person is told.
    pub(super) fn line(&self) -> u64 {
        match self {
            Self::Unclosed(line) | Self::Within(line, _) => *line,
        }
    }
}

impl fmt::Display for Quotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed(_) => f.write_str("a quote is opened here and never closed"),
            Self::Within(began, line) if began == line => {
                f.write_str("a cell goes on after its closing quote")
            }
            Self::Within(_, line) => {
                write!(f, "a quote is opened here, and closed on line {line} within a cell")
            }
        }
    }
}

impl Error for Quotes {}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, delimiter: u8) -> Lines {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Lines::from(file.reopen().unwrap(), delimiter, 1).unwrap()
    }

    fn read(text: &str) -> Result<String, String> {
        let mut read = String::new();
        match lines(text, b',').read_to_string(&mut read) {
            Ok(_) => Ok(read),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_file_is_handed_on_as_it_is() {
        let long = "x".repeat(200_000);
        for text in ["", "\n\n", "a,b\r\n\"c\n\"\"d\" ,5\" disk\n", "no end", long.as_str()] {
            assert_eq!(read(text).unwrap(), text);
        }
    }

    #[test]
    fn quotes_that_swallow_what_follows_are_told() {
        assert_eq!(read("a\n\"b\nc\n").unwrap_err(), "a quote is opened here and never closed");
        assert_eq!(
            read("a,b\n1,\"x\n2,\"y\"\n").unwrap_err(),
            "a quote is opened here, and closed on line 3 within a cell"
        );
        assert_eq!(read("\"a\"b\n").unwrap_err(), "a cell goes on after its closing quote");
    }

    #[test]
    fn a_record_begins_on_the_first_line_that_is_not_empty() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a", "", "", "b", "\"c", "", "d\"", "", "e", ""].join(end);
            let mut reader = csv::Reader::from_reader(lines(&text, b','));
            let mut told = Vec::new();
            reader.headers().unwrap();
            told.push(reader.get_mut().began());
            while reader.read_record(&mut csv::StringRecord::new()).unwrap() {
                told.push(reader.get_mut().began());
            }
            assert_eq!(told, [1, 4, 5, 9]);
        }
    }
}
