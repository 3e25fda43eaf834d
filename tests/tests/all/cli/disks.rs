//! A disk that is full, and file handles that are used up: what was sent stands and is told, and the run goes on later.

use serde_json::json;

use super::resuming::doubled;
use crate::server::Server;
use crate::snapshot::snapshot;
use crate::workdir::{Ended, Workdir};

const RUN: &str = "run onboard_class.rhai --roster class.csv";

/// Runs a command under a limit of the shell's: `-f` is the size of a file in blocks of 512 bytes, `-n` how many files
/// are open.
fn limited(workdir: &Workdir, limit: &str, line: &str) -> Ended {
    let program = workdir.command(line);
    let mut shell = std::process::Command::new("sh");
    // A write beyond the limit fails, as on a full disk, and is no reason to die.
    shell.arg("-c").arg(format!("trap '' XFSZ; ulimit {limit}; exec \"$0\" \"$@\""));
    shell.arg(program.get_program()).args(program.get_args());
    for (variable, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(variable, value),
            None => shell.env_remove(variable),
        };
    }
    shell.current_dir(program.get_current_dir().unwrap()).stdin(std::process::Stdio::null());
    Ended::of(line, shell.output().unwrap())
}

#[track_caller]
fn check_told(ended: &Ended) {
    assert_eq!(ended.exit, Some(8), "{ended}");
    assert!(!ended.err.contains("--allow-changed"), "{ended}");
    assert!(ended.err.contains("free some disk space"), "{ended}");
}

/// At whatever event the journal is full: nothing is lost, nothing is done twice.
#[test]
fn a_run_whose_journal_is_full_tells_what_it_did_and_goes_on_when_there_is_room() {
    let mut exits = Vec::new();
    for blocks in (4..120).step_by(13) {
        let server = Server::start("--invite-again --learners 60");
        let workdir = Workdir::with_class().with_keys();
        let line =
            format!("{RUN} --journal class.journal --results results.csv {}", server.flags());
        let ended = limited(&workdir, &format!("-f {blocks}"), &line);
        exits.push(ended.exit);
        if ended.exit == Some(0) {
            continue;
        }
        check_told(&ended);
        assert!(ended.err.contains("then run `drillmaster resume "), "{ended}");
        let again = workdir.run("resume class.journal");
        assert!(matches!(again.exit, Some(0 | 1)), "{again}");
        assert_eq!(doubled(&server.writes()), Vec::<String>::new(), "{blocks} blocks");
        assert_eq!(workdir.read("results.csv").lines().count(), 31);
    }
    assert!(exits.contains(&Some(8)), "{exits:?}");
}

/// The last line does not fit, which comes to light when the journal is closed.
#[test]
fn a_full_journal_is_told_with_the_rows_that_were_done() {
    let workdir = Workdir::empty()
        .with("say.rhai", "each(roster(), |row| { #{ said: row.words } });")
        .with("some.csv", format!("email,words\na,short\nb,short\nc,{}\n", "long ".repeat(4000)));
    let line = "run say.rhai --roster some.csv --concurrency 1 --journal some.journal";
    let ended = limited(&workdir, "-f 16", line);
    snapshot("cli", "disk_full_journal", &ended.to_string());
    check_told(&ended);
}

/// Each file that a run leaves, but the journal.
#[test]
fn a_file_that_cannot_be_written_is_told_and_the_rest_stands() {
    let workdir = Workdir::with_class().with("report.rhai", REPORT);
    for (name, limit, line) in [
        ("disk_full_report", "-f 8", "run report.rhai --journal r.journal --report r.html"),
        ("disk_full_plan", "-f 1", &format!("{RUN} --dry-run --plan p.plan --quiet --format json")),
    ] {
        let ended = limited(&workdir, limit, line);
        check_told(&ended);
        let told = Ended { out: String::new(), ..ended };
        snapshot("cli", name, &told.to_string());
    }
    assert!(!workdir.path("r.html").exists() && !workdir.path("p.plan").exists());
    workdir.run("resume r.journal").exits(0);
    assert!(workdir.path("r.html").exists());
}

const REPORT: &str =
    "report(#{ title: \"The class\", scoreboard: [#{ who: \"ada\", points: 3 }] });";

#[test]
fn a_recording_that_cannot_be_written_is_told_with_how_to_seal_the_journal() {
    let workdir = Workdir::empty().with("rooms.rhai", "for n in 0..2 { thm::rooms(); }");
    let line = "run rooms.rhai --journal rooms.journal --record rooms.cassette";
    // The sealed cassette is laid out for people, and longer than the journal.
    let journal = {
        let other = Workdir::empty().with("rooms.rhai", "for n in 0..2 { thm::rooms(); }");
        other.run(line).exits(0);
        std::fs::metadata(other.path("rooms.journal")).unwrap().len()
    };
    let ended = limited(&workdir, &format!("-f {}", journal / 512 + 2), line);
    assert_eq!(ended.exit, Some(8), "{ended}");
    assert!(ended.err.contains("`drillmaster cassette seal "), "{ended}");
    assert!(!workdir.path("rooms.cassette").exists());
    workdir.run("cassette seal rooms.journal -o rooms.cassette").exits(0);
}

#[test]
fn a_log_and_an_output_that_cannot_be_written_are_told_at_the_end() {
    let workdir = Workdir::empty().with("say.rhai", "print(\"hello\");");
    workdir.run("run say.rhai --log run.log").exits(0);
    // It is as long as a file may be.
    let filled = format!("{}{}", workdir.read("run.log"), " ".repeat(1 << 16));
    let workdir = workdir.with("run.log", filled);
    let log = limited(&workdir, "-f 16", "run say.rhai --journal a.journal --log run.log");
    check_told(&log);
    assert_eq!(log.out, "hello\n");
    let mut command = workdir.command("run say.rhai --journal b.journal");
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let output = Ended::of("run say.rhai > /dev/full", command.output().unwrap());
    check_told(&output);
    assert!(output.err.contains("cannot write to standard output"), "{output}");
}

#[test]
fn what_is_no_file_is_no_log() {
    let workdir = Workdir::empty().with("say.rhai", "print(\"hello\");");
    for device in ["/dev/full", "/dev/zero"] {
        let ended = workdir.run(&format!("run say.rhai --log {device}"));
        assert!(ended.exits(2).err.contains("it is not a regular file"), "{ended}");
    }
}

/// Before anything was sent it is a matter of the command line; no journal is left that would be in the way.
#[test]
fn a_journal_that_cannot_be_begun_is_refused_before_anything_is_sent() {
    let workdir = Workdir::empty().with("say.rhai", "print(\"hello\");");
    let line = "run say.rhai --journal say.journal";
    workdir.run("run say.rhai").exits(0);
    let ended = limited(&workdir, "-f 0", line);
    assert_eq!(
        (ended.exits(2).out.as_str(), workdir.path("say.journal").exists()),
        ("", false),
        "{ended}"
    );
    workdir.run(line).exits(0);
}

/// From none at all to enough: a run that was begun is never taken for a wrong script.
#[test]
fn a_run_without_file_handles_goes_on_when_there_are_some() {
    let mut exits = Vec::new();
    for handles in (8..40).step_by(3) {
        let server = Server::start("--invite-again --learners 60");
        let workdir = Workdir::with_class().with_keys();
        let line =
            format!("{RUN} --journal class.journal --results results.csv {}", server.flags());
        let ended = limited(&workdir, &format!("-n {handles}"), &line);
        exits.push(ended.exit);
        match ended.exit {
            Some(8) => check_told(&ended),
            Some(2) => {
                assert_eq!(server.writes(), json!({}), "{ended}");
            }
            // Connections are files, too: those rows failed, and nothing was sent for them.
            Some(0 | 1) => {}
            _ => panic!("{handles} handles: {ended}"),
        }
        if workdir.path("class.journal").exists() {
            let again = workdir.run("resume class.journal --failed");
            assert!(again.exits(0).err.contains("30 rows: "), "{again}");
        }
        assert_eq!(doubled(&server.writes()), Vec::<String>::new(), "{handles} handles");
    }
    assert!(exits.contains(&Some(8)), "{exits:?}");
}
