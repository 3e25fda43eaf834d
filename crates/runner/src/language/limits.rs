//! Fences around the natives that make something big in one go, which no count of operations can stop: texts and
//! lists that are doubled, padded or put together.
//!
//! Only what can be measured without going through a value is measured here. What grows in another way, such as
//! ``s = `${s}${s}` `` or `a = [a, a]`, meets the limit of [`memory`](super::memory).

use rhai::{
    Array, Blob, Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, Map,
    NativeCallContext,
};

use crate::value::runtime_error;

/// The bytes that a text or blob may be made of in one go.
const BYTES: usize = 16 << 20;
/// The items that a list may be made of in one go, those of lists within it counted.
const ITEMS: usize = 1_000_000;

type Answer<T> = Result<T, Box<EvalAltResult>>;

/// Registers versions of our own: they go before those of Rhai's packages.
pub(super) fn register(engine: &mut Engine) {
    // Else the engine has operators on texts and lists of its own, before which ours do not go.
    engine.set_fast_operators(false);
    texts(engine);
    lists(engine);
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

/// What puts two texts together.
fn texts(engine: &mut Engine) {
    engine
        .register_fn("+", |ctx: NativeCallContext, one: ImmutableString, other: ImmutableString| {
            joined_text(&ctx, one, &other)
        })
        .register_fn("+", |ctx: NativeCallContext, one: ImmutableString, other: char| {
            joined_text(&ctx, one, other.encode_utf8(&mut [0; 4]))
        })
        .register_fn("+", |ctx: NativeCallContext, one: char, other: &str| {
            joined_text(&ctx, one.to_string().into(), other)
        });
    for name in ["+=", "append"] {
        let append = || FuncRegistration::new(name).with_purity(false);
        append().register_into_engine(
            engine,
            |ctx: NativeCallContext, text: &mut ImmutableString, other: ImmutableString| {
                append_text(&ctx, text, &other)
            },
        );
        append().register_into_engine(
            engine,
            |ctx: NativeCallContext, text: &mut ImmutableString, other: char| {
                append_text(&ctx, text, other.encode_utf8(&mut [0; 4]))
            },
        );
    }
    let replace = || FuncRegistration::new("replace").with_purity(false);
    replace().register_into_engine(
        engine,
        |ctx: NativeCallContext, text: &mut ImmutableString, what: &str, with: &str| {
            replace_text(&ctx, text, what, with)
        },
    );
    replace().register_into_engine(
        engine,
        |ctx: NativeCallContext, text: &mut ImmutableString, what: char, with: &str| {
            replace_text(&ctx, text, what.encode_utf8(&mut [0; 4]), with)
        },
    );
}

/// What puts two lists or blobs together.
fn lists(engine: &mut Engine) {
    engine
        .register_fn("+", |ctx: NativeCallContext, mut one: Array, other: Array| {
            append_list(&ctx, &mut one, other).map(|()| one)
        })
        .register_fn("+", |ctx: NativeCallContext, mut one: Blob, other: Blob| {
            append_blob(&ctx, &mut one, &other).map(|()| one)
        });
    for name in ["+=", "append"] {
        let append = || FuncRegistration::new(name).with_purity(false);
        append().register_into_engine(
            engine,
            |ctx: NativeCallContext, items: &mut Array, other: Array| {
                append_list(&ctx, items, other)
            },
        );
        append().register_into_engine(
            engine,
            |ctx: NativeCallContext, blob: &mut Blob, other: Blob| append_blob(&ctx, blob, &other),
        );
    }
}

fn joined_text(
    ctx: &NativeCallContext,
    mut one: ImmutableString,
    other: &str,
) -> Answer<ImmutableString> {
    append_text(ctx, &mut one, other).map(|()| one)
}

fn append_text(ctx: &NativeCallContext, text: &mut ImmutableString, other: &str) -> Answer<()> {
    within(ctx, text.len() + other.len(), BYTES, "a text of more than 16 MiB")?;
    if !other.is_empty() {
        text.make_mut().push_str(other);
    }
    Ok(())
}

fn replace_text(
    ctx: &NativeCallContext,
    text: &mut ImmutableString,
    what: &str,
    with: &str,
) -> Answer<()> {
    if with.len() > what.len() {
        let added = text.matches(what).count().saturating_mul(with.len() - what.len());
        let bytes = text.len().saturating_add(added);
        within(ctx, bytes, BYTES, "a text of more than 16 MiB")?;
    }
    *text = text.replace(what, with).into();
    Ok(())
}

fn append_list(ctx: &NativeCallContext, items: &mut Array, other: Array) -> Answer<()> {
    within(ctx, items.len() + other.len(), ITEMS, "a list of more than 1,000,000 items")?;
    items.extend(other);
    Ok(())
}

fn append_blob(ctx: &NativeCallContext, blob: &mut Blob, other: &Blob) -> Answer<()> {
    within(ctx, blob.len() + other.len(), BYTES, "a blob of more than 16 MiB")?;
    blob.extend(other);
    Ok(())
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
    use crate::language::engine::{MAX_OPERATIONS, build};
    use rhai::{Engine, EvalAltResult};
    use std::path::Path;

    fn engine() -> Engine {
        build(Path::new("a.rhai"))
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
            ("let s = \"abcdefgh\"; loop { s += s; }".to_owned(), text),
            ("let s = \"abcdefgh\"; loop { s = s + s; }".to_owned(), text),
            ("let s = \"abcdefgh\"; loop { s.append(s); }".to_owned(), text),
            ("let s = \"aaaaaaaa\"; loop { s.replace(\"a\", s); }".to_owned(), text),
            ("let s = \"aaaaaaaa\"; loop { s.replace('a', s); }".to_owned(), text),
            ("let a = [1, 2]; loop { a += a; }".to_owned(), list),
            ("let a = [1, 2]; loop { a = a + a; }".to_owned(), list),
            ("let a = [1, 2]; loop { a.append(a); }".to_owned(), list),
            ("let a = #{ b: \"ab\" }; loop { a.b += a.b; }".to_owned(), text),
            ("let b = blob(9); loop { b += b; }".to_owned(), blob),
            ("let b = blob(9); loop { b = b + b; }".to_owned(), blob),
            ("let b = blob(9); loop { b.append(b); }".to_owned(), blob),
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

    /// Rhai's own words are the measure.
    #[test]
    fn texts_and_lists_are_put_together_as_rhai_does() {
        let theirs = Engine::new();
        for expression in [
            "\"a\" + \"b\"",
            "\"a\" + 'b'",
            "'a' + \"b\"",
            "'a' + 'b'",
            "\"a\" + 1 + 2.5 + true",
            "1 + \"a\"",
            "\"a\" + ()",
            "\"a\" + [1, \"b\"]",
            "[1, 2] + [3]",
            "[1] + 2",
            "blob(2, 1) + blob(1, 2)",
            "\"a\" + blob(2, 65)",
            "let s = \"a\"; s += \"b\"; s += 'c'; s += 1; s += (); s += [1]; s",
            "let s = \"a\"; s.append(\"b\"); s.append('c'); s.append(1); s",
            "let s = \"\"; let t = s; t += \"b\"; [s, t]",
            "let s = \"a-b-c\"; s.replace(\"-\", \"--\"); s.replace('a', \"\"); s.replace(\"\", \"x\"); s",
            "let s = \"abc\"; s.replace(\"b\", 'x'); s.replace('c', 'y'); s",
            "let a = [1]; a += [2]; a += 3; a.append([4]); a.push([5]); a",
            "let b = blob(1, 1); b += blob(1, 2); b.append(blob(1, 3)); b += 4; b.append(\"a\"); b",
            "const C = \"a\"; C + \"b\"",
            "const C = \"a\"; C += \"b\"",
            "const C = [1]; C += [2]",
            "const C = \"a\"; C.append(\"b\")",
            "const C = \"a\"; C.replace(\"a\", \"b\")",
            "let n = 1; n += 2; n *= 3; n - 1 == 8 && n != 3 && !(n < 2) && -n < 0",
            "1 == \"a\" || () == 1 || #{ a: 1 } == #{ a: 1 }",
            "\"a\" < \"b\" && 'a' < 'b' && \"ab\" - \"b\" == \"a\"",
            "1.5 + 1 == 2.5 && 2 ** 3 == 8 && 7 % 4 == 3 && (1 << 3 | 1) == 9",
            "9223372036854775807 + 1",
            "1 / 0",
            "\"a\" * 2",
        ] {
            let [ours, theirs] = [&engine(), &theirs].map(|engine| {
                let got = engine.eval::<rhai::Dynamic>(expression);
                got.map(|value| value.to_string()).map_err(|error| error.to_string())
            });
            assert_eq!(ours, theirs, "{expression}");
        }
    }

    #[test]
    fn a_loop_without_end_meets_the_limit() {
        let mut engine = engine();
        assert_eq!(engine.max_operations(), MAX_OPERATIONS);
        engine.set_max_operations(1000);
        let error = *engine.run("loop { }").unwrap_err();
        assert!(matches!(error, EvalAltResult::ErrorTooManyOperations(_)));
    }

    #[test]
    fn a_script_that_stops_without_a_word_is_told_to_have_stopped_itself() {
        for source in ["throw;", "throw ();"] {
            let error = *engine().run(source).unwrap_err();
            let told = crate::language::engine::explain(error, |problem, _, _| problem);
            assert_eq!(told.message, "the script stopped itself and did not say why", "{source}");
        }
    }
}
