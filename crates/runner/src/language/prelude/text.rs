//! Functions for text: lists in inputs, CSV, and the list that a script prints.

use std::collections::HashSet;

use rhai::{Array, Dynamic, Engine, NativeCallContext};
use serde_json::Value;

use super::function;
use crate::execution::row_context::{Output, RowContext};
use crate::execution::script_context::ScriptContext;
use crate::output::listing::Listing;
use crate::output::table::{Format, csv_text, whole};
use crate::value::{ScriptResult, runtime_error, to_json};

pub(super) fn register(engine: &mut Engine) {
    let doc =
        "Splits a text such as \"linux1, linux2\" at commas and semicolons into its unique items.";
    function(engine, "list", &["text: string", "Array"], doc, |text: &str| {
        let items = text.split([',', ';']).map(str::trim).filter(|item| !item.is_empty());
        // A room that is named twice is meant once.
        let mut seen = HashSet::new();
        let items = items.filter(|item| seen.insert(*item));
        items.map(|item| item.to_owned().into()).collect::<Array>()
    });
    let doc = "Formats cells as a line of CSV. `()` is an empty cell, and lists are joined.";
    function(
        engine,
        "csv",
        &["cells: Array", "string"],
        doc,
        move |ctx: NativeCallContext, cells: Array| -> ScriptResult<String> {
            csv_line(&cells).map_err(|problem| runtime_error(&problem, ctx.call_position()))
        },
    );
    listing(engine);
}

/// Functions for a list that is printed line by line.
fn listing(engine: &mut Engine) {
    let doc = "Starts the list that the script prints, with these columns. It is CSV, printed one `line` at a time, \
               unless `--format` says otherwise. A script prints one list.";
    function(
        engine,
        "header",
        &["columns: Array", "()"],
        doc,
        move |ctx: NativeCallContext, columns: Array| -> ScriptResult<()> {
            let refuse =
                |problem: &str| runtime_error(&format!("header: {problem}"), ctx.call_position());
            let context = ScriptContext::of(&ctx)?;
            if RowContext::current().is_some() {
                return Err(refuse("call it once, outside of rows"));
            }
            if context.listing(|listing| listing.is_some()) {
                return Err(refuse("the list has a header already, and a script prints one list"));
            }
            let list = Listing::new(&columns).map_err(|problem| refuse(&problem))?;
            context.listing(|listing| *listing = Some(list));
            if context.list_format() == Format::Csv {
                let text = csv_line(&columns).map_err(|problem| refuse(&problem))?;
                context.output(Output::Print(text));
            }
            Ok(())
        },
    );
    let doc = "Prints a line of the list that `header` started, with a cell for each column. `()` is an empty cell.";
    function(
        engine,
        "line",
        &["cells: Array", "()"],
        doc,
        move |ctx: NativeCallContext, cells: Array| -> ScriptResult<()> {
            let refuse =
                |problem: &str| runtime_error(&format!("line: {problem}"), ctx.call_position());
            let context = ScriptContext::of(&ctx)?;
            let columns = context.listing(|own| own.as_ref().map(|listing| listing.columns.len()));
            match columns {
                None => Err(refuse("call header([\"name\", …]) first")),
                Some(columns) if columns != cells.len() => Err(refuse(&format!(
                    "the list has {columns} columns, and the line {} cells",
                    cells.len()
                ))),
                Some(_) => print_line(&context, &cells).map_err(|problem| refuse(&problem)),
            }
        },
    );
}

/// Prints a line of CSV, or keeps its cells until the list is complete.
fn print_line(context: &ScriptContext, cells: &[Dynamic]) -> Result<(), String> {
    context.output(match context.list_format() {
        Format::Csv => Output::Print(csv_line(cells)?),
        Format::Table | Format::Json => Output::ListLine(values(cells)?),
    });
    Ok(())
}

fn values(cells: &[Dynamic]) -> Result<Vec<Value>, String> {
    cells.iter().map(to_json).collect()
}

fn csv_line(cells: &[Dynamic]) -> Result<String, String> {
    let cells: Vec<_> = values(cells)?.iter().map(whole).collect();
    Ok(csv_text(&cells, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_separators_quotes_and_line_breaks_are_quoted() {
        let cells = ["Dögan, Ada".into(), "say \"no\"".into(), "two\nlines".into(), 3_i64.into()];
        assert_eq!(csv_line(&cells).unwrap(), "\"Dögan, Ada\",\"say \"\"no\"\"\",\"two\nlines\",3");
    }

    #[test]
    fn nothing_is_an_empty_cell_and_a_list_is_one_cell() {
        let list: Array = vec!["Java".into(), "CWE-22".into()];
        let cells = [Dynamic::UNIT, list.into(), true.into(), Dynamic::UNIT];
        assert_eq!(csv_line(&cells).unwrap(), ",\"Java, CWE-22\",true,");
    }
}
