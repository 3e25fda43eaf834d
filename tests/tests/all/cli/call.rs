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
fn a_list_is_a_table_csv_or_json() {
    check("call_table", &Workdir::empty(), DETAILS, 0);
    check("call_csv", &Workdir::empty(), &format!("{DETAILS} --format csv"), 0);
    check("call_json", &Workdir::empty(), &format!("{DETAILS} --format json"), 0);
}

#[test]
fn a_single_answer_is_a_table_csv_or_json() {
    let line = "call thm.room_exists --roomCode linux1";
    check("call_single_table", &Workdir::empty(), line, 0);
    check("call_single_csv", &Workdir::empty(), &format!("{line} --format csv"), 0);
    check("call_single_json", &Workdir::empty(), &format!("{line} --format json"), 0);
}

#[test]
fn an_empty_list_is_told_to_people_and_empty_for_programs() {
    let line = "call veracode.users_details --phrase zzzz";
    check("call_empty", &Workdir::empty(), line, 0);
    assert_eq!(json(line)["users"], Value::Array(Vec::new()));
}

#[test]
fn all_pages_are_walked_through() {
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
fn flags_are_the_fields_or_as_shells_like_them() {
    let workdir = Workdir::empty();
    let plain = workdir.run("call thm.questions --roomCode linux1");
    let kebab = workdir.run("call thm.questions --room-code linux1");
    assert_eq!((plain.exits(0), &plain.out), (&plain, &kebab.out));
}

#[test]
fn the_answers_of_questions_are_hidden_unless_asked_for() {
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
fn an_answer_in_the_legacy_dialect_has_the_current_shape() {
    let current = json("call thm.scoreboard --roomCode linux1");
    let legacy = json("call thm.scoreboard --roomCode linux1 --thm-dialect legacy");
    let names = |board: &Value| -> Vec<String> {
        board[0].as_object().unwrap().keys().filter(|name| *name != "data").cloned().collect()
    };
    assert!(names(&legacy).iter().all(|name| names(&current).contains(name)), "{legacy:#}");
}

#[test]
fn an_endpoint_that_the_dialect_lacks_is_told() {
    let line = "call thm.add_seat --email ada@example.com --thm-dialect legacy";
    check_unsent("call_unsupported", Workdir::empty(), line, 2);
}

#[test]
fn a_misspelt_flag_suggests_the_right_one() {
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
fn a_field_that_is_missing_or_wrong_is_told() {
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
fn a_refusal_is_told_in_the_services_words() {
    check("call_refused", &Workdir::empty(), "call thm.add_seat --email nobody@example.com", 1);
    check("call_refused_room", &Workdir::empty(), "call thm.scoreboard --roomCode linux99", 1);
}

#[test]
fn a_room_that_is_not_there_is_an_answer() {
    let absent = json("call thm.room_exists --roomCode globex-review");
    assert_eq!(absent["roomExists"], false);
}

/// Somebody at the live services with these keys, where a sandbox stands in for them.
fn person(thm: &str, veracode: &str) -> Workdir {
    Workdir::with_class()
        .setting("DRILLMASTER_THM_KEY", thm)
        .setting("DRILLMASTER_VERACODE_KEY", veracode)
}

#[test]
fn a_refused_credential_is_no_refused_call() {
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
fn the_wrong_dialect_is_not_changed_silently() {
    let server = Server::start("--dialect legacy");
    let line = format!("call thm.scoreboard --roomCode linux1 {}", server.flags());
    check("call_wrong_dialect", &person(THM_KEY, VERACODE_KEY), &line, 1);
}

#[test]
fn a_service_that_is_not_there_is_told() {
    // No server of today listens on port 1.
    let line = "call thm.rooms --on live --thm-url http://127.0.0.1:1";
    let ended = person(THM_KEY, VERACODE_KEY).run(line);
    assert!(ended.exits(1).err.contains("cannot connect"), "{ended}");
}

#[test]
fn what_is_so_already_is_no_error() {
    let line = "call thm.add_seat --email nina.levasseur@example.com";
    let ended = Workdir::empty().run(line);
    assert_eq!(ended.exits(0).err, "unchanged: User already assigned to seat.\n");
}

#[test]
fn a_call_that_answers_nothing_is_done() {
    let ended =
        Workdir::empty().run("call veracode.delete_user --yes --id cb4f412c59ef801d0e6de1c6");
    assert!(ended.exits(0).err.starts_with("done"), "{ended}");
}

#[test]
fn a_csv_file_holds_whole_lists() {
    let ended = Workdir::empty().run("call veracode.roles --format csv");
    assert!(!ended.exits(0).out.contains("items"), "{ended}");
}
