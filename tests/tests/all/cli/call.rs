//! `drillmaster call`.

use drillmaster_sandbox::{THM_KEY, VERACODE_DISABLED_KEY, VERACODE_KEY};
use serde_json::Value;

use super::{check, check_unsent};
use crate::server::Server;
use crate::workdir::Workdir;

const DETAILS: &str = "call veracode.users_details --limit 5 --sort name";

#[track_caller]
fn json(line: &str) -> Value {
    let ended = Workdir::empty().run(&format!("{line} --format json"));
    serde_json::from_str(&ended.exits(0).out).unwrap()
}

#[test]
fn a_list_is_printed_as_table_csv_or_json() {
    check("call_table", &Workdir::empty(), DETAILS, 0);
    check("call_csv", &Workdir::empty(), &format!("{DETAILS} --format csv"), 0);
    check("call_json", &Workdir::empty(), &format!("{DETAILS} --format json"), 0);
}

#[test]
fn an_object_is_printed_as_table_csv_or_json() {
    let line = "call thm.room_exists --roomCode linux1";
    check("call_single_table", &Workdir::empty(), line, 0);
    check("call_single_csv", &Workdir::empty(), &format!("{line} --format csv"), 0);
    check("call_single_json", &Workdir::empty(), &format!("{line} --format json"), 0);
}

#[test]
fn an_empty_list_has_a_note_for_people_and_no_rows_for_programs() {
    let line = "call veracode.users_details --phrase zzzz";
    check("call_empty", &Workdir::empty(), line, 0);
    assert_eq!(json(line)["users"], Value::Array(Vec::new()));
}

#[test]
fn all_fetches_every_page() {
    let page = json("call veracode.users");
    let all = json("call veracode.users --all");
    let all = all.as_array().unwrap();
    assert!(all.len() > page["users"].as_array().unwrap().len());
    assert_eq!(
        all.len(),
        Workdir::empty().run("call veracode.users --all --format csv").out.lines().count() - 1
    );
}

#[test]
fn flags_are_field_names_or_kebab_case() {
    let workdir = Workdir::empty();
    let plain = workdir.run("call thm.questions --roomCode linux1");
    let kebab = workdir.run("call thm.questions --room-code linux1");
    assert_eq!((plain.exits(0), &plain.out), (&plain, &kebab.out));
}

#[test]
fn answers_to_questions_are_hidden_without_reveal() {
    for format in ["table", "csv", "json"] {
        let line = format!("call thm.questions --roomCode linux1 --format {format}");
        let hidden = Workdir::empty().run(&line);
        assert!(!hidden.exits(0).out.contains("pwd"), "{hidden}");
        let shown = Workdir::empty().run(&format!("{line} --reveal"));
        assert_ne!(shown.exits(0).out, hidden.out, "{format}");
    }
    let shown = json("call thm.questions --roomCode linux1 --reveal");
    assert_eq!(shown["questions"][0]["infoList"][0]["answer"], "pwd");
}

#[test]
fn a_legacy_response_has_the_current_shape() {
    let current = json("call thm.scoreboard --roomCode linux1");
    let legacy = json("call thm.scoreboard --roomCode linux1 --thm-dialect legacy");
    let names = |board: &Value| -> Vec<String> {
        board[0].as_object().unwrap().keys().filter(|name| *name != "data").cloned().collect()
    };
    assert!(names(&legacy).iter().all(|name| names(&current).contains(name)), "{legacy:#}");
}

#[test]
fn an_endpoint_missing_from_the_dialect_is_an_error() {
    let line = "call thm.add_seat --email ada@example.com --thm-dialect legacy";
    check_unsent("call_unsupported", Workdir::empty(), line, 2);
}

#[test]
fn a_misspelt_flag_gets_a_suggestion() {
    check_unsent("call_misspelt", Workdir::empty(), "call veracode.users_details --limt 5", 2);
    check_unsent(
        "call_misspelt_case",
        Workdir::empty(),
        "call thm.scoreboard --roomcode linux1",
        2,
    );
    check_unsent("call_misspelt_entry", Workdir::empty(), "call thm.roms", 2);
}

#[test]
fn a_missing_or_invalid_field_is_an_error() {
    check_unsent("call_missing", Workdir::empty(), "call thm.scoreboard", 2);
    check_unsent("call_no_number", Workdir::empty(), "call veracode.users_details --limit many", 2);
    check_unsent(
        "call_out_of_bounds",
        Workdir::empty(),
        "call veracode.users_details --limit 51",
        2,
    );
    let line = "call veracode.users_details --startTime 1";
    check_unsent("call_half_a_window", Workdir::empty(), line, 2);
    check_unsent(
        "call_no_choice",
        Workdir::empty(),
        "call veracode.users_details --sortType UP",
        2,
    );
}

#[test]
fn an_api_error_keeps_the_words_of_the_service() {
    check("call_refused", &Workdir::empty(), "call thm.add_seat --email nobody@example.com", 1);
    check("call_refused_room", &Workdir::empty(), "call thm.scoreboard --roomCode linux99", 1);
}

#[test]
fn a_missing_room_is_not_an_error() {
    let absent = json("call thm.room_exists --roomCode globex-review");
    assert_eq!(absent["roomExists"], false);
}

/// Calls a sandbox in place of the live services, with these keys.
fn person(thm: &str, veracode: &str) -> Workdir {
    Workdir::with_class()
        .setting("DRILLMASTER_THM_KEY", thm)
        .setting("DRILLMASTER_VERACODE_KEY", veracode)
}

#[test]
fn a_rejected_key_is_not_a_refused_call() {
    let server = Server::start("");
    for (name, line, workdir) in [
        ("credential_thm", "call thm.rooms", person("old-key", VERACODE_KEY)),
        ("credential_missing", "call veracode.roles", person(THM_KEY, "nobody:secret")),
        ("credential_rotated", "call veracode.roles", person(THM_KEY, "sandbox-key:old")),
        ("credential_disabled", "call veracode.roles", person(THM_KEY, VERACODE_DISABLED_KEY)),
    ] {
        check(name, &workdir, &format!("{line} {}", server.flags()), 4);
    }
}

#[test]
fn a_key_works_in_both_dialects() {
    for dialect in ["current", "legacy"] {
        let server = Server::start(&format!("--dialect {dialect}"));
        let line = "call thm.authenticate --extUserId new-1 --roomCode linux1";
        let line = format!("{line} --thm-dialect {dialect} {}", server.flags());
        person(THM_KEY, VERACODE_KEY).run(&line).exits(0);
        assert_eq!(server.writes()["thm.authenticate"]["new-1"], 1);
    }
}

#[test]
fn the_dialect_never_changes_by_itself() {
    let server = Server::start("--dialect legacy");
    let line = format!("call thm.scoreboard --roomCode linux1 {}", server.flags());
    check("call_wrong_dialect", &person(THM_KEY, VERACODE_KEY), &line, 1);
}

#[test]
fn an_unreachable_service_is_an_error() {
    // No server listens on port 1.
    let line = "call thm.rooms --on live --thm-url http://127.0.0.1:1";
    let ended = person(THM_KEY, VERACODE_KEY).run(line);
    assert!(ended.exits(1).err.contains("cannot connect"), "{ended}");
}

#[test]
fn an_unchanged_result_is_not_an_error() {
    let line = "call thm.add_seat --email nina.levasseur@example.com";
    let ended = Workdir::empty().run(line);
    assert_eq!(ended.exits(0).err, "unchanged: User already assigned to seat.\n");
}

#[test]
fn an_empty_response_is_success() {
    let ended =
        Workdir::empty().run("call veracode.delete_user --yes --id cb4f412c59ef801d0e6de1c6");
    assert!(ended.exits(0).err.starts_with("done"), "{ended}");
}

#[test]
fn csv_contains_nested_lists_in_full() {
    let ended = Workdir::empty().run("call veracode.roles --format csv");
    assert!(!ended.exits(0).out.contains("items"), "{ended}");
}
