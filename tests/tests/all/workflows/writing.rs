//! The workflows that write: what they do, whom they spare, and that they have nothing to do a second time.

use drillmaster_models::Dialect;
use drillmaster_sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use super::{CLASS, LEAVERS, TEAM, check, desk, details, run, sandbox};

/// Runs a workflow twice on the same services: the first time it does what `did` says, by endpoint and how often,
/// and the second time nothing.
#[track_caller]
fn check_twice(dialect: Dialect, script: &str, roster: &str, inputs: &[(&str, &str)], did: &Value) {
    let sandbox = sandbox(dialect);
    let once = run(&sandbox, dialect, script, Some(roster), inputs);
    assert!(once.report.problem.is_none(), "{}", once.report.problem.unwrap());
    let writes = sandbox.writes();
    let counts = writes.as_object().unwrap().iter().map(|(endpoint, subjects)| {
        let subjects = subjects.as_object().unwrap();
        assert!(subjects.values().all(|count| *count == 1), "{writes}");
        (endpoint.clone(), Value::from(subjects.len()))
    });
    assert_eq!(&Value::Object(counts.collect()), did);
    let again = run(&sandbox, dialect, script, Some(roster), inputs);
    assert!(!again.report.is_empty());
    assert_eq!(details(&again, "unchanged").len(), again.report.len(), "{}", again.out);
    assert_eq!(sandbox.writes(), writes);
}

// Offboarding.

const ROOMS: (&str, &str) = ("rooms", "linux2,webbasics");

#[test]
fn a_class_is_offboarded_once() {
    let did = json!({ "thm.leave_room": 3, "thm.remove_seat": 6, "veracode.update_user": 5 });
    check_twice(Dialect::Current, "offboard_class", LEAVERS, &[ROOMS], &did);
    let did = json!({ "thm.leave_room": 3, "veracode.update_user": 5 });
    check_twice(Dialect::Legacy, "offboard_class", LEAVERS, &[ROOMS], &did);
}

#[test]
fn accounts_are_deleted_once() {
    for dialect in [Dialect::Current, Dialect::Legacy] {
        let sandbox = sandbox(dialect);
        run(&sandbox, dialect, "offboard_class", Some(LEAVERS), &[("delete", "true")]);
        let writes = sandbox.writes();
        assert_eq!(writes["veracode.delete_user"].as_object().unwrap().len(), 6);
        assert!(writes.get("veracode.update_user").is_none());
        let again = run(&sandbox, dialect, "offboard_class", Some(LEAVERS), &[("delete", "true")]);
        assert_eq!(details(&again, "unchanged").len(), 8, "{}", again.out);
    }
}

#[test]
fn accounts_are_deleted_only_with_yes() {
    let line = "run scripts/offboard_class.rhai --roster scripts/examples/leavers.csv";
    check("offboard_class_delete", &format!("{line} --set delete=true"), 4);
    check("offboard_class_delete_yes", &format!("{line} --set delete=true --yes"), 0);
}

#[test]
fn a_large_class_is_offboarded_only_when_told_how_many() {
    let line = "run scripts/offboard_class.rhai --roster scripts/examples/class.csv";
    let line = format!("{line} --set admins=true");
    check("offboard_class_many", &line, 4);
    desk().run(&format!("{line} --max-removals 30")).exits(0);
}

#[test]
fn an_admin_among_the_leavers_stops_the_run() {
    let sandbox = sandbox(Dialect::Current);
    let roster = format!("{LEAVERS}hassan.wiegand@example.com,learner-0001\n");
    let ran = run(&sandbox, Dialect::Current, "offboard_class", Some(&roster), &[]);
    let problem = ran.report.problem.unwrap().to_string();
    assert!(problem.contains("hassan.wiegand@example.com is a Security Labs admin"), "{problem}");
    assert_eq!(sandbox.writes(), json!({}));
    run(&sandbox, Dialect::Current, "offboard_class", Some(&roster), &[("admins", "true")]);
    assert_eq!(sandbox.writes()["veracode.update_user"].as_object().unwrap().len(), 6);
}

// Seats.

#[test]
fn seats_are_synchronised_once() {
    let mode = |mode| [("mode", mode)];
    let twice = |given, did: Value| {
        check_twice(Dialect::Current, "sync_seats", TEAM, &mode(given), &did);
    };
    twice("add", json!({ "thm.add_seat": 7 }));
    twice("remove", json!({ "thm.remove_seat": 85 }));
    twice("both", json!({ "thm.add_seat": 7, "thm.remove_seat": 85 }));
}

#[test]
fn seats_are_freed_before_they_are_given_away() {
    let full = || Sandbox::new(Options { seats: 90, ..Options::default() });
    let seat = |mode| run(&full(), Dialect::Current, "sync_seats", Some(TEAM), &[("mode", mode)]);
    let adding = seat("add");
    assert!(adding.report.fatal.is_none());
    assert_eq!(details(&adding, "done"), []);
    assert_eq!(details(&seat("both"), "refused"), []);
}

#[test]
fn many_seats_are_freed_only_when_told_how_many() {
    let line = "run scripts/sync_seats.rhai --roster scripts/examples/team.csv --set mode=remove";
    check("sync_seats_many", line, 4);
}

#[test]
fn no_seat_is_freed_by_a_roster_that_is_cut_short_or_empty() {
    let line = "run scripts/sync_seats.rhai --roster scripts/examples/team.csv --set mode=both";
    check("sync_seats_cut", &format!("{line} --max-rows 3 --max-removals 200"), 3);
    let sandbox = sandbox(Dialect::Current);
    let mode = [("mode", "remove")];
    let ran = run(&sandbox, Dialect::Current, "sync_seats", Some("email,team\n"), &mode);
    assert!(ran.report.problem.unwrap().to_string().contains("the roster is empty"));
    assert_eq!(sandbox.writes(), json!({}));
}

#[test]
fn whoever_is_kept_keeps_the_seat() {
    let sandbox = sandbox(Dialect::Current);
    let inputs = [("mode", "remove"), ("keep", "Ali.Demir@example.com; soizic.brunet@example.com")];
    run(&sandbox, Dialect::Current, "sync_seats", Some(TEAM), &inputs);
    let writes = sandbox.writes();
    let freed = writes["thm.remove_seat"].as_object().unwrap();
    assert_eq!(freed.len(), 83);
    assert!(!freed.contains_key("ali.demir@example.com"));
}

#[test]
fn a_learner_without_an_account_is_refused_a_seat() {
    let sandbox = sandbox(Dialect::Current);
    let roster = "email,team\nnobody@example.com,QA\nkian.rutherford@example.com,QA\n";
    let ran = run(&sandbox, Dialect::Current, "sync_seats", Some(roster), &[]);
    let refused = ("nobody@example.com", "thm.add_seat: email not found.");
    assert_eq!(details(&ran, "refused"), [(refused.0.to_owned(), refused.1.to_owned())]);
    assert_eq!(details(&ran, "done").len(), 1);
}

// Roles.

#[test]
fn roles_are_synchronised_once() {
    let did = json!({ "veracode.update_user": 9 });
    check_twice(Dialect::Current, "sync_roles", TEAM, &[], &did);
    let did = json!({ "veracode.update_user": 12 });
    check_twice(Dialect::Legacy, "sync_roles", TEAM, &[("exact", "true")], &did);
}

#[test]
fn roles_that_are_there_already_are_kept_unless_told_otherwise() {
    let of = |inputs: &[(&str, &str)]| {
        let roster = "email,team\nmarie.schmeler@example.com,Ops\n";
        let inputs = [&[("teams", "Ops = Platform, Web=Developers")], inputs].concat();
        let current = Dialect::Current;
        let ran = run(&sandbox(current), current, "sync_roles", Some(roster), &inputs);
        details(&ran, "done").pop().unwrap().1
    };
    assert_eq!(of(&[]), "added Platform");
    assert_eq!(of(&[("exact", "true")]), "added Platform; removed QA");
}

#[test]
fn a_team_that_is_not_in_the_roster_is_reported() {
    let line =
        "run scripts/sync_roles.rhai --roster scripts/examples/team.csv --set teams=Zzz=QA,QA=QA";
    let ended = desk().run(line);
    assert!(
        ended.exits(0).err.contains("teams has \"Zzz\", but the roster has only Developers, QA"),
        "{ended}"
    );
    assert!(!ended.err.contains("teams has \"QA\""), "{ended}");
}

#[test]
fn a_team_without_a_role_stops_all_of_them() {
    let sandbox = sandbox(Dialect::Current);
    let roster = format!("{TEAM}mirthe.bakker@example.com,Quality\n");
    let ran = run(&sandbox, Dialect::Current, "sync_roles", Some(&roster), &[]);
    assert!(ran.report.problem.unwrap().to_string().contains("there is no role \"Quality\""));
    assert_eq!(sandbox.writes(), json!({}));
}

#[test]
fn whoever_is_not_in_security_labs_gets_no_roles() {
    let sandbox = sandbox(Dialect::Current);
    let roster = "email,team\nyuri.saito@example.com,QA\n";
    let ran = run(&sandbox, Dialect::Current, "sync_roles", Some(roster), &[]);
    assert_eq!(details(&ran, "skipped").len(), 1);
    assert_eq!(sandbox.writes(), json!({}));
}

// Laggards.

#[test]
fn laggards_get_the_same_links_again_and_nothing_else_changes() {
    // Who is no api-user yet and has not finished; the legacy dialect does not list one who has.
    for (dialect, api_users) in [(Dialect::Current, 14), (Dialect::Legacy, 15)] {
        let since = [("since", "2026-08-15")];
        let did = json!({ "thm.authenticate": api_users });
        check_twice(dialect, "laggards", CLASS, &since, &did);
        let sandbox = sandbox(dialect);
        let once = run(&sandbox, dialect, "laggards", Some(CLASS), &since);
        let again = run(&sandbox, dialect, "laggards", Some(CLASS), &since);
        assert_eq!(once.out, again.out);
    }
}
