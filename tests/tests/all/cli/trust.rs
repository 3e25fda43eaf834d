//! Whose journals are resumed unasked: one's own. Those of others, or of earlier releases, show first what they name.

use std::path::Path;

use drillmaster_journal::{History, Journal};
use drillmaster_transport::cassette::EventReader;
use drillmaster_transport::cassette::lines::line;
use drillmaster_transport::cassette::{Event, Header};
use serde_json::{Value, json};

use super::check;
use crate::desk::{Desk, Door};
use crate::server::Server;
use crate::snapshot::snapshot;

/// Journals that release 0.1 wrote before lines were chained and headers signed, and what their run was made from.
const ENDED: &str = include_str!("../../../journals/ended.journal");
const KILLED: &str = include_str!("../../../journals/killed.journal");
const INVITE: &str = include_str!("../../../journals/invite.rhai");
const THREE: &str = include_str!("../../../journals/three.csv");

const RUN: &str = "run onboard_class.rhai --roster class.csv --max-rows 2";

/// The same journal with another order.
fn rewritten(journal: &Path, to: &Path, change: impl FnOnce(&mut Header)) {
    let events = EventReader::open(journal).unwrap();
    let mut header = History::read(journal).unwrap().header().clone();
    change(&mut header);
    let written = Journal::create(to, header).unwrap();
    for event in events.map(Result::unwrap) {
        match event {
            Event::Resumed(_) | Event::End { .. } => {}
            event => written.append(&event).unwrap(),
        }
    }
}

/// What the flags of a door say, for a header.
fn urls(door: &Door) -> Value {
    let flags = door.flags();
    let url = flags.split(' ').next_back().unwrap();
    json!({ "thm": url, "veracode": url })
}

/// A journal of somebody else, who would like to have the key and a file to be overwritten.
fn sent_by_somebody(door: &Door) -> Desk {
    let other = Desk::with_class();
    other.run(&format!("{RUN} --journal kind.journal")).exits(0);
    let desk = Desk::with_class().with_keys().with("precious.csv", "do not touch\n");
    rewritten(&other.path("kind.journal"), &desk.path("kind.journal"), |header| {
        header.run["on"] = "live".into();
        header.run["urls"] = urls(door);
        header.run["max_rows"] = Value::Null;
        for (name, file) in
            [("script", "onboard_class.rhai"), ("roster", "class.csv"), ("results", "precious.csv")]
        {
            header.run[name] = desk.path(file).display().to_string().into();
        }
    });
    desk
}

#[test]
fn a_journal_of_somebody_else_sends_nothing_and_writes_nothing_before_it_is_trusted() {
    let door = Door::closed();
    let desk = sent_by_somebody(&door);
    let before = std::fs::read(desk.path("kind.journal")).unwrap();
    check("trust_refused", &desk, "resume kind.journal", 2);
    for line in ["resume kind.journal --failed --yes", "resume kind.journal --allow-changed"] {
        let ended = desk.run(line);
        assert!(ended.exits(2).err.contains("--trust-journal"), "{ended}");
    }
    assert!(!door.was_knocked_at());
    assert_eq!(desk.read("precious.csv"), "do not touch\n");
    assert_eq!(std::fs::read(desk.path("kind.journal")).unwrap(), before);
    desk.run("runs show kind.journal").exits(0);
    desk.run("cassette show kind.journal").exits(0);

    // What it names was shown: this is what was wanted.
    let mut process = desk.start("resume kind.journal --trust-journal");
    while !door.was_knocked_at() {
        std::thread::yield_now();
    }
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn a_journal_in_the_state_folder_is_no_better_than_another() {
    let door = Door::closed();
    let desk = sent_by_somebody(&door);
    let id = "20991231-235959-ffff";
    std::fs::create_dir_all(desk.path("state/drillmaster/runs")).unwrap();
    let place = desk.path(&format!("state/drillmaster/runs/{id}.journal"));
    std::fs::rename(desk.path("kind.journal"), place).unwrap();
    for line in ["resume", &format!("resume {id}"), "resume --failed"] {
        let ended = desk.run(line);
        assert!(ended.exits(2).err.contains("--trust-journal"), "{ended}");
    }
    assert!(!door.was_knocked_at());
}

#[test]
fn a_journal_that_was_trusted_once_is_ones_own() {
    let desk = Desk::with_class();
    desk.run(&format!("{RUN} --journal my.journal")).exits(0);
    let other =
        Desk::with_class().with("my.journal", std::fs::read(desk.path("my.journal")).unwrap());
    other.run("resume my.journal").exits(2);
    check("trust_given", &other, "resume my.journal --trust-journal", 0);
    let ended = other.run("resume my.journal");
    assert!(!ended.exits(0).err.contains("resuming it"), "{ended}");
    // And not the other's any more.
    let desk = desk.with("my.journal", std::fs::read(other.path("my.journal")).unwrap());
    desk.run("resume my.journal").exits(2);
}

/// Every part of what a run was asked to do.
#[test]
fn a_header_that_was_changed_is_not_ones_own() {
    let desk = Desk::with_class();
    desk.run(&format!("{RUN} --journal my.journal")).exits(0);
    let header = History::read(desk.path("my.journal")).unwrap().header().clone();
    let names: Vec<_> = header.run.keys().cloned().collect();
    assert!(names.len() > 12, "{names:?}");
    for name in names {
        let copy = desk.path(&format!("{name}.journal"));
        rewritten(&desk.path("my.journal"), &copy, |header| {
            let changed = match &header.run[&name] {
                Value::String(text) if name == "on" => text.replace("sandbox", "live").into(),
                Value::String(text) if name == "started" => text.replacen("20", "19", 1).into(),
                Value::String(text) if name == "dialect" => {
                    text.replace("current", "legacy").into()
                }
                Value::String(text) => format!("{text}0").into(),
                Value::Null => match name.as_str() {
                    "rate" => "7/s".into(),
                    "approved" => json!({ "plan": "plan", "hash": "0" }),
                    _ => Value::from("other"),
                },
                Value::Bool(is) => (!is).into(),
                Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
                Value::Array(_) => json!([["room", "linux1"]]),
                Value::Object(_) => json!({ "thm": "http://127.0.0.1:1" }),
            };
            header.run.insert(name.clone(), changed);
        });
        let ended = desk.run(&format!("resume {name}.journal"));
        assert!(ended.exits(2).err.contains("--trust-journal"), "{name}: {ended}");
    }
    rewritten(&desk.path("my.journal"), &desk.path("same.journal"), |_| {});
    desk.run("resume same.journal").exits(0);
}

#[cfg(unix)]
#[test]
fn the_key_is_made_once_and_only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::with_class().with("say.rhai", "print(\"hello\");");
    let started: Vec<_> =
        (0..8).map(|n| desk.start(&format!("run say.rhai --journal {n}.journal"))).collect();
    for mut process in started {
        assert!(process.wait().unwrap().success());
    }
    for n in 0..8 {
        desk.run(&format!("resume {n}.journal")).exits(0);
    }
    let key = desk.path("state/drillmaster/journal.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read(&key).unwrap().len(), 32);
    std::fs::write(&key, "short").unwrap();
    check("trust_key_damaged", &desk, "resume 0.journal", 2);
    // Without it, its journals are those of a stranger; nothing makes another in passing.
    std::fs::remove_file(&key).unwrap();
    desk.run("resume 0.journal").exits(2);
    assert!(!key.exists());
    desk.run("resume 0.journal --trust-journal").exits(0);
    desk.run("resume 0.journal").exits(0);
}

/// A journal that an earlier release wrote, as if that had been at this desk and with these services.
fn of_an_earlier_release(text: &str, urls: Value) -> Desk {
    let desk = Desk::empty().with_keys().with("invite.rhai", INVITE).with("three.csv", THREE);
    let (first, rest) = text.split_once('\n').unwrap();
    let mut event: Value = serde_json::from_str(first).unwrap();
    event.as_object_mut().unwrap().shift_remove("sum");
    for (name, file) in
        [("script", "invite.rhai"), ("roster", "three.csv"), ("results", "results.csv")]
    {
        event["run"][name] = desk.path(file).display().to_string().into();
    }
    event["run"]["urls"] = urls;
    let header = String::from_utf8(line(&serde_json::from_value(event).unwrap())).unwrap();
    desk.with("old.journal", header + rest)
}

#[test]
fn a_run_of_an_earlier_release_is_shown_first_and_goes_on_as_it_was_begun() {
    let server = Server::start("--learners 6 --seed 7");
    let urls = json!({ "thm": server.url, "veracode": server.url });
    let desk = of_an_earlier_release(ENDED, urls);
    check("trust_earlier_release", &desk, "resume old.journal", 2);
    // What that release decided about writes in doubt is not taken over: they are looked into again.
    let mut ended = desk.run("resume old.journal --trust-journal --resolve-for 0s");
    ended.line = "resume old.journal --trust-journal".to_owned();
    snapshot("cli", "trust_earlier_release_given", &ended.exits(1).to_string());
    desk.run("resume old.journal").exits(1);
    assert_eq!(server.writes(), json!({}), "all of it was answered");
    let shown = desk.run("runs show old.journal");
    assert!(shown.exits(0).out.contains("1 done, 2 in-doubt"), "{shown}");
}

/// What was decided about a write without a clear answer is not guessed.
#[test]
fn sealing_a_journal_of_an_earlier_release_tells_what_is_in_doubt() {
    for (name, text) in [("seal_earlier_ended", ENDED), ("seal_earlier_killed", KILLED)] {
        let desk = of_an_earlier_release(text, json!({}));
        check(name, &desk, "cassette seal old.journal -o old.cassette", 0);
        // As many requests as the journal has once its parts are made one.
        let shown = desk.run("cassette stats old.cassette");
        snapshot("cli", &format!("{name}_stats"), &shown.exits(0).to_string());
    }
}
