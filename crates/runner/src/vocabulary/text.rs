//! Words for texts that go in and out: lists in inputs, lines of CSV.

use std::collections::HashSet;

use rhai::{Array, Dynamic, Engine, NativeCallContext};

use super::{Answer, word};
use crate::engine::to_json;
use crate::rows::runtime_error;
use crate::table::{csv_text, whole};

pub(super) fn register(engine: &mut Engine) {
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
        move |ctx: NativeCallContext, cells: Array| -> Answer<String> {
            line(&cells).map_err(|problem| runtime_error(&problem, ctx.call_position()))
        },
    );
}

fn line(cells: &[Dynamic]) -> Result<String, String> {
    let cells = cells.iter().map(|cell| Ok(whole(&to_json(cell)?)));
    let cells = cells.collect::<Result<Vec<_>, String>>()?;
    csv_text(&cells, &[]).map_err(|problem| problem.to_string())
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
