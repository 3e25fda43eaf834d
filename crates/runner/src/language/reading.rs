//! Functions of Rhai that only read an array or range without being declared pure. Rows could not call them on
//! constants and on what they captured, so these versions are declared pure.

use std::ops::{Range, RangeInclusive};

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext};

use crate::value::frozen::FrozenArray;

type Answer<T> = Result<T, Box<EvalAltResult>>;

/// Registers pure versions, which take precedence over those of Rhai's packages.
pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("get", |items: &mut Array, at: i64| get(items, at))
        .register_fn("get", |items: FrozenArray, at: i64| get(items.as_array(), at))
        .register_fn("extract", |items: &mut Array, start: i64| extract(items, start, i64::MAX))
        .register_fn("extract", |items: FrozenArray, start: i64| {
            extract(items.as_array(), start, i64::MAX)
        })
        .register_fn("extract", |items: &mut Array, start: i64, length: i64| {
            extract(items, start, length)
        })
        .register_fn("extract", |items: FrozenArray, start: i64, length: i64| {
            extract(items.as_array(), start, length)
        })
        .register_fn("extract", |items: &mut Array, range: Range<i64>| slice(items, &range))
        .register_fn("extract", |items: FrozenArray, range: Range<i64>| {
            slice(items.as_array(), &range)
        })
        .register_fn("extract", |items: &mut Array, range: RangeInclusive<i64>| {
            slice_inclusive(items, &range)
        })
        .register_fn("extract", |items: FrozenArray, range: RangeInclusive<i64>| {
            slice_inclusive(items.as_array(), &range)
        })
        .register_fn("contains", |range: &mut Range<i64>, value: i64| range.contains(&value))
        .register_fn("contains", |range: &mut RangeInclusive<i64>, value: i64| {
            range.contains(&value)
        });
    for (name, sort) in [("order", "sort"), ("order_desc", "sort_desc")] {
        engine.register_fn(name, move |ctx: NativeCallContext, items: &mut Array| {
            sorted(&ctx, sort, items, None)
        });
    }
    for name in ["order", "order_by"] {
        engine.register_fn(name, |ctx: NativeCallContext, items: &mut Array, by: FnPtr| {
            sorted(&ctx, "sort", items, Some(by))
        });
    }
}

fn get(items: &Array, at: i64) -> Dynamic {
    items.get(offset(items, at)).cloned().unwrap_or(Dynamic::UNIT)
}

/// The offset for an index, which counts from the end where it is negative.
fn offset(items: &Array, index: i64) -> usize {
    let from_the_end = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    match usize::try_from(index) {
        Ok(offset) => offset,
        Err(_) => items.len().saturating_sub(from_the_end),
    }
}

fn extract(items: &Array, start: i64, length: i64) -> Array {
    let length = usize::try_from(length).unwrap_or(0);
    items.iter().skip(offset(items, start)).take(length).cloned().collect()
}

fn slice(items: &Array, range: &Range<i64>) -> Array {
    let start = range.start.max(0);
    extract(items, start, range.end.saturating_sub(start))
}

fn slice_inclusive(items: &Array, range: &RangeInclusive<i64>) -> Array {
    let start = (*range.start()).max(0);
    // Rhai takes at least one.
    let length = (*range.end()).max(start).saturating_sub(start).saturating_add(1);
    extract(items, start, length)
}

fn sorted(ctx: &NativeCallContext, sort: &str, items: &Array, by: Option<FnPtr>) -> Answer<Array> {
    let mut copy = Dynamic::from_array(items.clone());
    let mut by = by.map(Dynamic::from);
    let mut args: Vec<_> = std::iter::once(&mut copy).chain(by.as_mut()).collect();
    // It sorts in place and returns nothing.
    let _ = ctx.call_native_fn_raw(sort, true, &mut args)?;
    Ok(copy.cast::<Array>())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::language::engine::build;

    #[test]
    fn functions_return_the_same_as_those_of_rhai() {
        let ours = build(Path::new("a.rhai"));
        let theirs = rhai::Engine::new();
        let mut expressions = Vec::new();
        for at in ["-9", "-3", "-1", "0", "1", "2", "3", "9"] {
            expressions.push(format!("list.get({at})"));
            expressions.push(format!("list.extract({at})"));
            for length in ["-1", "0", "1", "2", "9"] {
                expressions.push(format!("list.extract({at}, {length})"));
                expressions.push(format!("list.extract({at}..{length})"));
                expressions.push(format!("list.extract({at}..={length})"));
                expressions.push(format!("({at}..{length}).contains(1)"));
                expressions.push(format!("({at}..={length}).contains(1)"));
            }
        }
        for order in ["order()", "order_desc()", "order(|a, b| b - a)", "order_by(|a, b| a - b)"] {
            expressions.push(format!("let got = list.{order}; [got, list]"));
        }
        for list in ["[]", "[3, 1, 2]"] {
            for expression in &expressions {
                let source = format!("let list = {list}; {expression}");
                let [ours, theirs] = [&ours, &theirs].map(|engine| {
                    let got = engine.eval::<rhai::Dynamic>(&source);
                    got.map(|value| value.to_string()).map_err(|error| error.to_string())
                });
                assert_eq!(ours, theirs, "{source}");
            }
        }
    }
}
