//! The workflows that read: their numbers agree with one another.

use std::collections::BTreeMap;

use drillmaster_models::Dialect;
use serde_json::json;

use super::{CLASS, cells, run, sandbox};

#[test]
fn who_lags_behind_depends_on_the_day() {
    let lagging = |since| {
        let sandbox = sandbox(Dialect::Current);
        let inputs = [("since", since), ("links", "false")];
        let ran = run(&sandbox, Dialect::Current, "laggards", Some(CLASS), &inputs);
        assert_eq!(sandbox.writes(), json!({}));
        let stalled = cells(&ran.out).concat();
        stalled.iter().filter(|cell| cell.starts_with("stalled since")).count()
    };
    assert_eq!(lagging("2026-01-01"), 0);
    assert!(lagging("2026-04-30") < lagging("2026-08-15"));
}

#[test]
fn everybody_of_a_class_stands_in_its_report_once() {
    let current = Dialect::Current;
    let ran = run(&sandbox(current), current, "class_report", Some(CLASS), &[]);
    assert_eq!(ran.out.lines().count(), 2 + 30);
    for learner in cells(CLASS) {
        assert_eq!(ran.out.matches(&learner[1]).count(), 1, "{}", learner[1]);
    }
}

#[test]
fn a_service_that_is_no_part_of_a_class_is_not_called() {
    let current = Dialect::Current;
    for script in ["class_report", "laggards"] {
        let with =
            |labs| run(&sandbox(current), current, script, Some(CLASS), &[("labs", labs)]).calls;
        assert!(with("true").contains("veracode."));
        assert!(!with("false").contains("veracode."));
    }
}

#[test]
fn rooms_tasks_and_questions_tell_of_the_same_points() {
    for dialect in [Dialect::Current, Dialect::Legacy] {
        // Score and right answers of each person in each room.
        let sums = |by: &str, score: usize, correct: usize| {
            let inputs = [("rooms", "linux1, logs101,acme-capstone"), ("by", by)];
            let ran = run(&sandbox(dialect), dialect, "room_results", None, &inputs);
            let mut sums = BTreeMap::new();
            for line in cells(&ran.out) {
                let sum: &mut (u64, u64) = sums.entry(line[..3].to_vec()).or_default();
                sum.0 += line[score].parse::<u64>().unwrap();
                sum.1 += match line[correct].as_str() {
                    "true" => 1,
                    "false" => 0,
                    count => count.parse().unwrap(),
                };
            }
            sums
        };
        let rooms = sums("room", 3, 5);
        assert!(rooms.len() > 30);
        assert_eq!(sums("task", 4, 5), rooms);
        assert_eq!(sums("question", 6, 5), rooms);
    }
}

#[test]
fn answers_are_told_only_when_asked_for() {
    for dialect in [Dialect::Current, Dialect::Legacy] {
        let bank = |answers| {
            let inputs = [("answers", answers)];
            cells(&run(&sandbox(dialect), dialect, "question_bank", None, &inputs).out)
        };
        let (with, without) = (bank("true"), bank("false"));
        assert!(with.iter().all(|line| !line[6].is_empty()));
        let cut: Vec<_> = with.iter().map(|line| line[..6].to_vec()).collect();
        assert_eq!(cut, without);
    }
}

#[test]
fn lessons_are_narrowed_down() {
    let current = Dialect::Current;
    let found = |inputs: &[(&str, &str)]| {
        cells(&run(&sandbox(current), current, "lesson_catalog", None, inputs).out)
    };
    let (all, python) = (found(&[]), found(&[("tag", "python")]));
    assert!(!python.is_empty() && python.len() < all.len());
    assert!(python.iter().all(|line| line[4].contains("Python")));
    let challenges = found(&[("kind", "challenges")]);
    assert_eq!(challenges.len() + found(&[("kind", "lessons")]).len(), all.len());
    assert!(!challenges.is_empty() && challenges.iter().all(|line| line[3] == "true"));
}

#[test]
fn an_audit_lists_what_is_asked_for() {
    let current = Dialect::Current;
    let since = ("inactive-since", "2026-04-15");
    let found = |only| {
        let ran = run(&sandbox(current), current, "access_audit", None, &[since, ("only", only)]);
        (cells(&ran.out), ran.calls.contains("thm.users"))
    };
    let (all, _) = found("");
    let (some, at_thm) = found("admin,never-joined");
    let wanted = |line: &&Vec<String>| ["admin", "never-joined"].contains(&line[0].as_str());
    assert_eq!(some.iter().collect::<Vec<_>>(), all.iter().filter(wanted).collect::<Vec<_>>());
    // The service that has no part in it is not asked.
    assert!(!at_thm);
    let (inactive, _) = found("inactive");
    assert!(!inactive.is_empty() && inactive.iter().all(|line| line[3].as_str() < "2026-04-15"));
}
