//! Looking at what was recorded.

use serde_json::Value;

use super::check;
use crate::desk::{Desk, Ended};
use crate::server::Server;

/// Each way in which a request ends, besides being lost; and a value.
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
const REVEAL: &str = "[hidden; --reveal shows it]";

/// A desk with the same run as a cassette and as a journal.
fn desk() -> Desk {
    let desk = Desk::empty().with("seat.rhai", SCRIPT).with("class.csv", CLASS);
    let line = "run seat.rhai --roster class.csv --concurrency 1";
    desk.run(&format!("{line} --record seat.cassette --journal seat.journal")).exits(1);
    desk
}

/// A desk with the journal of a run whose service broke down and hung up.
fn troubled() -> Desk {
    let faults = "thm.users:500-before@1,2,3,thm.add_seat:reset-before@1,2,4";
    let server = Server::start(&format!("--fault {faults}"));
    let script = "try { thm::users() } catch { print(\"broken\") }\n\
                  for row in each(roster(), |row| { thm::add_seat(#{ email: row.email }); }) { print(row.key); }";
    let desk = Desk::empty().with_keys().with("seat.rhai", script).with("class.csv", CLASS);
    let line =
        "run seat.rhai --roster class.csv --concurrency 1 --resolve-for 0s --journal seat.journal";
    desk.run(&format!("{line} {}", server.flags())).exits(1);
    desk
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.exits(0).out).unwrap()
}

#[test]
fn a_cassette_is_listed_a_line_a_request() {
    let desk = desk();
    check("show", &desk, "cassette show seat.cassette", 0);
    check("show_csv", &desk, "cassette show seat.cassette --format csv", 0);
    check("show_json", &desk, "cassette show seat.cassette --format json", 0);
}

#[test]
fn a_journal_is_listed_alike_with_the_people_of_the_run() {
    let desk = desk();
    check("show_journal", &desk, "cassette show seat.journal", 0);
    let [sealed, raw] = ["cassette", "journal"].map(|file| {
        let shown = json(&desk.run(&format!("cassette show seat.{file} --format json")));
        let requests = shown.as_array().unwrap().iter();
        requests.map(|one| (one["entry"].clone(), one["status"].clone())).collect::<Vec<_>>()
    });
    assert_eq!(sealed, raw);
}

#[test]
fn a_cassette_that_was_never_sealed_is_shown_too() {
    let desk = Desk::empty().with("two_seats.cassette", TWO_SEATS);
    check("show_unsealed", &desk, "cassette show two_seats.cassette", 0);
    check("stats_unsealed", &desk, "cassette stats two_seats.cassette", 0);
}

#[test]
fn what_is_looked_for_can_be_narrowed_down() {
    let desk = desk();
    for (name, filter) in [
        ("show_entry", "--entry thm.authenticate"),
        ("show_scope", "--scope learner-0001@example.com"),
        ("show_main", "--scope main"),
        ("show_refused", "--state refused"),
        ("show_answered", "--state answered --entry thm.add_seat"),
        ("show_none", "--state lost"),
        ("show_nobody", "--scope kian.rutherford@example.com"),
    ] {
        check(name, &desk, &format!("cassette show seat.cassette {filter}"), 0);
    }
    let shown = desk.run("cassette show seat.cassette --state lost --format json");
    assert_eq!(json(&shown), Value::Array(Vec::new()));
    let scope = "cassette show seat.journal --scope kian.rutherford@example.com --format json";
    assert_eq!(json(&desk.run(scope)).as_array().unwrap().len(), 2);
}

#[test]
fn a_filter_that_fits_nothing_ever_is_refused() {
    let desk = desk();
    check("show_no_entry", &desk, "cassette show seat.cassette --entry thm.seats", 2);
    check("show_no_state", &desk, "cassette show seat.cassette --state gone", 2);
    check("show_reveal_alone", &desk, "cassette show seat.cassette --reveal", 2);
}

#[test]
fn breakdowns_and_losses_are_told_apart() {
    let desk = troubled();
    let shown = json(&desk.run("cassette show seat.journal --format json"));
    let states: Vec<_> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["entry"], one["state"], one["status"]))
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
        let shown = json(&desk.run(&line));
        let all: Vec<_> =
            shown.as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
        assert!(!all.is_empty() && all.iter().all(|own| own == state), "{state}: {all:?}");
    }
    check("show_lost", &desk, "cassette show seat.journal --state lost --full", 0);
}

#[test]
fn all_that_travelled_can_be_shown() {
    let desk = desk();
    let line = "cassette show seat.cassette --scope learner-0001@example.com --full";
    check("show_full", &desk, line, 0);
    check("show_full_json", &desk, &format!("{line} --format json"), 0);
    check("show_full_reveal", &desk, &format!("{line} --reveal"), 0);
}

#[test]
fn what_lets_somebody_in_is_shown_on_demand_alone() {
    let desk = desk();
    for format in ["table", "json"] {
        let line = format!("cassette show seat.journal --full --format {format}");
        let (closed, open) = (desk.run(&line), desk.run(&format!("{line} --reveal")));
        assert!(closed.exits(0).out.contains(REVEAL), "{closed}");
        assert!(!open.exits(0).out.contains(REVEAL), "{open}");
        assert!(!closed.out.contains("sesame"), "{closed}");
    }
    // The answers of questions.
    let questions = "cassette show seat.journal --entry thm.questions --full --format json";
    let (closed, open) =
        (json(&desk.run(questions)), json(&desk.run(&format!("{questions} --reveal"))));
    let (closed, open) = (closed.to_string(), open.to_string());
    assert_ne!(closed, open);
    assert!(closed.contains(REVEAL) && !open.contains(REVEAL));
    // Nobody's answers are in a cassette that is shared, revealed or not.
    let sealed =
        desk.run("cassette show seat.cassette --entry thm.questions --full --format json --reveal");
    let mut answers = Vec::new();
    gather(&json(&sealed), "answers", &mut answers);
    gather(&json(&sealed), "answer", &mut answers);
    assert!(!answers.is_empty(), "{sealed}");
    assert!(answers.iter().all(|answer| !answer.contains(char::is_alphanumeric)), "{answers:?}");
}

/// Everything that stands under a name, however deep.
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
fn what_was_recorded_is_counted() {
    let desk = desk();
    check("stats", &desk, "cassette stats seat.cassette", 0);
    check("stats_csv", &desk, "cassette stats seat.cassette --format csv", 0);
    check("stats_json", &desk, "cassette stats seat.cassette --format json", 0);
    let counts = |file: &str| {
        let stats = json(&desk.run(&format!("cassette stats {file} --format json")));
        let endpoints = stats["entries"].as_array().unwrap().iter();
        let counts = endpoints.map(|one| (one["entry"].clone(), one["requests"].clone()));
        (stats["facts"].clone(), counts.collect::<Vec<_>>())
    };
    assert_eq!(counts("seat.cassette"), counts("seat.journal"));
}

#[test]
fn what_is_no_recording_is_told() {
    let desk = desk();
    for task in ["show", "stats"] {
        let ended = desk.run(&format!("cassette {task} class.csv"));
        assert!(ended.exits(2).err.contains("class.csv: this is not a cassette"), "{ended}");
        let ended = desk.run(&format!("cassette {task} absent.cassette"));
        assert!(ended.exits(2).err.contains("cannot read absent.cassette"), "{ended}");
    }
    let text = desk.read("seat.cassette");
    let desk = desk.with("cut.cassette", &text[..text.len() / 2]);
    assert!(desk.run("cassette show cut.cassette").exits(2).err.contains("cut off"));
}
