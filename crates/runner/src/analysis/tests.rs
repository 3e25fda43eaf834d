use crate::script::Script;

/// The errors in a script, one per line.
fn errors(source: &str) -> String {
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
fn a_right_script_has_no_errors() {
    assert_eq!(errors("for user in veracode::all_users() { print(user.email); }"), "");
    assert_eq!(errors("fn twice(x) { x * 2 } print(twice(2)); [1].map(|x| twice(x));"), "");
    assert_eq!(errors("thm::scoreboard(#{ roomCode: \"x\" })"), "");
}

#[test]
fn an_unknown_endpoint_gets_a_suggestion() {
    let told = "a.rhai:1:6: there is no endpoint `thm::rums` (did you mean `thm::rooms`?)";
    assert_eq!(errors("thm::rums()"), told);
}

#[test]
fn an_endpoint_that_returns_no_list_has_no_all_function() {
    let told = "a.rhai:1:6: thm.add_seat does not return a list (call thm::add_seat instead)";
    assert_eq!(errors("thm::all_add_seat(#{ email: \"x\" })"), told);
}

#[test]
fn a_misspelt_field_is_reported_at_its_position() {
    let told = "a.rhai:1:18: thm.add_seat has no field `emial` (did you mean `email`?)";
    assert!(errors("thm::add_seat(#{ emial: \"x\" })").starts_with(told));
}

#[test]
fn a_missing_field_is_reported() {
    assert!(errors("thm::scoreboard()").contains("thm.scoreboard needs the field `roomCode`"));
    assert!(errors("thm::scoreboard(#{})").contains("needs the field `roomCode`"));
}

#[test]
fn a_value_of_the_wrong_type_is_reported() {
    assert_eq!(
        errors("thm::add_seat(#{ email: 5 })"),
        "a.rhai:1:18: thm.add_seat: `email` must be text, not `5`"
    );
    let told = "a.rhai:1:28: veracode.users_details: `limit` must be a whole number";
    assert!(errors("veracode::users_details(#{ limit: \"five\" })").starts_with(told));
    let told = errors("veracode::invite(#{ senderId: \"s\", email: \"x\", roleIds: \"x\" })");
    assert!(told.starts_with("a.rhai:1:48: veracode.invite: `roleIds` must be"), "{told}");
    assert_eq!(errors("let n = 5; thm::add_seat(#{ email: n })"), "");
}

#[test]
fn a_cell_instead_of_the_map_is_reported() {
    let told = "thm.add_seat takes one map of its fields \
                (write it as thm::add_seat(#{ email: l.email }))";
    assert_eq!(
        errors("each(roster(), |l| thm::add_seat(l.email))"),
        format!("a.rhai:1:36: {told}")
    );
    assert_eq!(errors("let l = #{ email: #{} }; thm::add_seat(l.email)"), "");
}

#[test]
fn lists_of_ours_cannot_be_indexed() {
    for list in ["roster()", "thm::all_users()", "each(roster(), |l| 1)"] {
        let told = errors(&format!("let first = {list}[0]; print(first)"));
        assert!(told.contains("cannot be indexed with [ ]"), "{list}: {told}");
    }
    assert_eq!(errors("for row in roster() { print(row[\"email\"]) }"), "");
}

#[test]
fn an_assignment_that_would_add_a_key_is_reported() {
    let told = "`m` is an empty map, and an assignment does not add keys (add keys with m.set(key, value))";
    assert_eq!(
        errors("let m = #{}; for i in 0..3 { m[`${i}`] = i; }"),
        format!("a.rhai:1:30: {told}")
    );
    assert_eq!(errors("let m = #{}; m.a = 1;"), format!("a.rhai:1:14: {told}"));
    for source in [
        "let m = #{}; m.set(\"a\", 1); m.a = 2;",
        "let m = #{ a: 1 }; m.a = 2;",
        "let m = #{}; m += #{ a: 1 }; m.a = 2;",
        "fn fill(map) { map } let m = #{}; fill(m); m.a = 2;",
        "let m = #{}; m.mixin(#{ a: 1 }); m.a += 2;",
    ] {
        assert_eq!(errors(source), "", "{source}");
    }
}

#[test]
fn errors_in_modules_are_reported_in_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("inner.rhai"), "fn rooms() { thm::rums() }").unwrap();
    std::fs::write(
        at("lib.rhai"),
        "import \"inner\" as inner;\nfn ok(x) { helper(x) } fn helper(x) { x }",
    )
    .unwrap();
    std::fs::write(at("main.rhai"), "import \"lib\" as lib;\nprint(lib::ok(1));").unwrap();
    let told = Script::open(&at("main.rhai")).unwrap().check().unwrap_err();
    let told: Vec<_> = told.iter().map(ToString::to_string).collect();
    let place = at("inner.rhai");
    let due = format!("{}:1:19: there is no endpoint `thm::rums`", place.display());
    assert!(told.len() == 1 && told[0].starts_with(&due), "{told:?}");
}

#[test]
fn an_endpoint_without_a_call_is_reported() {
    let told = errors("for room in thm::all_users { print(room) }");
    assert!(told.starts_with("a.rhai:1:18: `thm::all_users` is not called"), "{told}");
}

#[test]
fn a_loop_over_a_map_is_reported() {
    let told = errors("for time in veracode::engagement_time() { print(time) }");
    assert!(told.starts_with("a.rhai:1:23: veracode.engagement_time returns a map"), "{told}");
    let told = errors("for user in veracode::users_details() { print(user) }");
    assert!(told.contains("loop over veracode::all_users_details(…) instead"), "{told}");
    assert_eq!(errors("for user in veracode::all_users() { print(user) }"), "");
}

#[test]
fn unknown_functions_modules_and_variables_are_reported() {
    assert!(
        errors("rooster()").contains("there is no function `rooster` (did you mean `roster`?)")
    );
    assert!(errors("thn::rooms()").contains("ndefined module: thn (did you mean `thm`?)"));
    assert!(errors("print(roomm)").contains("roomm"));
    assert!(errors("eval(\"1\")").contains("eval"));
}

#[test]
fn an_input_is_declared_with_literals() {
    assert!(errors("let a = \"x\"; input(a)").contains("default must be literals"));
}

#[test]
fn columns_are_found_in_loops_and_each() {
    let source = "let x = 1; each(roster(), |row| { row.email + x }); \
                  let rows = roster(); for row in rows { print(row[\"first name\"]); } \
                  each(rows, |r| r.id.len());";
    assert_eq!(columns(source), "email first name id");
}

#[test]
fn a_column_that_is_checked_first_is_optional() {
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
        let told = errors(&format!("thm::add_seat({argument})"));
        assert!(told.contains("thm.add_seat takes one map of its fields"), "{argument}: {told}");
    }
    assert_eq!(errors("let fields = #{ email: \"x\" }; thm::add_seat(fields)"), "");
}

#[test]
fn a_function_of_each_takes_the_row_alone() {
    for work in ["|a, b| a", "|| 1", "|a, b| a + x"] {
        let told = errors(&format!("let x = 1; each(roster(), {work});"));
        assert!(told.contains("the function of `each` takes"), "{work}: {told}");
    }
    assert_eq!(errors("let x = 1; let y = 2; each(roster(), |a| a.id + x + y);"), "");
    assert_eq!(
        errors("let work = |a| a; each([1, 2], work); each([#{ k: 1 }], \"k\", |a| a);"),
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
        let told = errors(&format!("each({given})"));
        assert!(told.contains("`each` takes rows and a function"), "{given}: {told}");
    }
    assert!(errors("each(roster(), \"id\", |a| a)").contains("`--key`"));
}

#[test]
fn a_missing_import_is_reported() {
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
    let twice = |second: &str| errors(&format!("input(\"a\", \"b\", 1); {second};"));
    let told = "a.rhai:1:21: the input `a` is already declared with another default";
    assert!(twice("input(\"a\", \"b\", 2)").starts_with(told));
    assert!(twice("input(\"a\", \"b\", \"1\")").starts_with(told));
    assert_eq!(twice("input(\"a\", \"b\", 1)"), "");
    assert_eq!(twice("input(\"a\")"), "");
}

const READ_ONLY: &str =
    "is declared outside of the row: rows run in parallel, so it is read-only here";

#[track_caller]
fn check_read_only(source: &str, places: &[&str]) {
    let told = errors(source);
    let found: Vec<_> = told.lines().filter_map(|line| line.split_once(READ_ONLY)).collect();
    let found: Vec<_> = found.iter().map(|(place, _)| place.trim()).collect();
    assert_eq!(found, places, "{source}: {told}");
}

#[test]
fn methods_may_change_variables_of_the_row() {
    assert_eq!(errors("each([1], |row| { let n = []; n.push(row); n });"), "");
    assert_eq!(errors("let n = [2]; each([1], |row| { n.len() + row });"), "");
    assert_eq!(errors("let n = [2]; each([1], |row| { n.map(|x| x).push(row) });"), "");
}

#[test]
fn a_row_cannot_write_to_variables_outside_of_it() {
    let told = "a.rhai:1:33: `n` is declared outside of the row: rows run in parallel, so it is read-only \
                here (return it from the row and add it up afterwards, for example \
                for row in each(…).done() { total += row.points })";
    assert_eq!(errors("let n = 0; each(roster(), |row| n += 1);"), told);
    let at = |column: usize, name: &str| format!("a.rhai:1:{column}: `{name}`");
    for (source, column) in [
        ("let n = 0; each([1], |row| { n = 1; n += 2; });", 30),
        ("let n = []; each([1], |row| { n.push(row) });", 31),
        ("let n = #{}; each([1], |row| { n.a.push(row) });", 32),
        ("let n = #{}; each([1], |row| { n.set(row, 1); });", 32),
        ("let n = [[]]; each([1], |row| { n[0].push(row); });", 33),
        ("let n = #{ a: 1 }; each([1], |row| { n.a = 1 });", 38),
        ("let n = [#{}]; each([1], |row| { n[0].a += 1 });", 34),
        ("let n = 0; each([#{ k: 1 }], \"k\", |row| { n = 1 });", 43),
        ("let n = 0; [1].each(|row| { n = 1 });", 29),
        ("let n = 0; let work = |row| { n = 1 }; each([1], work);", 31),
        ("let n = 0; each([1], |row| { if row > 0 { for x in [1] { n += x } } });", 58),
    ] {
        let told = errors(source);
        assert!(told.starts_with(&format!("{} {READ_ONLY}", at(column, "n"))), "{source}: {told}");
    }
}

#[test]
fn closures_in_a_row_are_checked_too() {
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
fn a_row_may_write_to_its_own_variables() {
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
        assert_eq!(errors(source), "", "{source}");
    }
}

#[test]
fn a_variable_is_the_rows_own_only_after_its_declaration() {
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

/// The warnings about a script without errors, one per line.
#[track_caller]
fn warnings(source: &str) -> String {
    assert_eq!(errors(source), "", "{source}");
    let script = Script::parse("a.rhai", source).unwrap();
    script.warnings().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_unused_input_is_a_warning() {
    let told = "a.rhai:1:12: the input `room` is declared but never used (";
    assert!(warnings("let room = input(\"room\", \"where\");").starts_with(told));
    assert!(warnings("input(\"room\"); print(1);").starts_with("a.rhai:1:1: the input `room`"));
    for used in [
        "let room = input(\"room\"); print(room);",
        "let room = input(\"room\"); print(`in ${room}`);",
        "let room = input(\"room\"); [1].map(|x| x + room.len());",
        "let room = input(\"room\"); each([1], |x| [2].map(|y| `${room}`));",
        "fn room() { input(\"room\") } print(room());",
        "print(input(\"room\"));",
        "input(\"room\")",
        "let all = #{ room: input(\"room\") }; print(all.room);",
    ] {
        assert_eq!(warnings(used), "", "{used}");
    }
}

#[test]
fn an_unreachable_input_is_a_warning() {
    let told = "the script never reaches the input `room`";
    for source in [
        "print(1); return; print(input(\"room\"));",
        "throw \"no\"; let room = input(\"room\"); print(room);",
        "if now() > 1 { return; input(\"room\"); }",
        "fn where_to() { input(\"room\") } print(1);",
        "for x in [1] { break; print(input(\"room\")); }",
    ] {
        assert!(warnings(source).contains(told), "{source}: {}", warnings(source));
    }
    for source in [
        "if now() > 1 { return; } print(input(\"room\"));",
        "fn room() { input(\"room\") } print(call(Fn(\"room\")));",
        // A module: whoever imports it calls it.
        "fn room() { input(\"room\") }",
    ] {
        assert_eq!(warnings(source), "", "{source}");
    }
}

#[test]
fn an_unused_import_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("words.rhai"), "fn hello() { 1 } export const X = 2;")
        .unwrap();
    let told = |source: &str| {
        let script = Script::parse(folder.path().join("a.rhai"), source).unwrap();
        script.check().unwrap();
        script.warnings().iter().map(|problem| problem.message.clone()).collect::<String>()
    };
    let import = "import \"words\" as words;";
    assert_eq!(told(import), "the module `words` is imported but never used");
    assert_eq!(told(&format!("{import} words::hello();")), "");
    assert_eq!(told(&format!("{import} print(words::X);")), "");
    assert_eq!(told(&format!("{import} each([1], |x| words::hello());")), "");
}

#[test]
fn an_unknown_method_is_reported() {
    let told = "a.rhai:1:12: there is no method `to_uper` (did you mean `to_upper`?)";
    assert_eq!(errors("let a = 1; a.to_uper()").replace("1:14", "1:12"), told);
    for right in [
        "let a = \"b\"; a.to_upper()",
        "let a = #{ work: |x| x }; a.work(1)",
        "let a = #{}; a.set(\"work\", |x| x); a.work(1)",
        "fn work(x) { x } let a = 1; a.work(1); [1].work(1)",
        "let a = |x| x; a.call(1); a.curry(1).call(); a.type_of()",
    ] {
        assert_eq!(errors(right), "", "{right}");
    }
}

#[test]
fn a_method_that_one_of_our_types_lacks_is_reported() {
    let told = |kind: &str, name: &str| format!("a value of type {kind} has no method `{name}`");
    for (source, expected) in [
        ("roster().push(1)", told("Roster", "push")),
        ("let all = roster(); all.push(1)", told("Roster", "push")),
        ("let rows = each([1], |x| x); rows.sort()", told("Rows", "sort")),
        ("each([1], |x| x).done().map(|row| row)", told("Rows", "map")),
        (
            "let bad = each([1], |x| x).failed(); for row in bad { row.trim(); }",
            told("Outcome", "trim"),
        ),
        ("for row in roster() { row.push(1); }", told("Row", "push")),
        ("veracode::all_users().filter(|user| true)", told("Walk", "filter")),
    ] {
        assert!(errors(source).contains(&expected), "{source}: {}", errors(source));
    }
    assert!(errors("each([1], |x| x).dune()").contains("did you mean `done`?"));
    for right in [
        "let rows = each([1], |x| x); rows.done().len(); rows.table([\"key\"]); rows.done().is_empty()",
        "for row in roster() { row.to_map().keys(); row.email.trim(); \"a\" in row }",
        "veracode::all_users().to_array().filter(|user| true)",
        "let rows = each([1], |x| x); rows = [1]; rows.push(2)",
        "let rows = each([1], |x| x); { let rows = [1]; rows.push(2) }",
        "let rows = [1]; fn f(rows) { rows.push(1) } f(rows)",
    ] {
        assert_eq!(errors(right), "", "{right}");
    }
}

#[test]
fn a_list_of_ours_has_methods_and_no_fields() {
    let told = errors("let rows = each([1], |x| x); print(rows.len);");
    assert!(
        told.contains("there is no `len` in a value of type Rows (it is a method: write len())"),
        "{told}"
    );
    let told = errors("print(thm::all_rooms().roomInfo);");
    assert!(
        told.contains("there is no `roomInfo` in a value of type Walk (loop over it with"),
        "{told}"
    );
}

#[test]
fn arguments_of_the_wrong_number_or_type_are_reported() {
    for (source, expected) in [
        ("now(1)", "`now` takes no values, but gets 1"),
        ("print(day())", "`day` takes 1 value, but gets 0 (write it as day(moment: "),
        ("fn twice(x) { x } twice(1, 2)", "`twice` takes 1 value, but gets 2"),
        (
            "list([1])",
            "`list` does not take values of these types (write it as list(text: string))",
        ),
        (
            "report(\"a\")",
            "`report` does not take values of these types (write it as report(data: ",
        ),
        ("each([1], |x| { skip(1); })", "`skip` does not take values of these types"),
        ("roster().len(1)", "`len` takes no values, but gets 1"),
    ] {
        assert!(errors(source).contains(expected), "{source}: {}", errors(source));
    }
    for right in
        ["fn day() { 1 } day()", "fn f(a) { a } fn f(a, b) { b } f(1); f(1, 2)", "list(`${1}`)"]
    {
        assert_eq!(errors(right), "", "{right}");
    }
}

#[test]
fn shipped_scripts_have_no_findings() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut looked_at = 0;
    for file in files.filter(|file| file.extension().is_some_and(|end| end == "rhai")) {
        let script = Script::open(&file).unwrap();
        let told: Vec<_> = script.check().err().unwrap_or_default();
        let told: Vec<_> = told.iter().chain(&script.warnings()).map(ToString::to_string).collect();
        assert!(told.is_empty(), "{told:?}");
        looked_at += 1;
    }
    assert!(looked_at >= 12, "{looked_at}");
}

#[test]
fn a_misspelt_field_of_a_response_is_a_warning() {
    for (source, meant) in [
        ("print(thm::rooms().roomInf);", "roomInfo"),
        ("let rooms = thm::rooms(); print(rooms.roominfo);", "roomInfo"),
        ("for user in thm::all_users() { print(user.emial); }", "email"),
        ("for room in thm::rooms().roomInfo { print(room.titel); }", "title"),
        ("for user in veracode::all_progress() { print(user.lastActiv.len()); }", "lastActive"),
    ] {
        let told = warnings(source);
        assert!(told.contains(&format!("(did you mean `{meant}`?)")), "{source}: {told}");
    }
    for source in [
        "for user in thm::all_users() { print(user.email); print(user.keys()); print(user.somethingNew); }",
        "let user = #{ emial: 1 }; for user in thm::all_users() { print(user.emial); }",
        "print(thm::rooms().roomInfo.len());",
        "print(thm::scoreboard(#{ roomCode: \"linux1\" }).len());",
    ] {
        assert_eq!(warnings(source), "", "{source}");
    }
}

#[test]
fn idioms_of_other_languages_are_warnings() {
    for (source, told) in [
        ("let x = 1; print(\"${x} rooms\");", "`${x}` is not replaced"),
        ("let x = 1; print(\"has ${x + 1}\");", "(write the string in backticks"),
        ("let x = \" a\"; print(x.trim().to_lower());", "`trim` changes its value in place"),
        ("let x = \" a\"; let y = x.trim(); print(y);", "`trim` changes its value in place"),
        ("let x = [2, 1]; let y = 0; y = x.sort(); print(y);", "`sort` changes its value"),
        ("let x = \"A\"; print(x.make_lower());", "(to_lower() returns a new string)"),
        ("let x = [[2, 1]]; print(x[0].reverse()[0]);", "`reverse` changes its value"),
        ("let x = [1]; print(x.length);", "there is no `length` in an array (write .len())"),
        ("let x = \"a\"; if x.length > 0 { }", "there is no `length` in a string"),
        (
            "let x = thm::scoreboard(#{ roomCode: \"a\" }); print(`${x.length}`);",
            "there is no `length` in an array (did you mean `len()`?)",
        ),
        ("note(\"all\");", "`note` is for rows, and does nothing outside of one"),
        ("if true { unchanged(\"all\"); }", "`unchanged` is for rows"),
        ("skip(\"all\");", "`skip` is for rows, and stops the script outside of one"),
    ] {
        assert!(warnings(source).contains(told), "{source}: {}", warnings(source));
    }
}

#[test]
fn code_that_only_looks_foreign_is_no_warning() {
    for source in [
        "let x = 1; print(`${x} rooms`);",
        "print(\"${HOME} is the shell's\");",
        "let x = \" a\"; x.trim(); print(x.to_lower());",
        "let x = [\" a\"]; x.for_each(|| this.trim()); x.map(|name| { name.trim(); name });",
        "let x = [2, 1]; x.sort(); x.map(|y| y.to_string());",
        "fn trim(x) { x } let x = \"a\"; print(trim(x).len());",
        "fn reverse() { this } let x = [1]; print(x.reverse().len());",
        "let x = [3]; print(x.remove(0) + x.pop());",
        "let x = #{ length: 1 }; print(x.length);",
        "let x = #{ trim: || 1 }; print(x.trim() + 1);",
        "for row in roster() { print(row.length); }",
        "each([1], |row| { note(\"one\"); unchanged(\"it\"); skip(\"it\"); });",
        "fn tell() { note(\"one\"); } each([1], |row| { tell(); });",
        "fn note(x) { print(x) } note(\"all\");",
    ] {
        assert_eq!(warnings(source), "", "{source}");
    }
}
