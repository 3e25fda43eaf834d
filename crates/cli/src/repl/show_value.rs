//! Printing the value of a line.

use drillmaster_models::endpoints;
use rhai::{Dynamic, EvalAltResult};
use serde_json::Value;

use crate::print::{hide_fields, print_items};
use crate::ui::Ui;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::execution::each::{Outcomes, RosterRows};
use drillmaster_runner::language::endpoints::Walk;
use drillmaster_runner::outcome::Outcome;
use drillmaster_runner::output::table::Format;
use drillmaster_runner::roster::Row;
use drillmaster_runner::value::to_json;

/// Prints a value that is not `()`. Fields that an endpoint hides are printed only with `reveal`.
pub(super) fn show(value: &Dynamic, reveal: bool, ui: &Ui) -> Result<(), Diagnostic> {
    if value.is_unit() {
        return Ok(());
    }
    if value.is::<Walk>() {
        let how = "use `for item in ...` to iterate, or `.to_array()` to read all";
        ui.console.note(&format!("a list that is read page by page; {how}"));
        return Ok(());
    }
    let Some(mut json) = in_json(value)? else {
        let kind = if value.is_fnptr() { "function" } else { value.type_name() };
        ui.console.note(&format!("a value of type {kind}, which cannot be printed"));
        return Ok(());
    };
    if !reveal {
        endpoints().for_each(|endpoint| hide_fields(&mut json, endpoint.metadata.hidden));
    }
    match (&json, ui.format) {
        (Value::Array(_) | Value::Object(_), _) => print_items(&json, ui),
        (Value::String(text), Format::Csv) => ui.console.print(text),
        (single, _) => ui.console.print(&single.to_string()),
    }
    Ok(())
}

/// A value as JSON, if it has that form.
fn in_json(value: &Dynamic) -> Result<Option<Value>, Diagnostic> {
    if let Some(rows) = value.read_lock::<Outcomes>() {
        let rows = rows.clone().into_iter().map(|row| row.map(|row| of_outcome(&row)));
        let rows: Result<Value, _> = rows.collect();
        return rows.map(Some).map_err(|error| unreadable(&error));
    }
    if let Some(roster) = value.read_lock::<RosterRows>() {
        let rows = roster.clone().into_iter().map(|row| row.map(|row| of_row(&row)));
        return rows.collect::<Result<Value, _>>().map(Some).map_err(|error| unreadable(&error));
    }
    if let Some(outcome) = value.read_lock::<Outcome>() {
        return Ok(Some(of_outcome(&outcome)));
    }
    if let Some(row) = value.read_lock::<Row>() {
        return Ok(Some(of_row(&row)));
    }
    Ok(to_json(value).ok())
}

fn unreadable(error: &EvalAltResult) -> Diagnostic {
    Diagnostic::script(format!("cannot read the rows: {error}"))
}

fn of_outcome(outcome: &Outcome) -> Value {
    Value::Object(outcome.fields())
}

fn of_row(row: &Row) -> Value {
    let cells = row
        .columns()
        .names()
        .iter()
        .map(|name| (name.clone(), Value::from(row.get(name).unwrap_or_default())));
    Value::Object(cells.collect())
}
