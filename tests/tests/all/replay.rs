//! Recorded on the sandbox, replayed without it: the same output to the byte, and a refusal of everything
//! that differs.

use crate::snapshot::snapshot;
use crate::workdir::{CLASS, ONBOARD_CLASS, Workdir, check};

/// One row at a time: which of several mismatches is told first must not depend on chance.
const RUN: &str = "run onboard_class.rhai --roster class.csv --concurrency 1";

/// A workdir with the recording of a class on it, `class.cassette`.
fn recorded() -> Workdir {
    let workdir = Workdir::with_class();
    workdir.run(&format!("{RUN} --record class.cassette")).exits(0);
    workdir
}

/// Replays what differs from the recording, and compares what is told about it. It ends with 5.
#[track_caller]
fn differs(name: &str, workdir: &Workdir, line: &str) {
    let ended = workdir.run(&format!("{line} --replay class.cassette"));
    snapshot("replay", name, &ended.err);
    ended.exits(5);
}

/// Its links are those of the recording, which let nobody in.
#[test]
fn a_replay_prints_the_same_to_the_byte() {
    let workdir = Workdir::with_class();
    let live = workdir.run(&format!("{RUN} --results live.csv --record class.cassette"));
    let replayed = workdir.run(&format!("{RUN} --results replayed.csv --replay class.cassette"));
    assert_eq!((replayed.exit, &replayed.out, &replayed.err), (Some(0), &live.out, &live.err));
    let rows = |file: &str| {
        let text = workdir.read(file);
        let rows = text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned());
        rows.collect::<Vec<_>>()
    };
    assert_eq!(rows("replayed.csv"), rows("live.csv"));
    assert!(
        workdir.read("replayed.csv").contains(",https://links.invalid/0001?token=token-0001\n")
    );
}

#[test]
fn a_recording_prints_the_same_as_no_recording() {
    let workdir = Workdir::with_class();
    let recording = workdir.run(&format!("{RUN} --record class.cassette"));
    let plain = workdir.run(RUN);
    assert_eq!((&recording.out, &recording.err), (&plain.out, &plain.err));
}

#[test]
fn the_time_of_a_recording_is_replayed() {
    let workdir = Workdir::empty().with("time.rhai", "print(now());");
    let live = workdir.run("run time.rhai --record time.cassette");
    assert_eq!(workdir.run("run time.rhai --replay time.cassette").exits(0).out, live.out);
}

#[test]
fn refusals_are_replayed_too() {
    let script = r#"
        let rows = each(["nobody@example.com", "hassan.wiegand@example.com"], |email| {
            thm::add_seat(#{ email: email });
        });
        print(rows.table());
    "#;
    let workdir = Workdir::empty().with("seats.rhai", script);
    let live = workdir.run("run seats.rhai --record seats.cassette");
    let replayed = workdir.run("run seats.rhai --replay seats.cassette");
    assert_eq!((live.exit, &live.out), (Some(1), &replayed.out));
    assert!(live.out.contains("refused"), "{live}");
}

#[test]
fn a_recording_needs_no_keys_to_be_replayed_and_no_service() {
    let workdir =
        recorded().setting("DRILLMASTER_THM_KEY", "").setting("DRILLMASTER_VERACODE_KEY", "");
    workdir.run(&format!("{RUN} --replay class.cassette")).exits(0);
}

#[cfg(unix)]
#[test]
fn a_recording_is_for_everybody_and_a_journal_for_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let workdir = Workdir::with_class();
    workdir.run(&format!("{RUN} --record class.cassette --journal class.journal")).exits(0);
    let mode = |file| std::fs::metadata(workdir.path(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("class.journal"), 0o600);
    // As the system lets read new files, that is.
    std::fs::write(workdir.path("new"), "").unwrap();
    assert_eq!(mode("class.cassette"), mode("new"));
}

/// A recording that was kept: what was written then is understood and answered alike today.
#[test]
fn a_recording_of_version_1_is_replayed() {
    let workdir = Workdir::empty()
        .with("two_seats.rhai", include_str!("../../cassettes/two_seats.rhai"))
        .with("two_seats.cassette", include_str!("../../cassettes/two_seats.cassette"));
    check(
        "replay",
        "two_seats",
        &workdir,
        "run two_seats.rhai --concurrency 1 --replay two_seats.cassette",
        1,
    );
}

#[test]
fn a_recording_is_sealed() {
    let workdir =
        Workdir::empty().with("two_seats.rhai", include_str!("../../cassettes/two_seats.rhai"));
    workdir.run("run two_seats.rhai --record two_seats.cassette").exits(1);
    snapshot("replay", "two_seats_cassette", &workdir.read("two_seats.cassette"));
    let replayed = workdir.run("run two_seats.rhai --concurrency 64 --replay two_seats.cassette");
    assert!(replayed.exits(1).out.contains("nobody@example.com"));
}

#[test]
fn a_learner_more_was_not_recorded() {
    let workdir = Workdir::with_class();
    let record = "run onboard_class.rhai --roster class.csv --max-rows 2 --record class.cassette";
    workdir.run(record).exits(0);
    differs("a_learner_more_was_not_recorded", &workdir, &format!("{RUN} --max-rows 3"));
}

#[test]
fn a_learner_less_leaves_calls_unused() {
    differs("a_learner_less_leaves_calls_unused", &recorded(), &format!("{RUN} --max-rows 29"));
}

/// Whoever is in the same row of the roster is the same person in the recording.
#[test]
fn a_learner_with_another_id_is_the_one_of_that_row() {
    let workdir = recorded().with("class.csv", CLASS.replace("learner-0004", "learner-9004"));
    workdir.run(&format!("{RUN} --replay class.cassette")).exits(0);
}

#[test]
fn another_room_was_not_recorded() {
    differs("another_room_was_not_recorded", &recorded(), &format!("{RUN} --set room=sqli1"));
}

#[test]
fn an_extra_call_was_not_recorded() {
    let script = format!("{ONBOARD_CLASS}\nprint(thm::users().users.len());\n");
    let workdir = recorded().with("onboard_class.rhai", script);
    differs("an_extra_call_was_not_recorded", &workdir, RUN);
}

#[test]
fn a_call_that_is_made_again_was_recorded_once() {
    let script = format!("{ONBOARD_CLASS}\nveracode::roles();\n");
    let workdir = recorded().with("onboard_class.rhai", script);
    differs("a_call_that_is_made_again_was_recorded_once", &workdir, RUN);
}

#[test]
fn a_missing_call_is_left_unused() {
    let check =
        ONBOARD_CLASS.lines().find(|line| line.starts_with("if !thm::room_exists")).unwrap();
    let workdir = recorded().with("onboard_class.rhai", ONBOARD_CLASS.replace(check, ""));
    differs("a_missing_call_is_left_unused", &workdir, RUN);
}

/// A workdir with the recording of two rooms, and a script that has changed since.
fn rooms(script: &str) -> Workdir {
    let recorded = "each([\"linux1\", \"sqli1\"], |code| thm::room_exists(#{ roomCode: code }));";
    let workdir = Workdir::empty().with("rooms.rhai", recorded);
    workdir.run("run rooms.rhai --record class.cassette").exits(0);
    workdir.with("rooms.rhai", script)
}

const ROOMS: &str = "run rooms.rhai --concurrency 1";

#[test]
fn a_script_that_catches_a_mismatch_has_no_row_done() {
    let script = r#"
        let rows = each(["linux1", "sqli1", "nowhere"], |code| {
            let room = if code == "sqli1" { "other" } else { code };
            try { thm::room_exists(#{ roomCode: room }); } catch { }
            try { thm::users(); } catch { }
        });
        print(rows.table());
    "#;
    let workdir = rooms(script);
    differs(
        "a_script_that_catches_a_mismatch_has_no_row_done",
        &workdir,
        &format!("{ROOMS} --results r.csv"),
    );
    snapshot("replay", "results_of_caught_mismatches", &workdir.read("r.csv"));
}

#[test]
fn a_mismatch_outside_of_rows_is_told_whatever_the_script_makes_of_it() {
    let read = "try { thm::users(); } catch { }\nthrow \"no users\";";
    differs("a_mismatch_that_another_error_hides", &rooms(read), ROOMS);
    let clock = "try { now(); } catch { }";
    differs("a_caught_mismatch_of_the_time", &rooms(clock), ROOMS);
}

#[test]
fn a_summary_tells_the_whole_of_a_long_text_once() {
    let script = r#"
        each(["linux1", "a", "b", "c"], |code| {
            if code != "linux1" { throw "no room " + code + "\nlooked for it\neverywhere"; }
            try { thm::users(); } catch (e) { throw e.message; }
        });
    "#;
    let workdir = rooms(script);
    differs("a_summary_of_a_mismatch", &workdir, ROOMS);
    check(
        "replay",
        "a_summary_of_long_texts",
        &workdir,
        &ROOMS.replace("run ", "run --max-rows 9 "),
        1,
    );
}

/// Replays a recording that cannot be read. It ends with 2.
#[track_caller]
fn unreadable(name: &str, change: impl Fn(&str) -> String) {
    let workdir = recorded();
    let text = change(&workdir.read("class.cassette"));
    let workdir = workdir.with("class.cassette", text);
    check("replay", name, &workdir, &format!("{RUN} --replay class.cassette"), 2);
}

#[test]
fn a_recording_that_is_damaged_in_the_middle_is_refused() {
    unreadable("a_recording_that_is_damaged_in_the_middle_is_refused", |text| {
        text.replacen("\"ordinal\": 2", "\"ordinal\": ", 1)
    });
}

#[test]
fn a_recording_that_was_changed_by_hand_is_refused() {
    unreadable("a_recording_that_was_changed_by_hand_is_refused", |text| {
        text.replacen("roomCode=linux1", "roomCode=linux2", 1)
    });
}

#[test]
fn a_recording_of_what_cannot_have_been_is_refused() {
    unreadable("a_recorded_status_that_is_none_is_refused", |text| {
        text.replacen("\"status\": 200", "\"status\": 2000", 1)
    });
    unreadable("a_recorded_number_that_is_none_is_refused", |text| {
        text.replacen("\"ordinal\": 0", "\"ordinal\": -1", 1)
    });
    unreadable("a_recorded_answer_to_no_request_is_refused", |text| {
        let (before, answer) = text.split_once("\"event\": \"response\"").unwrap();
        let answer = answer.replacen("\"scope\": \"main\"", "\"scope\": \"nobody\"", 1);
        format!("{before}\"event\": \"response\"{answer}")
    });
}

#[test]
fn a_recording_that_is_cut_off_is_refused() {
    unreadable("a_recording_that_is_cut_off_is_refused", |text| {
        let lines: Vec<_> = text.lines().take(20).collect();
        lines.join("\n")
    });
}

#[test]
fn a_recording_of_another_version_is_refused() {
    unreadable("a_recording_of_another_version_is_refused", |text| {
        text.replacen("\"version\": 1", "\"version\": 3", 1)
    });
}

#[test]
fn another_file_is_no_recording() {
    unreadable("another_file_is_no_recording", |_| CLASS.to_owned());
}

#[test]
fn a_recording_that_is_not_there_is_refused() {
    let line = format!("{RUN} --replay class.cassette");
    check("replay", "a_recording_that_is_not_there_is_refused", &Workdir::with_class(), &line, 2);
}

#[test]
fn rows_with_keys_like_our_own_names_are_told_apart() {
    let script = r#"
        let room = |key| thm::room_exists(#{ roomCode: "linux1" });
        room.call("outside");
        each(["main", "a#2", "a/c"], |key| {
            each(["c"], |inner| thm::room_exists(#{ roomCode: "linux1" }));
            thm::room_exists(#{ roomCode: "linux1" })
        });
        each(["a"], |key| thm::room_exists(#{ roomCode: "linux1" }));
    "#;
    let workdir = Workdir::empty().with("keys.rhai", script);
    workdir.run("run keys.rhai --record keys.cassette").exits(0);
    workdir.run("run keys.rhai --replay keys.cassette").exits(0);
}
