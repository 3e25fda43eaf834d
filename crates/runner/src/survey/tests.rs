use crate::script::Script;

/// What is wrong with a script, a line each.
fn mistakes(source: &str) -> String {
    let script = match Script::parse("a.rhai", source) {
        Ok(script) => script,
        Err(problem) => return problem.to_string(),
    };
    let problems = script.check().err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn columns(source: &str) -> String {
    Script::parse("a.rhai", source).unwrap().columns().join(" ")
}

#[test]
fn a_right_script_has_no_mistakes() {
    assert_eq!(mistakes("for user in veracode::all_users() { print(user.email); }"), "");
    assert_eq!(mistakes("fn twice(x) { x * 2 } print(twice(2)); [1].map(|x| twice(x));"), "");
    assert_eq!(mistakes("thm::scoreboard(#{ roomCode: \"x\" })"), "");
}

#[test]
fn an_unknown_endpoint_is_told_with_the_one_that_was_meant() {
    let told = "a.rhai:1:6: there is no endpoint `thm::rums` (did you mean `thm::rooms`?)";
    assert_eq!(mistakes("thm::rums()"), told);
}

#[test]
fn a_list_that_is_none_cannot_be_walked_through() {
    let told =
        "a.rhai:1:6: thm.add_seat answers no list to walk through (call thm::add_seat instead)";
    assert_eq!(mistakes("thm::all_add_seat(#{ email: \"x\" })"), told);
}

#[test]
fn a_misspelt_field_is_told_at_its_place() {
    let told = "a.rhai:1:18: thm.add_seat has no field `emial` (did you mean `email`?)";
    assert!(mistakes("thm::add_seat(#{ emial: \"x\" })").starts_with(told));
}

#[test]
fn a_missing_field_is_told() {
    assert!(mistakes("thm::scoreboard()").contains("thm.scoreboard needs the field `roomCode`"));
    assert!(mistakes("thm::scoreboard(#{})").contains("needs the field `roomCode`"));
}

#[test]
fn unknown_functions_modules_and_variables_are_told() {
    assert!(
        mistakes("rooster()").contains("there is no function `rooster` (did you mean `roster`?)")
    );
    assert!(mistakes("thn::rooms()").contains("ndefined module: thn (did you mean `thm`?)"));
    assert!(mistakes("print(roomm)").contains("roomm"));
    assert!(mistakes("eval(\"1\")").contains("eval"));
}

#[test]
fn an_input_is_declared_by_literals() {
    assert!(mistakes("let a = \"x\"; input(a)").contains("declared by literals"));
}

#[test]
fn columns_are_found_in_rows_of_every_kind() {
    let source = "let x = 1; each(roster(), |row| { row.email + x }); \
                  let rows = roster(); for row in rows { print(row[\"first name\"]); } \
                  each(rows, |r| r.id.len());";
    assert_eq!(columns(source), "email first name id");
}

#[test]
fn a_column_that_is_asked_for_first_is_optional() {
    let source = "for row in roster() { if \"team\" in row { row.team } else { row.id } } \
                  each(roster(), |r| { if r.contains(\"name\") { r.name } r.email });";
    let script = Script::parse("a.rhai", source).unwrap();
    assert_eq!(script.columns(), ["id", "email"]);
    assert_eq!(script.optional_columns(), ["team", "name"]);
}

#[test]
fn a_column_that_is_needed_once_is_not_optional() {
    let source = "for row in roster() { \"team\" in row } for row in roster() { row.Team }";
    let script = Script::parse("a.rhai", source).unwrap();
    assert_eq!((script.columns(), script.optional_columns()), (vec!["Team"], vec![]));
}

#[test]
fn a_call_takes_a_map_and_nothing_else() {
    for argument in ["\"a\"", "1", "[1]", "`${1}`", "()", "|x| x"] {
        let told = mistakes(&format!("thm::add_seat({argument})"));
        assert!(told.contains("thm.add_seat takes one map of its fields"), "{argument}: {told}");
    }
    assert_eq!(mistakes("let fields = #{ email: \"x\" }; thm::add_seat(fields)"), "");
}

#[test]
fn a_function_of_each_takes_the_row_alone() {
    for work in ["|a, b| a", "|| 1", "|a, b| a + x"] {
        let told = mistakes(&format!("let x = 1; each(roster(), {work});"));
        assert!(told.contains("the function of `each` takes"), "{work}: {told}");
    }
    assert_eq!(mistakes("let x = 1; let y = 2; each(roster(), |a| a.id + x + y);"), "");
    assert_eq!(
        mistakes("let work = |a| a; each([1, 2], work); each([#{ k: 1 }], \"k\", |a| a);"),
        ""
    );
}

#[test]
fn each_takes_rows_first_and_the_function_last() {
    for given in [
        "|a| a, roster()",
        "roster()",
        "[1], 2",
        "\"a\", |a| a",
        "[1], |a| a, \"k\"",
        "[1], 2, |a| a",
    ] {
        let told = mistakes(&format!("each({given})"));
        assert!(told.contains("`each` takes rows and a function"), "{given}: {told}");
    }
    assert!(mistakes("each(roster(), \"id\", |a| a)").contains("`--key`"));
}

#[test]
fn an_import_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    for file in ["words.rhai", "inside/words.rhai"] {
        std::fs::write(folder.path().join(file), "fn hello() { 1 }").unwrap();
    }
    let told = |source: &str| {
        let script = Script::parse(inside.join("a.rhai"), source).unwrap();
        let problems = script.check().err().unwrap_or_default();
        problems.iter().map(|problem| problem.message.clone()).collect::<String>()
    };
    assert_eq!(told("import \"words\" as words; words::hello();"), "");
    assert_eq!(told("import \"wards\" as w;"), "there is no module `wards` beside the script");
    assert!(told("import \"../words\" as w;").contains("outside of the script's folder"));
}

#[test]
fn an_input_has_one_default() {
    let twice = |second: &str| mistakes(&format!("input(\"a\", \"b\", 1); {second};"));
    let told = "a.rhai:1:21: the input `a` is declared already with another default";
    assert!(twice("input(\"a\", \"b\", 2)").starts_with(told));
    assert!(twice("input(\"a\", \"b\", \"1\")").starts_with(told));
    assert_eq!(twice("input(\"a\", \"b\", 1)"), "");
    assert_eq!(twice("input(\"a\")"), "");
}

const READ_ONLY: &str =
    "is declared outside of the row: rows run side by side, so it is read-only in here";

#[track_caller]
fn check_read_only(source: &str, places: &[&str]) {
    let told = mistakes(source);
    let found: Vec<_> = told.lines().filter_map(|line| line.split_once(READ_ONLY)).collect();
    let found: Vec<_> = found.iter().map(|(place, _)| place.trim()).collect();
    assert_eq!(found, places, "{source}: {told}");
}

#[test]
fn what_is_outside_of_a_row_is_not_assigned_to() {
    let told = "a.rhai:1:33: `n` is declared outside of the row: rows run side by side, so it is read-only \
                in here (return it from the row and add it up afterwards, for example \
                for row in each(…).done() { total += row.points })";
    assert_eq!(mistakes("let n = 0; each(roster(), |row| n += 1);"), told);
    let at = |column: usize, name: &str| format!("a.rhai:1:{column}: `{name}`");
    for (source, column) in [
        ("let n = 0; each([1], |row| { n = 1; n += 2; });", 30),
        ("let n = #{ a: 1 }; each([1], |row| { n.a = 1 });", 38),
        ("let n = [#{}]; each([1], |row| { n[0].a += 1 });", 34),
        ("let n = 0; each([#{ k: 1 }], \"k\", |row| { n = 1 });", 43),
        ("let n = 0; [1].each(|row| { n = 1 });", 29),
        ("let n = 0; let work = |row| { n = 1 }; each([1], work);", 31),
        ("let n = 0; each([1], |row| { if row > 0 { for x in [1] { n += x } } });", 58),
    ] {
        let told = mistakes(source);
        assert!(told.starts_with(&format!("{} {READ_ONLY}", at(column, "n"))), "{source}: {told}");
    }
}

#[test]
fn closures_within_a_row_are_looked_through() {
    let nested = "let n = 0; each([1], |row| [1].map(|x| { n += x; x }));";
    check_read_only(nested, &["a.rhai:1:42: `n`"]);
    let twice = "let n = 0; each([1], |row| { let m = 0; [1].map(|x| { [2].map(|y| { m += 1; n += 1 }); }); });";
    check_read_only(twice, &["a.rhai:1:77: `n`"]);
    let called = "let n = 0; let add = |x| { n += x }; each([1], |row| add.call(row));";
    check_read_only(called, &["a.rhai:1:28: `n`"]);
    let rows_of_a_row =
        "let n = 0; each([1], |row| { let m = 0; each([2], |x| { m += 1; n += 1 }); });";
    check_read_only(rows_of_a_row, &["a.rhai:1:65: `n`"]);
}

#[test]
fn what_a_row_declares_is_its_own() {
    for source in [
        "let n = 0; each([1], |row| { let n = 1; n += 1; n });",
        "let n = 0; each([1], |row| { print(n); if row > 0 { let n = 1; n += 1; } n });",
        "let n = 0; each([1], |row| { print(n); for n in [1] { n += 1; } });",
        "let n = 0; each([1], |row| { print(n); for (x, n) in [1] { n += x; } });",
        "let n = 0; each([1], |row| { print(n); try { throw 1 } catch (n) { n += 1; } });",
        "let n = 0; each([1], |row| { print(n); switch row { 1 => { let n = 1; n += 1; }, _ => () } });",
        "let n = 0; each([1], |row| { print(n); [1].map(|n| { n += 1; n }) });",
        "let n = 0; each([1], |row| { let m = n; [1].map(|x| { m += x; m }); [2].map(|x| m += x); m });",
        "let n = 0; each([1], |n| { n += 1; n });",
        "let n = 0; each([1], |row| { let m = n; each([2], |x| { m += x; m }); m });",
        "let n = 0; n += 1; [1].map(|x| n += x); let add = |x| { n += x }; add.call(1); each([1], |row| n);",
    ] {
        assert_eq!(mistakes(source), "", "{source}");
    }
}

#[test]
fn a_variable_is_the_rows_own_from_its_declaration_on() {
    for (source, place) in [
        ("let n = 0; each([1], |row| { n += 1; let n = 1; n += 1; n });", "a.rhai:1:30: `n`"),
        (
            "let n = 0; each([1], |row| { if row > 0 { let n = 1; n += 1; } n += 1; });",
            "a.rhai:1:64: `n`",
        ),
        (
            "let n = 0; each([1], |row| { if row > 0 { let n = 1; } else { n += 1; } });",
            "a.rhai:1:63: `n`",
        ),
    ] {
        check_read_only(source, &[place]);
    }
}
