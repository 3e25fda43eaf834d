//! Printing JSON values from responses and scripts.

use drillmaster_runner::output::table::{Format, cell, whole};
use serde_json::{Value, json};

use crate::ui::Ui;

/// What is printed in place of a hidden value.
pub(crate) const HIDDEN: &str = "[hidden; use --reveal to show]";

/// Replaces the values of these fields, at any depth.
pub(crate) fn hide_fields(value: &mut Value, names: &[&str]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| hide_fields(item, names)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if names.contains(&name.as_str()) && !value.is_null() {
                    *value = HIDDEN.into();
                } else {
                    hide_fields(value, names);
                }
            }
        }
        _ => {}
    }
}

/// Prints a list as columns, and an object as its fields, or either as JSON.
pub(crate) fn print_items(items: &Value, ui: &Ui) {
    if ui.format == Format::Json {
        ui.console.print(&format!("{items:#}"));
        return;
    }
    // Nested lists are counted in a table, and written in full to CSV.
    let write = if ui.format == Format::Csv { whole } else { cell };
    let (header, rows) = match items {
        Value::Array(items) => as_columns(items, write),
        // A single object is easier to read with one field per line.
        Value::Object(fields) if ui.format == Format::Table => {
            let rows = fields.iter().map(|(name, value)| vec![name.clone(), cell(value)]).collect();
            (vec!["field".to_owned(), "value".to_owned()], rows)
        }
        single => as_columns(std::slice::from_ref(single), write),
    };
    match ui.format {
        Format::Table if rows.is_empty() => ui.console.note("the list is empty"),
        _ => ui.rows(&header, rows),
    }
}

/// All fields of the items as columns, without those that are null in every item.
fn as_columns(items: &[Value], write: fn(&Value) -> String) -> (Vec<String>, Vec<Vec<String>>) {
    let mut header: Vec<String> = Vec::new();
    let as_object = |item: &Value| {
        if item.is_object() { item.clone() } else { json!({ "value": item }) }
    };
    let items: Vec<Value> = items.iter().map(as_object).collect();
    for (name, value) in items.iter().filter_map(Value::as_object).flatten() {
        if !value.is_null() && !header.contains(name) {
            header.push(name.clone());
        }
    }
    let cells = |item: &Value| header.iter().map(|name| write(&item[name.as_str()])).collect();
    let rows = items.iter().map(cells).collect();
    (header, rows)
}
