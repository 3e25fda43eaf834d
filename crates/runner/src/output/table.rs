//! Tables for people and CSV for spreadsheets.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::output::visible::{visible, visible_line};

/// The format of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Columns for a person
    Table,
    /// JSON, as the service has it
    Json,
    /// Comma-separated values
    Csv,
}

/// Formats a list with these columns.
pub(crate) fn list(
    format: Format,
    columns: &[String],
    rows: Vec<Vec<Value>>,
    width: Option<u16>,
) -> String {
    let texts = |row: &Vec<Value>| row.iter().map(cell).collect::<Vec<_>>();
    match format {
        Format::Table => layout(columns, rows.iter().map(texts), width),
        Format::Csv => sheet_text(columns, &rows.iter().map(texts).collect::<Vec<_>>()),
        Format::Json => {
            let item = |row: Vec<Value>| columns.iter().cloned().zip(row).collect::<Value>();
            let items: Vec<Value> = rows.into_iter().map(item).collect();
            format!("{:#}", Value::Array(items))
        }
    }
}

/// Formats rows as a table, which fits into `width` if that is given: cells are wrapped between words, except those of
/// the first column, which identify the rows. If there is no room for that, each row becomes a paragraph with a line per
/// cell.
///
/// ```
/// use drillmaster_runner::output::table::layout;
/// let rows = [vec!["ada".to_owned(), "done".to_owned()]];
/// assert_eq!(layout(&["key", "state"], rows, None), "key  state\n---  -----\nada  done");
/// ```
pub fn layout<H: AsRef<str>>(
    header: &[H],
    rows: impl IntoIterator<Item = Vec<String>>,
    width: Option<u16>,
) -> String {
    let header: Vec<_> = header.iter().map(|name| visible_line(name.as_ref())).collect();
    let header: Vec<&str> = header.iter().map(AsRef::as_ref).collect();
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    let room: Vec<Room> = (0..header.len()).map(|index| Room::of(&header, &rows, index)).collect();
    let wanted: u16 = room.iter().fold(0, |sum, own| sum.saturating_add(own.wanted));
    let needed: u16 = room.iter().fold(0, |sum, own| sum.saturating_add(own.needed));
    match width {
        Some(width) if width < needed => paragraphs(&header, rows, width),
        Some(width) if width < wanted => {
            let table = std::iter::once(header.iter().map(|&name| name.to_owned()).collect());
            columns(table.chain(rows), Some(&shares(&room, width - needed)))
        }
        _ => {
            let rules = room.iter().map(|room| "-".repeat(usize::from(room.wanted - GAP)));
            let head = [header.iter().map(|&name| name.to_owned()).collect(), rules.collect()];
            columns(head.into_iter().chain(rows), None)
        }
    }
}

/// The gap between columns.
const GAP: u16 = 2;
/// The longest word that a column has to fit.
const WORD: usize = 24;

/// The width of a column, including the gap after it.
struct Room {
    /// The minimum at which it is readable.
    needed: u16,
    /// The width at which no cell is wrapped.
    wanted: u16,
}

impl Room {
    fn of(header: &[&str], rows: &[Vec<String>], index: usize) -> Self {
        let cells = || {
            let cells = rows.iter().filter_map(|row| row.get(index)).map(String::as_str);
            cells.chain([header[index]])
        };
        let whole = longest(cells().flat_map(str::lines));
        let word = longest(cells().flat_map(str::split_whitespace)).min(WORD);
        let with_gap = |width| u16::try_from(width).unwrap_or(u16::MAX - GAP) + GAP;
        let needed = if index == 0 { whole } else { word };
        Self { needed: with_gap(needed), wanted: with_gap(whole) }
    }
}

/// Distributes the width that is left once each column has its minimum. No column gets more than it wants, so the narrow
/// ones are served first.
fn shares(room: &[Room], mut left: u16) -> Vec<u16> {
    let mut widths: Vec<u16> = room.iter().map(|room| room.needed).collect();
    let mut order: Vec<usize> = (0..room.len()).collect();
    order.sort_by_key(|&index| room[index].wanted - room[index].needed);
    for (waiting, index) in (1..=room.len()).rev().zip(order) {
        let share = left / u16::try_from(waiting).unwrap_or(u16::MAX);
        let given = share.min(room[index].wanted - room[index].needed);
        widths[index] += given;
        left -= given;
    }
    widths
}

fn longest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(UnicodeWidthStr::width).max().unwrap_or(0)
}

/// Arranges cells in columns of these widths, or of their own.
fn columns(rows: impl Iterator<Item = Vec<String>>, widths: Option<&[u16]>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
        if let Some(width) = widths.and_then(|widths| widths.get(column.index)) {
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(*width)));
        }
    }
    if let Some(widths) = widths {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(widths.iter().fold(0, |sum, own| sum.saturating_add(*own)));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

fn paragraphs(header: &[&str], rows: Vec<Vec<String>>, width: u16) -> String {
    let names = u16::try_from(longest(header.iter().copied())).unwrap_or(0) + GAP;
    // If there is no room for values either, the terminal wraps the lines.
    let values = width.saturating_sub(names) + GAP;
    let values = if usize::from(values) < WORD / 2 { u16::MAX - names } else { values };
    let paragraph = |row: Vec<String>| {
        let told = header.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        columns(told.map(|(name, cell)| vec![(*name).to_owned(), cell]), Some(&[names, values]))
    };
    rows.into_iter().map(paragraph).collect::<Vec<_>>().join("\n\n")
}

/// Formats rows as CSV that is safe to open in a spreadsheet.
///
/// Names that others choose may start with `=`, and a spreadsheet would run them as formulas. Such cells get an
/// apostrophe in front; numbers stay unchanged.
///
/// ```
/// use drillmaster_runner::output::table::sheet_text;
/// let rows = [vec!["=HYPERLINK(\"https://x.example\")".to_owned(), "-5".to_owned()]];
/// assert_eq!(sheet_text(&["name", "points"], &rows), "name,points\n\"'=HYPERLINK(\"\"https://x.example\"\")\",-5");
/// ```
pub fn sheet_text(header: &[impl AsRef<str>], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|name| harmless(name.as_ref())).collect();
    let harmless_row = |row: &Vec<String>| row.iter().map(|cell| harmless(cell)).collect();
    csv_text(&header, &rows.iter().map(harmless_row).collect::<Vec<_>>())
}

/// A cell that no spreadsheet runs as a formula.
fn harmless(cell: &str) -> String {
    // Some spreadsheets accept the full-width forms too.
    let begins =
        ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    let runs = cell.starts_with(begins) && cell.parse::<f64>().is_err();
    if runs { format!("'{cell}") } else { cell.to_owned() }
}

/// Formats rows as exact CSV, for programs.
pub fn csv_text(header: &[impl AsRef<str>], rows: &[Vec<String>]) -> String {
    let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = csv.write_record(header.iter().map(AsRef::as_ref));
    for row in rows {
        let _ = csv.write_record(row);
    }
    let text = csv.into_inner().map(|bytes| String::from_utf8_lossy(&bytes).trim_end().to_owned());
    text.unwrap_or_default()
}

/// A value as a table cell: text unchanged, short lists joined, long ones counted, nothing for null.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.len() <= SHORT => {
            items.iter().map(cell).collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) => format!("{} items", items.len()),
        Value::Object(_) => name_of(value).map_or_else(|| value.to_string(), cell),
        other => other.to_string(),
    }
}

/// A value as a cell of a file, without loss: lists are joined, objects with a name are shown by it, anything deeper is
/// JSON.
pub fn whole(value: &Value) -> String {
    let is_flat = |item: &Value| !item.is_array() && (!item.is_object() || name_of(item).is_some());
    match value {
        Value::Array(items) if items.iter().all(is_flat) => {
            items.iter().map(cell).collect::<Vec<_>>().join(", ")
        }
        Value::Array(_) => value.to_string(),
        single => cell(single),
    }
}

/// The name of an object.
fn name_of(value: &Value) -> Option<&Value> {
    ["name", "title", "id"].iter().find_map(|name| value.get(*name))
}

/// The longest list that is shown in full.
const SHORT: usize = 4;

/// A cell may have several lines. Control characters in it are escaped.
fn plain(text: &str) -> String {
    visible(text).replace('\t', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: [&str; 5] = ["run", "started", "script", "state", "rows"];

    fn runs() -> Vec<Vec<String>> {
        let row = |id: &str, rows: &str| {
            [id, "2026-11-23 09:00 UTC", "onboard_class.rhai", "ended", rows]
                .map(str::to_owned)
                .to_vec()
        };
        vec![row("20261123-090000-1a2b", "28 done, 2 refused"), row("20261123-100000-3c4d", "")]
    }

    #[test]
    fn no_table_is_wider_than_asked_and_no_id_is_broken() {
        for width in 35..140 {
            let text = layout(&RUNS, runs(), Some(width));
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width.into(), "{width}:\n{text}");
            for row in runs() {
                assert!(text.contains(&row[0]), "{width}:\n{text}");
            }
        }
    }

    #[test]
    fn columns_are_wide_enough_while_there_is_room_for_all() {
        let free = layout(&RUNS, runs(), None);
        let widest = free.lines().map(|line| line.chars().count()).max().unwrap();
        let width = u16::try_from(widest).unwrap() + GAP;
        assert_eq!(layout(&RUNS, runs(), Some(width)), free);
        assert_ne!(layout(&RUNS, runs(), Some(width - 1)), free);
    }

    #[test]
    fn cells_are_wrapped_between_words_while_there_is_room() {
        let expected = "\
run                   started       script              state  rows
20261123-090000-1a2b  2026-11-23    onboard_class.rhai  ended  28 done,
                      09:00 UTC                                2 refused
20261123-100000-3c4d  2026-11-23    onboard_class.rhai  ended
                      09:00 UTC";
        assert_eq!(layout(&RUNS, runs(), Some(74)), expected);
    }

    #[test]
    fn a_row_becomes_a_paragraph_where_there_is_no_room() {
        let expected = "\
run      20261123-090000-1a2b
started  2026-11-23 09:00 UTC
script   onboard_class.rhai
state    ended
rows     28 done, 2 refused

run      20261123-100000-3c4d
started  2026-11-23 09:00 UTC
script   onboard_class.rhai
state    ended";
        assert_eq!(layout(&RUNS, runs(), Some(40)), expected);
    }

    #[test]
    fn formulas_become_text() {
        for formula in
            ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"]
        {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        for plain in ["", "ada@corp.example", "-5", "+1.5", "-1e3", "1-2", "'=1", "a=b", "—"] {
            assert_eq!(harmless(plain), plain);
        }
    }

    #[test]
    fn wide_letters_count_as_two_columns() {
        let row = ["张伟李".to_owned(), "done".to_owned()];
        let expected = "key     state\n------  -----\n张伟李  done";
        for width in [None, Some(20)] {
            assert_eq!(layout(&["key", "state"], [row.to_vec()], width), expected);
        }
    }

    #[test]
    fn too_narrow_widths_still_show_everything() {
        for width in 0..12 {
            let text = layout(&RUNS, runs(), Some(width));
            assert!(text.contains("onboard_class.rhai"), "{width}:\n{text}");
        }
    }
}
