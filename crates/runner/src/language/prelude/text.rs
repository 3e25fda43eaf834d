//! Words for texts that go in and out: lists in inputs, lines of CSV.

use std::collections::HashSet;
use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, NativeCallContext};
use serde_json::Value;

use super::word;
use crate::execution::context::RunContext;
use crate::execution::row_context::{Output, RowContext};
use crate::output::listing::Listing;
use crate::output::table::{Format, csv_text, whole};
use crate::value::{ScriptResult, runtime_error, to_json};

pub(super) fn register(engine: &mut Engine, host: &Arc<RunContext>) {
    let doc =
        "The items of a text such as \"linux1, linux2\", apart by commas or semicolons, each once.";
    word(engine, "list", &["text: string", "Array"], doc, |text: &str| {
        let items = text.split([',', ';']).map(str::trim).filter(|item| !item.is_empty());
        // Who names a room twice does not want it counted twice.
        let mut told = HashSet::new();
        let items = items.filter(|item| told.insert(*item));
        items.map(|item| item.to_owned().into()).collect::<Array>()
    });
    let doc = "Lays cells out as a line of CSV, to be printed. `()` is an empty cell, and lists are joined.";
    word(
        engine,
        "csv",
        &["cells: Array", "string"],
        doc,
        move |ctx: NativeCallContext, cells: Array| -> ScriptResult<String> {
            line(&cells).map_err(|problem| runtime_error(&problem, ctx.call_position()))
        },
    );
    listing(engine, host);
}

/// Words for a list that is printed line by line.
fn listing(engine: &mut Engine, host: &Arc<RunContext>) {
    let world = host.clone();
    let doc = "Begins the list that the script prints, with these columns. It is CSV, a `line` at a time, unless \
               `--format` says otherwise. A script prints one list.";
    word(
        engine,
        "header",
        &["columns: Array", "()"],
        doc,
        move |ctx: NativeCallContext, columns: Array| -> ScriptResult<()> {
            let told =
                |problem: &str| runtime_error(&format!("header: {problem}"), ctx.call_position());
            if RowContext::current().is_some() {
                return Err(told("it is made once, outside of rows"));
            }
            if world.listing(|listing| listing.is_some()) {
                return Err(told("the list was begun already, and a script prints one"));
            }
            let list = Listing::of(&columns).map_err(|problem| told(&problem))?;
            world.listing(|listing| *listing = Some(list));
            if world.console.list_format() == Format::Csv {
                let text = line(&columns).map_err(|problem| told(&problem))?;
                world.say(Output::Data(text));
            }
            Ok(())
        },
    );
    let world = host.clone();
    let doc = "Prints a line of the list that `header` began: a cell for each of its columns. `()` is an empty cell.";
    word(
        engine,
        "line",
        &["cells: Array", "()"],
        doc,
        move |ctx: NativeCallContext, cells: Array| -> ScriptResult<()> {
            let told =
                |problem: &str| runtime_error(&format!("line: {problem}"), ctx.call_position());
            let columns = world.listing(|own| own.as_ref().map(|listing| listing.columns.len()));
            match columns {
                None => Err(told("a list begins with header([\"name\", …])")),
                Some(columns) if columns != cells.len() => Err(told(&format!(
                    "the list has {columns} columns, and the line {} cells",
                    cells.len()
                ))),
                Some(_) => say_line(&world, &cells).map_err(|problem| told(&problem)),
            }
        },
    );
}

/// Prints a line of CSV, or keeps its cells for the end.
fn say_line(host: &RunContext, cells: &[Dynamic]) -> Result<(), String> {
    host.say(match host.console.list_format() {
        Format::Csv => Output::Data(line(cells)?),
        Format::Table | Format::Json => Output::Line(values(cells)?),
    });
    Ok(())
}

fn values(cells: &[Dynamic]) -> Result<Vec<Value>, String> {
    cells.iter().map(to_json).collect()
}

fn line(cells: &[Dynamic]) -> Result<String, String> {
    let cells: Vec<_> = values(cells)?.iter().map(whole).collect();
    Ok(csv_text(&cells, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_would_end_a_line_or_a_cell_is_quoted() {
        let cells = ["Dögan, Ada".into(), "say \"no\"".into(), "two\nlines".into(), 3_i64.into()];
        assert_eq!(line(&cells).unwrap(), "\"Dögan, Ada\",\"say \"\"no\"\"\",\"two\nlines\",3");
    }

    #[test]
    fn nothing_is_an_empty_cell_and_a_list_is_one_cell() {
        let list: Array = vec!["Java".into(), "CWE-22".into()];
        let cells = [Dynamic::UNIT, list.into(), true.into(), Dynamic::UNIT];
        assert_eq!(line(&cells).unwrap(), ",\"Java, CWE-22\",true,");
    }
}
