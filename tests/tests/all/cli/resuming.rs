//! Journals of runs: what is kept, how a run goes on after it was killed, and what is refused.

use std::process::{Child, Command};

use serde_json::Value;

use super::check;
use crate::server::Server;
use crate::snapshot::snapshot;
use crate::workdir::{Door, Ended, Workdir};

const RUN: &str = "run onboard_class.rhai --roster class.csv";
/// A row is one write.
const SEAT: &str = "let rows = each(roster(), |row| { thm::add_seat(#{ email: row.email }); });\n\
                    print(rows.table());\n";
/// People of the sandbox who have an account and no seat.
const WAITING: &str = "email\nkian.rutherford@example.com\nboris.bailey@example.com\n";

pub(super) fn signal(process: &Child, signal: &str) {
    let id = process.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
}

/// The journals in a workdir's state folder, the latest last.
fn journals(workdir: &Workdir) -> Vec<std::path::PathBuf> {
    let Ok(files) = std::fs::read_dir(workdir.path("state/drillmaster/runs")) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths
}

/// How often each write was carried out more than once.
pub(super) fn doubled(writes: &Value) -> Vec<String> {
    let endpoints = writes.as_object().into_iter().flatten();
    let doubles = endpoints.filter(|(endpoint, _)| *endpoint != "thm.authenticate").flat_map(
        |(endpoint, all)| {
            let subjects = all.as_object().into_iter().flatten();
            let twice = subjects.filter(|(_, count)| count.as_u64() != Some(1));
            twice.map(move |(subject, count)| format!("{endpoint} {subject}: {count}"))
        },
    );
    doubles.collect()
}

/// Waits until the sandbox carried out so many writes.
pub(super) fn wait_for_writes(server: &Server, many: usize) {
    let count = |writes: &Value| {
        let endpoints = writes.as_object().into_iter().flatten();
        endpoints.map(|(_, all)| all.as_object().map_or(0, serde_json::Map::len)).sum::<usize>()
    };
    while count(&server.writes()) < many {
        std::thread::yield_now();
    }
}

#[test]
fn a_run_leaves_a_journal_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let workdir = Workdir::with_class();
    workdir.run(RUN).exits(0);
    let path = &journals(&workdir)[0];
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let folder = std::fs::metadata(path.parent().unwrap()).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
}

#[test]
fn runs_are_listed_and_shown() {
    let workdir = Workdir::with_class()
        .with("seat.rhai", SEAT)
        .with("some.csv", "email\nkian.rutherford@example.com\nnobody@example.com\n");
    check("runs_none", &workdir, "runs", 0);
    check("runs_show_none", &workdir, "runs show", 2);
    workdir.run("run seat.rhai --roster some.csv").exits(1);
    check("runs_show", &workdir, "runs show", 0);
    check("runs_show_csv", &workdir, "runs show --format csv", 0);
    let shown: Value =
        serde_json::from_str(&workdir.run("runs show --format json").exits(0).out).unwrap();
    assert_eq!(shown["rows"][1]["state"], "refused");
    assert_eq!(shown["counts"]["done"], 1);
    assert_eq!(shown["asked"]["on"], "sandbox");
    check("runs_list", &workdir, "runs", 0);
    check("runs_unknown", &workdir, "runs show 20200101-000000-0000", 2);
}

#[test]
fn a_finished_run_says_the_same_again_and_sends_nothing() {
    let server = Server::start("");
    let workdir = Workdir::with_class().with_keys();
    let first = workdir.run(&format!("{RUN} --results first.csv {}", server.flags()));
    let writes = server.writes();
    let again = workdir.run("resume --results again.csv");
    assert_eq!(again.exits(0).out, first.exits(0).out);
    assert_eq!(workdir.read("again.csv"), workdir.read("first.csv"));
    assert_eq!(server.writes(), writes);
}

#[test]
fn a_killed_run_goes_on_where_it_was_and_nothing_is_done_twice() {
    let server = Server::start("--invite-again --fault delay=10ms");
    let workdir = Workdir::with_class().with_keys();
    let line = format!("{RUN} --results results.csv --concurrency 4 {}", server.flags());
    let mut process = workdir.start(&line);
    for writes in [5, 20, 40] {
        wait_for_writes(&server, writes);
        signal(&process, "-KILL");
        process.wait().unwrap();
        check_state(&workdir, "stopped");
        process = workdir.start("resume --effect-within 1s");
    }
    let ended = Ended::of("resume", process.wait_with_output().unwrap());
    assert!(ended.exits(0).err.contains("30 rows: "), "{ended}");
    assert_eq!(doubled(&server.writes()), Vec::<String>::new());
    workdir.run(&format!("{RUN} --results untroubled.csv")).exits(0);
    // A seat that was under way is "so already" when it is asked for again; all else is as if nothing had happened.
    let rows = |file: &str| -> Vec<Vec<String>> {
        let text = workdir.read(file);
        let mut csv = csv::Reader::from_reader(text.as_bytes());
        let told = ["state", "detail"];
        let kept: Vec<_> =
            csv.headers().unwrap().iter().map(|name| !told.contains(&name)).collect();
        let cells = |row: csv::StringRecord| {
            row.iter()
                .zip(&kept)
                .filter(|(_, kept)| **kept)
                .map(|(cell, _)| cell.to_owned())
                .collect()
        };
        csv.records().map(|row| cells(row.unwrap())).collect()
    };
    assert_eq!(rows("results.csv"), rows("untroubled.csv"));
    assert_eq!(journals(&workdir).len(), 2);
}

#[track_caller]
fn check_state(workdir: &Workdir, state: &str) {
    let shown: Value =
        serde_json::from_str(&workdir.run("runs --format json").exits(0).out).unwrap();
    assert_eq!(shown[0]["state"], state);
}

/// What was to be done then may not be wanted any more: it is named, and not begun with.
#[test]
fn a_run_that_was_stopped_before_the_last_one_is_named() {
    let workdir = Workdir::empty()
        .with("stops.rhai", format!("{SEAT}throw \"no more\";"))
        .with("seat.rhai", SEAT)
        .with("some.csv", WAITING);
    workdir.run("run stops.rhai --roster some.csv").exits(3);
    let stopped = journals(&workdir)[0].file_stem().unwrap().to_string_lossy().into_owned();
    workdir.run("run seat.rhai --roster some.csv").exits(0);
    let ended = workdir.run("resume");
    let command = format!("use `drillmaster resume {stopped}`");
    assert!(ended.exits(2).err.contains("of stops.rhai, started "), "{ended}");
    assert!(ended.err.contains(&command), "{ended}");
    // What was refused left no trace.
    let again = workdir.run("resume");
    assert_eq!((again.exits(2).err.as_str(), journals(&workdir).len()), (ended.err.as_str(), 2));
    workdir.run(&format!("resume {stopped}")).exits(3);
}

#[test]
fn a_resume_that_is_refused_leaves_the_journal_as_it_was() {
    let workdir = Workdir::empty().with("seat.rhai", SEAT).with("some.csv", WAITING);
    workdir.run("run seat.rhai --roster some.csv").exits(0);
    let journal = || std::fs::read(&journals(&workdir)[0]).unwrap();
    let before = journal();
    workdir.run("resume --on live").exits(2);
    let changed = workdir.path("seat.rhai");
    std::fs::write(&changed, format!("{SEAT} ")).unwrap();
    workdir.run("resume").exits(2);
    assert_eq!(journal(), before);
}

#[test]
fn a_run_that_did_nothing_is_not_the_one_to_go_on_with() {
    let early = "let word = input(\"word\", \"\", \"\"); if word == \"wrong\" { throw word; }";
    let workdir = Workdir::empty()
        .with("seat.rhai", format!("{early}\n{SEAT}throw \"no more\";"))
        .with("some.csv", WAITING);
    workdir.run("run seat.rhai --roster some.csv").exits(3);
    let first = journals(&workdir);
    workdir.run("run seat.rhai --roster some.csv --set word=wrong").exits(3);
    let id = first[0].file_stem().unwrap().to_string_lossy().into_owned();
    let ended = workdir.run("resume");
    assert!(ended.exits(3).err.contains(&format!("resuming {id}")), "{ended}");
}

#[test]
fn an_interrupted_run_tells_the_command_that_goes_on() {
    let server = Server::start("--invite-again --fault delay=10ms");
    let workdir = Workdir::with_class().with_keys();
    let process = workdir.start(&format!("{RUN} --concurrency 2 {}", server.flags()));
    wait_for_writes(&server, 5);
    signal(&process, "-INT");
    let ended = Ended::of("run", process.wait_with_output().unwrap());
    let told =
        ended.exits(130).err.lines().find(|line| line.starts_with("interrupted; resume with"));
    let command = told.unwrap_or_else(|| panic!("{ended}"));
    let command = command.split('`').nth(1).unwrap().strip_prefix("drillmaster ").unwrap();
    check_state(&workdir, "stopped");
    workdir.run(command).exits(0);
    check_state(&workdir, "ended");
    assert_eq!(doubled(&server.writes()), Vec::<String>::new());
}

#[test]
fn two_processes_do_not_go_on_with_the_same_run() {
    let door = Door::closed();
    let workdir = Workdir::with_class().with_keys();
    let mut process = workdir.start(&format!("{RUN} {}", door.flags()));
    while !door.was_knocked_at() {
        std::thread::yield_now();
    }
    check_state(&workdir, "running");
    check("resume_in_use", &workdir, "resume", 2);
    process.kill().unwrap();
    process.wait().unwrap();
    check_state(&workdir, "stopped");
}

#[test]
fn what_changed_since_is_told_and_needs_to_be_allowed() {
    let workdir = Workdir::empty().with("seat.rhai", SEAT).with("some.csv", WAITING);
    workdir.run("run seat.rhai --roster some.csv").exits(0);
    let workdir = workdir.with("seat.rhai", format!("{SEAT}print(\"more\");"));
    check("resume_changed_script", &workdir, "resume", 2);
    let workdir = workdir.with("some.csv", format!("{WAITING}nobody@example.com\n"));
    check("resume_changed_both", &workdir, "resume --on live --rate 3/s", 2);
    check("resume_allow_changed", &workdir, "resume --allow-changed", 1);
}

#[test]
fn a_changed_module_is_a_changed_script() {
    let workdir = Workdir::empty()
        .with("words.rhai", "fn hello() { \"hello\" }")
        .with("say.rhai", "import \"words\" as words; print(words::hello());");
    workdir.run("run say.rhai").exits(0);
    workdir.run("resume").exits(0);
    let workdir = workdir.with("words.rhai", "fn hello() { \"good day\" }");
    assert!(workdir.run("resume").exits(2).err.contains("the script has changed since"));
}

#[test]
fn what_was_refused_is_tried_again_where_that_is_asked_for() {
    let server = Server::start("--seats 2");
    let workdir = Workdir::empty().with_keys().with("seat.rhai", SEAT).with("some.csv", WAITING);
    let run = format!("run seat.rhai --roster some.csv --concurrency 1 {}", server.flags());
    let ended = workdir.run(&run);
    assert!(ended.exits(1).err.contains("2 rows: 1 refused, 1 skipped"), "{ended}");
    let free = "each(thm::all_users().to_array(), \"email\", |user| {\n\
                if user.email != () { thm::remove_seat(#{ email: user.email }); }\n});";
    let workdir = workdir.with("free.rhai", free);
    workdir.run(&format!("run free.rhai --max-removals 500 --journal f {}", server.flags()));
    assert_eq!(workdir.run("resume").exits(1).out, ended.out, "an answer is an answer");
    let ended = workdir.run("resume --failed");
    assert!(ended.exits(0).err.contains("2 rows: 2 done"), "{ended}");
}

#[test]
fn what_no_part_could_settle_is_looked_at_again_by_the_next() {
    let faults = "thm.add_seat:reset-after@1,thm.add_seat:reset-before@2,3,4,5,6";
    let server = Server::start(&format!("--fault {faults}"));
    let workdir = Workdir::empty().with_keys().with("seat.rhai", SEAT).with("some.csv", WAITING);
    let flags = "--concurrency 1 --resolve-for 0s";
    let line = format!("run seat.rhai --roster some.csv {flags} {}", server.flags());
    let mut ended = workdir.run(&line);
    ended.line = "run seat.rhai --roster some.csv".to_owned();
    snapshot("cli", "run_in_doubt", &ended.exits(1).to_string());
    check("resume_in_doubt", &workdir, "resume", 0);
    assert_eq!(doubled(&server.writes()), Vec::<String>::new());
}

#[test]
fn a_key_that_was_put_right_is_enough_to_go_on() {
    let server = Server::start("");
    let workdir = Workdir::with_class()
        .setting("DRILLMASTER_THM_KEY", "mistyped")
        .setting("DRILLMASTER_VERACODE_KEY", drillmaster_sandbox::VERACODE_KEY);
    workdir.run(&format!("{RUN} {}", server.flags())).exits(4);
    let workdir = workdir.with_keys();
    assert!(workdir.run("resume").exits(0).err.contains("30 rows: 27 done, 3 unchanged"));
}

#[test]
fn the_clock_stands_where_it_stood() {
    let script =
        "print(now()); for row in each(roster(), |row| { #{ at: now() } }) { print(row.at); }";
    let server = Server::start("");
    let workdir = Workdir::empty().with_keys().with("now.rhai", script).with("some.csv", WAITING);
    let line = format!("run now.rhai --roster some.csv {}", server.flags());
    let first = workdir.run(&line);
    assert_eq!(workdir.run("resume").exits(0).out, first.exits(0).out);
    assert_ne!(workdir.run(&line).exits(0).out, first.out);
}

#[test]
fn the_time_on_the_sandbox_is_its_own() {
    let workdir = Workdir::empty().with("now.rhai", "print(day(now()))");
    assert_eq!(workdir.run("run now.rhai").exits(0).out, "2026-09-01\n");
}

#[test]
fn a_journal_may_lie_anywhere() {
    let workdir = Workdir::with_class();
    let line = format!("{RUN} --max-rows 2 --journal my.journal");
    workdir.run(&line).exits(0);
    assert_eq!(journals(&workdir).len(), 0);
    check("journal_exists", &workdir, &line, 2);
    check("resume_by_path", &workdir, "resume my.journal", 0);
    check("journal_in_no_folder", &workdir, &format!("{RUN} --journal there/my.journal"), 2);
    check("journal_is_the_roster", &workdir, &format!("{RUN} --journal class.csv"), 2);
    workdir.run("resume my.journal --results my.journal").exits(2);
}

#[test]
fn a_damaged_journal_is_told_by_its_byte_and_a_torn_one_goes_on() {
    let workdir = Workdir::with_class();
    workdir.run(&format!("{RUN} --journal my.journal")).exits(0);
    let text = workdir.read("my.journal");
    let torn = &text[..text.len() - 700];
    let workdir = workdir.with("torn.journal", torn);
    assert!(workdir.run("resume torn.journal").exits(0).err.contains("30 rows"));
    let workdir = workdir.with("my.journal", text.replacen("ayse", "asye", 3));
    // The header has the time of the run, which may be a digit shorter.
    let damaged = workdir.run("resume my.journal");
    damaged.exits(2);
    let byte = text.split_inclusive('\n').take_while(|line| !line.contains("ayse")).map(str::len);
    assert!(damaged.err.contains(&format!("at byte {}:", byte.sum::<usize>())), "{damaged}");
    let workdir = workdir.with("not.journal", "email\n");
    check("journal_none", &workdir, "resume not.journal", 2);
}

#[test]
fn there_may_be_nothing_to_go_on_with() {
    check("resume_none", &Workdir::empty(), "resume", 2);
    check("resume_unknown", &Workdir::empty(), "resume yesterday", 2);
}

#[test]
fn what_is_done_stays_done_when_a_later_part_is_stopped() {
    let script = "let rows = each(roster(), |row| {\n    veracode::roles();\n    \
                  thm::add_seat(#{ email: row.email });\n});\nprint(rows.table());";
    let server = Server::start("--fault veracode.roles:500-before@1,2,3");
    let workdir = Workdir::empty().with_keys().with("seat.rhai", script).with("some.csv", WAITING);
    let line = format!("run seat.rhai --roster some.csv --concurrency 1 {}", server.flags());
    workdir.run(&line).exits(1);
    let workdir = workdir.setting("DRILLMASTER_VERACODE_KEY", "mistyped:key");
    check("resume_stopped", &workdir, "resume", 4);
}

#[test]
fn a_doubt_is_told_whatever_the_script_makes_of_it() {
    let server = Server::start("--fault thm.add_seat:reset-before=100%");
    let seat = "thm::add_seat(#{ email: \"kian.rutherford@example.com\" })";
    for (name, script) in [
        ("doubt_caught", format!("each([1], |row| {{ try {{ {seat} }} catch {{ () }} }});")),
        ("doubt_nested", format!("each([1], |row| {{ each([2], |inner| {{ {seat} }}); () }});")),
        ("doubt_outside", format!("try {{ {seat} }} catch {{ () }}")),
    ] {
        let workdir = Workdir::empty().with_keys().with("doubt.rhai", script);
        let mut ended = workdir.run(&format!("run doubt.rhai --resolve-for 0s {}", server.flags()));
        ended.line = "run doubt.rhai".to_owned();
        snapshot("cli", name, &ended.exits(1).to_string());
    }
}

#[test]
fn what_a_run_is_resumed_with_is_remembered() {
    let workdir = Workdir::empty().with("seat.rhai", SEAT).with("some.csv", WAITING);
    workdir.run("run seat.rhai --roster some.csv --max-rows 1").exits(0);
    assert!(workdir.run("resume --max-rows 2").exits(0).err.contains("2 rows: 2 done"));
    assert!(workdir.run("resume").exits(0).err.contains("2 rows: 2 done"));
    let workdir = workdir.with("seat.rhai", format!("{SEAT}print(\"more\");"));
    workdir.run("resume --allow-changed").exits(0);
    workdir.run("resume").exits(0);
}

#[test]
fn outputs_that_cannot_be_written_are_told_before_anything_is_sent() {
    use std::os::unix::fs::PermissionsExt;
    let workdir = Workdir::with_class().with("closed/file", "");
    let closed = workdir.path("closed");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    // Who may do everything is not kept out.
    if std::fs::write(closed.join("probe"), "").is_err() {
        check("results_in_a_closed_folder", &workdir, &format!("{RUN} --results closed/r.csv"), 2);
    }
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o755)).unwrap();
}
