//! Tables for people.

use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

use crate::problem::Problem;

/// Lays rows out under their header. With a width, cells are wrapped to fit into it.
///
/// ```
/// use drillmaster::table::layout;
/// let rows = [vec!["ada".to_owned(), "done".to_owned()]];
/// assert_eq!(layout(&["key", "state"], rows, None), "key  state\n---  -----\nada  done");
/// ```
pub fn layout<H: AsRef<str>>(
    header: &[H],
    rows: impl IntoIterator<Item = Vec<String>>,
    width: Option<u16>,
) -> String {
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    let longest = |index: usize| {
        let cells = rows.iter().filter_map(|row| row.get(index));
        let cells = cells.map(String::as_str).chain([header[index].as_ref()]);
        cells.flat_map(str::lines).map(|line| line.chars().count()).max().unwrap_or(0)
    };
    let rule: Vec<String> = (0..header.len()).map(|index| "-".repeat(longest(index))).collect();
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    match width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table.add_row(header.iter().map(AsRef::as_ref));
    if width
        .is_none_or(|width| rule.iter().map(|rule| rule.len() + 2).sum::<usize>() <= width.into())
    {
        table.add_row(rule);
    }
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// The same as CSV.
pub fn csv_text(header: &[impl AsRef<[u8]>], rows: &[Vec<String>]) -> Result<String, Problem> {
    let told = |error: String| Problem::usage(format!("cannot write CSV: {error}"));
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(header)
        .and_then(|()| rows.iter().try_for_each(|row| csv.write_record(row)))
        .map_err(|error| told(error.to_string()))?;
    let bytes = csv.into_inner().map_err(|error| told(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// A value in a cell: text as it is, short lists joined, long ones counted, nothing for null.
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

/// A value in a cell of a file, which holds all of it: lists are joined, things that have a name stand under
/// it, anything deeper is JSON.
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

/// What a thing is called.
fn name_of(value: &Value) -> Option<&Value> {
    ["name", "title", "id"].iter().find_map(|name| value.get(*name))
}

/// The longest list that is shown in a cell.
const SHORT: usize = 4;

/// Without what would move a terminal's cursor.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}
