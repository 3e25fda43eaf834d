//! The result file: the roster's rows and columns with what became of each.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value};

use crate::rows::Outcome;
use crate::table::cell;

/// Writes the outcomes as CSV, or as JSON lines where the file's name ends in `.jsonl`. The file is written
/// beside its place and renamed, so that it is never seen half.
///
/// A column of the roster that has the name of a result column, as a result file used as a roster has, is
/// replaced.
pub fn write(path: &Path, outcomes: &[Outcome]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let file = tempfile::Builder::new().prefix(".results-").tempfile_in(folder)?;
    let mut out = BufWriter::new(file);
    if path.extension().is_some_and(|extension| extension == "jsonl") {
        for outcome in outcomes {
            serde_json::to_writer(&mut out, &fields(outcome))?;
            out.write_all(b"\n")?;
        }
    } else {
        let mut seen = HashSet::new();
        let rows: Vec<_> = outcomes.iter().map(fields).collect();
        let columns = |row: &Map<String, Value>| row.keys().cloned().collect::<Vec<_>>();
        let mut header: Vec<String> = rows.iter().flat_map(columns).collect();
        header.retain(|column| seen.insert(column.clone()));
        header.sort_by_key(|column| rank(outcomes, column));
        let mut csv = csv::Writer::from_writer(&mut out);
        if header.is_empty() {
            header = ["key", "state", "detail"].map(str::to_owned).to_vec();
        }
        csv.write_record(&header)?;
        for row in &rows {
            csv.write_record(header.iter().map(|name| row.get(name).map_or(String::new(), cell)))?;
        }
        csv.flush()?;
    }
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The roster's columns first, then what became of the row, then what it returned.
fn rank(outcomes: &[Outcome], column: &str) -> usize {
    let of_roster = outcomes.iter().any(|outcome| match &outcome.row {
        Some(row) => row.columns().find(column).is_some() && !is_result(outcome, column),
        None => column == "key",
    });
    match column {
        _ if of_roster => 0,
        "state" => 1,
        "detail" => 2,
        _ => 3,
    }
}

fn is_result(outcome: &Outcome, column: &str) -> bool {
    let column = column.to_lowercase();
    column == "state" || column == "detail" || outcome.returned.contains_key(&column)
}

/// An outcome as named values, in the order of the columns.
pub(crate) fn fields(outcome: &Outcome) -> Map<String, Value> {
    let mut fields = Map::new();
    match &outcome.row {
        Some(row) => {
            for (name, value) in row.columns().names().iter().zip(row.cells()) {
                if !is_result(outcome, name) {
                    fields.insert(name.clone(), value.into());
                }
            }
        }
        None => {
            fields.insert("key".to_owned(), outcome.key.as_str().into());
        }
    }
    fields.insert("state".to_owned(), outcome.state.name().into());
    fields.insert("detail".to_owned(), outcome.detail.as_str().into());
    fields.extend(outcome.returned.clone());
    fields
}
