//! The words that scripts have besides the entries: `roster`, `input`, `each` and what goes with them.

use std::sync::Arc;

use drillmaster_models::{Fault, Moment};
use rhai::{
    Array, Dynamic, Engine, EvalAltResult, FnPtr, FuncRegistration, ImmutableString, Map,
    NativeCallContext, RhaiNativeFunc, Variant,
};
use serde_json::Value;

use crate::calls::thrown;
use crate::engine::{from_json, to_json};
use crate::host::{CallError, Host, RunningRow};
use crate::problem::Problem;
use crate::roster::Row;
use crate::rows::{Outcome, RosterRows, Rows, State, over_array, over_roster, runtime_error};
use crate::table::{cell, layout};

type Answer<T> = Result<T, Box<EvalAltResult>>;

/// Registers a function with its signature and documentation, for the script definitions.
fn word<A: 'static, const N: usize, const X: bool, R, const F: bool, FUNC>(
    engine: &mut Engine,
    name: &str,
    signature: &[&str],
    doc: &str,
    function: FUNC,
) where
    R: Variant + Clone,
    FUNC: RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
{
    FuncRegistration::new(name)
        .with_params_info(signature)
        .with_comments([format!("/// {doc}")])
        .register_into_engine(engine, function);
}

pub(crate) fn register(engine: &mut Engine, host: &Arc<Host>) {
    engine
        .register_type_with_name::<RosterRows>("Roster")
        .register_type_with_name::<Row>("Row")
        .register_type_with_name::<Rows>("Rows")
        .register_type_with_name::<Outcome>("Outcome")
        .register_type_with_name::<CallError>("CallError");
    inputs(engine, host);
    rows(engine, host);
    outcomes(engine);
    errors(engine);
    time(engine, host);
    console(engine, host);
}

fn inputs(engine: &mut Engine, host: &Arc<Host>) {
    let doc = "Gives an input of the script: what `--set name=value` said, or the default. \
               Name, description and default must be literals, so that `--help` can list them.";
    let read = |host: &Arc<Host>| {
        let world = host.clone();
        move |ctx: &NativeCallContext, name: &str| -> Answer<Dynamic> {
            let given = world.inputs.get(name).cloned();
            given.ok_or_else(|| {
                runtime_error(
                    &format!("the input `{name}` is not declared"),
                    ctx.call_position(),
                )
            })
        }
    };
    let get = read(host);
    word(
        engine,
        "input",
        &["name: String", "Dynamic"],
        doc,
        move |ctx: NativeCallContext, name: &str| get(&ctx, name),
    );
    let get = read(host);
    word(
        engine,
        "input",
        &["name: String", "doc: String", "Dynamic"],
        doc,
        move |ctx: NativeCallContext, name: &str, _: &str| get(&ctx, name),
    );
    let get = read(host);
    word(
        engine,
        "input",
        &["name: String", "doc: String", "default: Dynamic", "Dynamic"],
        doc,
        move |ctx: NativeCallContext, name: &str, _: &str, _: Dynamic| get(&ctx, name),
    );
}

fn rows(engine: &mut Engine, host: &Arc<Host>) {
    let world = host.clone();
    let doc =
        "The roster that was given with `--roster`: a row per person, for `each` or a `for` loop.";
    word(
        engine,
        "roster",
        &["Roster"],
        doc,
        move |ctx: NativeCallContext| -> Answer<RosterRows> {
            let most = world.max_rows.unwrap_or(usize::MAX);
            match &world.roster {
                Some(roster) => Ok(RosterRows {
                    roster: roster.clone(),
                    most,
                }),
                None => Err(runtime_error(
                    "there is no roster; give one with --roster",
                    ctx.call_position(),
                )),
            }
        },
    );
    engine.register_iterator_result::<RosterRows, Row>();
    engine.register_fn("len", |rows: &mut RosterRows| whole(rows.len()));
    engine
        .register_indexer_get(cell_of)
        .register_fn("contains", |row: &mut Row, name: &str| {
            row.get(name).is_some()
        });
    engine.register_fn("to_map", |row: &mut Row| {
        let names = row
            .columns()
            .names()
            .iter()
            .map(|name| name.as_str().into());
        names
            .zip(row.cells().map(|cell| Dynamic::from(cell.to_owned())))
            .collect::<Map>()
    });

    let doc = "Runs a function for every row of a roster, or item of an array. One row's error is not \
               another's: each ends as done, unchanged, refused, failed, in-doubt or skipped. What the \
               function returns becomes columns of the results; `detail` is told in words.";
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
        &["items: Array", "key: String", "work: FnPtr", "Rows"],
        doc,
        move |ctx: NativeCallContext, items: Array, key: &str, work: FnPtr| {
            over_array(&world, &ctx, items, Some(key), &work)
        },
    );
    let doc = "Ends the row as skipped, for this reason.";
    word(
        engine,
        "skip",
        &["reason: String", "()"],
        doc,
        |ctx: NativeCallContext, reason: &str| -> Answer<()> {
            Err(thrown(
                CallError::Skipped(reason.to_owned()),
                ctx.call_position(),
            ))
        },
    );
    let doc = "Adds something to what is told about the row.";
    word(
        engine,
        "note",
        &["detail: String", "()"],
        doc,
        |detail: &str| {
            if let Some(row) = RunningRow::current() {
                row.note(|tally| tally.notes.push(detail.to_owned()));
            }
        },
    );
    let doc =
        "Notes that something was as wanted already. A row that changes nothing else is unchanged.";
    word(
        engine,
        "unchanged",
        &["detail: String", "()"],
        doc,
        |detail: &str| {
            if let Some(row) = RunningRow::current() {
                row.note(|tally| {
                    tally.unchanged = true;
                    tally.notes.push(detail.to_owned());
                });
            }
        },
    );
}

fn cell_of(ctx: NativeCallContext, row: &mut Row, name: &str) -> Answer<ImmutableString> {
    row.get(name).map(Into::into).ok_or_else(|| {
        let text = format!(
            "the roster has no column `{name}`; {}",
            row.columns().suggest(name)
        );
        runtime_error(&text, ctx.call_position())
    })
}

impl IntoIterator for RosterRows {
    type Item = Answer<Row>;
    type IntoIter = Box<dyn Iterator<Item = Answer<Row>>>;

    fn into_iter(self) -> Self::IntoIter {
        let told = |problem: Problem| runtime_error(&problem.message, rhai::Position::NONE);
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
        word(
            engine,
            &name,
            &["rows: Rows", "Rows"],
            &doc,
            move |rows: &mut Rows| rows.with(state),
        );
    }
    engine.register_iterator::<Rows>();
    engine.register_fn("len", |rows: &mut Rows| whole(rows.0.len()));
    engine.register_fn("is_empty", |rows: &mut Rows| rows.0.is_empty());
    engine.register_indexer_get(
        |ctx: NativeCallContext, outcome: &mut Outcome, name: &str| -> Answer<Dynamic> {
            property_of(&ctx, outcome, name)
        },
    );
    let doc = "Lays the rows out as a table: their keys, states and details, or the columns named.";
    word(
        engine,
        "table",
        &["rows: Rows", "String"],
        doc,
        |rows: &mut Rows| table_of(rows, &["key", "state", "detail"]),
    );
    word(
        engine,
        "table",
        &["rows: Rows", "columns: Array", "String"],
        doc,
        |rows: &mut Rows, columns: Array| {
            let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
            table_of(
                rows,
                &columns.iter().map(String::as_str).collect::<Vec<_>>(),
            )
        },
    );
    let doc = "Lays maps out as a table with these columns.";
    word(
        engine,
        "table",
        &["items: Array", "columns: Array", "String"],
        doc,
        |items: Array, columns: Array| -> Answer<String> {
            let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
            let rows: Result<Vec<Value>, String> = items.iter().map(to_json).collect();
            let rows = rows.map_err(|problem| runtime_error(&problem, rhai::Position::NONE))?;
            let cells = |row: &Value| {
                columns
                    .iter()
                    .map(|name| cell(&row[name.as_str()]))
                    .collect()
            };
            Ok(layout(&columns, rows.iter().map(cells), None))
        },
    );
}

fn property_of(ctx: &NativeCallContext, outcome: &Outcome, name: &str) -> Answer<Dynamic> {
    let text = |text: &str| Ok(text.to_owned().into());
    match name {
        "key" => text(&outcome.key),
        "state" => text(outcome.state.name()),
        "detail" => text(&outcome.detail),
        _ => match (
            outcome.returned.get(name),
            outcome.row.as_ref().and_then(|row| row.get(name)),
        ) {
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

fn table_of(rows: &Rows, columns: &[&str]) -> String {
    let cells = |outcome: &Outcome| {
        let fields = crate::results::fields(outcome);
        let own = |name: &&str| match *name {
            "key" => outcome.key.clone(),
            name => fields.get(name).map(cell).unwrap_or_else(|| {
                outcome
                    .row
                    .as_ref()
                    .and_then(|row| row.get(name))
                    .unwrap_or_default()
                    .to_owned()
            }),
        };
        columns.iter().map(own).collect()
    };
    layout(columns, rows.0.iter().map(cells), None)
}

fn errors(engine: &mut Engine) {
    let text = |value: Option<&str>| value.map_or(Dynamic::UNIT, |value| value.to_owned().into());
    engine
        .register_get("message", |error: &mut CallError| error.to_string())
        .register_get("words", move |error: &mut CallError| match error {
            CallError::Failed(error) => text(error.words()),
            CallError::Skipped(_) => Dynamic::UNIT,
        })
        .register_get("entry", move |error: &mut CallError| match error {
            CallError::Failed(error) => text(error.entry()),
            CallError::Skipped(_) => Dynamic::UNIT,
        })
        .register_get("status", |error: &mut CallError| match error {
            CallError::Failed(error) => error
                .status()
                .map_or(Dynamic::UNIT, |status| i64::from(status).into()),
            CallError::Skipped(_) => Dynamic::UNIT,
        })
        .register_fn("to_string", |error: &mut CallError| error.to_string());
    let doc = "Whether the service refused the call.";
    word(
        engine,
        "is_refusal",
        &["error: CallError", "bool"],
        doc,
        |error: &mut CallError| matches!(error, CallError::Failed(error) if error.is_refusal()),
    );
    let doc = "Whether the service's words are these; case and a final full stop do not matter.";
    word(
        engine,
        "says",
        &["error: CallError", "words: String", "bool"],
        doc,
        |error: &mut CallError, words: &str| match error {
            CallError::Failed(error) => error.words().is_some_and(|own| Fault::same(own, words)),
            CallError::Skipped(_) => false,
        },
    );
}

fn time(engine: &mut Engine, host: &Arc<Host>) {
    let world = host.clone();
    let doc = "The time now, in milliseconds since 1970. A replay gives the recorded one.";
    word(
        engine,
        "now",
        &["int"],
        doc,
        move |ctx: NativeCallContext| -> Answer<i64> {
            let fresh = jiff::Timestamp::now().as_millisecond();
            let now = world.connection().value("now", fresh.into());
            let now = now.map_err(|error| thrown(CallError::Failed(error), ctx.call_position()))?;
            Ok(now.as_i64().unwrap_or(fresh))
        },
    );
    let doc =
        "Milliseconds since 1970 of a time in any form that the services use, or () for none.";
    word(
        engine,
        "millis",
        &["moment: Dynamic", "Dynamic"],
        doc,
        |moment: Dynamic| {
            let moment = to_json(&moment).and_then(|json| {
                serde_json::from_value::<Moment>(json).map_err(|error| error.to_string())
            });
            moment
                .ok()
                .and_then(|moment| moment.millis())
                .map_or(Dynamic::UNIT, Dynamic::from)
        },
    );
    // A clock that is not recorded would make a replay differ, and a nap in a row holds up a worker.
    let instead = |text: &'static str| {
        move |ctx: NativeCallContext| -> Answer<()> {
            Err(runtime_error(text, ctx.call_position()))
        }
    };
    engine.register_fn("timestamp", instead("scripts ask for the time by now()"));
    let naps = "scripts do not sleep; `--rate` sets the pace";
    engine
        .register_fn(
            "sleep",
            move |ctx: NativeCallContext, _: i64| -> Answer<()> {
                Err(runtime_error(naps, ctx.call_position()))
            },
        )
        .register_fn(
            "sleep",
            move |ctx: NativeCallContext, _: f64| -> Answer<()> {
                Err(runtime_error(naps, ctx.call_position()))
            },
        );
}

fn console(engine: &mut Engine, host: &Arc<Host>) {
    let world = host.clone();
    let doc = "Tells a person something on standard error; `print` writes data to standard output.";
    word(
        engine,
        "warn",
        &["text: Dynamic", "()"],
        doc,
        move |text: Dynamic| {
            world.console.warn(&text.to_string());
        },
    );
}

/// A length as Rhai counts.
fn whole(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
