//! The functions of scripts besides the endpoints: `roster`, `input`, `each` and those around them.

mod rows;
mod text;

use drillmaster_models::{ErrorSpec, Moment, endpoint};
use rhai::{
    Dynamic, Engine, FuncRegistration, Map, NativeCallContext, Position, RhaiNativeFunc, Variant,
};

use crate::execution::row_context::{Output, RowContext};
use crate::execution::script_context::ScriptContext;
use crate::value::frozen::thaw;
use crate::value::{CallError, ScriptResult, call_error, runtime_error, to_json};

/// Registers a function with its signature and documentation for the script definitions. Functions that are registered
/// without are not part of the language.
fn function<A: 'static, const N: usize, const X: bool, R, const F: bool, FUNC>(
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

/// Registers a property of one of our types, as [`function`] does a function.
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

pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<CallError>("CallError");
    inputs(engine);
    rows::register(engine);
    text::register(engine);
    errors(engine);
    dialect(engine);
    time(engine);
    console(engine);
    reports(engine);
}

fn inputs(engine: &mut Engine) {
    fn read(ctx: &NativeCallContext, name: &str) -> ScriptResult<Dynamic> {
        ScriptContext::of(ctx)?.inputs.get(name).cloned().ok_or_else(|| {
            runtime_error(&format!("the input `{name}` is not declared"), ctx.call_position())
        })
    }
    let doc = "The value of an input: the one set with `--set name=value`, or the default. \
               Name, description and default must be literals, so that `--help` can list them.";
    function(
        engine,
        "input",
        &["name: string", "Dynamic"],
        doc,
        move |ctx: NativeCallContext, name: &str| read(&ctx, name),
    );
    function(
        engine,
        "input",
        &["name: string", "doc: string", "Dynamic"],
        doc,
        move |ctx: NativeCallContext, name: &str, _: &str| read(&ctx, name),
    );
    function(
        engine,
        "input",
        &["name: string", "doc: string", "fallback: Dynamic", "Dynamic"],
        doc,
        move |ctx: NativeCallContext, name: &str, _: &str, _: Dynamic| read(&ctx, name),
    );
}

fn errors(engine: &mut Engine) {
    let text = |value: Option<&str>| value.map_or(Dynamic::UNIT, |value| value.to_owned().into());
    let doc = "What failed, where, and what to do about it.";
    property(engine, "message", &["error: CallError", "string"], doc, |error: &mut CallError| {
        error.to_string()
    });
    function(engine, "to_string", &["error: CallError", "string"], doc, |error: &mut CallError| {
        error.to_string()
    });
    let doc = "The service's own words, or () if it said nothing.";
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
    let doc = "The endpoint that was called, such as \"thm.add_seat\", or () for none.";
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
    let doc = "The HTTP status of the answer, or () if there was none.";
    property(engine, "status", &["error: CallError", "Dynamic"], doc, |error: &mut CallError| {
        match error {
            CallError::Failed(error) => {
                error.status().map_or(Dynamic::UNIT, |status| i64::from(status).into())
            }
            CallError::Skipped(_) => Dynamic::UNIT,
        }
    });
    let doc = "Whether the service refused the call.";
    function(
        engine,
        "is_refusal",
        &["error: CallError", "bool"],
        doc,
        |error: &mut CallError| matches!(error, CallError::Failed(error) if error.is_refusal()),
    );
    let doc = "Whether the service said these words, ignoring case and a final full stop.";
    function(
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

fn dialect(engine: &mut Engine) {
    let doc = "Whether the dialect in use has this endpoint, such as \"thm.add_seat\".";
    let signature = ["entry: string", "bool"];
    function(
        engine,
        "supported",
        &signature,
        doc,
        move |ctx: NativeCallContext, name: &str| -> ScriptResult<bool> {
            let endpoint = endpoint(name)
                .map_err(|error| runtime_error(&error.to_string(), ctx.call_position()))?;
            let dialect = ScriptContext::of(&ctx)?.calls.connection().dialect();
            Ok(endpoint.metadata(dialect).is_ok())
        },
    );
}

fn time(engine: &mut Engine) {
    let doc = "The current time in milliseconds since 1970. In a replay it is the recorded one.";
    function(engine, "now", &["int"], doc, move |ctx: NativeCallContext| -> ScriptResult<i64> {
        let fresh = jiff::Timestamp::now().as_millisecond();
        let now = ScriptContext::of(&ctx)?.calls.value("now", fresh.into());
        let now = now.map_err(|error| call_error(CallError::Failed(error), ctx.call_position()))?;
        Ok(now.as_i64().unwrap_or(fresh))
    });
    let moment = |value: &Dynamic| serde_json::from_value::<Moment>(to_json(value).ok()?).ok();
    let doc =
        "The milliseconds since 1970 of a time in any form that the services use, or () for none.";
    function(engine, "millis", &["moment: Dynamic", "Dynamic"], doc, move |value: Dynamic| {
        let millis = moment(&value).and_then(|moment| moment.millis());
        millis.map_or(Dynamic::UNIT, Dynamic::from)
    });
    let doc = "The day in UTC, such as \"2026-09-01\", of a time in any form that the services use, or () for none. \
               Days compare as strings.";
    function(engine, "day", &["moment: Dynamic", "Dynamic"], doc, move |value: Dynamic| {
        let time = moment(&value).and_then(|moment| moment.timestamp());
        time.map_or(Dynamic::UNIT, |time| time.strftime("%Y-%m-%d").to_string().into())
    });
    // Rhai's own clock is not recorded, so a replay would differ; a sleeping row blocks its worker.
    let refuse = |text: &str, position: Position| Err(runtime_error(text, position));
    engine.register_fn("timestamp", move |ctx: NativeCallContext| -> ScriptResult<()> {
        refuse("scripts get the time from now()", ctx.call_position())
    });
    let no_sleep = "scripts do not sleep; `--rate` limits the rate of calls";
    engine
        .register_fn("sleep", move |ctx: NativeCallContext, _: i64| -> ScriptResult<()> {
            refuse(no_sleep, ctx.call_position())
        })
        .register_fn("sleep", move |ctx: NativeCallContext, _: f64| -> ScriptResult<()> {
            refuse(no_sleep, ctx.call_position())
        });
}

fn console(engine: &mut Engine) {
    let doc =
        "Prints a message for people to standard error; `print` writes data to standard output.";
    function(
        engine,
        "warn",
        &["text: Dynamic", "()"],
        doc,
        move |ctx: NativeCallContext, text: Dynamic| -> ScriptResult<()> {
            ScriptContext::of(&ctx)?.output(Output::Warn(thaw(&text).to_string()));
            Ok(())
        },
    );
}

fn reports(engine: &mut Engine) {
    let doc = "Adds data to the report of `--report FILE`: a map with `title` and the sections \
               `needs` [#{ who, what, link? }], `funnel` #{ notSignedUp, notStarted, started, finished } or \
               [#{ name, count }], `heatmap` #{ columns, rows: [#{ who, cells }] } with shares from 0 to 1 or (), \
               `burnup` [#{ date, count }] or dates, `scoreboard` [#{ who, points, correct?, attempts?, progress? }], \
               `engagement` [#{ role, minutes, people }] with the minutes of one person. The run itself adds the rows \
               that need attention and what it changed. `sections` selects sections by name. Another call adds \
               sections or replaces them.";
    let signature = ["data: Map", "()"];
    function(
        engine,
        "report",
        &signature,
        doc,
        move |ctx: NativeCallContext, data: Map| -> ScriptResult<()> {
            let refuse =
                |problem: String| runtime_error(&format!("report: {problem}"), ctx.call_position());
            // A report must not depend on which row was faster.
            if RowContext::current().is_some() {
                let problem =
                    "call it outside of rows: return what a row found, and report it after `each`";
                return Err(refuse(problem.to_owned()));
            }
            let data = to_json(&Dynamic::from_map(data)).map_err(refuse)?;
            ScriptContext::of(&ctx)?.add_report_data(&data).map_err(refuse)
        },
    );
}

/// A length as Rhai's integer.
fn integer(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
