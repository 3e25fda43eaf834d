//! The shipped workflows on the sandbox, in the process: every call, and what a person gets to see.

use std::fmt::Write as _;
use std::sync::Arc;

use drillmaster_models::Dialect;
use drillmaster_runner::output::Captured;
use drillmaster_runner::roster::Roster;
use drillmaster_runner::run::{Job, RunSummary, run};
use drillmaster_runner::script::Script;
use drillmaster_sandbox::{InviteOutcome, Options, Sandbox};
use drillmaster_transport::{Capture, Connection, Transport};
use serde_json::{Value, json};

use crate::desk::{CLASS, ONBOARD_CLASS};
use crate::snapshot::snapshot;

/// What came of a workflow.
pub(crate) struct Onboarded {
    pub(crate) report: RunSummary,
    pub(crate) out: String,
    /// A line for each call.
    pub(crate) calls: String,
    /// The result file.
    pub(crate) results: String,
}

/// Onboards the example class.
pub(crate) fn onboard(
    services: impl Transport + 'static,
    dialect: Dialect,
    inputs: &[(&str, &str)],
) -> Onboarded {
    onboard_roster(services, dialect, inputs, CLASS, 1)
}

fn onboard_roster(
    services: impl Transport + 'static,
    dialect: Dialect,
    inputs: &[(&str, &str)],
    roster: &str,
    concurrency: usize,
) -> Onboarded {
    let file = "onboard_class.rhai";
    Workflow { file, source: ONBOARD_CLASS, roster: Some(roster), inputs, dialect, concurrency }
        .run(services)
}

/// A shipped script with what it is given.
#[derive(Clone, Copy)]
pub(crate) struct Workflow<'a> {
    pub(crate) file: &'a str,
    pub(crate) source: &'a str,
    pub(crate) roster: Option<&'a str>,
    pub(crate) inputs: &'a [(&'a str, &'a str)],
    pub(crate) dialect: Dialect,
    pub(crate) concurrency: usize,
}

impl Workflow<'_> {
    /// Runs it in the process, without the command's guards.
    pub(crate) fn run(self, services: impl Transport + 'static) -> Onboarded {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("class.csv");
        let roster = self.roster.map(|roster| {
            std::fs::write(&path, roster).unwrap();
            Roster::open(&path, None).unwrap()
        });
        let script = Script::parse(self.file, self.source).unwrap();
        script.check().unwrap();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let inputs: Vec<_> = self.inputs.iter().map(own).collect();
        let capture = Arc::new(Capture::new(services));
        let connection = Connection::new(capture.clone()).with_dialect(self.dialect);
        let output = Arc::new(Captured::default());
        let job = Job {
            roster,
            inputs: script.read_inputs(&inputs).unwrap(),
            concurrency: self.concurrency,
            results: Some(folder.path().join("results.csv")),
            ..Job::new(connection, output.clone())
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let report = run(&script, job, runtime.handle());
        let out = output.printed();
        let results =
            std::fs::read_to_string(folder.path().join("results.csv")).unwrap_or_default();
        Onboarded { report, out, calls: calls(&capture), results }
    }
}

/// Scope and number, endpoint, request and body of each call.
fn calls<T>(capture: &Capture<T>) -> String {
    let mut text = String::new();
    for request in capture.requests() {
        let (scope, ordinal) = (&request.scope, request.ordinal);
        let (endpoint, line) = (request.metadata.name, request.line());
        let body = String::from_utf8_lossy(&request.wire.body).into_owned();
        writeln!(text, "{}", format!("{scope} {ordinal} | {endpoint} | {line} {body}").trim_end())
            .unwrap();
    }
    text
}

/// Compares what a person sees: the table, the summary, and what stopped the script.
#[track_caller]
fn check(name: &str, onboarded: &Onboarded) {
    let Onboarded { report, out, .. } = onboarded;
    let mut text = out.clone();
    if let Some(problem) = &report.problem {
        text += &problem.render(false, 100);
        text += "\n";
    }
    if let Some(summary) = report.summary() {
        text += &summary;
        text += "\n";
    }
    let exit = report.exit() as u8;
    snapshot("scripts", name, &format!("{text}exit {exit}"));
}

/// How many effects an endpoint had.
fn count(sandbox: &Sandbox, endpoint: &str) -> usize {
    sandbox.writes()[endpoint].as_object().map_or(0, serde_json::Map::len)
}

/// The table without its header: key, state and detail of each row.
fn rows(onboarded: &Onboarded) -> Vec<(String, &'static str, String)> {
    let outcomes = onboarded.report.outcomes().map(Result::unwrap);
    outcomes.map(|outcome| (outcome.key, outcome.state.name(), outcome.detail)).collect()
}

#[test]
fn a_class_is_onboarded() {
    let sandbox = Sandbox::default();
    let onboarded = onboard(sandbox.clone(), Dialect::Current, &[]);
    check("a_class_is_onboarded", &onboarded);
    snapshot("scripts", "a_class_is_onboarded.calls", &onboarded.calls);
    snapshot("scripts", "a_class_is_onboarded.results", &onboarded.results);
}

#[test]
fn rows_side_by_side_end_as_one_after_the_other() {
    let with = |concurrency| {
        let sandbox = Sandbox::default();
        onboard_roster(sandbox, Dialect::Current, &[], CLASS, concurrency)
    };
    let sorted = |onboarded: &Onboarded| {
        let mut calls: Vec<_> = onboarded.calls.lines().map(str::to_owned).collect();
        calls.sort();
        calls
    };
    let alone = with(1);
    for concurrency in [7, 64] {
        let together = with(concurrency);
        assert_eq!(together.out, alone.out);
        assert_eq!(together.results, alone.results);
        assert_eq!(sorted(&together), sorted(&alone));
    }
}

#[test]
fn the_example_class_fits_the_sandboxs_people() {
    let sandbox = Sandbox::default();
    let onboarded = onboard(sandbox.clone(), Dialect::Current, &[]);
    let with = |words: &str| {
        rows(&onboarded).iter().filter(|(.., detail)| detail.starts_with(words)).count()
    };
    assert_eq!(with("seated; "), 24);
    assert_eq!(with("User already assigned to seat.; "), 3);
    assert_eq!(with("no account yet: "), 3);
    assert_eq!(count(&sandbox, "thm.add_seat"), 24);
}

#[test]
fn each_effect_is_carried_out_once() {
    let sandbox = Sandbox::default();
    onboard(sandbox.clone(), Dialect::Current, &[]);
    let writes = sandbox.writes();
    let counts = writes.as_object().unwrap().values().filter_map(Value::as_object);
    assert!(counts.flat_map(|subjects| subjects.values()).all(|count| *count == 1), "{writes}");
}

#[test]
fn a_second_run_changes_nothing() {
    let sandbox = Sandbox::default();
    onboard(sandbox.clone(), Dialect::Current, &[]);
    let before = sandbox.writes();
    let again = onboard(sandbox.clone(), Dialect::Current, &[]);
    check("a_second_run_changes_nothing", &again);
    assert!(rows(&again).iter().all(|(_, state, _)| *state == "unchanged"));
    assert_eq!(sandbox.writes(), before);
}

#[test]
fn a_second_run_hands_out_the_same_links() {
    let sandbox = Sandbox::default();
    let links = |onboarded: &Onboarded| -> Vec<Value> {
        let outcomes = onboarded.report.outcomes().map(Result::unwrap);
        outcomes.map(|outcome| outcome.returned["link"].clone()).collect()
    };
    let first = links(&onboard(sandbox.clone(), Dialect::Current, &[]));
    assert_eq!(links(&onboard(sandbox, Dialect::Current, &[])), first);
}

#[test]
fn in_the_legacy_dialect_a_class_is_onboarded_without_seats() {
    let sandbox = Sandbox::new(Options { dialect: Dialect::Legacy, ..Options::default() });
    let onboarded = onboard(sandbox.clone(), Dialect::Legacy, &[]);
    check("in_the_legacy_dialect_a_class_is_onboarded_without_seats", &onboarded);
    snapshot(
        "scripts",
        "in_the_legacy_dialect_a_class_is_onboarded_without_seats.calls",
        &onboarded.calls,
    );
    assert_eq!(count(&sandbox, "thm.add_seat"), 0);
}

#[test]
fn a_full_academy_refuses_one_and_spares_it_the_rest() {
    let sandbox = Sandbox::new(Options { seats: 95, ..Options::default() });
    let onboarded = onboard(sandbox.clone(), Dialect::Current, &[]);
    check("a_full_academy_refuses_one_and_spares_it_the_rest", &onboarded);
    assert_eq!(onboarded.calls.matches("thm.add_seat").count(), 6);
    assert_eq!(count(&sandbox, "thm.add_seat"), 5);
}

#[test]
fn an_invite_may_be_answered_by_200_as_well_as_201() {
    let class = |invite_outcome| {
        let sandbox = Sandbox::new(Options { invite_outcome, ..Options::default() });
        onboard(sandbox, Dialect::Current, &[]).out
    };
    assert_eq!(class(InviteOutcome::Ok), class(InviteOutcome::Created));
}

#[test]
fn an_invite_that_is_answered_by_500_is_settled_and_sent_once() {
    let invite_outcome = InviteOutcome::Unknown;
    let sandbox = Sandbox::new(Options { invite_outcome, ..Options::default() });
    let onboarded = onboard(sandbox.clone(), Dialect::Current, &[]);
    check("an_invite_that_is_answered_by_500_is_settled_and_sent_once", &onboarded);
    let sent = onboarded.calls.matches("veracode.invite").count();
    assert_eq!(count(&sandbox, "veracode.invite"), sent);
    // Whoever was invited all the same is found the next time.
    let again = onboard(sandbox, Dialect::Current, &[]);
    assert!(rows(&again).iter().all(|(_, state, _)| *state == "unchanged"), "{}", again.out);
}

/// Stops before anybody is seated or invited.
#[track_caller]
fn check_untouched(name: &str, inputs: &[(&str, &str)], roster: &str) {
    let sandbox = Sandbox::default();
    let onboarded = onboard_roster(sandbox.clone(), Dialect::Current, inputs, roster, 1);
    check(name, &onboarded);
    assert_eq!(sandbox.writes(), json!({}));
}

#[test]
fn an_unknown_room_stops_the_class() {
    check_untouched("an_unknown_room_stops_the_class", &[("room", "linux99")], CLASS);
}

#[test]
fn another_companys_room_stops_the_class() {
    let inputs = [("room", "globex-review")];
    check_untouched("another_companys_room_stops_the_class", &inputs, CLASS);
}

#[test]
fn an_unknown_role_stops_the_class() {
    // The last learner's: all of the roster is looked at first.
    let roster = CLASS.replace("learner-0047,Data", "learner-0047,Dates");
    assert_ne!(roster, CLASS);
    check_untouched("an_unknown_role_stops_the_class", &[], &roster);
}

#[test]
fn an_unknown_sender_stops_the_class() {
    let inputs = [("sender", "nobody@example.com")];
    check_untouched("an_unknown_sender_stops_the_class", &inputs, CLASS);
}

#[test]
fn a_sender_who_is_no_admin_stops_the_class() {
    let inputs = [("sender", "kian.rutherford@example.com")];
    check_untouched("a_sender_who_is_no_admin_stops_the_class", &inputs, CLASS);
}
