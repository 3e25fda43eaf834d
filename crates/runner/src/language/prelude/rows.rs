//! Words for rows: `roster`, `each`, and what became of them.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, FnPtr, ImmutableString, Map, NativeCallContext};
use serde_json::Value;

use super::{whole, word};
use crate::console::Console;
use crate::diagnostic::Diagnostic;
use crate::execution::context::RunContext;
use crate::execution::each::{RosterRows, Rows, over_array, over_roster, unread};
use crate::execution::row_context::RowContext;
use crate::outcome::{Outcome, State};
use crate::output::table::{Format, list};
use crate::roster::{Columns, Roster, Row};
use crate::value::{CallError, ScriptResult, call_error, from_json, runtime_error, to_json};

pub(super) fn register(engine: &mut Engine, host: &Arc<RunContext>) {
    engine
        .register_type_with_name::<RosterRows>("Roster")
        .register_type_with_name::<Row>("Row")
        .register_type_with_name::<Rows>("Rows")
        .register_type_with_name::<Outcome>("Outcome");
    rosters(engine, host);
    each(engine, host);
    endings(engine);
    outcomes(engine);
    tables(engine, host);
}

fn rosters(engine: &mut Engine, host: &Arc<RunContext>) {
    let world = host.clone();
    let doc =
        "The roster that was given with `--roster`: a row per person, for `each` or a `for` loop.";
    word(
        engine,
        "roster",
        &["Roster"],
        doc,
        move |ctx: NativeCallContext| -> ScriptResult<RosterRows> {
            let most = world.max_rows.unwrap_or(usize::MAX);
            match &world.roster {
                Some(roster) => Ok(RosterRows { roster: roster.clone(), most }),
                None => Err(runtime_error(
                    "there is no roster; give one with --roster",
                    ctx.call_position(),
                )),
            }
        },
    );
    engine.register_iterator_result::<RosterRows, Row>();
    engine.register_indexer_get(cell_of);
    let doc = "How many rows the roster has.";
    word(engine, "len", &["rows: Roster", "int"], doc, |rows: &mut RosterRows| whole(rows.len()));
    let doc = "Whether these are all rows of the roster; `--max-rows` may leave some out.";
    word(engine, "is_whole", &["rows: Roster", "bool"], doc, |rows: &mut RosterRows| {
        rows.len() == rows.roster.len()
    });
    let doc = "Whether the roster has this column; `\"name\" in row` asks the same.";
    let signature = ["row: Row", "name: string", "bool"];
    word(engine, "contains", &signature, doc, |row: &mut Row, name: &str| row.get(name).is_some());
    let doc = "The row's cells by the names of their columns.";
    word(engine, "to_map", &["row: Row", "Map"], doc, |row: &mut Row| {
        let names = row.columns().names().iter().map(|name| name.as_str().into());
        names.zip(row.cells().map(|cell| Dynamic::from(cell.to_owned()))).collect::<Map>()
    });
}

fn each(engine: &mut Engine, host: &Arc<RunContext>) {
    let doc = "Runs a function for every row of a roster, or item of an array. One row's error is not \
               another's: each ends as done, unchanged, refused, failed, in-doubt or skipped. What the \
               function returns becomes columns of the results; `detail` is told in words. Rows run side by side, \
               so that what is declared outside of the function is read-only in it.";
    let world = host.clone();
    word(
        engine,
        "each",
        &["rows: Roster", "work: FnPtr", "Rows"],
        doc,
        move |ctx: NativeCallContext, rows: RosterRows, work: FnPtr| {
            over_roster(&world, &ctx, &rows, &work)
        },
    );
    let world = host.clone();
    word(
        engine,
        "each",
        &["items: Array", "work: FnPtr", "Rows"],
        doc,
        move |ctx: NativeCallContext, items: Array, work: FnPtr| {
            over_array(&world, &ctx, items, None, &work)
        },
    );
    let world = host.clone();
    word(
        engine,
        "each",
        &["items: Array", "key: string", "work: FnPtr", "Rows"],
        doc,
        move |ctx: NativeCallContext, items: Array, key: &str, work: FnPtr| {
            over_array(&world, &ctx, items, Some(key), &work)
        },
    );
}

fn endings(engine: &mut Engine) {
    let doc = "Ends the row as skipped, for this reason.";
    word(
        engine,
        "skip",
        &["reason: string", "()"],
        doc,
        |ctx: NativeCallContext, reason: &str| -> ScriptResult<()> {
            Err(call_error(CallError::Skipped(reason.to_owned()), ctx.call_position()))
        },
    );
    let doc = "Adds something to what is told about the row.";
    word(engine, "note", &["detail: string", "()"], doc, |detail: &str| {
        if let Some(row) = RowContext::current() {
            row.note(|tally| tally.notes.push(detail.to_owned()));
        }
    });
    let doc =
        "Notes that something was as wanted already. A row that changes nothing else is unchanged.";
    word(engine, "unchanged", &["detail: string", "()"], doc, |detail: &str| {
        if let Some(row) = RowContext::current() {
            row.note(|tally| {
                tally.unchanged = true;
                tally.notes.push(detail.to_owned());
            });
        }
    });
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands the context over")]
fn cell_of(ctx: NativeCallContext, row: &mut Row, name: &str) -> ScriptResult<ImmutableString> {
    row.get(name).map(Into::into).ok_or_else(|| {
        let text = format!("the roster has no column `{name}`; {}", row.columns().suggest(name));
        runtime_error(&text, ctx.call_position())
    })
}

impl IntoIterator for RosterRows {
    type Item = ScriptResult<Row>;
    type IntoIter = Box<dyn Iterator<Item = ScriptResult<Row>>>;

    fn into_iter(self) -> Self::IntoIter {
        let told = |problem: Diagnostic| unread(&problem, rhai::Position::NONE);
        match self.roster.rows() {
            Ok(rows) => Box::new(rows.take(self.most).map(move |row| row.map_err(told))),
            Err(problem) => Box::new(std::iter::once(Err(told(problem)))),
        }
    }
}

fn outcomes(engine: &mut Engine) {
    for state in State::ALL {
        let name = state.name().replace('-', "_");
        let doc = format!("The rows that ended as {state}.");
        word(engine, &name, &["rows: Rows", "Rows"], &doc, move |rows: &mut Rows| rows.with(state));
    }
    engine.register_iterator_result::<Rows, Outcome>();
    let doc = "How many rows there are.";
    word(engine, "len", &["rows: Rows", "int"], doc, |rows: &mut Rows| whole(rows.len()));
    let doc = "Whether there are no rows.";
    word(engine, "is_empty", &["rows: Rows", "bool"], doc, |rows: &mut Rows| rows.len() == 0);
    engine.register_indexer_get(
        |ctx: NativeCallContext, outcome: &mut Outcome, name: &str| -> ScriptResult<Dynamic> {
            property_of(&ctx, outcome, name)
        },
    );
}

fn tables(engine: &mut Engine, host: &Arc<RunContext>) {
    let names = |columns: &Array| columns.iter().map(ToString::to_string).collect::<Vec<_>>();
    let doc = "Formats the rows as a table: what identifies each, its state and detail, or the named columns. \
               `--format json` and `--format csv` change the format.";
    let world = host.clone();
    let signature = ["rows: Rows", "string"];
    word(engine, "table", &signature, doc, move |rows: &mut Rows| -> ScriptResult<String> {
        let mut columns = ["key", "state", "detail"].map(str::to_owned);
        let cells = cells_of(rows, &columns)?;
        // Programs that read JSON rely on `key`.
        if world.console.format() != Format::Json {
            columns[0] = key_heading(rows, world.roster.as_ref())?;
        }
        Ok(formatted(&world.console, &columns, cells))
    });
    let signature = ["rows: Rows", "columns: Array", "string"];
    let console = host.console.clone();
    word(
        engine,
        "table",
        &signature,
        doc,
        move |rows: &mut Rows, columns: Array| -> ScriptResult<String> {
            let columns = names(&columns);
            Ok(formatted(&console, &columns, cells_of(rows, &columns)?))
        },
    );
    let doc = "Lays maps out as a table with these columns. With `--format` json or csv it is written so.";
    let signature = ["items: Array", "columns: Array", "string"];
    let console = host.console.clone();
    word(
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
            Ok(formatted(&console, &columns, rows))
        },
    );
    let doc = "Joins the items of an array to a text.";
    let signature = ["items: Array", "between: string", "string"];
    word(engine, "join", &signature, doc, |items: &mut Array, between: &str| {
        items.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
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
fn key_heading(rows: &Rows, roster: Option<&Roster>) -> ScriptResult<String> {
    let first = rows.clone().into_iter().next().transpose()?;
    let columns = match &first {
        Some(outcome) => outcome.row.as_ref().map(Row::columns),
        None => roster.map(Roster::columns),
    };
    Ok(columns.map_or("row", Columns::key).to_owned())
}

/// What these columns hold in each row.
fn cells_of(rows: &Rows, columns: &[String]) -> ScriptResult<Vec<Vec<Value>>> {
    let cells = |outcome: &Outcome| {
        let fields = outcome.fields();
        let of_roster = |name: &str| outcome.row.as_ref().and_then(|row| row.get(name));
        let own = |name: &String| match fields.get(name) {
            _ if name == "key" => outcome.key.clone().into(),
            Some(value) => value.clone(),
            None => of_roster(name).unwrap_or_default().into(),
        };
        columns.iter().map(own).collect()
    };
    rows.clone().into_iter().map(|outcome| outcome.map(|outcome| cells(&outcome))).collect()
}

/// A table as the command line wants it.
fn formatted(console: &Console, columns: &[String], rows: Vec<Vec<Value>>) -> String {
    list(console.format(), columns, rows, console.width())
}
