//! The records of a roster file, as spreadsheets write them.

use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, Trim};

use super::contents::Contents;
use super::layout::Layout;
use super::lines::{Lines, QuoteError};
use super::unreadable;
use crate::diagnostic::Diagnostic;

/// The records below the header, each with the line on which it starts.
pub(super) struct Records {
    path: PathBuf,
    reader: csv::Reader<Lines>,
    /// How many cells the header has.
    width: usize,
}

impl Records {
    pub(super) fn new(
        path: &Path,
        contents: &Contents,
        layout: Layout,
    ) -> Result<Self, Diagnostic> {
        let lines = Lines::new(contents.reader(), layout.delimiter, layout.header)
            .map_err(|error| unreadable(path, &error))?;
        let mut reader = ReaderBuilder::new();
        // Cells are trimmed where they are used, without a copy.
        let reader = reader.trim(Trim::Headers).flexible(true).delimiter(layout.delimiter);
        let reader = reader.from_reader(lines);
        let mut records = Self { path: path.to_owned(), reader, width: 0 };
        records.width = records.header()?.len();
        records.reader.get_mut().take_start();
        Ok(records)
    }

    /// The names of the columns.
    pub(super) fn header(&mut self) -> Result<Vec<String>, Diagnostic> {
        match self.reader.headers() {
            Ok(names) => Ok(names.iter().map(str::to_owned).collect()),
            Err(error) => Err(self.malformed(&error)),
        }
    }

    /// Reads the next record that is not empty. Returns the line on which it starts, or `None` at the end.
    pub(super) fn read(&mut self, cells: &mut StringRecord) -> Result<Option<u64>, Diagnostic> {
        loop {
            match self.reader.read_record(cells) {
                Ok(false) => return Ok(None),
                Err(error) => return Err(self.malformed(&error)),
                Ok(true) => {
                    let line = self.reader.get_mut().take_start();
                    let filled = |cell: &str| !cell.trim().is_empty();
                    let filled = (0..cells.len()).rfind(|at| cells.get(*at).is_some_and(filled));
                    match (filled, cells.len()) {
                        // Spreadsheets end a file with lines that have only separators.
                        (None, _) => {}
                        // They also add empty cells to the end of a line.
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
        let path = self.path.display();
        Diagnostic::usage(format!(
            "{path} line {line}: the header has {cells}, but this line has {found}"
        ))
        .with_help("check for a missing quote or an extra separator")
    }

    fn malformed(&mut self, error: &csv::Error) -> Diagnostic {
        let quotes = QuoteError::from_csv(error);
        let line = quotes.map_or_else(|| self.reader.get_mut().take_start(), QuoteError::line);
        let (problem, help) = match (quotes, error.kind()) {
            (Some(quotes), _) => (
                quotes.to_string(),
                "a cell that starts with a quote ends with one; write a quote within it twice",
            ),
            (_, csv::ErrorKind::Utf8 { .. }) => {
                ("the text is not UTF-8".to_owned(), "save it as \"CSV UTF-8\"")
            }
            _ => (error.to_string(), "check that it is a CSV file"),
        };
        Diagnostic::usage(format!("{} line {line}: {problem}", self.path.display())).with_help(help)
    }
}
