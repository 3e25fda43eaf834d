//! The list that a script prints line by line: as it comes where that is CSV, and else as a whole at the end.

use rhai::{Dynamic, ImmutableString};
use serde_json::Value;

use crate::output::table::Format;

/// What a list has so far.
pub(crate) struct Listing {
    pub(crate) columns: Vec<String>,
    /// The lines that are not printed yet.
    pub(crate) lines: Vec<Vec<Value>>,
}

impl Listing {
    /// A list without lines. Its columns are the keys of what another program reads, so that each has a name of
    /// its own.
    pub(crate) fn new(columns: &[Dynamic]) -> Result<Self, String> {
        let mut names: Vec<String> = Vec::new();
        for column in columns {
            let name = column.read_lock::<ImmutableString>().map(|name| name.to_string());
            let Some(name) = name.filter(|name| !name.is_empty()) else {
                return Err(format!("a column has a name, and `{column}` is none"));
            };
            if names.contains(&name) {
                return Err(format!("the column `{name}` is there twice"));
            }
            names.push(name);
        }
        if names.is_empty() {
            return Err("a list has at least one column".to_owned());
        }
        Ok(Self { columns: names, lines: Vec::new() })
    }
}

/// The format of such a list by default: each line is printed at once, so that a list of any length takes no memory.
pub(crate) const DEFAULT_FORMAT: Format = Format::Csv;
