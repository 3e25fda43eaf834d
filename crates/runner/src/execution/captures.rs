//! What a row's function captured: frozen for all rows, with variables of its own for each worker.

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, Map};

/// A copy of a function, whose captures [are frozen](crate::value::frozen::freeze_captures), for one worker. Rhai puts captured
/// variables behind locks, and two workers that meet at a lock fail after a while. The copies are read-only, so that a
/// row cannot leave anything for the rows after it, whichever these are.
pub(crate) fn worker_copy(frozen: &FnPtr) -> FnPtr {
    let mut own = frozen.clone();
    for captured in own.iter_curry_mut() {
        *captured = copy(captured).into_read_only().into_shared();
    }
    own
}

/// Frozen values are shared; what holds functions is plain and copied.
fn copy(value: &Dynamic) -> Dynamic {
    if let Some(items) = value.read_lock::<Array>() {
        return items.iter().map(copy).collect::<Array>().into();
    }
    if let Some(function) = value.read_lock::<FnPtr>() {
        return worker_copy(&function).into();
    }
    if let Some(map) = value.read_lock::<Map>() {
        return map.iter().map(|(name, value)| (name.clone(), copy(value))).collect::<Map>().into();
    }
    value.clone()
}

/// The words for a row that tried to change what it has captured. The engine knows only that it was constant.
pub(crate) fn words_of(error: &EvalAltResult) -> Option<String> {
    let what = match error {
        EvalAltResult::ErrorAssignmentToConstant(name, _) if !name.is_empty() => {
            format!("`{name}` is")
        }
        EvalAltResult::ErrorNonPureMethodCallOnConstant(name, _)
            if name.chars().all(|c| c.is_alphanumeric() || c == '_') =>
        {
            format!("`{name}` would change what is")
        }
        EvalAltResult::ErrorAssignmentToConstant(..)
        | EvalAltResult::ErrorNonPureMethodCallOnConstant(..) => {
            "this would change what is".to_owned()
        }
        _ => return None,
    };
    Some(format!("{what} declared outside of the row, or constant, and so read-only in here"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rhai::{Dynamic, Engine};

    use crate::execution::script_context::testing::offline;
    use crate::language::engine::{attach, build};

    fn engine() -> Engine {
        let mut engine = build(Path::new("a.rhai"));
        attach(&mut engine, &offline());
        engine
    }

    /// What is around the row in each test.
    const AROUND: &str = r#"
        let n = 1; let text = "abc"; let list = [3, 1, 2]; let deep = [[1], #{ a: [1] }];
        let there = #{ a: 1, b: #{ c: [1, 2] } }; let bytes = blob(2, 7); let range = 0..5;
        let add = |x| x + n; let grow = |x| { n += x; n }; let stack = |x| list.push(x);
        let ended = each(["x", "y"], |key| #{ n: key });
    "#;

    fn row(body: &str) -> Dynamic {
        let source = format!(
            "{AROUND} let rows = each([1], |item| {{ {body} }}); \
             for row in rows {{ return [row.state, row.detail, if row.state == \"done\" {{ row.value }}]; }}"
        );
        engine().eval(&source).unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    #[track_caller]
    fn check_refused(body: &str, words: &str) {
        let [state, detail, _] = row(body).into_array().unwrap().try_into().unwrap();
        let detail = detail.to_string();
        assert_eq!(state.to_string(), "failed", "{body}: {detail}");
        assert!(detail.starts_with("script line ") && detail.contains(words), "{body}: {detail}");
    }

    #[track_caller]
    fn check_holds(expression: &str) {
        let [state, detail, value] = row(expression).into_array().unwrap().try_into().unwrap();
        assert_eq!(state.to_string(), "done", "{expression}: {detail}");
        assert_eq!(value.as_bool(), Ok(true), "{expression}");
    }

    #[test]
    fn a_row_cannot_assign_to_what_it_captured() {
        let words = "is declared outside of the row, or constant, and so read-only in here";
        for body in ["n = 2", "n += 1", "there.a = 2", "there.b.c[0] = 2", "deep[0][0] += 1"] {
            check_refused(body, words);
        }
        check_refused("list[0] = 9", "this would change what is declared outside");
        check_refused("n = 2", "`n` is");
        check_refused("grow.call(1)", "`n` is");
    }

    #[test]
    fn a_row_cannot_change_what_it_captured_by_a_method() {
        for (method, body) in [
            ("push", "list.push(4)"),
            ("pop", "list.pop()"),
            ("sort", "list.sort()"),
            ("pad", "list.pad(9, 0)"),
            ("pad", "text.pad(9, 'x')"),
            ("pad", "bytes.pad(9, 0)"),
            ("set", "there.set(\"z\", 1)"),
            ("remove", "there.remove(\"a\")"),
            ("push", "stack.call(1)"),
        ] {
            check_refused(body, &format!("`{method}` would change what is declared outside"));
        }
        for body in ["there.b.c.push(3)", "deep[1].a.push(3)", "there.b.clear()"] {
            check_refused(body, "this would change what is declared outside");
        }
    }

    #[test]
    fn what_is_captured_can_be_read() {
        for expression in [
            "n + 1 == 2 && -n == -1",
            "text.len() == 3 && text.len == 3 && text[0] == 'a' && text.contains(\"b\")",
            "\"b\" in text && `${text}!` == \"abc!\" && text + \"d\" == \"abcd\"",
            "text.to_upper() == \"ABC\" && text.sub_string(1) == \"bc\" && text.split(\"b\").len() == 2",
            "list.len() == 3 && list.len == 3 && len(list) == 3 && list[-1] == 2 && 3 in list",
            "list.map(|x| x * 2) == [6, 2, 4] && list.filter(|x| x > 1).len() == 2",
            "list.reduce(|sum, x| sum + x, 0) == 6 && list.some(|x| x == 1) && list.all(|x| x > 0)",
            "list.index_of(1) == 1 && list.find(|x| x > 1) == 3 && list.contains(1)",
            "list + [4] == [3, 1, 2, 4] && list == [3, 1, 2] && list.extract(1) == [1, 2] && list.get(0) == 3",
            "list.order() == [1, 2, 3] && list.order(|a, b| b - a) == [3, 2, 1] && range.contains(2)",
            "let sum = 0; for x in list { sum += x; } sum == 6",
            "deep[1].a[0] == 1 && deep[0].len() == 1 && list.join(\"-\") == \"3-1-2\"",
            "there.keys() == [\"a\", \"b\"] && there.values().len() == 2 && there.len() == 2",
            "\"a\" in there && !(\"z\" in there) && there.contains(\"b\") && there[\"a\"] == 1",
            "there.b.c[1] == 2 && there.get(\"z\") == () && there.to_json().len() > 0",
            "bytes.len() == 2 && bytes[1] == 7",
            "add.call(1) == 2 && call(add, 1) == 2 && list.map(add) == [4, 2, 3] && add.name != \"\"",
            "type_of(list) == \"array\" && is_shared(list) && list.is_empty() == false",
            "ended.len() == 2 && ended.done().len() == 2 && !ended.is_empty() && ended.table() != \"\"",
            "let keys = []; for row in ended { keys.push(row.key); } keys == [\"x\", \"y\"]",
        ] {
            check_holds(expression);
        }
    }

    #[test]
    fn a_copy_of_what_is_captured_is_the_rows_own() {
        for expression in [
            "let mine = list; mine.push(4); mine[0] = 9; mine == [9, 1, 2, 4]",
            "let mine = there; mine.b.c.push(3); mine.a += 1; mine.b.c == [1, 2, 3] && mine.a == 2",
            "let mine = n; mine += 1; mine == 2",
            "let mine = list.filter(|x| x > 1); mine.sort(); mine == [2, 3]",
            "let mine = #{ a: list }; mine.a.push(1); mine.a.len() == 4",
            "let mine = []; mine.push(there); mine[0].b.c.clear(); mine[0].b.c.len() == 0",
        ] {
            check_holds(expression);
        }
    }

    #[test]
    fn rows_within_a_row_share_what_the_row_declares() {
        check_holds("let sum = 0; each(list, |x| { sum += x; }); sum == 6");
    }
}
