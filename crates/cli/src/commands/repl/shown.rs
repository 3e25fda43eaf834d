//! What a line came to, for people or for programs.

use drillmaster_models::endpoints;
use rhai::Dynamic;
use serde_json::Value;

use crate::Ui;
use crate::commands::call::{hide, print_items};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::execution::each::{RosterRows, Rows};
use drillmaster_runner::language::endpoints::Walk;
use drillmaster_runner::outcome::Outcome;
use drillmaster_runner::output::table::Format;
use drillmaster_runner::roster::Row;
use drillmaster_runner::value::to_json;

/// Shows a value, if there is one. What an endpoint hides stays hidden unless it is to be revealed.
pub(super) fn show(value: &Dynamic, reveal: bool, shell: &Ui) -> Result<(), Diagnostic> {
    if value.is_unit() {
        return Ok(());
    }
    if value.is::<Walk>() {
        let how = "go through it by `for item in …`, or take all of it by `.to_array()`";
        shell.console.note(&format!("a list that is read page by page; {how}"));
        return Ok(());
    }
    let Some(mut json) = in_json(value)? else {
        let kind = if value.is_fnptr() { "function" } else { value.type_name() };
        shell.console.note(&format!("a value of type {kind}, which cannot be shown"));
        return Ok(());
    };
    if !reveal {
        endpoints().for_each(|endpoint| hide(&mut json, endpoint.metadata.hidden));
    }
    match (&json, shell.format) {
        (Value::Array(_) | Value::Object(_), _) => print_items(&json, shell),
        (Value::String(text), Format::Csv) => {
            shell.console.print(text);
            Ok(())
        }
        (single, _) => {
            shell.console.print(&single.to_string());
            Ok(())
        }
    }
}

/// A value as JSON; `None` where it has none.
fn in_json(value: &Dynamic) -> Result<Option<Value>, Diagnostic> {
    if let Some(rows) = value.read_lock::<Rows>() {
        let rows = rows.clone().into_iter().map(|row| row.map(|row| of_outcome(&row)));
        let rows: Result<Value, _> = rows.collect();
        return rows.map(Some).map_err(|error| {
            Diagnostic::script(format!("the rows cannot be read again: {error}"))
        });
    }
    if let Some(roster) = value.read_lock::<RosterRows>() {
        let rows = roster.roster.rows()?.take(roster.most);
        let rows: Result<Value, Diagnostic> = rows.map(|row| Ok(of_row(&row?))).collect();
        return rows.map(Some);
    }
    if let Some(outcome) = value.read_lock::<Outcome>() {
        return Ok(Some(of_outcome(&outcome)));
    }
    if let Some(row) = value.read_lock::<Row>() {
        return Ok(Some(of_row(&row)));
    }
    Ok(to_json(value).ok())
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
