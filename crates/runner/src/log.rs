//! What a log is told of rows, besides what `drillmaster_transport::log` tells of requests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use drillmaster_transport::Scope;

/// A row ended.
pub const ROW: &str = "drillmaster::row";

/// The numbers of the rows that are running, by their scopes.
static ROWS: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);

/// As long as this is kept, the number of a row can be looked up by its scope.
pub(crate) struct Numbered {
    scope: String,
}

/// Keeps the number of a row for a log, if there is one.
pub(crate) fn number(scope: &Scope, number: usize) -> Option<Numbered> {
    if !drillmaster_transport::log::is_on() {
        return None;
    }
    let scope = scope.name().to_string();
    let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    rows.get_or_insert_default().insert(scope.clone(), number);
    Some(Numbered { scope })
}

/// The number of the running row with this scope, from 1.
pub fn row_number(scope: &str) -> Option<usize> {
    let rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    rows.as_ref()?.get(scope).copied()
}

impl Drop for Numbered {
    fn drop(&mut self) {
        let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = rows.as_mut() {
            rows.remove(&self.scope);
        }
    }
}
