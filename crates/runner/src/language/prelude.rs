//! The words that scripts have besides the endpoints: `roster`, `input`, `each` and what goes with them.

mod rows;
mod text;

use std::sync::Arc;

use drillmaster_models::{ErrorSpec, Moment, endpoint};
use rhai::{Dynamic, Engine, FuncRegistration, Map, NativeCallContext, RhaiNativeFunc, Variant};

use crate::execution::context::RunContext;
use crate::execution::row_context::{Output, RowContext};
use crate::value::frozen;
use crate::value::{CallError, ScriptResult, call_error, runtime_error, to_json};

/// Registers a function with its signature and documentation, for the script definitions. What is registered
/// without is no word for scripts to use.
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
    documented(FuncRegistration::new(name), engine, signature, doc, function);
}

/// Registers a property of a type of ours, as [`word`] does a function.
fn property<A: 'static, const N: usize, const X: bool, R, const F: bool, FUNC>(
    engine: &mut Engine,
    name: &str,
    signature: &[&str],
    doc: &str,
    function: FUNC,
) where
    R: Variant + Clone,
    FUNC: RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
{
    documented(FuncRegistration::new_getter(name), engine, signature, doc, function);
}

fn documented<A: 'static, const N: usize, const X: bool, R, const F: bool, FUNC>(
    registration: FuncRegistration,
    engine: &mut Engine,
    signature: &[&str],
    doc: &str,
    function: FUNC,
) where
    R: Variant + Clone,
    FUNC: RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
{
    registration
        .with_params_info(signature)
        .with_comments([format!("/// {doc}")])
        .register_into_engine(engine, function);
}

pub(crate) fn register(engine: &mut Engine, host: &Arc<RunContext>) {
    engine.register_type_with_name::<CallError>("CallError");
    inputs(engine, host);
    rows::register(engine, host);
    text::register(engine, host);
    errors(engine);
    dialect(engine, host);
    time(engine, host);
    console(engine, host);
    reports(engine, host);
}

fn inputs(engine: &mut Engine, host: &Arc<RunContext>) {
    let doc = "Gives an input of the script: what `--set name=value` said, or the default. \
               Name, description and default must be literals, so that `--help` can list them.";
    let read = |host: &Arc<RunContext>| {
        let world = host.clone();
        move |ctx: &NativeCallContext, name: &str| -> ScriptResult<Dynamic> {
            let given = world.inputs.get(name).cloned();
            given.ok_or_else(|| {
                runtime_error(&format!("the input `{name}` is not declared"), ctx.call_position())
            })
        }
    };
    let get = read(host);
    word(
        engine,
        "input",
        &["name: string", "Dynamic"],
        doc,
        move |ctx: NativeCallContext, name: &str| get(&ctx, name),
    );
    let get = read(host);
    word(
        engine,
        "input",
        &["name: string", "doc: string", "Dynamic"],
        doc,
        move |ctx: NativeCallContext, name: &str, _: &str| get(&ctx, name),
    );
    let get = read(host);
    word(
        engine,
        "input",
        &["name: string", "doc: string", "usual: Dynamic", "Dynamic"],
        doc,
        move |ctx: NativeCallContext, name: &str, _: &str, _: Dynamic| get(&ctx, name),
    );
}

fn errors(engine: &mut Engine) {
    let text = |value: Option<&str>| value.map_or(Dynamic::UNIT, |value| value.to_owned().into());
    let doc = "What failed, where, and what to do, in words.";
    property(engine, "message", &["error: CallError", "string"], doc, |error: &mut CallError| {
        error.to_string()
    });
    word(engine, "to_string", &["error: CallError", "string"], doc, |error: &mut CallError| {
        error.to_string()
    });
    let doc = "The service's own words, or () where it said nothing.";
    property(
        engine,
        "words",
        &["error: CallError", "Dynamic"],
        doc,
        move |error: &mut CallError| match error {
            CallError::Failed(error) => text(error.words()),
            CallError::Skipped(_) => Dynamic::UNIT,
        },
    );
    let doc = "The entry that was called, such as \"thm.add_seat\", or () for none.";
    property(
        engine,
        "entry",
        &["error: CallError", "Dynamic"],
        doc,
        move |error: &mut CallError| match error {
            CallError::Failed(error) => text(error.endpoint()),
            CallError::Skipped(_) => Dynamic::UNIT,
        },
    );
    let doc = "The HTTP status of the answer, or () where there was none.";
    property(engine, "status", &["error: CallError", "Dynamic"], doc, |error: &mut CallError| {
        match error {
            CallError::Failed(error) => {
                error.status().map_or(Dynamic::UNIT, |status| i64::from(status).into())
            }
            CallError::Skipped(_) => Dynamic::UNIT,
        }
    });
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
        &["error: CallError", "words: string", "bool"],
        doc,
        |error: &mut CallError, words: &str| match error {
            CallError::Failed(error) => {
                error.words().is_some_and(|own| ErrorSpec::same(own, words))
            }
            CallError::Skipped(_) => false,
        },
    );
}

fn dialect(engine: &mut Engine, host: &Arc<RunContext>) {
    let world = host.clone();
    let doc = "Whether the dialect that is spoken has this endpoint, such as \"thm.add_seat\".";
    let signature = ["entry: string", "bool"];
    word(
        engine,
        "supported",
        &signature,
        doc,
        move |ctx: NativeCallContext, name: &str| -> ScriptResult<bool> {
            let endpoint = endpoint(name)
                .map_err(|error| runtime_error(&error.to_string(), ctx.call_position()))?;
            Ok(endpoint.metadata(world.connection.dialect()).is_ok())
        },
    );
}

fn time(engine: &mut Engine, host: &Arc<RunContext>) {
    let world = host.clone();
    let doc = "The time now, in milliseconds since 1970. A replay gives the recorded one.";
    word(engine, "now", &["int"], doc, move |ctx: NativeCallContext| -> ScriptResult<i64> {
        let fresh = jiff::Timestamp::now().as_millisecond();
        let now = world.value("now", fresh.into());
        let now = now.map_err(|error| call_error(CallError::Failed(error), ctx.call_position()))?;
        Ok(now.as_i64().unwrap_or(fresh))
    });
    let moment = |value: &Dynamic| serde_json::from_value::<Moment>(to_json(value).ok()?).ok();
    let doc =
        "Milliseconds since 1970 of a time in any form that the services use, or () for none.";
    word(engine, "millis", &["moment: Dynamic", "Dynamic"], doc, move |value: Dynamic| {
        let millis = moment(&value).and_then(|moment| moment.millis());
        millis.map_or(Dynamic::UNIT, Dynamic::from)
    });
    let doc = "The day, such as \"2026-09-01\", of a time in any form that the services use, or () for none. \
               It is UTC's; days compare as texts.";
    word(engine, "day", &["moment: Dynamic", "Dynamic"], doc, move |value: Dynamic| {
        let time = moment(&value).and_then(|moment| moment.timestamp());
        time.map_or(Dynamic::UNIT, |time| time.strftime("%Y-%m-%d").to_string().into())
    });
    // A clock that is not recorded would make a replay differ, and a nap in a row holds up a worker.
    let instead = |text: &'static str| {
        move |ctx: NativeCallContext| -> ScriptResult<()> {
            Err(runtime_error(text, ctx.call_position()))
        }
    };
    engine.register_fn("timestamp", instead("scripts ask for the time by now()"));
    let naps = "scripts do not sleep; `--rate` sets the pace";
    engine
        .register_fn("sleep", move |ctx: NativeCallContext, _: i64| -> ScriptResult<()> {
            Err(runtime_error(naps, ctx.call_position()))
        })
        .register_fn("sleep", move |ctx: NativeCallContext, _: f64| -> ScriptResult<()> {
            Err(runtime_error(naps, ctx.call_position()))
        });
}

fn console(engine: &mut Engine, host: &Arc<RunContext>) {
    let world = host.clone();
    let doc = "Tells a person something on standard error; `print` writes data to standard output.";
    word(engine, "warn", &["text: Dynamic", "()"], doc, move |text: Dynamic| {
        world.say(Output::People(frozen::thaw(&text).to_string()));
    });
}

fn reports(engine: &mut Engine, host: &Arc<RunContext>) {
    let world = host.clone();
    let doc = "Hands data over for the report of `--report FILE`: a map with `title`, and the sections \
               `needs` [#{ who, what, link? }], `funnel` #{ notSignedUp, notStarted, started, finished } or \
               [#{ name, count }], `heatmap` #{ columns, rows: [#{ who, cells }] } with shares from 0 to 1 or (), \
               `burnup` [#{ date, count }] or dates, `scoreboard` [#{ who, points, correct?, attempts?, progress? }], \
               `engagement` [#{ role, minutes, people }] with the minutes of one person. Rows that need somebody and \
               what the run changed come by themselves. `sections` chooses by name. Another call adds sections, or replaces them.";
    let signature = ["data: Map", "()"];
    word(
        engine,
        "report",
        &signature,
        doc,
        move |ctx: NativeCallContext, data: Map| -> ScriptResult<()> {
            let told =
                |problem: String| runtime_error(&format!("report: {problem}"), ctx.call_position());
            // Which row was faster must not show.
            if RowContext::current().is_some() {
                let problem = "it is made outside of rows: return what a row found, and hand it over after `each`";
                return Err(told(problem.to_owned()));
            }
            let data = to_json(&Dynamic::from_map(data)).map_err(told)?;
            world.report(&data).map_err(told)
        },
    );
}

/// A length as Rhai counts.
fn whole(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
