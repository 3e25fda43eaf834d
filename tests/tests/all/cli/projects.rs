//! Script projects: what `init` creates, and what `test` says about a changed script.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use super::check;
use crate::desk::Desk;

const SCRIPT: &str = "proj/onboard.rhai";
const CASSETTE: &str = "proj/recordings/onboard.cassette";
const ACCEPTED: &str = "proj/recordings/onboard.accepted";
const RECORD: &str = "run proj/onboard.rhai --roster proj/class.csv --record";

/// A desk with a project in `proj`.
fn project() -> Desk {
    let desk = Desk::empty();
    desk.run("init proj").exits(0);
    desk
}

/// Appends a line to the project's script.
fn with_line(desk: Desk, line: &str) -> Desk {
    let script = format!("{}\n{line}\n", desk.read(SCRIPT));
    desk.with(SCRIPT, script)
}

/// The files below a folder, by their paths within it.
fn files(desk: &Desk, folder: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(desk.path(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let inside = files(desk, &format!("{folder}/{name}"));
            names.extend(inside.iter().map(|inside| format!("{name}/{inside}")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

/// Name, verdict and detail of each test.
fn verdicts(desk: &Desk, line: &str) -> Vec<[String; 3]> {
    let told: Value =
        serde_json::from_str(&desk.run(&format!("{line} --format json")).out).unwrap();
    let cell = |test: &Value, name: &str| test[name].as_str().unwrap().to_owned();
    let tests = told.as_array().unwrap().iter();
    tests.map(|test| ["test", "verdict", "detail"].map(|name| cell(test, name))).collect()
}

#[test]
fn a_project_begins_with_a_test_that_passes() {
    let desk = Desk::empty();
    check("init", &desk, "init proj", 0);
    check("test_ok", &desk, "test proj", 0);
    let accepted = desk.read(ACCEPTED);
    desk.run("test proj --accept").exits(0);
    assert_eq!(desk.read(ACCEPTED), accepted);
}

#[test]
fn a_project_works_in_either_dialect() {
    let seats = |dialect: &str| {
        let desk = Desk::empty();
        desk.run(&format!("init proj --thm-dialect {dialect}")).exits(0);
        desk.run("test proj").exits(0);
        // A project made for one dialect runs in the other, too.
        for other in ["current", "legacy"] {
            desk.run(&format!(
                "run proj/onboard.rhai --roster proj/class.csv --thm-dialect {other}"
            ))
            .exits(0);
        }
        desk.run(&format!("{RECORD} {CASSETTE} --thm-dialect {dialect}")).exits(0);
        desk.run("test proj").exits(0);
        assert!(desk.read(CASSETTE).contains("thm.authenticate"));
        desk.read(CASSETTE).matches("\"thm.add_seat\"").count()
    };
    assert_eq!((seats("current"), seats("legacy")), (3, 0));
}

#[test]
fn a_project_can_be_created_in_the_working_directory() {
    let desk = Desk::empty();
    check("init_here", &desk, "init", 0);
    check("test_here", &desk, "test", 0);
}

#[test]
fn the_commands_in_the_projects_readme_work() {
    let desk = project();
    let lines = desk.read("proj/README.md");
    let commands: Vec<_> = lines.lines().filter(|line| line.starts_with("drillmaster ")).collect();
    let on_sandbox: Vec<_> = commands.iter().filter(|line| !line.contains("--on live")).collect();
    assert!(on_sandbox.len() >= 5 && commands.len() > on_sandbox.len(), "{commands:?}");
    let (cassette, accepted) = (desk.read(CASSETTE), desk.read(ACCEPTED));
    for command in on_sandbox {
        let command = command.split('#').next().unwrap().strip_prefix("drillmaster ").unwrap();
        desk.run_in("proj", command).exits(0);
    }
    assert_eq!((desk.read(CASSETTE), desk.read(ACCEPTED)), (cassette, accepted));
}

#[test]
fn init_overwrites_nothing() {
    let made = files(&project(), "proj");
    for name in &made {
        let desk = Desk::empty().with(&format!("proj/{name}"), "mine");
        let ended = desk.run("init proj");
        assert!(ended.exits(2).err.contains(&format!("proj/{name} already exists")), "{ended}");
        assert_eq!(files(&desk, "proj"), [name.as_str()]);
        assert_eq!(desk.read(&format!("proj/{name}")), "mine");
    }
    let desk = Desk::empty().with("proj", "a file");
    check("init_at_a_file", &desk, "init proj", 2);
    let desk = Desk::empty().with("proj/notes.txt", "mine");
    desk.run("init proj").exits(0);
    assert_eq!(desk.read("proj/notes.txt"), "mine");
}

#[test]
fn a_folder_without_tests_is_an_error() {
    let desk = project().with("empty/notes.txt", "");
    check("test_of_nothing", &desk, "test empty", 2);
    check("test_of_no_folder", &desk, "test absent", 2);
    check("test_filter_of_nothing", &desk, "test proj --filter nothing", 2);
}

#[test]
fn changes_are_shown_and_can_be_accepted() {
    let desk = with_line(project(), "print(\"that is all\");");
    let before = desk.read(ACCEPTED);
    check("test_different", &desk, "test proj", 1);
    assert_eq!(desk.read(ACCEPTED), before);
    check("test_accepted", &desk, "test proj --accept", 0);
    assert!(desk.read(ACCEPTED).contains("that is all"));
    check("test_ok", &desk, "test proj", 0);
}

#[test]
fn the_results_are_part_of_the_snapshot() {
    let desk = project();
    let script = desk.read(SCRIPT).replace("url }", "url, more: 1 }");
    let desk = desk.with(SCRIPT, script);
    let [[_, verdict, detail]] = verdicts(&desk, "test proj").try_into().unwrap();
    assert_eq!(verdict, "different");
    assert!(detail.contains("+email,id,state,detail,link,more"), "{detail}");
}

#[test]
fn a_request_that_was_not_recorded_is_never_accepted() {
    let desk = with_line(project(), "thm::users();");
    let before = desk.read(ACCEPTED);
    check("test_not_recorded", &desk, "test proj", 1);
    check("test_not_recorded", &desk, "test proj", 1);
    desk.run("test proj --accept").exits(1);
    assert_eq!(desk.read(ACCEPTED), before);
}

#[test]
fn a_recorded_request_that_is_no_longer_sent_is_never_accepted() {
    let room = "if !thm::room_exists(#{ roomCode: room }).roomExists { throw `there is no room \
                \"${room}\"`; }";
    let script = project().read(SCRIPT);
    assert!(script.contains(room));
    let desk = project().with(SCRIPT, script.replace(room, ""));
    check("test_unused", &desk, "test proj --accept", 1);
}

#[test]
fn a_test_that_cannot_run_fails_and_the_others_still_run() {
    let desk = project()
        .with("proj/broken.rhai", "print(")
        .with("proj/torn.rhai", "print(1);")
        .with("proj/torn.cassette", "{\"event\":");
    std::fs::copy(desk.path(CASSETTE), desk.path("proj/broken.cassette")).unwrap();
    check("test_broken", &desk, "test proj --accept", 1);
}

#[test]
fn a_missing_roster_is_named_with_its_place() {
    let desk = project();
    std::fs::remove_file(desk.path("proj/recordings/onboard.roster.csv")).unwrap();
    check("test_no_roster", &desk, "test proj", 1);
}

#[test]
fn a_cassette_may_be_next_to_its_script_or_in_recordings() {
    let desk = project();
    for file in ["cassette", "roster.csv", "accepted"] {
        let moved = desk.path(&format!("proj/onboard.{file}"));
        std::fs::rename(desk.path(&format!("proj/recordings/onboard.{file}")), moved).unwrap();
    }
    check("test_ok", &desk, "test proj", 0);
    // A roster that tests share has the name of the script.
    desk.run("run proj/onboard.rhai --roster proj/class.csv --record proj/recordings/onboard.again.cassette")
        .exits(0);
    std::fs::rename(
        desk.path("proj/recordings/onboard.again.roster.csv"),
        desk.path("proj/recordings/onboard.roster.csv"),
    )
    .unwrap();
    desk.run("test proj --accept").exits(0);
    check("test_both", &desk, "test proj", 0);
}

#[test]
fn a_new_test_is_new_until_it_is_accepted() {
    let desk = project().with("proj/other.rhai", "print(thm::rooms().roomInfo.len());");
    desk.run("run proj/other.rhai --record proj/other.cassette").exits(0);
    check("test_new", &desk, "test proj", 1);
    check("test_new_accepted", &desk, "test proj --accept", 0);
    check("test_new_ok", &desk, "test proj", 0);
}

#[test]
fn a_script_can_have_several_tests_each_with_its_own_roster() {
    let desk = project()
        .with("proj/none.csv", "email,id\n")
        .with("proj/one.csv", "email,id\ncurt.bartell@example.com,learner-0012\n");
    desk.run("run proj/onboard.rhai --roster proj/none.csv --record proj/onboard.empty.cassette")
        .exits(0);
    desk.run("run proj/onboard.rhai --roster proj/one.csv --record proj/onboard.one.two.cassette")
        .exits(0);
    desk.run("test proj --accept").exits(0);
    check("test_cases", &desk, "test proj", 0);
    check("test_filter", &desk, "test proj --filter one", 0);
    assert!(!desk.read("proj/onboard.empty.accepted").contains('@'));
    assert_eq!(desk.read("proj/onboard.one.two.accepted").matches("thm.add_seat").count(), 1);
}

#[test]
fn a_cassette_without_a_script_is_skipped_and_counted() {
    let desk = project();
    std::fs::copy(desk.path(CASSETTE), desk.path("proj/alone.cassette")).unwrap();
    check("test_stranger", &desk, "test proj", 0);
    desk.run(&format!("cassette export {CASSETTE} -o proj/a.har")).exits(0);
    std::fs::create_dir(desk.path("proj/.git")).unwrap();
    std::fs::copy(desk.path(CASSETTE), desk.path("proj/.git/hidden.cassette")).unwrap();
    check("test_stranger", &desk, "test proj", 0);
}

#[test]
fn a_test_uses_the_inputs_key_and_limit_of_its_recording() {
    let desk = project();
    let line = format!("{RECORD} {CASSETTE} --set room=sqli1 --key id --max-rows 2");
    desk.run(&line).exits(0);
    desk.run("test proj --accept").exits(0);
    let accepted = desk.read(ACCEPTED);
    assert!(accepted.contains("learner-0002: thm.authenticate"), "{accepted}");
    assert!(accepted.contains("\"roomCode\":\"sqli1\""), "{accepted}");
    assert!(!accepted.contains("learner-0003"), "{accepted}");
    desk.run("test proj").exits(0);
}

#[test]
fn tests_can_be_run_from_any_folder() {
    let desk = with_line(project(), "throw \"too bad\";");
    desk.run("test proj --accept").exits(0);
    for (folder, line) in [
        ("proj", "test"),
        ("proj", "test ."),
        (".", "test"),
        (".", "test proj/"),
        (".", "test proj/recordings"),
        ("proj/recordings", "test"),
        ("proj/recordings", "test .."),
    ] {
        desk.run_in(folder, line).exits(0);
    }
    let absolute = desk.path("proj").display().to_string();
    desk.run(&format!("test {absolute}")).exits(0);
}

#[test]
fn tests_in_parallel_print_the_same_as_one_at_a_time() {
    let mut desk = project();
    let (script, cassette) = (desk.read(SCRIPT), desk.read(CASSETTE));
    let (roster, accepted) = (desk.read("proj/recordings/onboard.roster.csv"), desk.read(ACCEPTED));
    for n in 0..12 {
        let more = if n % 3 == 0 { "print(\"more\");" } else { "" };
        desk = desk
            .with(&format!("proj/{n}/onboard.rhai"), format!("{script}\n{more}"))
            .with(&format!("proj/{n}/onboard.cassette"), &cassette)
            .with(&format!("proj/{n}/onboard.roster.csv"), &roster)
            .with(&format!("proj/{n}/onboard.accepted"), &accepted);
    }
    let alone = desk.run("test proj --jobs 1");
    let together = desk.run("test proj --jobs 8");
    assert_eq!((&together.out, &together.err), (&alone.out, &alone.err));
    assert!(alone.exits(1).err.starts_with("13 tests: 4 different, 9 ok\n"), "{alone}");
    assert_eq!(desk.run("test proj --jobs 0").out, alone.out);
    let [[name, verdict, _]] = verdicts(&desk, "test proj --filter 9").try_into().unwrap();
    assert_eq!((name.as_str(), verdict.as_str()), ("9/onboard", "different"));
}

#[test]
fn outcomes_are_printed_as_json_and_csv() {
    let desk = with_line(project(), "print(\"that is all\");");
    check("test_json", &desk, "test proj --format json", 1);
    check("test_csv", &desk, "test proj --format csv", 1);
}

/// The texts and attributes of an XML file by the path of their elements. Panics if it is not well-formed.
fn xml(text: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut path: Vec<String> = Vec::new();
    let mut found = Vec::new();
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                path.push(start.name().as_ref().to_owned());
                for attribute in start.attributes() {
                    let attribute = attribute.unwrap();
                    let name = attribute.key.as_ref();
                    let value = attribute
                        .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                        .unwrap()
                        .into_owned();
                    found.push((format!("{}@{name}", path.join("/")), value));
                }
                if matches!(event, Event::Empty(_)) {
                    path.pop();
                }
            }
            Event::End(_) => drop(path.pop()),
            Event::Text(words) => found.push((path.join("/"), words.to_string())),
            Event::GeneralRef(name) => {
                let name = name.to_string();
                let sign = quick_xml::escape::unescape(&format!("&{name};")).unwrap().into_owned();
                found.push((path.join("/"), sign));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(path.is_empty(), "{path:?} is open");
    found
}

/// The text at a path, with its pieces joined.
fn at(found: &[(String, String)], path: &str) -> String {
    found.iter().filter(|(own, _)| own == path).map(|(_, text)| text.as_str()).collect()
}

#[test]
fn outcomes_are_written_as_junit() {
    let desk = with_line(project(), "print(\"<b>&amp; ]]> \\x07\\uffff'\\\"\");")
        .with("proj/a&b.rhai", "print(1);");
    desk.run("run proj/a&b.rhai --record proj/a&b.cassette").exits(0);
    let ended = desk.run("test proj --junit out.xml");
    assert_eq!(ended.exits(1).out, desk.run("test proj").out);
    let text = desk.read("out.xml");
    crate::snapshot::snapshot("cli", "test_junit", &text);
    let found = xml(&text);
    let detail = at(&found, "testsuites/testsuite/testcase/failure");
    assert!(detail.contains("+<b>&amp; ]]> '\"\n"), "{detail}");
    assert!(detail.contains("+1\n"), "{detail}");
    assert_eq!(at(&found, "testsuites@tests"), "2");
    assert_eq!(at(&found, "testsuites@failures"), "2");
    assert_eq!(at(&found, "testsuites/testsuite/testcase@name"), "a&bonboard");
    let allowed =
        |c: char| c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}') || "\t\n\r".contains(c);
    assert!(text.chars().all(allowed));
    desk.run("test proj --accept --junit out.xml").exits(0);
    assert!(!desk.read("out.xml").contains("<failure"));
}

#[test]
fn a_junit_file_that_cannot_be_written_is_refused_first() {
    let desk = project();
    check("test_junit_in_no_folder", &desk, "test proj --junit absent/out.xml", 2);
    check("test_junit_in_a_folder", &desk, "test proj --junit proj", 2);
    for file in [SCRIPT, CASSETTE, ACCEPTED, "proj/recordings/onboard.roster.csv"] {
        let ended = desk.run(&format!("test proj --junit {file}"));
        assert!(ended.exits(2).err.contains("name the same file"), "{ended}");
    }
    desk.run("test proj").exits(0);
}
