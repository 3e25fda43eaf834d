//! The records of a roster's file, as spreadsheets write them.

use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, Trim};

use super::layout::Layout;
use super::lines::{Lines, Quotes};
use super::{open, unread};
use crate::diagnostic::Diagnostic;

/// The records of a file below its header, each with the line on which it begins.
pub(super) struct Records {
    path: PathBuf,
    reader: csv::Reader<Lines>,
    /// How many cells the header has.
    width: usize,
}

impl Records {
    pub(super) fn open(path: &Path, layout: Layout) -> Result<Self, Diagnostic> {
        let lines = Lines::from(open(path)?, layout.delimiter, layout.header)
            .map_err(|error| unread(path, &error))?;
        let mut reader = ReaderBuilder::new();
        // Cells are trimmed where they are looked at, which makes no copies.
        let reader = reader.trim(Trim::Headers).flexible(true).delimiter(layout.delimiter);
        let reader = reader.from_reader(lines);
        let mut records = Self { path: path.to_owned(), reader, width: 0 };
        records.width = records.header()?.len();
        // What follows is told by lines of its own.
        records.reader.get_mut().began();
        Ok(records)
    }

    /// The names of the columns.
    pub(super) fn header(&mut self) -> Result<Vec<String>, Diagnostic> {
        match self.reader.headers() {
            Ok(names) => Ok(names.iter().map(str::to_owned).collect()),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    /// Reads the next one that has something in it: the line on which it begins, or `None` at the end.
    pub(super) fn read(&mut self, cells: &mut StringRecord) -> Result<Option<u64>, Diagnostic> {
        loop {
            match self.reader.read_record(cells) {
                Ok(false) => return Ok(None),
                Err(error) => return Err(self.unreadable(&error)),
                Ok(true) => {
                    let line = self.reader.get_mut().began();
                    let filled = |cell: &str| !cell.trim().is_empty();
                    let filled = (0..cells.len()).rfind(|at| cells.get(*at).is_some_and(filled));
                    match (filled, cells.len()) {
                        // Spreadsheets end a file with lines that are empty but for their separators.
                        (None, _) => {}
                        // And lines with cells that nobody filled.
                        (Some(last), found) if last < self.width && self.width <= found => {
                            cells.truncate(self.width);
                            return Ok(Some(line));
                        }
                        (_, found) => return Err(self.uneven(line, found)),
                    }
                }
            }
        }
    }

    fn uneven(&self, line: u64, found: usize) -> Diagnostic {
        let cells =
            if self.width == 1 { "1 cell".to_owned() } else { format!("{} cells", self.width) };
        let place = self.path.display();
        Diagnostic::usage(format!(
            "{place} line {line}: the header has {cells} and this line {found}"
        ))
        .with_help("is a quote missing, or a comma too many?")
    }

    fn unreadable(&mut self, error: &csv::Error) -> Diagnostic {
        let quotes = Quotes::of(error);
        let line = quotes.map_or_else(|| self.reader.get_mut().began(), Quotes::line);
        let (problem, help) = match (quotes, error.kind()) {
            (Some(quotes), _) => (
                quotes.to_string(),
                "a cell in quotes ends with one; a quote within it is written twice",
            ),
            (_, csv::ErrorKind::Utf8 { .. }) => {
                ("the text is not UTF-8".to_owned(), "save it as \"CSV UTF-8\"")
            }
            _ => (error.to_string(), "is it a CSV file?"),
        };
        Diagnostic::usage(format!("{} line {line}: {problem}", self.path.display())).with_help(help)
    }
}
