//! `--log FILE`: events for programs, without personal data.

use drillmaster_sandbox::{THM_KEY, VERACODE_KEY};
use serde_json::{Value, json};

use super::check;
use crate::server::Server;
use crate::workdir::Workdir;

/// The lines of a log.
fn lines(workdir: &Workdir, file: &str) -> Vec<Value> {
    workdir.read(file).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The lines of one event, without times.
fn told(lines: &[Value], event: &str) -> Vec<Value> {
    let of_event = lines.iter().filter(|line| line["event"] == event).cloned();
    let bare = of_event.map(|mut line| {
        let fields = line.as_object_mut().unwrap();
        for name in ["at", "event", "ms", "wait_ms", "pid", "version"] {
            fields.shift_remove(name);
        }
        line
    });
    bare.collect()
}

const PEOPLE: &str = "email,name,id\nada@corp.example,Ada L,A1\nbob@corp.example,Bob M,B2\n";
const SEAT: &str =
    "each(roster(), |row| { thm::authenticate(#{ extUserId: row.id, roomCode: \"linux1\" }); });";

fn workdir() -> Workdir {
    Workdir::empty().with("seat.rhai", SEAT).with("class.csv", PEOPLE)
}

#[test]
fn a_log_has_each_call_and_each_row() {
    let workdir = workdir();
    let line = "run seat.rhai --roster class.csv --concurrency 1 --log run.log";
    workdir.run(line).exits(0);
    let log = lines(&workdir, "run.log");
    let call = |row: u32| {
        json!({ "level": "info", "entry": "thm.authenticate", "method": "POST",
                "path": "/external/api/authenticate", "status": 200, "attempt": 1, "source": "service",
                "row": row })
    };
    assert_eq!(told(&log, "call"), [call(1), call(2)]);
    let row = |number: u32| json!({ "level": "info", "row": number, "state": "done" });
    assert_eq!(told(&log, "row"), [row(1), row(2)]);
    assert_eq!(told(&log, "begin"), [json!({ "level": "info", "command": "run" })]);
    assert_eq!(told(&log, "end"), [json!({ "level": "info", "exit": 0 })]);
}

#[test]
fn a_log_is_appended_to() {
    let workdir = workdir();
    for _ in 0..2 {
        workdir.run("call thm.rooms --log run.log --quiet").exits(0);
    }
    let log = lines(&workdir, "run.log");
    let events: Vec<_> = log.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["begin", "call", "end", "begin", "call", "end"]);
    assert!(log.iter().all(|line| line["at"].as_str().unwrap().parse::<Moment>().is_ok()));
}

/// The number as the log has it.
struct Moment;

impl std::str::FromStr for Moment {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let shape = regex::Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$").unwrap();
        shape.is_match(text).then_some(Self).ok_or(())
    }
}

#[test]
fn a_replay_is_logged_as_a_replay() {
    let workdir = workdir();
    let line = "run seat.rhai --roster class.csv";
    workdir.run(&format!("{line} --record class.cassette")).exits(0);
    workdir.run(&format!("{line} --replay class.cassette --log run.log")).exits(0);
    let sources: Vec<_> = told(&lines(&workdir, "run.log"), "call")
        .iter()
        .map(|call| call["source"].clone())
        .collect();
    assert_eq!(sources, ["recording", "recording"]);
}

#[test]
fn a_dry_run_is_logged_as_a_dry_run() {
    let workdir = workdir();
    workdir.run("run seat.rhai --roster class.csv --dry-run --log run.log").exits(0);
    let rows = told(&lines(&workdir, "run.log"), "row");
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["rehearsal"] == true), "{rows:?}");
}

#[test]
fn a_filter_selects_events() {
    let events = |filter: &str| {
        let workdir = workdir().setting("DRILLMASTER_LOG", filter);
        workdir.run("run seat.rhai --roster class.csv --log run.log").exits(0);
        let mut events: Vec<String> = lines(&workdir, "run.log")
            .iter()
            .map(|line| line["event"].as_str().unwrap().to_owned())
            .collect();
        events.sort();
        events
    };
    assert_eq!(events("row=info"), ["row", "row"]);
    assert_eq!(events("info,call=off,row=off"), ["begin", "end"]);
    assert!(events("warn").is_empty());
}

#[test]
fn an_invalid_log_file_is_refused_before_anything_is_sent() {
    let workdir = workdir();
    check("log_no_log", &workdir, "run seat.rhai --roster class.csv --log class.csv", 2);
    assert_eq!(workdir.read("class.csv"), PEOPLE);
    check("log_no_file", &workdir, "call thm.rooms --log -", 2);
    check("log_no_folder", &workdir, "call thm.rooms --log nowhere/run.log", 2);
    check(
        "log_taken",
        &workdir,
        "run seat.rhai --roster class.csv --log run.log --results run.log",
        2,
    );
    let workdir = workdir.setting("DRILLMASTER_LOG", "cal=debug");
    check("log_no_filter", &workdir, "call thm.rooms --log run.log", 2);
}

#[cfg(unix)]
#[test]
fn a_new_log_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let workdir = workdir();
    workdir.run("call thm.rooms --log run.log").exits(0);
    let mode = std::fs::metadata(workdir.path("run.log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn a_log_is_complete_when_the_process_is_killed() {
    let workdir = Workdir::empty();
    let server = Server::at(&workdir, "--log sandbox.log");
    assert_eq!(told(&lines(&workdir, "sandbox.log"), "begin").len(), 1);
    server.end("-KILL");
    assert_eq!(lines(&workdir, "sandbox.log").len(), 1);
}

const SECRETS: &str = r#"
    print(`for ${input("manager")}, cc ${input("cc")}`);
    log_room("planted-room-4711");
    fn log_room(room) { try { thm::scoreboard(#{ roomCode: room }) } catch { } }
    try { veracode::users_details(#{ phrase: "planted phrase 0815" }) } catch { }
    try { veracode::update_user(#{ id: "planted-user-id-77", name: "Planted Name-88" }) } catch { }
    try { thm::register(#{ token: "planted-token-99" }) } catch { }
    let boss = ();
    for user in veracode::all_users() { if user.isAdmin && !user.isDisabled { boss = user; } }
    each(roster(), |row| {
        try { thm::add_seat(#{ email: row.email }); } catch (error) { note(error.to_string()); }
        thm::authenticate(#{ extUserId: row.id, roomCode: "linux1" });
        veracode::invite(#{ email: row.email, name: row.name, senderId: boss.id });
    });
"#;

/// Even at the highest level and with errors.
#[test]
fn no_personal_data_or_key_is_in_a_log_at_its_highest_level() {
    let row = |n: u32| {
        [format!("zoe.{n}@corp.example"), format!("Zoë-{n} Müller"), format!("E-4711-zoe-{n}")]
    };
    let rows: Vec<[String; 3]> = (10..20).map(row).collect();
    let table = rows.iter().map(|row| row.join(","));
    let roster =
        std::iter::once("email,name,id".to_owned()).chain(table).collect::<Vec<_>>().join("\n");
    let (key, secret) = VERACODE_KEY.split_once(':').unwrap();
    let kept_out = [THM_KEY, key, secret];
    let travelled = [
        "hidden.manager@corp.example",
        "hidden.cc@corp.example",
        "planted-room-4711",
        "planted phrase 0815",
        "planted-user-id-77",
        "Planted Name-88",
        "planted-token-99",
    ];
    let travelled: Vec<&str> = rows.iter().flatten().map(String::as_str).chain(travelled).collect();
    assert_eq!(kept_out.len() + travelled.len(), 40);

    let faults = "veracode.users:500-before@1,thm.authenticate:429-retry@2:1s,\
                  veracode.invite:reset-after@3,thm.add_seat:reset-before@4,veracode.invite:html@5";
    let mut journals = String::new();
    for dialect in ["current", "legacy"] {
        let server = Server::start(&format!("--fault {faults} --dialect {dialect}"));
        let workdir = Workdir::empty()
            .with_keys()
            .setting("DRILLMASTER_LOG", "trace")
            .with("class.rhai", SECRETS)
            .with("class.csv", &roster);
        let line = format!(
            "run class.rhai --roster class.csv --set manager={} --set cc={} --rate 40/s --verbose \
             --thm-dialect {dialect} --journal class.journal --log class.log {}",
            travelled[30],
            travelled[31],
            server.flags()
        );
        let ended = workdir.run(&line);
        assert!(matches!(ended.exit, Some(0 | 1)), "{ended}");
        let (log, journal) = (workdir.read("class.log"), workdir.read("class.journal"));
        for secret in kept_out.iter().chain(&travelled) {
            for form in forms(secret) {
                assert!(!log.to_lowercase().contains(&form.to_lowercase()), "{form} is in the log");
            }
        }
        journals += &journal;
        let log = lines(&workdir, "class.log");
        for event in ["begin", "call", "retry", "wait", "settle", "row", "end"] {
            assert!(!told(&log, event).is_empty(), "no {event} in {log:#?}");
        }
        let attempts = told(&log, "call").iter().any(|call| call["attempt"] == 2);
        assert!(attempts, "no second attempt in {log:#?}");
    }
    // The test is only valid if the values were sent. Not all of them can be sent in each dialect.
    for secret in &travelled {
        assert!(
            forms(secret).iter().any(|form| journals.contains(form)),
            "{secret} did not travel"
        );
    }
}

/// A text in the forms in which it could be in a line.
fn forms(secret: &str) -> [String; 4] {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    [secret.to_owned(), secret.replace(' ', "+"), secret.replace(' ', "%20"), percent]
}
