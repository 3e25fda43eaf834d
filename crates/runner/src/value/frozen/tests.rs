//! Frozen values against plain ones.

use std::path::Path;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use rhai::{Dynamic, Engine, Map, Scope};

use super::{FrozenArray, FrozenMap, freeze, thaw};
use crate::execution::script_context::testing::offline;
use crate::language::engine::{attach, build};

/// Questions to a map `m` and an array `a`, and what can be done with copies of them.
const EXPRESSIONS: &[&str] = &[
    "m",
    "a",
    "[m, a]",
    "#{ m: m, a: a }",
    "\"k\" in m",
    "!(\"k\" in m)",
    "m.contains(\"k\")",
    "1 in m",
    "m[\"k\"]",
    "m[1]",
    "m.k",
    "m?.k",
    "m.k.k",
    "m.k[0]",
    "m.k[0].k",
    "m.get(\"k\")",
    "m.get(\"k\").get(\"k\")",
    "m.len()",
    "len(m)",
    "m.len",
    "m.is_empty()",
    "m.keys()",
    "m.values()",
    "keys(m)",
    "m.to_json()",
    "m.to_string()",
    "m.to_debug()",
    "`${m} ${a}`",
    "\"\" + m + a",
    "\"\" + [m] + #{ k: a }",
    "#{ k: m, l: [a] }.to_string()",
    "[m, [a]].to_debug()",
    "[a, m].join(\"; \")",
    "m == m",
    "m != m",
    "m == a",
    "m == #{}",
    "#{} == m",
    "m == 1",
    "() == m",
    "m == ()",
    "a == a",
    "a == []",
    "[] != a",
    "[m, a] == [m, a]",
    "m.k == m.k",
    "type_of(m) + type_of(a)",
    "m.filter(|k, v| k != \"k\")",
    "m.map(|k, v| k)",
    "m + #{ z: 1 }",
    "#{ z: 1 } + m",
    "m + m",
    "m.nothing()",
    "m.k()",
    "m > 1",
    "m && true",
    "for x in m { }",
    "switch m { 1 => 2, _ => 3 }",
    "a.len()",
    "a.len",
    "a.is_empty",
    "a[0]",
    "a[-1]",
    "a[9]",
    "a[0][0]",
    "a[0].k",
    "a[0].len()",
    "a.get(0)",
    "a.get(-1)",
    "a.get(9)",
    "1 in a",
    "m in a",
    "a in a",
    "m.k in a",
    "a.contains(\"x\")",
    "let all = []; for x in a { all.push(x); } all",
    "let all = []; for (x, i) in a { all.push([i, x]); } all",
    "a.map(|x| [x])",
    "a.map(|x| x.len())",
    "a.filter(|x| x == 1)",
    "a.find(|x| x != 1)",
    "a.find_map(|x| x)",
    "a.some(|x| x == 1)",
    "a.all(|x| x != 1)",
    "a.index_of(1)",
    "a.index_of(m)",
    "a.index_of(|x| x == 1)",
    "a.reduce(|sum, x| `${sum}${x}`, \"\")",
    "a.reduce_rev(|sum, x| `${sum}${x}`)",
    "a.order()",
    "a.order_desc()",
    "a.order(|x, y| x.to_string().len() - y.to_string().len())",
    "a.extract(0, 2)",
    "a.extract(1)",
    "a.extract(0..1)",
    "a.extract(0..=1)",
    "a.zip(a, |x, y| [x, y])",
    "a.zip([1], |x, y| [x, y])",
    "a + a",
    "a + [1]",
    "[1] + a",
    "a + 1",
    "csv(a)",
    "list(a)",
    "[m].table([\"k\"])",
    "a.table([\"k\"])",
    "a.join(\"-\")",
    "print(a)",
    "call(|x| x, a)",
    "let f = |x| x.len(); f.call(a)",
    "parse_json(m.to_json())",
    "day(m)",
    "let b = m; b.set(\"z\", 1); b.z += 1; [b, m]",
    "let b = m; b.k = 1; [b, m]",
    "let b = m; b[\"k\"] = a; b.k.push(1); [b, m, a]",
    "let b = m; b.z = 1; b",
    "let b = m; b.k.k = 7; [b, m]",
    "let b = m; b.k[0] = 7; b.k[0] += 1; [b, m]",
    "let b = m; b.k.push(7); b.k.push(8); [b, m]",
    "let b = m; b.remove(\"k\"); [b, m]",
    "let b = m; b.clear(); [b, m]",
    "let b = m; b.mixin(#{ y: 1 }); b += #{ z: 1 }; [b, m]",
    "let b = #{ z: 1 }; b += m; b.fill_with(m); b.mixin(m); b",
    "let b = m; b.retain(|k, v| k == \"k\")",
    "let b = m; b.drain(|k, v| k == \"k\")",
    "let b = a; b.push(m); b.push(a); [b, a]",
    "let b = a; b.pop(); [b, a]",
    "let b = a; b.shift(); [b, a]",
    "let b = a; b += [1]; b += 2; b.append(a); [b, a]",
    "let b = [1]; b += a; b.append(a); b",
    "let b = a; b[0] = 5; [b, a]",
    "let b = a; b[-1] = 5; [b, a]",
    "let b = a; b[9] = 5; [b, a]",
    "let b = a; b[0].k = 5; [b, a]",
    "let b = a; b[0].k.push(5); [b, a]",
    "let b = a; b[0][0] = 5; b[0].push(6); [b, a]",
    "let b = a; b.insert(0, m); b.insert(1, a); [b, a]",
    "let b = a; b.remove(0); [b, a]",
    "let b = a; b.reverse(); b.truncate(2); b.chop(1); b.clear(); b",
    "let b = a; b.pad(5, m); [b, a]",
    "let b = a; let c = b.split(1); [b, c, a]",
    "let b = a; b.splice(0..1, a); [b, a]",
    "let b = a; b.dedup(); [b, a]",
    "let b = a; b.sort(); [b, a]",
    "let b = a; b.sort(|x, y| y.to_string().len() - x.to_string().len()); [b, a]",
    "let b = a; b.for_each(|| this = 1); [b, a]",
    "let b = a; b.drain(|x| x == 1)",
    "let b = a; b.retain(|x| x == 1)",
    "let b = []; b.push(a); b[0].push(9); [b, a]",
    "let b = #{ a: a, m: m }; b.a.push(9); b.m.k = 9; [b, a, m]",
    "let f = || { let b = a; b.push(1); b }; [f.call(), a]",
    "let f = |b| { b.push(1); b }; [f.call(a), a]",
    "each(a, |x| x).len()",
    "let done = each([m], \"k\", |x| x.k); done.len()",
    "try { m.k } catch (e) { \"none\" }",
];

fn engine() -> Engine {
    let mut engine = build(Path::new("a.rhai"));
    attach(&mut engine, &offline());
    engine
}

fn value() -> impl Strategy<Value = Dynamic> {
    let leaf = prop_oneof![
        Just(Dynamic::UNIT),
        (0_i64..3).prop_map(Dynamic::from),
        any::<bool>().prop_map(Dynamic::from),
        prop::sample::select(vec!["", "x", "k"]).prop_map(|text| text.to_owned().into()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Dynamic::from),
            map(inner).prop_map(Dynamic::from),
        ]
    })
}

fn map(inner: impl Strategy<Value = Dynamic>) -> impl Strategy<Value = Map> {
    let key = prop::sample::select(vec!["k", "l", "len"]);
    btree_map(key, inner, 0..3)
        .prop_map(|map| map.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// What an expression comes to, or the error without its position.
fn answer(engine: &Engine, expression: &str, variables: [(&str, Dynamic); 2]) -> String {
    let mut scope = Scope::new();
    for (name, value) in variables {
        scope.push_dynamic(name, value);
    }
    match engine.eval_with_scope::<Dynamic>(&mut scope, expression) {
        Ok(value) => thaw(&value).to_string(),
        Err(error) => {
            let (mut error, _) = crate::execution::script_error::innermost(*error);
            let _ = error.take_position();
            format!("error: {error}")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scripts_cannot_tell_a_frozen_value_from_a_plain_one(
        map in map(value()),
        array in vec(value(), 0..4),
    ) {
        let engine = engine();
        let (map, array) = (Dynamic::from(map), Dynamic::from(array));
        let plain = |value: &Dynamic| value.clone().into_shared();
        let frozen = |value: &Dynamic| freeze(value).into_read_only().into_shared();
        for expression in EXPRESSIONS {
            let wanted = answer(&engine, expression, [("m", plain(&map)), ("a", plain(&array))]);
            let got = answer(&engine, expression, [("m", frozen(&map)), ("a", frozen(&array))]);
            prop_assert_eq!(got, wanted, "{} where m is {:?} and a is {:?}", expression, map, array);
        }
    }
}

/// A function that changes its map or array, and is not known to do so, would change nothing.
#[test]
fn every_function_does_the_same_to_a_copy() {
    let engine = engine();
    let functions = engine.collect_fn_metadata(
        None,
        |function| Some((function.metadata.name.to_string(), function.metadata.num_params)),
        true,
    );
    let map = Dynamic::from_map([("k".into(), 1_i64.into())].into());
    let array = Dynamic::from_array(vec![2_i64.into(), 1_i64.into()]);
    let (plain, frozen) = (|value: &Dynamic| value.clone(), freeze);
    let mut changes = 0;
    for (name, parameters) in functions {
        let is_word = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
        if !is_word || parameters == 0 || ["print", "debug"].contains(&name.as_str()) {
            continue;
        }
        for filling in ["1", "\"k\"", "|x| x == 1", "|x, y| y - x", "a", "m", "0..1", "0..=1"] {
            let rest = vec![filling; parameters - 1].join(", ");
            for value in ["m", "a"] {
                let source = format!("let b = {value}; let got = b.{name}({rest}); [b, got]");
                let run = |make: fn(&Dynamic) -> Dynamic| {
                    answer(&engine, &source, [("m", make(&map)), ("a", make(&array))])
                };
                let wanted = run(plain);
                assert_eq!(run(frozen), wanted, "{source}");
                changes += usize::from(
                    !wanted.starts_with("[#{\"k\": 1},") && !wanted.starts_with("[[2, 1],"),
                );
            }
        }
    }
    assert!(changes > 50, "{changes}");
}

#[test]
fn an_array_has_no_names() {
    let engine = engine();
    let array = freeze(&Dynamic::from_array(vec![1_i64.into()]));
    for expression in ["a[\"k\"]", "let b = a; b[\"k\"] = 5"] {
        let error = answer(&engine, expression, [("m", Dynamic::UNIT), ("a", array.clone())]);
        assert_eq!(error, "error: Indexer unavailable: array [string]");
    }
}

#[test]
fn nested_values_are_frozen_but_those_that_hold_functions() {
    let engine = Engine::new();
    let frozen = |source: &str| freeze(&engine.eval::<Dynamic>(source).unwrap());
    assert!(frozen("[1, #{ a: [] }]").is::<FrozenArray>());
    assert!(frozen("#{ a: [1] }").is::<FrozenMap>());
    assert!(frozen("#{ a: [|x| x] }").is_map());
    let map = frozen("#{ a: |x| x, b: [1] }").cast::<Map>();
    assert!(map["a"].is_fnptr() && map["b"].is::<FrozenArray>());
}
