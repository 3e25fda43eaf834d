//! Dry runs, plans that are approved, and the guards that stop a run before harm is done.

use std::collections::BTreeSet;

use drillmaster_models::endpoint;
use serde_json::{Value, json};

use super::check;
use crate::desk::{Desk, Ended};
use crate::server::Server;
use crate::snapshot::snapshot;

const RUN: &str = "run onboard_class.rhai --roster class.csv";
const UNSEAT: &str = "each(roster(), |row| { thm::remove_seat(#{ email: row.email }); });";

/// Compares what a person sees of a command that calls a server.
#[track_caller]
fn check_at(server: &Server, name: &str, desk: &Desk, line: &str, exit: i32) -> Ended {
    let mut ended = desk.run(&format!("{line} {}", server.flags()));
    line.clone_into(&mut ended.line);
    snapshot("cli", name, &ended.to_string());
    ended.exits(exit).clone()
}

/// The writes in a plan or a journal: the row and the hash of each.
fn writes(text: &str) -> BTreeSet<(String, String)> {
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let writes = |event: &Value| {
        let name = event["entry"].as_str().unwrap_or_default();
        event["event"] == "write"
            || event["event"] == "request" && !endpoint(name).unwrap().metadata.effect.is_read()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines.filter(writes).map(|event| (text(&event["scope"]), text(&event["hash"]))).collect()
}

#[test]
fn a_dry_run_writes_nothing_and_tells_what_the_run_then_does() {
    let server = Server::start("");
    let desk = Desk::with_class().with_keys();
    let dry = format!("{RUN} --dry-run --plan class.plan");
    check_at(&server, "dry_run", &desk, &dry, 0);
    assert_eq!(server.writes(), json!({}));
    let run = format!("{RUN} --journal class.journal {}", server.flags());
    desk.run(&run).exits(0);
    assert_ne!(server.writes(), json!({}));
    let planned = writes(&desk.read("class.plan"));
    assert!(!planned.is_empty());
    assert_eq!(planned, writes(&desk.read("class.journal")));
}

#[test]
fn a_dry_run_is_told_row_by_row_and_in_other_forms() {
    let desk = Desk::with_class();
    let dry = format!("{RUN} --dry-run --max-rows 2");
    check("dry_run_verbose", &desk, &format!("{dry} -v"), 0);
    check("dry_run_csv", &desk, &format!("{dry} --format csv -q"), 0);
    let desk = desk.with("nothing.rhai", "thm::rooms();");
    check("dry_run_of_nothing", &desk, "run nothing.rhai --dry-run", 0);
    desk.run(&format!("{dry} --plan two.plan")).exits(0);
    snapshot("cli", "plan", &desk.read("two.plan"));
}

#[test]
fn a_plan_has_the_order_of_the_rows() {
    let desk = Desk::with_class();
    desk.run(&format!("{RUN} --dry-run --plan one.plan --concurrency 1")).exits(0);
    desk.run(&format!("{RUN} --dry-run --plan many.plan --concurrency 16")).exits(0);
    assert_eq!(desk.read("one.plan"), desk.read("many.plan"));
}

#[test]
fn an_approved_plan_is_carried_out_and_nothing_else() {
    let server = Server::start("");
    let desk = Desk::with_class().with_keys();
    let flags = server.flags();
    desk.run(&format!("{RUN} --dry-run --plan some.plan --max-rows 4 {flags}")).exits(0);
    let approved = format!("{RUN} --approved some.plan --concurrency 1");
    check_at(&server, "approved_too_little", &desk, &format!("{approved} --max-rows 6"), 4);
    let seats = server.writes()["thm.add_seat"].as_object().unwrap().len();
    assert_eq!(seats, 4, "what was approved was done");
    // The next run finds it done: its invites are not asked for any more.
    let ended = desk.run(&format!("{approved} --max-rows 4 {flags}"));
    assert!(ended.exits(0).err.contains("writes of the approved plan were not made"), "{ended}");
}

/// The plan is in the format that the first release with plans wrote.
#[test]
fn a_plan_of_an_earlier_release_is_carried_out() {
    let plan = include_str!("../../../cassettes/two_seats.plan");
    let one_write = plan.replacen("\"writes\":2", "\"writes\":1", 1);
    let one_write: Vec<_> = one_write.lines().filter(|line| !line.contains("nobody")).collect();
    let desk = Desk::empty()
        .with("two_seats.rhai", include_str!("../../../cassettes/two_seats.rhai"))
        .with("two.plan", plan)
        .with("one.plan", one_write.join("\n") + "\n");
    let ended = desk.run("run two_seats.rhai --approved two.plan");
    assert!(ended.exits(1).err.contains("2 rows: 1 done, 1 refused"), "{ended}");
    desk.run("run two_seats.rhai --approved one.plan").exits(4);
}

#[test]
fn a_run_that_its_plan_stopped_goes_on_with_another_plan() {
    let server = Server::start("");
    let desk = Desk::with_class().with_keys();
    let flags = server.flags();
    let dry = |rows: usize, plan: &str| {
        let line = format!("{RUN} --dry-run --plan {plan} --max-rows {rows} {flags}");
        desk.run(&line).exits(0);
    };
    let seats = || server.writes()["thm.add_seat"].as_object().map_or(0, serde_json::Map::len);
    dry(4, "four.plan");
    let run = format!("{RUN} --approved four.plan --concurrency 1 {flags}");
    desk.run(&run).exits(4);
    // Nobody approved more than four, however often it is asked for.
    assert!(desk.run("resume").exits(4).err.contains("resume with --approved FILE"));
    assert_eq!(seats(), 4);
    // The new plan has no invites for whom the first part invited.
    dry(6, "six.plan");
    desk.run("resume --approved six.plan").exits(4);
    assert_eq!(seats(), 6);
    dry(30, "all.plan");
    desk.run("resume --approved all.plan").exits(0);
    // It is the run's own plan from now on.
    desk.run("resume").exits(0);
    let invites = &server.writes()["veracode.invite"];
    assert!(invites.as_object().unwrap().values().all(|times| *times == 1), "{invites}");
}

#[test]
fn a_run_that_nobody_approved_may_go_on_with_a_plan() {
    let desk = Desk::with_class();
    desk.run(&format!("{RUN} --max-rows 2")).exits(0);
    desk.run(&format!("{RUN} --max-rows 2 --dry-run --plan two.plan")).exits(0);
    desk.run("resume --approved absent.plan").exits(2);
    desk.run("resume --approved two.plan --results two.plan").exits(2);
    desk.run("resume --approved two.plan").exits(0);
    desk.run("resume --max-rows 3").exits(4);
}

#[test]
fn an_approved_run_settles_what_is_in_doubt() {
    let server = Server::start("--invite-outcome 500 --fault thm.add_seat:reset-after@1");
    let desk = Desk::with_class().with_keys();
    let flags = server.flags();
    desk.run(&format!("{RUN} --dry-run --plan all.plan {flags}")).exits(0);
    let ended = desk.run(&format!("{RUN} --approved all.plan {flags}"));
    // The seat whose answer was lost is so already when it is asked for again; its row may have had an invite as well.
    assert!(ended.exits(0).out.contains("User already assigned to seat."), "{ended}");
    assert!(ended.err.contains("30 rows: "), "{ended}");
    let writes = server.writes();
    let times = ["thm.add_seat", "veracode.invite"].map(|name| writes[name].as_object().unwrap());
    assert!(times.iter().all(|times| times.values().all(|times| *times == 1)), "{writes}");
}

#[test]
fn a_plan_of_something_else_is_refused() {
    let desk = Desk::with_class();
    desk.run(&format!("{RUN} --dry-run --plan class.plan --max-rows 2")).exits(0);
    let plan = desk.read("class.plan");
    let cut = &plan[..=plan.trim_end().rfind('\n').unwrap()];
    let desk = desk.with("cut.plan", cut).with("no.plan", "email\n");
    check("approved_cut_off", &desk, &format!("{RUN} --approved cut.plan"), 2);
    check("approved_no_plan", &desk, &format!("{RUN} --approved no.plan"), 2);
    check("approved_absent", &desk, &format!("{RUN} --approved absent.plan"), 2);
    let desk = desk.with("class.csv", "email,name,id,roles\nada@example.com,Ada,1,\n");
    check("approved_other_roster", &desk, &format!("{RUN} --approved class.plan"), 2);
}

#[test]
fn more_removals_than_allowed_stop_before_the_first() {
    let server = Server::start("");
    let desk = Desk::with_class().with_keys().with("unseat.rhai", UNSEAT);
    let run = "run unseat.rhai --roster class.csv";
    check_at(&server, "guard_removals", &desk, run, 4);
    assert_eq!(server.writes(), json!({}));
    assert!(!desk.path("state/drillmaster/runs").exists(), "it never began");
    desk.run(&format!("{run} --max-rows 10 {}", server.flags())).exits(0);
    let allowed = format!("{run} --max-removals 30 {}", server.flags());
    desk.run(&allowed).exits(0);
    assert!(server.writes()["thm.remove_seat"].is_object());
}

#[test]
fn what_a_module_removes_counts() {
    let module = "fn unseat(row) { thm::remove_seat(#{ email: row.email }); }";
    let script = "import \"seats\" as seats;\neach(roster(), |row| { seats::unseat(row); });";
    let desk = Desk::with_class().with("seats.rhai", module).with("unseat.rhai", script);
    let ended = desk.run("run unseat.rhai --roster class.csv");
    assert!(ended.exits(4).err.contains("more than 10"), "{ended}");
    let harmless = Desk::with_class()
        .with("words.rhai", "fn hello() { \"hello\" }")
        .with("say.rhai", "import \"words\" as words; print(words::hello());");
    assert!(!harmless.run("run say.rhai").exits(0).err.contains("rehearsing"));
}

#[test]
fn disabling_counts_as_taking_away() {
    let script = "for user in veracode::all_users() {\n\
                  if !user.isAdmin { veracode::update_user(#{ id: user.id, disabled: true }); }\n}";
    let desk = Desk::empty().with("disable.rhai", script);
    let ended = desk.run("run disable.rhai");
    assert!(ended.exits(4).err.contains("more than 10"), "{ended}");
}

#[test]
fn what_cannot_be_undone_needs_a_yes() {
    let script = "let user = veracode::users().users[3];\nveracode::delete_user(#{ id: user.id });";
    let desk = Desk::empty().with("delete.rhai", script);
    check("guard_irreversible", &desk, "run delete.rhai", 4);
    desk.run("run delete.rhai --yes").exits(0);
    check("call_irreversible", &desk, "call veracode.delete_user --id somebody", 4);
}

#[test]
fn a_replay_needs_no_guard() {
    let desk = Desk::with_class().with("unseat.rhai", UNSEAT);
    let run = "run unseat.rhai --roster class.csv";
    desk.run(&format!("{run} --max-removals 30 --record unseat.cassette")).exits(0);
    desk.run(&format!("{run} --replay unseat.cassette")).exits(0);
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let desk = Desk::with_class();
    for flags in [
        "--dry-run --results results.csv",
        "--dry-run --record class.cassette",
        "--dry-run --journal class.journal",
        "--dry-run --approved class.plan",
        "--plan class.plan",
        "--replay class.cassette --journal class.journal",
    ] {
        desk.run(&format!("{RUN} {flags}")).exits(2);
    }
}

#[test]
fn a_guard_cannot_be_talked_out_of_it() {
    let script = "let rows = each(roster(), |row| {\n    \
                  try { thm::remove_seat(#{ email: row.email }); } catch { () }\n});\n\
                  print(rows.table());";
    let plan = "each(roster(), |row| { thm::remove_seat(#{ email: row.email }); });";
    let desk = Desk::with_class().with("remove.rhai", plan);
    let run = "run remove.rhai --roster class.csv --max-rows 2";
    desk.run(&format!("{run} --dry-run --plan two.plan")).exits(0);
    // The plan of the one script does not do for the other.
    let desk = desk.with("remove.rhai", script);
    desk.run(&format!("{run} --approved two.plan")).exits(2);
    desk.run(&format!("{run} --dry-run --plan two.plan")).exits(0);
    let ended = desk.run("run remove.rhai --roster class.csv --max-rows 3 --approved two.plan");
    assert!(ended.exits(4).err.contains("3 rows: 2 unchanged, 1 failed"), "{ended}");
}

#[test]
fn rows_within_a_row_count_by_whom_they_are_about() {
    let script = "each([\"everybody\"], |all| {\n    \
                  each(roster(), |row| { thm::remove_seat(#{ email: row.email }); });\n    ()\n});";
    let desk = Desk::with_class().with("remove.rhai", script);
    let ended = desk.run("run remove.rhai --roster class.csv");
    assert!(ended.exits(4).err.contains("from 30"), "{ended}");
}

#[test]
fn a_plan_that_was_changed_since_is_not_the_approved_one() {
    let desk = Desk::with_class();
    let run = format!("{RUN} --max-rows 2");
    desk.run(&format!("{run} --dry-run --plan class.plan")).exits(0);
    desk.run(&format!("{run} --approved class.plan")).exits(0);
    desk.run("resume").exits(0);
    desk.run(&format!("{RUN} --max-rows 9 --dry-run --plan class.plan")).exits(0);
    assert!(desk.run("resume").exits(2).err.contains("the approved plan is not what"));
    desk.run("resume --allow-changed").exits(0);
    desk.run("resume").exits(0);
}
