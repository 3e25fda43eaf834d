//! Wrong command lines and configurations: a clear message, 2 or 3, and nothing sent.

use drillmaster_sandbox::{THM_KEY, VERACODE_KEY};

use super::{check, check_unsent};
use crate::snapshot::snapshot;
use crate::workdir::{CLASS, Door, ONBOARD_CLASS, Workdir};

const RUN: &str = "run onboard_class.rhai --roster class.csv";

/// Runs a script of these words.
#[track_caller]
fn script(name: &str, text: &str, exit: i32) {
    check_unsent(name, Workdir::empty().with("script.rhai", text), "run script.rhai", exit);
}

#[test]
fn no_script() {
    check_unsent("no_script", Workdir::empty(), "run onboard_class.rhai", 2);
}

#[test]
fn no_roster() {
    check_unsent("no_roster", Workdir::with_class(), "run onboard_class.rhai", 2);
}

#[test]
fn no_roster_file() {
    let line = "run onboard_class.rhai --roster clas.csv";
    check_unsent("no_roster_file", Workdir::with_class(), line, 2);
}

#[test]
fn an_unknown_entry() {
    script("unknown_entry", "thm::rooms();\nthm::add_sseat(#{ email: \"ada@example.com\" });", 3);
}

#[test]
fn all_unknown_variables_are_told() {
    let script = "print(a);\nfn f() { 1 }\nprint(b + a);\nprint(c + );\nprint(d);";
    let ended = Workdir::empty().with("script.rhai", script).run("check script.rhai --format json");
    let found: Vec<serde_json::Value> = serde_json::from_str(&ended.exits(3).out).unwrap();
    let told: Vec<_> =
        found.iter().map(|one| format!("{}: {}", one["line"], one["message"])).collect();
    let undefined = |line: u32, name: &str| format!("{line}: \"undefined variable: {name}\"");
    assert_eq!(told[..3], [undefined(1, "a"), undefined(3, "b"), undefined(4, "c")]);
    // Anything else is the end of it.
    assert!(told.len() == 4 && told[3].starts_with("4: "), "{told:?}");
    let within = Workdir::empty().with("script.rhai", "fn f() { a } print(b); f();");
    let ended = within.run("check script.rhai --format csv");
    assert_eq!(ended.exits(3).out.lines().count(), 3, "{ended}");
}

#[test]
fn an_unknown_module() {
    script("unknown_module", "let rooms = tmh::rooms();", 3);
}

#[test]
fn an_unknown_function() {
    script("unknown_function", "thm::rooms();\nprnt(\"done\");", 3);
}

#[test]
fn a_walk_through_what_is_no_list() {
    script("walk_of_no_list", "for link in thm::all_authenticate() { print(link); }", 3);
}

#[test]
fn a_misspelt_field() {
    let text = "thm::rooms();\nthm::authenticate(#{ extUserId: \"1\", roomcode: \"linux1\" });";
    script("misspelt_field", text, 3);
}

#[test]
fn a_missing_field() {
    script("missing_field", "thm::rooms();\nthm::add_seat();", 3);
}

#[test]
fn a_field_of_another_type() {
    script("field_of_another_type", "veracode::users_details(#{ limit: \"many\" });", 3);
}

#[test]
fn a_field_out_of_bounds() {
    script("field_out_of_bounds", "veracode::users_details(#{ limit: 51 });", 3);
}

#[test]
fn an_assignment_to_what_is_outside_of_the_row() {
    let text =
        "let added = 0;\neach([\"ada\", \"bob\"], |name| {\n    added += 1;\n});\nprint(added);";
    script("assignment_outside_of_the_row", text, 3);
}

#[test]
fn a_syntax_error() {
    script("syntax_error", "let room = \"linux1\";\nif room == { print(room); }", 3);
}

#[test]
fn a_script_that_is_no_text() {
    let workdir = Workdir::empty().with("script.rhai", [0xff, 0xfe, 0x00]);
    check_unsent("script_no_text", workdir, "run script.rhai", 2);
}

const INPUTS: &str = r#"
    let room = input("room", "code of the room");
    let most = input("most", "how many learners at most", 10);
    let share = input("share", "which part of them", 0.5);
    let mail = input("mail", "whether they are told", true);
    thm::room_exists(#{ roomCode: room });
"#;

#[track_caller]
fn inputs(name: &str, flags: &str) {
    let workdir = Workdir::empty().with("script.rhai", INPUTS);
    check_unsent(name, workdir, &format!("run script.rhai {flags}"), 2);
}

#[test]
fn a_missing_input() {
    inputs("input_missing", "");
}

#[test]
fn a_mistyped_input() {
    inputs("input_no_whole_number", "--set room=linux1 --set most=ten");
    inputs("input_no_number", "--set room=linux1 --set share=half");
    inputs("input_no_flag", "--set room=linux1 --set mail=yes");
}

#[test]
fn an_input_that_is_set_twice() {
    inputs("input_set_twice", "--set room=linux1 --set mail=true --set room=linux2");
    let ended = Workdir::empty().run_with("input(\"a\")\n", "repl --set a=1 --set a=1");
    assert!(ended.exits(2).err.contains("--set gives the input `a` twice"), "{ended}");
    // What a resumed run is told takes the place of what it was told at first.
    let workdir = Workdir::empty().with("say.rhai", "print(input(\"word\", \"\", \"\"));");
    workdir.run("run say.rhai --set word=a").exits(0);
    assert_eq!(workdir.run("resume --allow-changed --set word=b").exits(0).out, "b\n");
}

#[test]
fn an_input_without_a_description() {
    script("input_undescribed", "print(input(\"x\"));", 2);
}

#[test]
fn an_unknown_input() {
    inputs("input_unknown", "--set rom=linux1");
}

#[test]
fn an_input_without_a_value() {
    inputs("input_without_value", "--set room");
}

#[test]
fn an_input_that_is_no_literal() {
    script("input_no_literal", "let name = \"room\";\nprint(input(name, \"a room\"));", 3);
}

#[test]
fn a_base_url_that_is_none() {
    for (name, url) in [
        ("url_no_url", "tryhackme"),
        ("url_of_another_scheme", "ftp://tryhackme.example"),
        ("url_plain_http", "http://tryhackme.example"),
        ("url_with_a_password", "https://me:secret@tryhackme.example"),
    ] {
        let workdir = Workdir::with_class().with_keys();
        let line = format!("{RUN} --on live --thm-url {url}");
        let ended = workdir.run(&line);
        snapshot("cli", name, &ended.to_string());
        assert!(!ended.err.contains("secret"), "{ended}");
        ended.exits(2);
    }
}

#[test]
fn an_address_without_on_live() {
    let line = format!("{RUN} --thm-url https://tryhackme.example");
    check("url_without_on_live", &Workdir::with_class().with_keys(), &line, 2);
}

#[test]
fn a_key_that_is_missing_for_on_live() {
    for (name, workdir) in [
        ("key_missing", Workdir::with_class()),
        ("key_missing_of_one", Workdir::with_class().setting("DRILLMASTER_THM_KEY", THM_KEY)),
        (
            "key_empty",
            Workdir::with_class()
                .setting("DRILLMASTER_VERACODE_KEY", VERACODE_KEY)
                .setting("DRILLMASTER_THM_KEY", ""),
        ),
        (
            "key_of_another_form",
            Workdir::with_class()
                .setting("DRILLMASTER_THM_KEY", THM_KEY)
                .setting("DRILLMASTER_VERACODE_KEY", "no-secret-in-it"),
        ),
    ] {
        let door = Door::closed();
        let ended = workdir.run(&format!("{RUN} {}", door.flags()));
        assert!(!door.was_knocked_at(), "something was sent: {ended}");
        snapshot("cli", name, &ended.to_string());
        assert!(!ended.err.contains("no-secret-in-it"), "a key may be in it: {ended}");
        ended.exits(2);
    }
}

#[test]
fn a_key_is_needed_only_for_services_that_the_script_calls() {
    let server = crate::server::Server::start("");
    let workdir = Workdir::empty()
        .with("script.rhai", "print(thm::room_exists(#{ roomCode: \"linux1\" }).roomExists);")
        .setting("DRILLMASTER_THM_KEY", THM_KEY);
    let ended = workdir.run(&format!("run script.rhai {}", server.flags()));
    assert_eq!(ended.exits(0).out, "true\n");
}

#[test]
fn a_cassette_that_is_recorded_and_replayed_at_once() {
    let line = format!("{RUN} --record a.cassette --replay b.cassette");
    check("record_and_replay", &Workdir::with_class(), &line, 2);
}

#[test]
fn a_cassette_that_is_damaged_in_the_middle() {
    let workdir = Workdir::with_class();
    workdir.run(&format!("{RUN} --record class.cassette")).exits(0);
    let text = workdir.read("class.cassette");
    let half = text.len() / 2;
    let damaged = format!("{}{}", &text[..half], &text[half + 10..]);
    let workdir = workdir.with("class.cassette", damaged);
    let ended = workdir.run(&format!("{RUN} --replay class.cassette"));
    assert!(ended.exits(2).err.contains("is damaged at byte "), "{ended}");
    assert_eq!(ended.out, "");
}

#[test]
fn a_cassette_that_cannot_be_written() {
    let line = format!("{RUN} --record nowhere/class.cassette");
    check_unsent("cassette_unwritable", Workdir::with_class(), &line, 2);
}

#[test]
fn an_unknown_command_or_flag() {
    let workdir = Workdir::with_class();
    check("unknown_command", &workdir, "rum onboard_class.rhai", 2);
    check("unknown_flag", &workdir, "run onboard_class.rhai --rooster class.csv", 2);
    check("unknown_dialect", &workdir, "call thm.rooms --thm-dialect french", 2);
    check("unknown_shell", &workdir, "completions tcsh", 2);
    check("unknown_endpoint", &workdir, "endpoints thm.roms", 2);
}

/// Any two that are written, and one of them with one that is read; new files and old ones, in any spelling.
#[test]
fn no_two_files_of_a_command_are_one() {
    let workdir = Workdir::with_class();
    workdir.run(&format!("{RUN} --record old.cassette --journal old.journal")).exits(0);
    let before = workdir.read("old.cassette");
    for flags in [
        "--results new --record new",
        "--results new --record ./new",
        "--results new.csv --report ./new.csv",
        "--report new.html --report ./new.html",
        "--results new --journal new",
        "--record new --journal ./new",
        "--results new --log new",
        "--results new.roster.csv --record new.cassette",
        "--record class.cassette --results ./class.roster.csv",
        "--verify old.cassette --results old.cassette",
        "--replay old.cassette --results ./old.cassette",
        "--append old.cassette --report old.roster.csv",
        "--dry-run --plan new.html --report new.html",
        "--report new.html --template ./new.html",
    ] {
        let ended = workdir.run(&format!("{RUN} {flags}"));
        assert!(ended.exits(2).err.contains(" the same file"), "{ended}");
        assert!(!workdir.path("new.cassette").exists(), "{ended}");
    }
    for line in [
        "cassette export old.cassette -o ./old.cassette",
        "cassette seal old.journal -o old.journal",
        "cassette seal old.journal -o onboard_class.rhai",
        "cassette import old.cassette -o ./old.cassette",
        "sandbox --state state.json --log ./state.json",
        "resume old.journal --results ./old.journal",
    ] {
        let ended = workdir.run(line);
        assert!(ended.exits(2).err.contains(" the same file"), "{ended}");
    }
    assert_eq!(workdir.read("old.cassette"), before);
}

#[test]
fn a_file_of_the_run_is_not_written_over() {
    let check = |flags: &str| {
        let workdir = Workdir::with_class().with("results.csv", "an older one");
        let ended = workdir.run(&format!("{RUN} {flags}"));
        assert!(ended.exits(2).err.contains(" the same file"), "{ended}");
        assert_eq!(workdir.read("class.csv"), CLASS);
        assert_eq!(workdir.read("onboard_class.rhai"), ONBOARD_CLASS);
        assert_eq!(workdir.read("results.csv"), "an older one");
    };
    check("--results class.csv");
    check("--results ./onboard_class.rhai");
    check("--record class.csv");
    check("--results results.csv --record results.csv");
    check("--results new.csv --record new.csv");
}

#[test]
fn results_go_to_plain_files_only() {
    let workdir = Workdir::with_class().with("folder/file", "");
    for place in ["folder", "-", "/dev/null"] {
        workdir.run(&format!("{RUN} --results {place}")).exits(2);
    }
}

#[test]
fn more_learners_than_fit_are_refused() {
    Workdir::empty().run("sandbox --learners 99999999999").exits(2);
}

#[test]
fn a_state_file_that_cannot_be_written_is_refused_at_the_start() {
    Workdir::empty().run("sandbox --state nowhere/state.json").exits(2);
}
