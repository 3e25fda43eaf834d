//! Functions for rows: `roster`, `each`, and the outcomes.

use rhai::{Array, Dynamic, Engine, FnPtr, ImmutableString, Map, NativeCallContext};
use serde_json::Value;

use super::{function, integer};
use crate::execution::each::{Outcomes, RosterRows, each_item, each_row};
use crate::execution::row_context::RowContext;
use crate::execution::script_context::ScriptContext;
use crate::outcome::{Outcome, State};
use crate::output::table::Format;
use crate::roster::{Columns, Roster, Row};
use crate::value::frozen::thaw;
use crate::value::{CallError, ScriptResult, call_error, from_json, runtime_error, to_json};

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<RosterRows>("Roster")
        .register_type_with_name::<Row>("Row")
        .register_type_with_name::<Outcomes>("Rows")
        .register_type_with_name::<Outcome>("Outcome");
    rosters(engine);
    each(engine);
    endings(engine);
    outcomes(engine);
    tables(engine);
}

fn rosters(engine: &mut Engine) {
    let doc = "The roster given with `--roster`: a row per person, for `each` or a `for` loop.";
    function(
        engine,
        "roster",
        &["Roster"],
        doc,
        move |ctx: NativeCallContext| -> ScriptResult<RosterRows> {
            let context = ScriptContext::of(&ctx)?;
            let max_rows = context.max_rows.unwrap_or(usize::MAX);
            match &context.roster {
                Some(roster) => Ok(RosterRows { roster: roster.clone(), max_rows }),
                None => Err(runtime_error(
                    "there is no roster; give one with --roster",
                    ctx.call_position(),
                )),
            }
        },
    );
    engine.register_iterator_result::<RosterRows, Row>();
    engine.register_indexer_get(cell_of);
    let doc = "The number of rows of the roster.";
    function(engine, "len", &["rows: Roster", "int"], doc, |rows: &mut RosterRows| {
        integer(rows.len())
    });
    let doc = "Whether these are all rows of the roster; `--max-rows` may leave some out.";
    function(engine, "is_whole", &["rows: Roster", "bool"], doc, |rows: &mut RosterRows| {
        rows.len() == rows.roster.len()
    });
    let doc = "Whether the roster has this column, like `\"name\" in row`.";
    let signature = ["row: Row", "name: string", "bool"];
    function(engine, "contains", &signature, doc, |row: &mut Row, name: &str| {
        row.get(name).is_some()
    });
    let doc = "The row's cells by the names of their columns.";
    function(engine, "to_map", &["row: Row", "Map"], doc, |row: &mut Row| {
        let names = row.columns().names().iter().map(|name| name.as_str().into());
        names.zip(row.cells().map(|cell| Dynamic::from(cell.to_owned()))).collect::<Map>()
    });
}

fn each(engine: &mut Engine) {
    let doc = "Runs a function for every row of a roster or item of an array. An error in one row does not affect the \
               others: each ends as done, unchanged, refused, failed, in-doubt or skipped. What the function returns \
               becomes columns of the results; `detail` becomes the row's detail. Rows run concurrently, so variables \
               declared outside of the function are read-only in it.";
    function(
        engine,
        "each",
        &["rows: Roster", "work: FnPtr", "Rows"],
        doc,
        move |ctx: NativeCallContext, rows: RosterRows, work: FnPtr| each_row(&ctx, &rows, &work),
    );
    function(
        engine,
        "each",
        &["items: Array", "work: FnPtr", "Rows"],
        doc,
        move |ctx: NativeCallContext, items: Array, work: FnPtr| {
            each_item(&ctx, items, None, &work)
        },
    );
    function(
        engine,
        "each",
        &["items: Array", "key: string", "work: FnPtr", "Rows"],
        doc,
        move |ctx: NativeCallContext, items: Array, key: &str, work: FnPtr| {
            each_item(&ctx, items, Some(key), &work)
        },
    );
}

fn endings(engine: &mut Engine) {
    let doc = "Ends the row as skipped, for this reason.";
    function(
        engine,
        "skip",
        &["reason: string", "()"],
        doc,
        |ctx: NativeCallContext, reason: &str| -> ScriptResult<()> {
            Err(call_error(CallError::Skipped(reason.to_owned()), ctx.call_position()))
        },
    );
    let doc = "Adds to the row's detail.";
    function(engine, "note", &["detail: string", "()"], doc, |detail: &str| {
        if let Some(row) = RowContext::current() {
            row.update(|stats| stats.notes.push(detail.to_owned()));
        }
    });
    let doc = "Notes that something was already as it should be. A row that changes nothing else ends as unchanged.";
    function(engine, "unchanged", &["detail: string", "()"], doc, |detail: &str| {
        if let Some(row) = RowContext::current() {
            row.update(|stats| {
                stats.unchanged = true;
                stats.notes.push(detail.to_owned());
            });
        }
    });
}

#[expect(clippy::needless_pass_by_value, reason = "Rhai passes the context by value")]
fn cell_of(ctx: NativeCallContext, row: &mut Row, name: &str) -> ScriptResult<ImmutableString> {
    row.get(name).map(Into::into).ok_or_else(|| {
        let text = format!("the roster has no column `{name}`; {}", row.columns().suggest(name));
        runtime_error(&text, ctx.call_position())
    })
}

fn outcomes(engine: &mut Engine) {
    for state in State::ALL {
        let name = state.name().replace('-', "_");
        let doc = format!("The rows that ended as {state}.");
        function(engine, &name, &["rows: Rows", "Rows"], &doc, move |rows: &mut Outcomes| {
            rows.with(state)
        });
    }
    engine.register_iterator_result::<Outcomes, Outcome>();
    let doc = "The number of rows.";
    function(engine, "len", &["rows: Rows", "int"], doc, |rows: &mut Outcomes| integer(rows.len()));
    let doc = "Whether there are no rows.";
    function(engine, "is_empty", &["rows: Rows", "bool"], doc, |rows: &mut Outcomes| {
        rows.len() == 0
    });
    engine.register_indexer_get(
        |ctx: NativeCallContext, outcome: &mut Outcome, name: &str| -> ScriptResult<Dynamic> {
            property_of(&ctx, outcome, name)
        },
    );
}

fn tables(engine: &mut Engine) {
    let names = |columns: &Array| columns.iter().map(ToString::to_string).collect::<Vec<_>>();
    let doc = "Formats the rows as a table of their keys, states and details, or of the given columns; as JSON or CSV \
               with `--format`. Keys have the heading of the roster's key column.";
    let signature = ["rows: Rows", "string"];
    function(
        engine,
        "table",
        &signature,
        doc,
        move |ctx: NativeCallContext, rows: &mut Outcomes| -> ScriptResult<String> {
            let context = ScriptContext::of(&ctx)?;
            let mut columns = ["key", "state", "detail"].map(str::to_owned);
            let cells = cells_of(rows, &columns)?;
            // Programs that read JSON rely on `key`.
            if context.format != Some(Format::Json) {
                columns[0] = key_heading(rows, context.roster.as_ref())?;
            }
            Ok(context.table(&columns, cells))
        },
    );
    let signature = ["rows: Rows", "columns: Array", "string"];
    function(
        engine,
        "table",
        &signature,
        doc,
        move |ctx: NativeCallContext,
              rows: &mut Outcomes,
              columns: Array|
              -> ScriptResult<String> {
            let columns = names(&columns);
            Ok(ScriptContext::of(&ctx)?.table(&columns, cells_of(rows, &columns)?))
        },
    );
    let doc = "Formats maps as a table with these columns; as JSON or CSV with `--format`.";
    let signature = ["items: Array", "columns: Array", "string"];
    function(
        engine,
        "table",
        &signature,
        doc,
        move |ctx: NativeCallContext, items: Array, columns: Array| -> ScriptResult<String> {
            let columns = names(&columns);
            let cells =
                |row: Value| columns.iter().map(|name| row[name.as_str()].clone()).collect();
            let rows = items.iter().map(|item| to_json(item).map(cells));
            let rows = rows.collect::<Result<_, String>>();
            let rows = rows.map_err(|problem| runtime_error(&problem, ctx.call_position()))?;
            Ok(ScriptContext::of(&ctx)?.table(&columns, rows))
        },
    );
    let doc = "Joins the items of an array into a text.";
    let signature = ["items: Array", "between: string", "string"];
    function(engine, "join", &signature, doc, |items: &mut Array, between: &str| {
        items.iter().map(|item| thaw(item).to_string()).collect::<Vec<_>>().join(between)
    });
}

fn property_of(ctx: &NativeCallContext, outcome: &Outcome, name: &str) -> ScriptResult<Dynamic> {
    let text = |text: &str| Ok(text.to_owned().into());
    match name {
        "key" => text(&outcome.key),
        "state" => text(outcome.state.name()),
        "detail" => text(&outcome.detail),
        _ => match (outcome.returned.get(name), outcome.row.as_ref().and_then(|row| row.get(name)))
        {
            (Some(value), _) => from_json(value),
            (None, Some(cell)) => text(cell),
            // A row that failed returned nothing.
            (None, None) if !outcome.state.is_fine() => Ok(Dynamic::UNIT),
            (None, None) => {
                let problem = format!("the row `{}` has no `{name}`", outcome.key);
                Err(runtime_error(&problem, ctx.call_position()))
            }
        },
    }
}

/// The heading for the keys of rows: the roster's key column.
fn key_heading(rows: &Outcomes, roster: Option<&Roster>) -> ScriptResult<String> {
    let first = rows.clone().into_iter().next().transpose()?;
    let columns = match &first {
        Some(outcome) => outcome.row.as_ref().map(Row::columns),
        None => roster.map(Roster::columns),
    };
    Ok(columns.map_or("row", Columns::key).to_owned())
}

/// The cells of each row in these columns.
fn cells_of(rows: &Outcomes, columns: &[String]) -> ScriptResult<Vec<Vec<Value>>> {
    let cells = |outcome: &Outcome| {
        let fields = outcome.fields();
        let in_roster = |name: &str| outcome.row.as_ref().and_then(|row| row.get(name));
        let cell = |name: &String| match fields.get(name) {
            _ if name == "key" => outcome.key.clone().into(),
            Some(value) => value.clone(),
            None => in_roster(name).unwrap_or_default().into(),
        };
        columns.iter().map(cell).collect()
    };
    rows.clone().into_iter().map(|outcome| outcome.map(|outcome| cells(&outcome))).collect()
}
