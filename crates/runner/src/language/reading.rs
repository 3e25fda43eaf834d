//! Words of Rhai that only read a list or range, and do not say so: versions that do, or they would be
//! refused on constants and on what a row has captured.

use std::ops::{Range, RangeInclusive};

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext};

type Answer<T> = Result<T, Box<EvalAltResult>>;

/// Registers versions of our own: they go before those of Rhai's packages. What is registered like this
/// counts as pure.
pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("get", |items: &mut Array, at: i64| {
            items.get(place(items, at)).cloned().unwrap_or(Dynamic::UNIT)
        })
        .register_fn("extract", |items: &mut Array, start: i64, length: i64| {
            extract(items, place(items, start), length)
        })
        .register_fn("extract", |items: &mut Array, start: i64| {
            extract(items, place(items, start), i64::MAX)
        })
        .register_fn("extract", |items: &mut Array, range: Range<i64>| {
            let start = range.start.max(0);
            extract(items, place(items, start), range.end.saturating_sub(start))
        })
        .register_fn("extract", |items: &mut Array, range: RangeInclusive<i64>| {
            let start = (*range.start()).max(0);
            // Rhai takes at least one.
            let length = (*range.end()).max(start).saturating_sub(start).saturating_add(1);
            extract(items, place(items, start), length)
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

/// Where a script means; less than nothing counts from the end.
fn place(items: &Array, at: i64) -> usize {
    let from_the_end = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
    match usize::try_from(at) {
        Ok(place) => place,
        Err(_) => items.len().saturating_sub(from_the_end),
    }
}

fn extract(items: &Array, start: usize, length: i64) -> Array {
    let length = usize::try_from(length).unwrap_or(0);
    items.iter().skip(start).take(length).cloned().collect()
}

fn sorted(ctx: &NativeCallContext, sort: &str, items: &Array, by: Option<FnPtr>) -> Answer<Array> {
    let mut copy = Dynamic::from_array(items.clone());
    let mut by = by.map(Dynamic::from);
    let mut args: Vec<_> = std::iter::once(&mut copy).chain(by.as_mut()).collect();
    // What it answers is nothing: it sorts in place.
    let _ = ctx.call_native_fn_raw(sort, true, &mut args)?;
    Ok(copy.cast::<Array>())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::language::engine::build;

    /// Rhai's own words are the measure.
    #[test]
    fn our_versions_answer_as_those_of_rhai() {
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
