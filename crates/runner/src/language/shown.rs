//! Lists and maps as texts, without going deeper than there is a stack for.

use rhai::{Array, Dynamic, Engine, FuncRegistration, ImmutableString, Map, NativeCallContext};

use crate::value::MAX_DEPTH;
use crate::value::frozen::{FrozenArray, FrozenMap};

/// What is shown of a value that is nested too deeply.
const TOO_DEEP: &str = "…";

/// Registers versions of our own: they go before those of Rhai's packages, which overflow the stack.
pub(super) fn register(engine: &mut Engine) {
    for name in ["print", "to_string", "debug", "to_debug"] {
        let shown = || FuncRegistration::new(name).with_purity(true);
        shown().register_into_engine(engine, list);
        shown().register_into_engine(engine, map);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands the context over")]
fn list(ctx: NativeCallContext, items: &mut Array) -> String {
    if items.iter().any(|item| !is_within(item, MAX_DEPTH)) {
        return format!("[{TOO_DEEP}]");
    }
    let items: Vec<_> = items.iter_mut().map(|item| text_of(&ctx, item)).collect();
    format!("[{}]", items.join(", "))
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands the context over")]
fn map(ctx: NativeCallContext, fields: &mut Map) -> String {
    if fields.values().any(|value| !is_within(value, MAX_DEPTH)) {
        return format!("#{{{TOO_DEEP}}}");
    }
    let field = |(name, value): (_, &mut Dynamic)| format!("{name:?}: {}", text_of(&ctx, value));
    let fields: Vec<_> = fields.iter_mut().map(field).collect();
    format!("#{{{}}}", fields.join(", "))
}

fn text_of(ctx: &NativeCallContext, value: &mut Dynamic) -> ImmutableString {
    // Rhai shows one with quotes or without, depending on who asks.
    if let Ok(letter) = value.as_char() {
        return format!("{letter:?}").into();
    }
    let shown = ctx.call_native_fn_raw("to_debug", true, &mut [value]);
    let shown = shown.ok().and_then(Dynamic::try_cast::<ImmutableString>);
    shown.unwrap_or_else(|| format!("{value:?}").into())
}

/// Whether a value is nested no deeper than so.
fn is_within(value: &Dynamic, most: usize) -> bool {
    if let Some(items) = value.read_lock::<FrozenArray>() {
        return most > 0 && items.as_array().iter().all(|item| is_within(item, most - 1));
    }
    if let Some(fields) = value.read_lock::<FrozenMap>() {
        return most > 0 && fields.as_map().values().all(|value| is_within(value, most - 1));
    }
    if let Some(items) = value.read_lock::<Array>() {
        return most > 0 && items.iter().all(|item| is_within(item, most - 1));
    }
    if let Some(fields) = value.read_lock::<Map>() {
        return most > 0 && fields.values().all(|value| is_within(value, most - 1));
    }
    true
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::language::engine::build;

    fn ours(source: &str) -> String {
        let engine = build(Path::new("a.rhai"));
        engine.eval::<rhai::Dynamic>(source).unwrap().to_string()
    }

    /// Rhai's own words are the measure.
    #[test]
    fn a_value_is_shown_as_rhai_shows_it() {
        let theirs = rhai::Engine::new();
        for value in [
            "[]",
            "#{}",
            "[1, 2.5, \"a\\\"b\", true, (), [\"x\", []], #{ a: 1 }]",
            "#{ a: 1, \"b c\": \"d\", e: [1, \"f\"], g: #{ h: () } }",
            "[blob(2, 1), 1..3, 1..=3, |x| x]",
        ] {
            for show in ["to_string()", "to_debug()"] {
                let source = format!("let value = {value}; value.{show}");
                let due = theirs.eval::<rhai::Dynamic>(&source).unwrap().to_string();
                assert_eq!(ours(&source), due, "{source}");
            }
            let source = format!("\"\" + {value} + `${{{value}}}`");
            let due = theirs.eval::<rhai::Dynamic>(&source).unwrap().to_string();
            assert_eq!(ours(&source), due, "{source}");
        }
    }

    #[test]
    fn what_is_nested_too_deeply_is_shown_in_short() {
        let nested = "let a = [1]; for i in 0..LEVELS { a = [a]; } a.to_string()";
        let shown = |levels: &str| ours(&nested.replace("LEVELS", levels));
        assert_eq!(shown("2"), "[[[1]]]");
        assert_eq!(shown("3000"), "[…]");
        let map = "let a = #{}; for i in 0..3000 { a = #{ b: a }; } `${a}` + a";
        assert_eq!(ours(map), "#{…}#{…}");
    }
}
