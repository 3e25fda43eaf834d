//! The shipped scripts: each runs as its example shows, in both dialects, again after itself, and from a recording.

mod numbers;
mod reading;
mod recordings;
mod writing;

use std::collections::BTreeMap;
use std::path::PathBuf;

use drillmaster_models::Dialect;
use drillmaster_sandbox::{Options, Sandbox};

use crate::desk::{Desk, Ended};
use crate::scripts::{Onboarded, Workflow};
use crate::snapshot::snapshot;

const CLASS: &str = include_str!("../../../scripts/examples/class.csv");
const TEAM: &str = include_str!("../../../scripts/examples/team.csv");
const LEAVERS: &str = include_str!("../../../scripts/examples/leavers.csv");

/// The shipped scripts by file name.
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

/// The example command of a script, without the redirection of its output.
fn example(source: &str) -> String {
    let line = source.lines().find_map(|line| line.strip_prefix("//! Example: drillmaster "));
    let line = line.expect("each script has an example");
    line.split(" > ").next().unwrap().to_owned()
}

/// A desk with the scripts and their example rosters.
fn desk() -> Desk {
    let rosters = [("class", CLASS), ("team", TEAM), ("leavers", LEAVERS)];
    let desk = rosters.into_iter().fold(Desk::empty(), |desk, (name, text)| {
        desk.with(&format!("scripts/examples/{name}.csv"), text)
    });
    scripts()
        .into_iter()
        .fold(desk, |desk, (file, source)| desk.with(&format!("scripts/{file}"), source))
}

/// Compares everything that a command prints.
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
    Sandbox::new(Options { dialect, ..Options::default() })
}

/// Key and detail of the rows in this state.
fn details(ran: &Onboarded, state: &str) -> Vec<(String, String)> {
    let outcomes = ran.report.outcomes().map(Result::unwrap);
    let ended = outcomes.filter(|outcome| outcome.state.name() == state);
    ended.map(|outcome| (outcome.key, outcome.detail)).collect()
}

/// Lines of CSV as cells, without the header.
fn cells(text: &str) -> Vec<Vec<String>> {
    let mut lines = csv::Reader::from_reader(text.as_bytes());
    lines.records().map(|line| line.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn every_example_works() {
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
            assert!(ended.exits(3).err.contains("has no seats"), "{ended}");
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

/// Everything else goes to standard error.
#[test]
fn every_script_writes_one_document() {
    let desk = desk();
    let people = ["campaign_progress.rhai --set people=all", "engagement.rhai --set people=true"];
    let both =
        "sync_seats.rhai --roster scripts/examples/team.csv --set mode=both --max-removals 200";
    let more = people.into_iter().chain([both]).map(|line| format!("run scripts/{line}"));
    for line in scripts().values().map(|source| example(source)).chain(more) {
        let json = desk.run(&format!("{line} --format json")).exits(0).out.clone();
        let rows: Vec<serde_json::Value> = serde_json::from_str(&json).expect(&line);
        let csv = desk.run(&format!("{line} --format csv")).exits(0).out.clone();
        // CSV lines have as many cells as the header.
        assert_eq!(cells(&csv).len(), rows.len(), "{line}");
        desk.run(&format!("{line} --format table")).exits(0);
    }
}

#[test]
fn every_script_passes_check_and_documents_its_inputs() {
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
    // A recording replaces private values, so only the number of lines is compared.
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
fn without_a_day_the_default_is_relative_to_today() {
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
fn a_wrong_input_is_reported_before_any_call() {
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
        assert!(ended.exits(3).err.contains("must be"), "{ended}");
        assert!(!ended.err.contains("GET"), "{ended}");
    }
}
