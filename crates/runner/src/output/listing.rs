//! The list that a script prints line by line: at once if it is CSV, otherwise as a whole at the end.

use rhai::{Dynamic, ImmutableString};
use serde_json::Value;

use crate::output::table::Format;

/// A list so far.
pub(crate) struct Listing {
    pub(crate) columns: Vec<String>,
    /// The lines that have not been printed.
    pub(crate) lines: Vec<Vec<Value>>,
}

impl Listing {
    /// A list without lines. Column names have to be unique, because they become keys in JSON.
    pub(crate) fn new(columns: &[Dynamic]) -> Result<Self, String> {
        let mut names: Vec<String> = Vec::new();
        for column in columns {
            let name = column.read_lock::<ImmutableString>().map(|name| name.to_string());
            let Some(name) = name.filter(|name| !name.is_empty()) else {
                return Err(format!("a column name must be a non-empty text, not `{column}`"));
            };
            if names.contains(&name) {
                return Err(format!("the column `{name}` is given twice"));
            }
            names.push(name);
        }
        if names.is_empty() {
            return Err("a list needs at least one column".to_owned());
        }
        Ok(Self { columns: names, lines: Vec::new() })
    }
}

/// The format of such a list by default: each line is printed at once, so that a list of any length takes no memory.
pub(crate) const DEFAULT_FORMAT: Format = Format::Csv;
