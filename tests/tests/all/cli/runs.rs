//! How a run ends: its exit code, its results file, and what stops it.

use drillmaster_sandbox::VERACODE_KEY;

use super::{check, check_unsent};
use crate::desk::{Desk, ONBOARD_CLASS};
use crate::server::Server;
use crate::snapshot::snapshot;

const RUN: &str = "run onboard_class.rhai --roster class.csv";

/// The states in a results file, each with how often it is there.
fn states(results: &str) -> Vec<(String, usize)> {
    let mut lines = results.lines();
    let header: Vec<_> = lines.next().unwrap().split(',').collect();
    let place = header.iter().position(|column| *column == "state").unwrap();
    let mut counts: Vec<(String, usize)> = Vec::new();
    for line in lines {
        let state = line.split(',').nth(place).unwrap();
        match counts.iter_mut().find(|(known, _)| known == state) {
            Some((_, count)) => *count += 1,
            None => counts.push((state.to_owned(), 1)),
        }
    }
    counts
}

#[test]
fn the_first_command_of_the_readme_ends_well() {
    let readme = include_str!("../../../../README.md");
    let mut commands = readme.lines().filter_map(|line| line.strip_prefix("$ cargo run -- "));
    let line = commands.next().expect("the README begins with a command");
    // It is typed in the project's own folder.
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../");
    let line = line.replace("scripts/", &format!("{project}scripts/"));
    let ended = Desk::empty().run(&line);
    assert!(ended.exits(0).out.starts_with("email "), "{ended}");
    assert_eq!(ended.out.lines().count(), 32);
}

#[test]
fn a_live_run_prints_what_the_sandbox_run_prints() {
    let server = Server::start("");
    let desk = Desk::with_class().with_keys();
    let inside = desk.run(&format!("{RUN} --results inside.csv"));
    let line = format!("{RUN} --results outside.csv {}", server.flags());
    let outside = desk.run(&line);
    assert_eq!((outside.exit, &outside.out, &outside.err), (Some(0), &inside.out, &inside.err));
    assert_eq!(desk.read("outside.csv"), desk.read("inside.csv"));
}

#[test]
fn results_have_the_rosters_columns_and_what_became_of_each_row() {
    let desk = Desk::with_class();
    desk.run(&format!("{RUN} --results results.csv --max-rows 3")).exits(0);
    desk.run(&format!("{RUN} --results results.jsonl --max-rows 3")).exits(0);
    snapshot("cli", "results_csv", &desk.read("results.csv"));
    snapshot("cli", "results_jsonl", &desk.read("results.jsonl"));
}

#[test]
fn results_can_be_the_next_roster() {
    let desk = Desk::with_class();
    desk.run(&format!("{RUN} --results results.csv")).exits(0);
    desk.run("run onboard_class.rhai --roster results.csv --results again.csv").exits(0);
    assert!(desk.read("again.csv").starts_with("email,name,id,roles,state,detail,link\n"));
}

#[test]
fn results_that_cannot_be_written_are_told_before_anything_is_sent() {
    let line = format!("{RUN} --results nowhere/results.csv");
    check_unsent("results_unwritable", Desk::with_class(), &line, 2);
}

#[test]
fn rows_that_are_refused_end_with_1() {
    let server = Server::start("--seats 95");
    let desk = Desk::with_class().with_keys();
    desk.run(&format!("{RUN} --concurrency 1 --results results.csv {}", server.flags())).exits(1);
    let expected = [("done", 5), ("refused", 1), ("skipped", 24)];
    let expected = expected.map(|(state, count)| (state.to_owned(), count));
    assert_eq!(states(&desk.read("results.csv")), expected);
}

#[test]
fn a_refused_credential_ends_with_4_and_the_rest_is_skipped() {
    let server = Server::start("");
    let script = r#"
        let rows = each(roster(), |learner| {
            thm::authenticate(#{ extUserId: learner.id, roomCode: "linux1" });
        });
        print(rows.table());
    "#;
    let desk = Desk::with_class()
        .with("links.rhai", script)
        .setting("DRILLMASTER_THM_KEY", "old-key")
        .setting("DRILLMASTER_VERACODE_KEY", VERACODE_KEY);
    let line = "run links.rhai --roster class.csv --results results.csv";
    check(
        "run_credential_refused",
        &desk,
        &format!("{line} --concurrency 1 {}", server.flags()),
        4,
    );
    assert_eq!(states(&desk.read("results.csv")), [("skipped".to_owned(), 30)]);
    assert_eq!(server.writes(), serde_json::json!({}));
}

#[test]
fn a_credential_that_is_refused_before_any_row_ends_with_4() {
    let server = Server::start("");
    let desk = Desk::with_class()
        .setting("DRILLMASTER_THM_KEY", "old-key")
        .setting("DRILLMASTER_VERACODE_KEY", VERACODE_KEY);
    check(
        "run_credential_refused_at_once",
        &desk,
        &format!("{RUN} --concurrency 1 {}", server.flags()),
        4,
    );
}

#[test]
fn an_error_in_one_row_is_not_anothers() {
    let script = r#"
        let rows = each(["1", "two", "3"], |text| #{ number: parse_int(text) });
        print(rows.table(["key", "state", "number", "detail"]));
    "#;
    check("row_error", &Desk::empty().with("script.rhai", script), "run script.rhai", 1);
}

#[test]
fn every_state_of_a_row_is_told() {
    let script = r#"
        let rows = each(["done", "unchanged", "refused", "failed", "skipped"], |what| {
            switch what {
                "done" => note("did it"),
                "unchanged" => unchanged("as it was"),
                "refused" => { thm::add_seat(#{ email: "nobody@example.com" }); }
                "failed" => throw "broken",
                "skipped" => skip("on leave"),
            }
        });
        print(rows.table());
        for row in rows.refused() { warn(`${row.key}: ${row.detail}`); }
    "#;
    check("row_states", &Desk::empty().with("script.rhai", script), "run script.rhai", 1);
}

#[test]
fn a_row_that_was_skipped_after_a_write_is_not_called_skipped() {
    let script = r#"
        let rows = each(["one", "two", "none"], |key| {
            if key != "none" { thm::add_seat(#{ email: "ayse.arslan@example.com" }); }
            if key == "two" { each(["x"], |x| thm::authenticate(#{ extUserId: "a-1", roomCode: "linux1" })); }
            note("a word");
            skip("on leave");
        });
        print(rows.table());
    "#;
    let desk = Desk::empty().with("script.rhai", script);
    check("row_skipped_after_a_write", &desk, "run script.rhai --concurrency 1", 1);
}

#[test]
fn a_roster_that_nobody_asks_for_is_told() {
    let desk = Desk::with_class().with("script.rhai", "print(\"hello\");");
    check("roster_unused", &desk, "run script.rhai --roster class.csv", 0);
}

#[test]
fn the_legacy_dialect_onboards_too() {
    let server = Server::start("--dialect legacy");
    let desk = Desk::with_class().with_keys();
    let line = format!("{RUN} --thm-dialect legacy --record class.cassette {}", server.flags());
    desk.run(&line).exits(0);
    let text = desk.read("class.cassette");
    assert!(text.contains("userId=learner-0004"), "forms were posted");
    assert!(!text.contains("apiKey"), "and their keys joined below the recorder");
}

#[test]
fn the_shipped_script_is_free_of_mistakes() {
    let desk = Desk::empty().with("onboard_class.rhai", ONBOARD_CLASS);
    assert_eq!(desk.run("check onboard_class.rhai").exits(0).err, "");
}

#[test]
fn a_row_does_not_say_itself_how_it_ended() {
    let script = "each([\"a\"], |name| #{ state: \"done\" });";
    let desk = Desk::empty().with("state.rhai", script);
    let ended = desk.run("run state.rhai");
    assert!(ended.exits(1).err.contains("returned `state`"), "{ended}");
}
