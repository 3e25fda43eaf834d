//! Values that pass between scripts and the rest of the program: Rhai to JSON and back, and errors that scripts catch.
//!
//! ```
//! use drillmaster_runner::value::to_json;
//!
//! let value = rhai::Dynamic::from_array(vec![1_i64.into(), "two".into()]);
//! assert_eq!(to_json(&value).unwrap(), serde_json::json!([1, "two"]));
//! ```

pub(crate) mod frozen;

use std::fmt;

use drillmaster_transport::Error;
use rhai::{Array, Dynamic, EvalAltResult, Identifier, ImmutableString, Map, Position};
use serde_json::Value;

use frozen::{FrozenArray, FrozenMap};

/// What a native function of the script language returns.
pub(crate) type ScriptResult<T> = Result<T, Box<EvalAltResult>>;

/// The deepest nesting of a value that is sent or written: recordings cannot hold more within an event.
pub(crate) const MAX_DEPTH: usize = 100;

/// Why a script's call has no answer. Scripts catch it as `error`.
#[derive(Debug, Clone)]
pub enum CallError {
    /// The call was made and failed.
    Failed(Error),
    /// The call was not made, for this reason.
    Skipped(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Skipped(reason) => f.write_str(reason),
        }
    }
}

/// A failed call as a script's error. Rhai adds no position to errors of native functions in modules, so it is given here.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai boxes its errors")]
pub(crate) fn call_error(error: CallError, position: Position) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(Dynamic::from(error), position).into()
}

/// A script's error with this message.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai boxes its errors")]
pub(crate) fn runtime_error(message: &str, position: Position) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(message.into(), position).into()
}

/// JSON as a script's value.
pub(crate) fn from_json(value: &Value) -> ScriptResult<Dynamic> {
    rhai::serde::to_dynamic(value)
}

/// A script's value as JSON, or why it has no such form.
pub fn to_json(value: &Dynamic) -> Result<Value, String> {
    to_json_within(value, MAX_DEPTH)
}

fn to_json_within(value: &Dynamic, depth: usize) -> Result<Value, String> {
    // Most calls are made of these. Converting them here is faster than through serde.
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(text.as_str().into());
    }
    if let Some(fields) = value.read_lock::<Map>() {
        return map_to_json(&fields, depth);
    }
    if let Some(fields) = value.read_lock::<FrozenMap>() {
        return map_to_json(fields.as_map(), depth);
    }
    if let Some(items) = value.read_lock::<Array>() {
        return array_to_json(&items, depth);
    }
    if let Some(items) = value.read_lock::<FrozenArray>() {
        return array_to_json(items.as_array(), depth);
    }
    rhai::serde::from_dynamic(value).map_err(|_| {
        // Scripts know only the last part of the type's name.
        let kind = value.type_name().rsplit("::").next().unwrap_or_default();
        format!("a {kind} cannot be sent or written; take a text or a number out of it")
    })
}

fn map_to_json(fields: &Map, depth: usize) -> Result<Value, String> {
    let depth = deeper(depth)?;
    let field =
        |(name, value): (&Identifier, _)| Ok((name.to_string(), to_json_within(value, depth)?));
    fields.iter().map(field).collect()
}

fn array_to_json(items: &Array, depth: usize) -> Result<Value, String> {
    let depth = deeper(depth)?;
    items.iter().map(|item| to_json_within(item, depth)).collect()
}

fn deeper(depth: usize) -> Result<usize, String> {
    depth.checked_sub(1).ok_or_else(|| {
        format!("a value nested more than {MAX_DEPTH} levels deep cannot be sent or written")
    })
}
