//! The list that a script prints line by line: as it comes where that is CSV, and else as a whole at the end.

use serde_json::Value;

use crate::table::Format;

/// What a list has so far.
pub(crate) struct Listing {
    pub(crate) columns: Vec<String>,
    /// The lines that are not printed yet.
    pub(crate) lines: Vec<Vec<Value>>,
}

impl Listing {
    /// A list without lines.
    pub(crate) fn of(columns: Vec<String>) -> Self {
        Self { columns, lines: Vec::new() }
    }
}

/// How it is written where nobody says: line by line, so that it takes no memory however long it is.
pub(crate) const USUAL: Format = Format::Csv;
