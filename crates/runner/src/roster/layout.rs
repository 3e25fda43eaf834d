//! How a roster's file is written: what parts its cells, and where its header is.

use std::io::Read;
use std::path::Path;

use csv::ReaderBuilder;

use super::{open, unread};
use crate::diagnostic::Diagnostic;

/// How the lines of a file are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) delimiter: u8,
    /// The line of the header.
    pub(super) header: u64,
}

impl Layout {
    /// How the file is written: Excel may say so in a line of its own, otherwise its first lines show it, as
    /// spreadsheets of half the world write semicolons.
    pub(super) fn of(path: &Path) -> Result<Self, Diagnostic> {
        let mut start = Vec::new();
        let read = open(path)?.take(LOOKED_AT).read_to_end(&mut start);
        let read = read.map_err(|error| unread(path, &error))? as u64;
        let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if let Some(delimiter) = separator_said_by(first) {
            return Ok(Self { delimiter, header: 2 });
        }
        // Of a longer file the last line may be there in part.
        let whole = text.iter().rposition(|byte| matches!(byte, b'\r' | b'\n'));
        let text = if read < LOOKED_AT { text } else { &text[..whole.unwrap_or(text.len())] };
        // The last of those that fit best: prose has commas, and seldom semicolons.
        let parts = [b',', b';', b'\t'].into_iter();
        let best =
            parts.filter_map(|part| Some((fit(text, part)?, part))).max_by_key(|(fit, _)| *fit);
        Ok(Self { delimiter: best.map_or(b',', |(_, part)| part), header: 1 })
    }
}

/// How many bytes show how a file is written.
const LOOKED_AT: u64 = 64 << 10;

/// How well a separator fits a text whose header it parts: how many records, in a hundred, have as many cells.
fn fit(text: &[u8], delimiter: u8) -> Option<usize> {
    let mut reader = ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true).delimiter(delimiter).from_reader(text);
    let widths: Vec<_> = reader.into_byte_records().flatten().map(|record| record.len()).collect();
    let (header, rows) = widths.split_first().filter(|(header, _)| **header > 1)?;
    let like = rows.iter().filter(|width| *width == header).count();
    Some((100 * like).checked_div(rows.len()).unwrap_or_default())
}

/// The separator that Excel names in a line such as `sep=;`, in quotes or not.
fn separator_said_by(line: &[u8]) -> Option<u8> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [name @ .., b'=', separator] if name.eq_ignore_ascii_case(b"sep") => Some(*separator),
        _ => None,
    }
}
