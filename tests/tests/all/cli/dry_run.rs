//! Dry runs, approved plans, and the limits that stop a run.

use std::collections::BTreeSet;

use drillmaster_models::endpoint;
use serde_json::{Value, json};

use super::check;
use crate::server::Server;
use crate::snapshot::snapshot;
use crate::workdir::{Ended, Workdir};

const RUN: &str = "run onboard_class.rhai --roster class.csv";
const UNSEAT: &str = "each(roster(), |row| { thm::remove_seat(#{ email: row.email }); });";

/// Compares the output of a command that calls a server.
#[track_caller]
fn check_at(server: &Server, name: &str, workdir: &Workdir, line: &str, exit: i32) -> Ended {
    let mut ended = workdir.run(&format!("{line} {}", server.flags()));
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
fn a_dry_run_writes_nothing_and_predicts_the_run() {
    let server = Server::start("");
    let workdir = Workdir::with_class().with_keys();
    let dry = format!("{RUN} --dry-run --plan class.plan");
    check_at(&server, "dry_run", &workdir, &dry, 0);
    assert_eq!(server.writes(), json!({}));
    let run = format!("{RUN} --journal class.journal {}", server.flags());
    workdir.run(&run).exits(0);
    assert_ne!(server.writes(), json!({}));
    let planned = writes(&workdir.read("class.plan"));
    assert!(!planned.is_empty());
    assert_eq!(planned, writes(&workdir.read("class.journal")));
}

#[test]
fn a_dry_run_is_printed_row_by_row_and_in_other_formats() {
    let workdir = Workdir::with_class();
    let dry = format!("{RUN} --dry-run --max-rows 2");
    check("dry_run_verbose", &workdir, &format!("{dry} -v"), 0);
    check("dry_run_csv", &workdir, &format!("{dry} --format csv -q"), 0);
    let workdir = workdir.with("nothing.rhai", "thm::rooms();");
    check("dry_run_of_nothing", &workdir, "run nothing.rhai --dry-run", 0);
    workdir.run(&format!("{dry} --plan two.plan")).exits(0);
    snapshot("cli", "plan", &workdir.read("two.plan"));
}

#[test]
fn a_plan_has_the_order_of_the_rows() {
    let workdir = Workdir::with_class();
    workdir.run(&format!("{RUN} --dry-run --plan one.plan --concurrency 1")).exits(0);
    workdir.run(&format!("{RUN} --dry-run --plan many.plan --concurrency 16")).exits(0);
    assert_eq!(workdir.read("one.plan"), workdir.read("many.plan"));
}

#[test]
fn only_the_approved_plan_is_executed() {
    let server = Server::start("");
    let workdir = Workdir::with_class().with_keys();
    let flags = server.flags();
    workdir.run(&format!("{RUN} --dry-run --plan some.plan --max-rows 4 {flags}")).exits(0);
    let approved = format!("{RUN} --approved some.plan --concurrency 1");
    check_at(&server, "approved_too_little", &workdir, &format!("{approved} --max-rows 6"), 4);
    let seats = server.writes()["thm.add_seat"].as_object().unwrap().len();
    assert_eq!(seats, 4, "what was approved was done");
    // The next run finds the invites done, and does not send them.
    let ended = workdir.run(&format!("{approved} --max-rows 4 {flags}"));
    assert!(ended.exits(0).err.contains("writes of the approved plan not made"), "{ended}");
}

#[test]
fn a_run_stopped_by_its_plan_resumes_with_another_plan() {
    let server = Server::start("");
    let workdir = Workdir::with_class().with_keys();
    let flags = server.flags();
    let dry = |rows: usize, plan: &str| {
        let line = format!("{RUN} --dry-run --plan {plan} --max-rows {rows} {flags}");
        workdir.run(&line).exits(0);
    };
    let seats = || server.writes()["thm.add_seat"].as_object().map_or(0, serde_json::Map::len);
    dry(4, "four.plan");
    let run = format!("{RUN} --approved four.plan --concurrency 1 {flags}");
    workdir.run(&run).exits(4);
    // The plan has four writes, however often the run is resumed.
    assert!(workdir.run("resume").exits(4).err.contains("resume with --approved FILE"));
    assert_eq!(seats(), 4);
    // The new plan has no invites for people who were already invited.
    dry(6, "six.plan");
    workdir.run("resume --approved six.plan").exits(4);
    assert_eq!(seats(), 6);
    dry(30, "all.plan");
    workdir.run("resume --approved all.plan").exits(0);
    // Later resumes use the new plan.
    workdir.run("resume").exits(0);
    let invites = &server.writes()["veracode.invite"];
    assert!(invites.as_object().unwrap().values().all(|times| *times == 1), "{invites}");
}

#[test]
fn a_run_without_a_plan_can_resume_with_one() {
    let workdir = Workdir::with_class();
    workdir.run(&format!("{RUN} --max-rows 2")).exits(0);
    workdir.run(&format!("{RUN} --max-rows 2 --dry-run --plan two.plan")).exits(0);
    workdir.run("resume --approved absent.plan").exits(2);
    workdir.run("resume --approved two.plan --results two.plan").exits(2);
    workdir.run("resume --approved two.plan").exits(0);
    workdir.run("resume --max-rows 3").exits(4);
}

#[test]
fn an_approved_run_resolves_in_doubt_writes() {
    let server = Server::start("--invite-outcome 500 --fault thm.add_seat:reset-after@1");
    let workdir = Workdir::with_class().with_keys();
    let flags = server.flags();
    workdir.run(&format!("{RUN} --dry-run --plan all.plan {flags}")).exits(0);
    let ended = workdir.run(&format!("{RUN} --approved all.plan {flags}"));
    // The seat whose response was lost is already taken when requested again; its row may have had an invite too.
    assert!(ended.exits(0).out.contains("User already assigned to seat."), "{ended}");
    assert!(ended.err.contains("30 rows: "), "{ended}");
    let writes = server.writes();
    let times = ["thm.add_seat", "veracode.invite"].map(|name| writes[name].as_object().unwrap());
    assert!(times.iter().all(|times| times.values().all(|times| *times == 1)), "{writes}");
}

#[test]
fn a_plan_of_another_script_is_refused() {
    let workdir = Workdir::with_class();
    workdir.run(&format!("{RUN} --dry-run --plan class.plan --max-rows 2")).exits(0);
    let plan = workdir.read("class.plan");
    let cut = &plan[..=plan.trim_end().rfind('\n').unwrap()];
    let workdir = workdir.with("cut.plan", cut).with("no.plan", "email\n");
    check("approved_cut_off", &workdir, &format!("{RUN} --approved cut.plan"), 2);
    check("approved_no_plan", &workdir, &format!("{RUN} --approved no.plan"), 2);
    check("approved_absent", &workdir, &format!("{RUN} --approved absent.plan"), 2);
    let workdir = workdir.with("class.csv", "email,name,id,roles\nada@example.com,Ada,1,\n");
    check("approved_other_roster", &workdir, &format!("{RUN} --approved class.plan"), 2);
}

#[test]
fn too_many_removals_stop_before_the_first() {
    let server = Server::start("");
    let workdir = Workdir::with_class().with_keys().with("unseat.rhai", UNSEAT);
    let run = "run unseat.rhai --roster class.csv";
    check_at(&server, "guard_removals", &workdir, run, 4);
    assert_eq!(server.writes(), json!({}));
    assert!(!workdir.path("state/drillmaster/runs").exists(), "it never began");
    workdir.run(&format!("{run} --max-rows 10 {}", server.flags())).exits(0);
    let allowed = format!("{run} --max-removals 30 {}", server.flags());
    workdir.run(&allowed).exits(0);
    assert!(server.writes()["thm.remove_seat"].is_object());
}

#[test]
fn removals_in_a_module_count() {
    let module = "fn unseat(row) { thm::remove_seat(#{ email: row.email }); }";
    let script = "import \"seats\" as seats;\neach(roster(), |row| { seats::unseat(row); });";
    let workdir = Workdir::with_class().with("seats.rhai", module).with("unseat.rhai", script);
    let ended = workdir.run("run unseat.rhai --roster class.csv");
    assert!(ended.exits(4).err.contains("more than the limit of 10"), "{ended}");
    let harmless = Workdir::with_class()
        .with("words.rhai", "fn hello() { \"hello\" }")
        .with("say.rhai", "import \"words\" as words; print(words::hello());");
    assert!(!harmless.run("run say.rhai").exits(0).err.contains("dry run first"));
}

#[test]
fn disabling_counts_as_a_removal() {
    let script = "for user in veracode::all_users() {\n\
                  if !user.isAdmin { veracode::update_user(#{ id: user.id, disabled: true }); }\n}";
    let workdir = Workdir::empty().with("disable.rhai", script);
    let ended = workdir.run("run disable.rhai");
    assert!(ended.exits(4).err.contains("more than the limit of 10"), "{ended}");
}

#[test]
fn irreversible_calls_need_yes() {
    let script = "let user = veracode::users().users[3];\nveracode::delete_user(#{ id: user.id });";
    let workdir = Workdir::empty().with("delete.rhai", script);
    check("guard_irreversible", &workdir, "run delete.rhai", 4);
    workdir.run("run delete.rhai --yes").exits(0);
    check("call_irreversible", &workdir, "call veracode.delete_user --id somebody", 4);
}

#[test]
fn limits_do_not_apply_to_a_replay() {
    let workdir = Workdir::with_class().with("unseat.rhai", UNSEAT);
    let run = "run unseat.rhai --roster class.csv";
    workdir.run(&format!("{run} --max-removals 30 --record unseat.cassette")).exits(0);
    workdir.run(&format!("{run} --replay unseat.cassette")).exits(0);
}

#[test]
fn conflicting_flags_are_refused() {
    let workdir = Workdir::with_class();
    for flags in [
        "--dry-run --results results.csv",
        "--dry-run --record class.cassette",
        "--dry-run --journal class.journal",
        "--dry-run --approved class.plan",
        "--plan class.plan",
        "--replay class.cassette --journal class.journal",
    ] {
        workdir.run(&format!("{RUN} {flags}")).exits(2);
    }
}

#[test]
fn a_script_cannot_catch_the_limit() {
    let script = "let rows = each(roster(), |row| {\n    \
                  try { thm::remove_seat(#{ email: row.email }); } catch { () }\n});\n\
                  print(rows.table());";
    let plan = "each(roster(), |row| { thm::remove_seat(#{ email: row.email }); });";
    let workdir = Workdir::with_class().with("remove.rhai", plan);
    let run = "run remove.rhai --roster class.csv --max-rows 2";
    workdir.run(&format!("{run} --dry-run --plan two.plan")).exits(0);
    // A plan is for one script.
    let workdir = workdir.with("remove.rhai", script);
    workdir.run(&format!("{run} --approved two.plan")).exits(2);
    workdir.run(&format!("{run} --dry-run --plan two.plan")).exits(0);
    let ended = workdir.run("run remove.rhai --roster class.csv --max-rows 3 --approved two.plan");
    assert!(ended.exits(4).err.contains("3 rows: 2 unchanged, 1 failed"), "{ended}");
}

#[test]
fn nested_rows_count_by_their_subject() {
    let script = "each([\"everybody\"], |all| {\n    \
                  each(roster(), |row| { thm::remove_seat(#{ email: row.email }); });\n    ()\n});";
    let workdir = Workdir::with_class().with("remove.rhai", script);
    let ended = workdir.run("run remove.rhai --roster class.csv");
    assert!(ended.exits(4).err.contains("from 30"), "{ended}");
}

#[test]
fn a_changed_plan_is_not_approved() {
    let workdir = Workdir::with_class();
    let run = format!("{RUN} --max-rows 2");
    workdir.run(&format!("{run} --dry-run --plan class.plan")).exits(0);
    workdir.run(&format!("{run} --approved class.plan")).exits(0);
    workdir.run("resume").exits(0);
    workdir.run(&format!("{RUN} --max-rows 9 --dry-run --plan class.plan")).exits(0);
    assert!(workdir.run("resume").exits(2).err.contains("the approved plan has changed since"));
    workdir.run("resume --allow-changed").exits(0);
    workdir.run("resume").exits(0);
}

/// The plan is in the format that the first release with plans wrote.
#[test]
fn a_plan_of_an_earlier_release_is_executed() {
    let plan = include_str!("../../../cassettes/two_seats.plan");
    let one_write = plan.replacen("\"writes\":2", "\"writes\":1", 1);
    let one_write: Vec<_> = one_write.lines().filter(|line| !line.contains("nobody")).collect();
    let workdir = Workdir::empty()
        .with("two_seats.rhai", include_str!("../../../cassettes/two_seats.rhai"))
        .with("two.plan", plan)
        .with("one.plan", one_write.join("\n") + "\n");
    let ended = workdir.run("run two_seats.rhai --approved two.plan");
    assert!(ended.exits(1).err.contains("2 rows: 1 done, 1 refused"), "{ended}");
    workdir.run("run two_seats.rhai --approved one.plan").exits(4);
}
