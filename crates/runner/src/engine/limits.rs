//! Fences around the natives that make something big in one go, which no count of operations can stop.

use rhai::{
    Array, Blob, Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, Map,
    NativeCallContext,
};

use crate::rows::runtime_error;

/// The bytes that a text or blob may be made of in one go.
const BYTES: usize = 16 << 20;
/// The items that a list may be made of in one go, those of lists within it counted.
const ITEMS: usize = 1_000_000;

type Answer<T> = Result<T, Box<EvalAltResult>>;

/// Registers versions of our own: they go before those of Rhai's packages.
pub(super) fn register(engine: &mut Engine) {
    // What changes its receiver must say so, or it would change constants.
    let pad = || FuncRegistration::new("pad").with_purity(false);
    pad().register_into_engine(
        engine,
        |ctx: NativeCallContext, text: &mut ImmutableString, length, with: char| {
            pad_text(&ctx, text, length, with.encode_utf8(&mut [0; 4]))
        },
    );
    pad().register_into_engine(
        engine,
        |ctx: NativeCallContext, text: &mut ImmutableString, length, with: &str| {
            pad_text(&ctx, text, length, with)
        },
    );
    pad().register_into_engine(engine, pad_list);
    pad().register_into_engine(
        engine,
        |ctx: NativeCallContext, blob: &mut Blob, length: i64, value: i64| {
            within(&ctx, size(length), BYTES, "a blob of more than 16 MiB")?;
            blob.resize(blob.len().max(size(length)), low_byte(value));
            Answer::Ok(())
        },
    );
    engine
        .register_fn("blob", |ctx: NativeCallContext, length: i64| blob(&ctx, length, 0))
        .register_fn("blob", |ctx: NativeCallContext, length: i64, value: i64| {
            blob(&ctx, length, value)
        });
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands the context over")]
fn pad_list(ctx: NativeCallContext, items: &mut Array, length: i64, item: Dynamic) -> Answer<()> {
    let missing = size(length).saturating_sub(items.len());
    let added = missing.saturating_mul(weight(&item));
    let made = items.len().saturating_add(added);
    within(&ctx, made, ITEMS, "a list of more than 1,000,000 items")?;
    items.extend(std::iter::repeat_n(item, missing));
    Ok(())
}

fn pad_text(
    ctx: &NativeCallContext,
    text: &mut ImmutableString,
    length: i64,
    with: &str,
) -> Answer<()> {
    let missing = size(length).saturating_sub(text.chars().count());
    let widest = with.chars().map(char::len_utf8).max().unwrap_or(0);
    let bytes = text.len().saturating_add(missing.saturating_mul(widest));
    within(ctx, bytes, BYTES, "a text of more than 16 MiB")?;
    text.make_mut().extend(with.chars().cycle().take(missing));
    Ok(())
}

fn blob(ctx: &NativeCallContext, length: i64, value: i64) -> Answer<Blob> {
    within(ctx, size(length), BYTES, "a blob of more than 16 MiB")?;
    Ok(vec![low_byte(value); size(length)])
}

fn within(ctx: &NativeCallContext, size: usize, most: usize, what: &str) -> Answer<()> {
    if size <= most {
        return Ok(());
    }
    let text = format!("`{}` would make {what}; work on smaller pieces", ctx.fn_name());
    Err(runtime_error(&text, ctx.call_position()))
}

/// A length as a script gives it; less than nothing is nothing.
fn size(length: i64) -> usize {
    usize::try_from(length.max(0)).unwrap_or(usize::MAX)
}

fn low_byte(value: i64) -> u8 {
    value.to_le_bytes()[0]
}

/// How many items a copy of a value is made of. Texts are shared, not copied.
fn weight(item: &Dynamic) -> usize {
    if let Some(items) = item.read_lock::<Array>() {
        return items.iter().map(weight).fold(1, usize::saturating_add);
    }
    if let Some(fields) = item.read_lock::<Map>() {
        return fields.values().map(weight).fold(1, usize::saturating_add);
    }
    item.read_lock::<Blob>().map_or(1, |blob| blob.len().max(1))
}

#[cfg(test)]
mod tests {
    use crate::engine::{OPERATIONS, build};
    use crate::host::Host;
    use rhai::{Engine, EvalAltResult};
    use std::{path::Path, sync::Arc};

    fn engine() -> Engine {
        build(&Arc::new(Host::idle()), Path::new("a.rhai"))
    }

    fn refusal(source: &str) -> String {
        engine().run(source).unwrap_err().to_string()
    }

    #[test]
    fn what_would_be_too_big_is_refused_at_once() {
        let huge = i64::MAX;
        let text = "a text of more than 16 MiB";
        let blob = "a blob of more than 16 MiB";
        let list = "a list of more than 1,000,000 items";
        for (source, what) in [
            (format!("let x = \"a\"; x.pad({huge}, 'b')"), text),
            (format!("let x = \"a\"; x.pad({huge}, \"bc\")"), text),
            (format!("let x = [1]; x.pad({huge}, 2)"), list),
            ("let y = []; y.pad(1000, 0); let x = []; x.pad(2000, y)".to_owned(), list),
            (format!("let x = blob(1); x.pad({huge}, 2)"), blob),
            (format!("blob({huge})"), blob),
            (format!("blob({huge}, 7)"), blob),
        ] {
            let told = refusal(&source);
            assert!(told.contains(&format!("would make {what}")), "{source}: {told}");
        }
    }

    #[test]
    fn what_is_small_is_made_as_ever() {
        let holds = "
            let a = \"a\"; a.pad(3, 'b'); let b = \"a\"; b.pad(4, \"xy\"); let c = \"a\"; c.pad(-1, 'b');
            let d = \"a\"; d.pad(9, \"\");
            let e = [1]; e.pad(3, 0); let f = blob(2, 7); f.pad(3, 258);
            a == \"abb\" && b == \"axyx\" && c == \"a\" && d == \"a\" && e == [1, 0, 0]
                && f.to_array() == [7, 7, 2] && blob(-1).len() == 0";
        assert!(engine().eval::<bool>(holds).unwrap());
    }

    #[test]
    fn a_loop_without_end_meets_the_limit() {
        let mut engine = engine();
        assert_eq!(engine.max_operations(), OPERATIONS);
        engine.set_max_operations(1000);
        let error = *engine.run("loop { }").unwrap_err();
        assert!(matches!(error, EvalAltResult::ErrorTooManyOperations(_)));
    }

    #[test]
    fn a_script_that_stops_without_a_word_is_told_to_have_stopped_itself() {
        for source in ["throw;", "throw ();"] {
            let error = *engine().run(source).unwrap_err();
            let told = crate::engine::explain(error, |problem, _, _| problem);
            assert_eq!(told.message, "the script stopped itself and did not say why", "{source}");
        }
    }
}
