//! What Rhai's errors mean, in the words of scripts instead of the engine's.

use drillmaster_models::endpoint;
use rhai::{Dynamic, EvalAltResult, ImmutableString, Position};

use crate::execution::{captures, memory};
use crate::value::frozen::thaw;

/// The error at the bottom of a stack of calls, and the file it came from where Rhai names it.
pub(crate) fn innermost(error: EvalAltResult) -> (EvalAltResult, Option<String>) {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, source, inner, position) => {
            let (inner, file) = innermost(*inner);
            let source = Some(source).filter(|source| !source.is_empty());
            (positioned(inner, position), file.or(source))
        }
        EvalAltResult::ErrorInModule(file, inner, position) => {
            let (inner, deeper) = innermost(*inner);
            let file = deeper.or_else(|| (!inner.position().is_none()).then_some(file));
            (positioned(inner, position), file)
        }
        other => (other, None),
    }
}

/// An error with the position of its call, if it has none of its own.
fn positioned(mut error: EvalAltResult, position: Position) -> EvalAltResult {
    if error.position().is_none() {
        error.set_position(position);
    }
    error
}

/// The message of an error at the [`innermost`] level.
pub(crate) fn message(error: &EvalAltResult) -> String {
    match error {
        EvalAltResult::ErrorRuntime(thrown, _) => thrown_message(thrown),
        EvalAltResult::ErrorTerminated(token, _) if is_out_of_memory(token) => {
            memory::EXCEEDED.to_owned()
        }
        EvalAltResult::ErrorDotExpr(text, _) => unknown_property(text),
        EvalAltResult::ErrorFunctionNotFound(call, _) => match endpoint_called(call) {
            Some((endpoint, given)) => needs_a_map(endpoint, given),
            None => format!("there is no function {call}"),
        },
        other => lowercase_first(&other.to_string()),
    }
}

/// The same for an error in a row, whose function cannot write to what it captured.
pub(crate) fn message_in_row(error: &EvalAltResult) -> String {
    captures::words_of(error).unwrap_or_else(|| message(error))
}

/// Whether a script was terminated because it took too much memory.
pub(crate) fn is_out_of_memory(token: &Dynamic) -> bool {
    token.read_lock::<ImmutableString>().is_some_and(|text| text.as_str() == memory::EXCEEDED)
}

/// The message of a value that a script throws.
fn thrown_message(thrown: &Dynamic) -> String {
    if thrown.is_unit() {
        return "the script stopped itself and did not say why".to_owned();
    }
    thaw(thrown).to_string()
}

/// Rhai puts the property and the type into its text alone: `Unknown property 'x' - … for type 'T'`. If it words this
/// otherwise one day, its own text is shown.
fn unknown_property(text: &str) -> String {
    match text.split('\'').collect::<Vec<_>>().as_slice() {
        ["Unknown property ", name, _, kind, ..] => {
            format!("there is no `{name}` in a value of type {kind}")
        }
        _ => lowercase_first(text),
    }
}

/// The endpoint that a call such as `thm::add_seat (Row)` means, and the types of its arguments.
fn endpoint_called(call: &str) -> Option<(&'static str, &str)> {
    let (name, given) = call.split_once(" (")?;
    let endpoint = endpoint(&name.replace("::", ".")).ok()?;
    Some((endpoint.name(), given.trim_end_matches(')')))
}

/// What is wrong with a call of an endpoint whose argument is not a map.
pub(crate) fn needs_a_map(endpoint: &str, given: &str) -> String {
    format!("{endpoint} takes one map of its fields, such as #{{ email: row.email }}, not {given}")
}

fn lowercase_first(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}
