//! The shipped workflows: each as its example says, in both dialects, once more on what it left behind, and
//! from its own recording.

use std::collections::BTreeMap;
use std::path::PathBuf;

use drillmaster_models::Dialect;
use drillmaster_sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::desk::{Desk, Ended};
use crate::scripts::{Onboarded, Workflow};
use crate::snapshot::snapshot;

const CLASS: &str = include_str!("../../../scripts/examples/class.csv");
const TEAM: &str = include_str!("../../../scripts/examples/team.csv");
const LEAVERS: &str = include_str!("../../../scripts/examples/leavers.csv");

/// The shipped scripts, by the names of their files.
fn scripts() -> BTreeMap<String, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scripts");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let scripts = files.filter(|path| path.extension().is_some_and(|end| end == "rhai"));
    let named = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    scripts.map(named).collect()
}

/// The command that a script names as its example, without where its output goes.
fn example(source: &str) -> String {
    let line = source.lines().find_map(|line| line.strip_prefix("//! Example: drillmaster "));
    let line = line.expect("each script has an example");
    line.split(" > ").next().unwrap().to_owned()
}

/// A desk as the project's folder is.
fn desk() -> Desk {
    let rosters = [("class", CLASS), ("team", TEAM), ("leavers", LEAVERS)];
    let desk = rosters.into_iter().fold(Desk::empty(), |desk, (name, text)| {
        desk.with(&format!("scripts/examples/{name}.csv"), text)
    });
    scripts()
        .into_iter()
        .fold(desk, |desk, (file, source)| desk.with(&format!("scripts/{file}"), source))
}

/// Compares all that a person sees of a command.
#[track_caller]
fn check(name: &str, line: &str, exit: i32) {
    crate::desk::check("workflows", name, &desk(), line, exit);
}

/// Runs a shipped script in the process.
fn run(
    sandbox: &Sandbox,
    dialect: Dialect,
    script: &str,
    roster: Option<&str>,
    inputs: &[(&str, &str)],
) -> Onboarded {
    let file = format!("{script}.rhai");
    let source = &scripts()[&file];
    Workflow { file: &file, source, roster, inputs, dialect, concurrency: 4 }.run(sandbox.clone())
}

fn sandbox(dialect: Dialect) -> Sandbox {
    Sandbox::with(Options { dialect, ..Options::default() })
}

/// Key and detail of the rows that ended so.
fn told(ran: &Onboarded, state: &str) -> Vec<(String, String)> {
    let outcomes = ran.report.outcomes().map(Result::unwrap);
    let ended = outcomes.filter(|outcome| outcome.state.name() == state);
    ended.map(|outcome| (outcome.key, outcome.detail)).collect()
}

/// Lines of CSV as cells, without the header.
fn cells(text: &str) -> Vec<Vec<String>> {
    let mut lines = csv::Reader::from_reader(text.as_bytes());
    lines.records().map(|line| line.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Runs a workflow twice on the same services: the first time it does what `did` says, by entry and how often,
/// and the second time nothing.
#[track_caller]
fn check_twice(dialect: Dialect, script: &str, roster: &str, inputs: &[(&str, &str)], did: &Value) {
    let sandbox = sandbox(dialect);
    let once = run(&sandbox, dialect, script, Some(roster), inputs);
    assert!(once.report.problem.is_none(), "{}", once.report.problem.unwrap());
    let writes = sandbox.writes();
    let counts = writes.as_object().unwrap().iter().map(|(entry, subjects)| {
        let subjects = subjects.as_object().unwrap();
        assert!(subjects.values().all(|count| *count == 1), "{writes}");
        (entry.clone(), Value::from(subjects.len()))
    });
    assert_eq!(&Value::Object(counts.collect()), did);
    let again = run(&sandbox, dialect, script, Some(roster), inputs);
    assert!(!again.report.is_empty());
    assert_eq!(told(&again, "unchanged").len(), again.report.len(), "{}", again.out);
    assert_eq!(sandbox.writes(), writes);
}

#[test]
fn every_example_does_what_the_script_says() {
    let desk = desk();
    for (file, source) in scripts() {
        let ended = desk.run(&example(&source));
        snapshot("workflows", file.trim_end_matches(".rhai"), &ended.to_string());
        ended.exits(0);
    }
}

#[test]
fn every_example_works_in_the_legacy_dialect_or_says_what_it_lacks() {
    let desk = desk();
    for (file, source) in scripts() {
        let ended = desk.run(&format!("{} --thm-dialect legacy", example(&source)));
        if file == "sync_seats.rhai" {
            assert!(ended.exits(3).err.contains("there are no seats"), "{ended}");
        } else {
            ended.exits(0);
        }
    }
    let legacy = |name: &str, line: &str| {
        check(&format!("{name}_legacy"), &format!("run scripts/{line} --thm-dialect legacy"), 0);
    };
    legacy("engagement", "engagement.rhai --set from=2026-03-01 --set to=2026-09-01");
    let leavers = "--roster scripts/examples/leavers.csv --set rooms=linux2,webbasics";
    legacy("offboard_class", &format!("offboard_class.rhai {leavers}"));
}

#[test]
fn every_script_is_looked_through_and_tells_its_inputs() {
    let desk = desk();
    for (file, source) in scripts() {
        desk.run(&format!("check scripts/{file}")).exits(0);
        let help = desk.run(&format!("run scripts/{file} --help"));
        let first = source.lines().next().unwrap().trim_start_matches("//! ");
        assert!(help.exits(0).out.contains(first.split([':', ',']).next().unwrap()), "{help}");
    }
}

#[test]
fn every_example_is_replayed_from_its_recording() {
    let desk = desk();
    // What may be private is made up in a recording; how much there is of it stays.
    let shape = |ended: &Ended| (ended.exit, ended.out.lines().count());
    for (file, source) in scripts() {
        let line = example(&source).replace(" --dry-run", "");
        let line = format!("{line} --yes --max-removals 200");
        let ran = desk.run(&format!("{line} --record {file}.cassette"));
        let replayed = desk.run(&format!("{line} --replay {file}.cassette"));
        assert_eq!(shape(ran.exits(0)), shape(&replayed), "{replayed}");
    }
}

#[test]
fn without_a_day_the_present_one_counts() {
    let desk = desk();
    for line in [
        "laggards.rhai --roster scripts/examples/class.csv",
        "access_audit.rhai",
        "engagement.rhai",
    ] {
        desk.run(&format!("run scripts/{line}")).exits(0);
    }
}

#[test]
fn what_an_input_does_not_take_is_told_before_anything_is_called() {
    for line in [
        "sync_seats.rhai --roster scripts/examples/team.csv --set mode=all",
        "sync_roles.rhai --roster scripts/examples/team.csv --set teams=Backend",
        "room_results.rhai --set by=person",
        "campaign_progress.rhai --set people=lazy",
        "engagement.rhai --set from=September",
        "lesson_catalog.rhai --set kind=labs",
        "access_audit.rhai --set only=admins",
        "access_audit.rhai --set inactive-since=spring",
        "laggards.rhai --roster scripts/examples/class.csv --set since=spring",
    ] {
        let ended = desk().run(&format!("run scripts/{line} -v"));
        assert!(ended.exits(3).err.contains("due") || ended.err.contains("known"), "{ended}");
        assert!(!ended.err.contains("GET"), "{ended}");
    }
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
        assert_eq!(told(&again, "unchanged").len(), 8, "{}", again.out);
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
    assert!(problem.contains("hassan.wiegand@example.com administers"), "{problem}");
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
    let full = || Sandbox::with(Options { seats: 90, ..Options::default() });
    let seat = |mode| run(&full(), Dialect::Current, "sync_seats", Some(TEAM), &[("mode", mode)]);
    let adding = seat("add");
    assert!(adding.report.fatal.is_none());
    assert_eq!(told(&adding, "done"), []);
    assert_eq!(told(&seat("both"), "refused"), []);
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
    assert_eq!(told(&ran, "refused"), [(refused.0.to_owned(), refused.1.to_owned())]);
    assert_eq!(told(&ran, "done").len(), 1);
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
        told(&ran, "done").pop().unwrap().1
    };
    assert_eq!(of(&[]), "added Platform");
    assert_eq!(of(&[("exact", "true")]), "added Platform; took QA away");
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
    assert_eq!(told(&ran, "skipped").len(), 1);
    assert_eq!(sandbox.writes(), json!({}));
}

// Laggards and reports.

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
    assert_eq!(ran.out.lines().count(), 3 + 1 + 2 + 30);
    let funnel = ran.out.lines().nth(2).unwrap().split_whitespace();
    assert_eq!(funnel.map(|count| count.parse::<usize>().unwrap()).sum::<usize>(), 30);
    for learner in cells(CLASS) {
        assert_eq!(ran.out.matches(&learner[1]).count(), 1, "{}", learner[1]);
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
