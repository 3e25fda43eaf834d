//! Events about rows for `tracing`, next to those of `drillmaster_transport::log` about requests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use drillmaster_transport::Scope;

/// The target of the event that a row ended.
pub const ROW: &str = "drillmaster::row";

/// The numbers of the running rows, by scope.
static ROWS: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);

/// Keeps the number of a row available until it is dropped.
pub(crate) struct Numbered {
    scope: String,
}

/// Makes the number of a row available, if there is a log.
pub(crate) fn number(scope: &Scope, number: usize) -> Option<Numbered> {
    if !drillmaster_transport::log::is_on() {
        return None;
    }
    let scope = scope.name().to_string();
    let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    rows.get_or_insert_default().insert(scope.clone(), number);
    Some(Numbered { scope })
}

/// The number of the running row of this scope, from 1. A log uses it instead of the scope, which can name a person.
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
