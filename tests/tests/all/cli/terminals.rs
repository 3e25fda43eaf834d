//! On a terminal: tables fit it, colours are used as the environment wants them, and what is piped is plain.

use super::check;
use crate::desk::{Desk, Ended};
use crate::snapshot::snapshot;
use crate::terminal::{On, run};

const ESCAPE: char = '\u{1b}';
const WRONG: &str = "thm::romms();";

fn widest(ended: &Ended) -> usize {
    ended.err.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

/// A desk with two runs, the second with rows that were refused.
fn with_runs() -> Desk {
    let seat = "each(roster(), |row| { if row.id == \"B2\" { throw \"no\" } });";
    let desk = Desk::empty()
        .with("a_script_with_a_longer_name.rhai", seat)
        .with("class.csv", "email,id\nada.lovelace@corp.example,A1\nbob@corp.example,B2\n");
    for _ in 0..2 {
        desk.run("run a_script_with_a_longer_name.rhai --roster class.csv").exits(1);
    }
    desk
}

#[test]
fn lists_fit_the_terminal_and_break_no_id() {
    let desk = with_runs().with_keys();
    let ids = desk.run("runs --format csv").exits(0).out.clone();
    let ids: Vec<&str> = ids.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(ids.len(), 2);
    let lists = ["runs", "endpoints", "config show --origin", "call thm.rooms"];
    for line in lists {
        for columns in [40, 60, 80, 120] {
            let ended = run(&desk, line, columns, On::All);
            assert!(widest(&ended) <= columns.into(), "{columns} columns: {ended}");
            for id in ids.iter().filter(|_| line == "runs") {
                assert!(ended.exits(0).err.contains(id), "{columns} columns: {ended}");
            }
        }
    }
}

#[test]
fn runs_on_a_narrow_terminal_are_paragraphs() {
    let desk = with_runs();
    snapshot("cli", "runs_narrow", &run(&desk, "runs", 40, On::All).exits(0).err);
    snapshot("cli", "runs_wide", &run(&desk, "runs", 120, On::All).exits(0).err);
}

#[test]
fn what_is_piped_is_as_wide_as_it_is() {
    let desk = Desk::empty();
    let piped = run(&desk, "endpoints", 40, On::Errors);
    assert_eq!(piped.exits(0).out, desk.run("endpoints").out);
}

/// What is told about a mistake, a diff and the command line itself, with these variables set.
fn coloured(variables: &[(&'static str, &str)], line: &str, on: On) -> [bool; 2] {
    let mut desk = Desk::empty().with("wrong.rhai", WRONG);
    for (name, value) in variables {
        desk.set(name, value);
    }
    let ended = run(&desk, line, 80, on);
    [ended.out.contains(ESCAPE), ended.err.contains(ESCAPE)]
}

#[test]
fn the_environment_says_whether_there_are_colours() {
    for line in ["run wrong.rhai", "run --wrong"] {
        for (variables, due) in [
            (&[][..], true),
            (&[("NO_COLOR", "1")], false),
            (&[("NO_COLOR", "")], true),
            (&[("CLICOLOR", "0")], false),
            (&[("CLICOLOR", "1")], true),
            (&[("TERM", "dumb")], false),
            (&[("CLICOLOR", "0"), ("CLICOLOR_FORCE", "1")], true),
            (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
        ] {
            assert_eq!(coloured(variables, line, On::All), [false, due], "{line} {variables:?}");
        }
        for (flag, due) in [("always", true), ("never", false)] {
            for variables in [&[][..], &[("NO_COLOR", "1")], &[("CLICOLOR_FORCE", "1")]] {
                let line = format!("{line} --color {flag}");
                assert_eq!(
                    coloured(variables, &line, On::All),
                    [false, due],
                    "{line} {variables:?}"
                );
            }
        }
    }
}

#[test]
fn colours_can_be_forced_on_a_pipe() {
    let desk = Desk::empty().with("wrong.rhai", WRONG);
    let plain = |desk: &Desk| !desk.run("run wrong.rhai").exits(3).err.contains(ESCAPE);
    assert!(plain(&desk));
    assert!(!plain(&desk.setting("CLICOLOR_FORCE", "1")));
}

/// A stream is asked about itself: a diff that is piped is plain though mistakes are told on a terminal.
#[test]
fn what_is_piped_has_no_colours_while_the_terminal_has() {
    let desk = Desk::empty();
    desk.run("init project").exits(0);
    let accepted = desk.path("project/recordings/onboard.accepted");
    let text = std::fs::read_to_string(&accepted).unwrap();
    std::fs::write(&accepted, format!("{text}and more\n")).unwrap();
    let ended = run(&desk, "test project", 80, On::Errors);
    assert!(ended.exits(1).out.contains("and more") && !ended.out.contains(ESCAPE), "{ended}");
    let ended = run(&desk, "test project", 80, On::All);
    assert!(ended.exits(1).err.contains(ESCAPE), "{ended}");
}

#[test]
fn a_dumb_terminal_gets_no_bar() {
    let desk = Desk::with_class().setting("TERM", "dumb");
    let ended = run(&desk, "run onboard_class.rhai --roster class.csv", 80, On::All);
    assert!(!ended.exits(0).err.contains(ESCAPE), "{ended}");
}

/// A list is the same in any form.
#[test]
fn every_list_has_all_forms() {
    let desk = with_runs();
    check("endpoint_csv", &desk, "endpoints veracode.invite --format csv", 0);
    desk.run("run a_script_with_a_longer_name.rhai --roster class.csv --journal one.journal")
        .exits(1);
    let lists = [
        "endpoints",
        "runs",
        "runs show one.journal",
        "cassette show one.journal",
        "cassette stats one.journal",
        "config show",
        "auth status --thm-url http://127.0.0.1:9",
        "call thm.rooms",
    ];
    for line in lists {
        let json = desk.run(&format!("{line} --format json")).out;
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{line}: {json}");
        let text = desk.run(&format!("{line} --format csv")).out;
        let rows: Result<Vec<_>, _> = csv::Reader::from_reader(text.as_bytes()).records().collect();
        assert!(rows.is_ok() && text.lines().next().unwrap().contains(','), "{line}: {text}");
    }
}

#[test]
fn a_narrow_terminal_breaks_no_frame() {
    let desk =
        Desk::empty().with("wrong.rhai", format!("let rooms = 1;\n  {WRONG} // and more of it"));
    let framed = run(&desk, "run wrong.rhai", 50, On::All);
    assert!(framed.exits(3).err.contains('\u{2570}'), "{framed}");
    for columns in [10, 30, 49] {
        let ended = run(&desk, "run wrong.rhai --color never", columns, On::All);
        let told = ended.exits(3).err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!told.contains(['\u{2570}', '\u{2502}']), "{columns}: {ended}");
        assert!(
            columns < 30 || told.contains("wrong.rhai:2:8: thm::romms();"),
            "{columns}: {ended}"
        );
    }
}

/// Line by line it takes no memory; any other form is whole at the end.
#[test]
fn a_scripts_list_has_all_forms() {
    let script = "header([\"key\", \"tags\"]);\n\
                  each(roster(), |row| { line([row.email, [\"a\", \"b\"]]); });\nline([\"last\", ()]);";
    let desk = Desk::empty().with("a.rhai", script).with("some.csv", "email\nada@example.com\n");
    let out = |flags: &str| {
        desk.run(&format!("run a.rhai --roster some.csv {flags}")).exits(0).out.clone()
    };
    let csv = "key,tags\nada@example.com,\"a, b\"\nlast,\n";
    assert_eq!([out(""), out("--format csv")], [csv, csv]);
    let json: serde_json::Value = serde_json::from_str(&out("--format json")).unwrap();
    let due = serde_json::json!([
        { "key": "ada@example.com", "tags": ["a", "b"] },
        { "key": "last", "tags": null },
    ]);
    assert_eq!(json, due);
    let table = "key              tags\n---------------  ----\nada@example.com  a, b\nlast\n";
    assert_eq!(out("--format table"), table);
}

#[test]
fn a_list_is_started_once_and_has_as_many_cells_as_columns() {
    for (script, due) in [
        ("line([1]);", "line: call header("),
        ("header([\"a\"]); header([\"b\"]);", "header: the list has a header already"),
        ("header([\"a\", \"a\"]);", "header: the column `a` is given twice"),
        ("header([\"a\", 1]);", "header: a column name must be a non-empty text"),
        ("header([]);", "header: a list needs at least one column"),
        ("header([\"a\"]); line([1, 2]);", "line: the list has 1 columns, and the line 2 cells"),
    ] {
        let ended = Desk::empty().with("a.rhai", script).run("run a.rhai");
        assert!(ended.exits(3).err.contains(due), "{ended}");
    }
    let row = "each([1], |n| { header([\"a\"]); });";
    let ended = Desk::empty().with("a.rhai", row).run("run a.rhai");
    assert!(ended.exits(1).err.contains("header: call it once, outside of rows"), "{ended}");
}

#[test]
fn for_a_program_a_dry_run_writes_its_plan_alone() {
    let dry = "run onboard_class.rhai --roster class.csv --max-rows 2 --dry-run --format json";
    let ended = Desk::with_class().run(dry);
    let plan: serde_json::Value = serde_json::from_str(&ended.exits(0).out).unwrap();
    assert_eq!(plan.as_array().map(Vec::len), Some(5));
}

/// What a script prints as a table may be meant for another program.
#[test]
fn a_scripts_table_has_all_forms() {
    let script = "let rows = each(roster(), |row| #{ n: 1 }); print(rows.table([\"key\", \"n\"]));";
    let desk = Desk::empty().with("a.rhai", script).with("some.csv", "email\nada@example.com\n");
    let json = desk.run("run a.rhai --roster some.csv --format json").exits(0).out.clone();
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows, serde_json::json!([{ "key": "ada@example.com", "n": 1 }]));
    let csv = desk.run("run a.rhai --roster some.csv --format csv");
    assert_eq!(csv.exits(0).out, "key,n\nada@example.com,1\n");
    let wrong = desk.with("b.rhai", "thm::rums()").run("check b.rhai --format json");
    let found: serde_json::Value = serde_json::from_str(&wrong.exits(3).out).unwrap();
    assert_eq!((&found[0]["line"], &found[0]["weight"]), (&1.into(), &"mistake".into()));
}
