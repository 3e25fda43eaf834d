//! `drillmaster cassette show` and `stats`.

use serde_json::Value;

use super::check;
use crate::server::Server;
use crate::workdir::{Ended, Workdir};

/// Requests with every result except a lost response, and a value.
const SCRIPT: &str = r#"
let started = now();
let room = thm::questions(#{ roomCode: "linux1" });
print(room.questions.len());
print(thm::register(#{ token: "sesame-open-99" }).accepted);
for row in each(roster(), |row| {
    thm::add_seat(#{ email: row.email });
    #{ link: thm::authenticate(#{ extUserId: row.id, roomCode: "linux1" }).url }
}) { print(row.key); }
"#;
const CLASS: &str = "email,id\nkian.rutherford@example.com,kr-1\nnobody@firma.example,nb-2\n";
const TWO_SEATS: &str = include_str!("../../../cassettes/two_seats.cassette");
const REVEAL: &str = "[hidden; use --reveal to show]";

/// A workdir with the same run as a cassette and as a journal.
fn workdir() -> Workdir {
    let workdir = Workdir::empty().with("seat.rhai", SCRIPT).with("class.csv", CLASS);
    let line = "run seat.rhai --roster class.csv --concurrency 1";
    workdir.run(&format!("{line} --record seat.cassette --journal seat.journal")).exits(1);
    workdir
}

/// A workdir with the journal of a run with server errors and lost responses.
fn troubled() -> Workdir {
    let faults = "thm.users:500-before@1,2,3,thm.add_seat:reset-before@1,2,4";
    let server = Server::start(&format!("--fault {faults}"));
    let script = "try { thm::users() } catch { print(\"broken\") }\n\
                  for row in each(roster(), |row| { thm::add_seat(#{ email: row.email }); }) { print(row.key); }";
    let workdir = Workdir::empty().with_keys().with("seat.rhai", script).with("class.csv", CLASS);
    let line =
        "run seat.rhai --roster class.csv --concurrency 1 --resolve-for 0s --journal seat.journal";
    workdir.run(&format!("{line} {}", server.flags())).exits(1);
    workdir
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.exits(0).out).unwrap()
}

#[test]
fn a_cassette_is_listed_with_one_line_per_request() {
    let workdir = workdir();
    check("show", &workdir, "cassette show seat.cassette", 0);
    check("show_csv", &workdir, "cassette show seat.cassette --format csv", 0);
    check("show_json", &workdir, "cassette show seat.cassette --format json", 0);
}

#[test]
fn a_journal_is_listed_with_the_real_people() {
    let workdir = workdir();
    check("show_journal", &workdir, "cassette show seat.journal", 0);
    let [sealed, raw] = ["cassette", "journal"].map(|file| {
        let shown = json(&workdir.run(&format!("cassette show seat.{file} --format json")));
        let requests = shown.as_array().unwrap().iter();
        requests.map(|one| (one["endpoint"].clone(), one["status"].clone())).collect::<Vec<_>>()
    });
    assert_eq!(sealed, raw);
}

#[test]
fn an_unsealed_cassette_is_shown() {
    let workdir = Workdir::empty().with("two_seats.cassette", TWO_SEATS);
    check("show_unsealed", &workdir, "cassette show two_seats.cassette", 0);
    check("stats_unsealed", &workdir, "cassette stats two_seats.cassette", 0);
}

#[test]
fn requests_can_be_filtered() {
    let workdir = workdir();
    for (name, filter) in [
        ("show_entry", "--endpoint thm.authenticate"),
        ("show_scope", "--scope learner-0001@example.com"),
        ("show_main", "--scope main"),
        ("show_refused", "--state refused"),
        ("show_answered", "--state answered --endpoint thm.add_seat"),
        ("show_none", "--state lost"),
        ("show_nobody", "--scope kian.rutherford@example.com"),
    ] {
        check(name, &workdir, &format!("cassette show seat.cassette {filter}"), 0);
    }
    let shown = workdir.run("cassette show seat.cassette --state lost --format json");
    assert_eq!(json(&shown), Value::Array(Vec::new()));
    let scope = "cassette show seat.journal --scope kian.rutherford@example.com --format json";
    assert_eq!(json(&workdir.run(scope)).as_array().unwrap().len(), 2);
}

#[test]
fn an_invalid_filter_is_refused() {
    let workdir = workdir();
    check("show_no_entry", &workdir, "cassette show seat.cassette --endpoint thm.seats", 2);
    check("show_no_state", &workdir, "cassette show seat.cassette --state gone", 2);
    check("show_reveal_alone", &workdir, "cassette show seat.cassette --reveal", 2);
}

#[test]
fn server_errors_and_lost_responses_are_distinct() {
    let workdir = troubled();
    let shown = json(&workdir.run("cassette show seat.journal --format json"));
    let states: Vec<_> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["endpoint"], one["state"], one["status"]))
        .collect();
    let expected = [
        r#""thm.users" "broken" 500"#,
        r#""thm.add_seat" "lost" null"#,
        r#""thm.add_seat" "refused" 400"#,
    ];
    for state in expected {
        assert!(states.iter().any(|own| own == state), "{state}: {states:#?}");
    }
    for state in ["broken", "lost", "refused"] {
        let line = format!("cassette show seat.journal --state {state} --format json");
        let shown = json(&workdir.run(&line));
        let all: Vec<_> =
            shown.as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
        assert!(!all.is_empty() && all.iter().all(|own| own == state), "{state}: {all:?}");
    }
    check("show_lost", &workdir, "cassette show seat.journal --state lost --full", 0);
}

#[test]
fn requests_and_responses_can_be_shown_in_full() {
    let workdir = workdir();
    let line = "cassette show seat.cassette --scope learner-0001@example.com --full";
    check("show_full", &workdir, line, 0);
    check("show_full_json", &workdir, &format!("{line} --format json"), 0);
    check("show_full_reveal", &workdir, &format!("{line} --reveal"), 0);
}

#[test]
fn login_links_and_tokens_are_hidden_without_reveal() {
    let workdir = workdir();
    for format in ["table", "json"] {
        let line = format!("cassette show seat.journal --full --format {format}");
        let (closed, open) = (workdir.run(&line), workdir.run(&format!("{line} --reveal")));
        assert!(closed.exits(0).out.contains(REVEAL), "{closed}");
        assert!(!open.exits(0).out.contains(REVEAL), "{open}");
        assert!(!closed.out.contains("sesame"), "{closed}");
    }
    // Answers to questions.
    let questions = "cassette show seat.journal --endpoint thm.questions --full --format json";
    let (closed, open) =
        (json(&workdir.run(questions)), json(&workdir.run(&format!("{questions} --reveal"))));
    let (closed, open) = (closed.to_string(), open.to_string());
    assert_ne!(closed, open);
    assert!(closed.contains(REVEAL) && !open.contains(REVEAL));
    // A sealed cassette has no answers, even with --reveal.
    let sealed = workdir
        .run("cassette show seat.cassette --endpoint thm.questions --full --format json --reveal");
    let mut answers = Vec::new();
    gather(&json(&sealed), "answers", &mut answers);
    gather(&json(&sealed), "answer", &mut answers);
    assert!(!answers.is_empty(), "{sealed}");
    assert!(answers.iter().all(|answer| !answer.contains(char::is_alphanumeric)), "{answers:?}");
}

/// All values of fields with this name, at any depth.
fn gather(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, name, found)),
        Value::Object(fields) => {
            for (own, field) in fields {
                if own == name {
                    found.push(field.to_string());
                }
                gather(field, name, found);
            }
        }
        _ => {}
    }
}

#[test]
fn stats_counts_requests() {
    let workdir = workdir();
    check("stats", &workdir, "cassette stats seat.cassette", 0);
    check("stats_csv", &workdir, "cassette stats seat.cassette --format csv", 0);
    check("stats_json", &workdir, "cassette stats seat.cassette --format json", 0);
    let counts = |file: &str| {
        let stats = json(&workdir.run(&format!("cassette stats {file} --format json")));
        let endpoints = stats["endpoints"].as_array().unwrap().iter();
        let counts = endpoints.map(|one| (one["endpoint"].clone(), one["requests"].clone()));
        (stats["facts"].clone(), counts.collect::<Vec<_>>())
    };
    assert_eq!(counts("seat.cassette"), counts("seat.journal"));
}

#[test]
fn a_file_that_is_not_a_recording_is_an_error() {
    let workdir = workdir();
    for task in ["show", "stats"] {
        let ended = workdir.run(&format!("cassette {task} class.csv"));
        assert!(ended.exits(2).err.contains("class.csv: this is not a cassette"), "{ended}");
        let ended = workdir.run(&format!("cassette {task} absent.cassette"));
        assert!(ended.exits(2).err.contains("cannot read absent.cassette"), "{ended}");
    }
    let text = workdir.read("seat.cassette");
    let workdir = workdir.with("cut.cassette", &text[..text.len() / 2]);
    assert!(workdir.run("cassette show cut.cassette").exits(2).err.contains("cut off"));
}
