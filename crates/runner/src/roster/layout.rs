//! The layout of a roster file: its separator, and the line of its header.

use std::io::{self, Read};

use csv::ReaderBuilder;

/// How to read the lines of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) delimiter: u8,
    /// The line of the header.
    pub(super) header: u64,
}

impl Layout {
    /// Detects the layout from the start of a file. Excel may name the separator in a first line of its own.
    /// Otherwise it is the one that fits the first lines best: in half of the world spreadsheets write semicolons.
    pub(super) fn detect(file: impl Read) -> io::Result<Self> {
        let mut start = Vec::new();
        let read = file.take(SAMPLE).read_to_end(&mut start)? as u64;
        let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if let Some(delimiter) = declared_separator(first) {
            return Ok(Self { delimiter, header: 2 });
        }
        // The sample of a longer file may end within a line.
        let whole = text.iter().rposition(|byte| matches!(byte, b'\r' | b'\n'));
        let text = if read < SAMPLE { text } else { &text[..whole.unwrap_or(text.len())] };
        // If several fit equally, the last one wins: prose has commas, but rarely semicolons or tabs.
        let candidates = [b',', b';', b'\t'].into_iter();
        let best = candidates
            .filter_map(|candidate| Some((fit(text, candidate)?, candidate)))
            .max_by_key(|(fit, _)| *fit);
        Ok(Self { delimiter: best.map_or(b',', |(_, delimiter)| delimiter), header: 1 })
    }
}

/// How many bytes are enough to detect the layout.
const SAMPLE: u64 = 64 << 10;

/// How many percent of the records have as many cells as the header; `None` if the separator is not in the header.
fn fit(text: &[u8], delimiter: u8) -> Option<usize> {
    let mut reader = ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true).delimiter(delimiter).from_reader(text);
    let widths: Vec<_> = reader.into_byte_records().flatten().map(|record| record.len()).collect();
    let (header, rows) = widths.split_first().filter(|(header, _)| **header > 1)?;
    let matching = rows.iter().filter(|width| *width == header).count();
    Some((100 * matching).checked_div(rows.len()).unwrap_or_default())
}

/// The separator that Excel declares in a line such as `sep=;`, with or without quotes.
fn declared_separator(line: &[u8]) -> Option<u8> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [name @ .., b'=', separator] if name.eq_ignore_ascii_case(b"sep") => Some(*separator),
        _ => None,
    }
}
