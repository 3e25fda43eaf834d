//! Data on standard output, words for people on standard error, and colours for neither unless wanted.

use crate::desk::Desk;

const RUN: &str = "run onboard_class.rhai --roster class.csv";
const ESCAPE: char = '\u{1b}';

#[test]
fn what_is_piped_has_no_escapes() {
    let desk = Desk::with_class().with("wrong.rhai", "thm::romms();");
    for line in [RUN, "run wrong.rhai", "--help", "call thm.rooms", "call thm.roms", "endpoints"] {
        let ended = desk.run(line);
        assert!(!ended.to_string().contains(ESCAPE), "{ended}");
    }
}

#[test]
fn colours_are_used_where_they_are_asked_for() {
    let desk = Desk::empty().with("wrong.rhai", "thm::romms();");
    assert!(desk.run("run wrong.rhai --color always").exits(3).err.contains(ESCAPE));
    assert!(!desk.run("run wrong.rhai --color never").exits(3).err.contains(ESCAPE));
    let desk = desk.setting("NO_COLOR", "1");
    assert!(!desk.run("run wrong.rhai").exits(3).err.contains(ESCAPE));
}

#[test]
fn control_characters_of_a_service_do_not_reach_the_terminal() {
    let script = "print(table([#{ name: \"a\\x1b[31mb\" }], [\"name\"]));";
    let ended = Desk::empty().with("script.rhai", script).run("run script.rhai");
    assert!(!ended.exits(0).out.contains(ESCAPE), "{ended}");
}

#[test]
fn quiet_keeps_the_summary_and_not_the_mistakes() {
    let desk = Desk::with_class().with("wrong.rhai", "thm::romms();");
    assert_eq!(desk.run(&format!("{RUN} --quiet")).exits(0).err, "");
    assert_ne!(desk.run("run wrong.rhai --quiet").exits(3).err, "");
}

#[test]
fn verbose_tells_each_call_without_secrets() {
    let desk = Desk::with_class();
    let ended = desk.run(&format!("{RUN} --verbose --max-rows 1"));
    crate::snapshot::snapshot("cli", "verbose", &ended.exits(0).err);
    let plain = desk.run(&format!("{RUN} --max-rows 1"));
    assert_eq!(ended.out, plain.out);
    let ended = desk.run("call thm.register --token a-secret-token --verbose");
    assert!(!ended.exits(0).err.contains("a-secret-token"), "{ended}");
}

/// As `| head -1` does, only that nothing at all is read.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let desk = Desk::with_class();
    let desk = desk.with("wrong.rhai", "thm::romms();\n".repeat(50));
    desk.run("init project").exits(0);
    let report = format!("{RUN} --report class.html --report class.csv");
    let lines = [
        RUN,
        &report,
        "call veracode.users --all --format json",
        "endpoints",
        "endpoints thm.rooms",
        "completions bash",
        "runs",
        "runs show",
        "config show",
        "cassette show project/recordings/onboard.cassette --full",
        "test project",
        "check wrong.rhai",
        "definitions words",
        "run onboard_class.rhai --help",
        "--help",
        "call --help",
        "--version",
        "run wrong.rhai",
        "run --wrong",
        "call thm.roms",
    ];
    for line in lines {
        let due = desk.run(line).exit;
        for gone in [&["out"][..], &["err"], &["out", "err"]] {
            let mut child = desk.start(line);
            if gone.contains(&"out") {
                drop(child.stdout.take());
            }
            if gone.contains(&"err") {
                drop(child.stderr.take());
            }
            let output = child.wait_with_output().unwrap();
            let err = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), due, "{line} without {gone:?}: {err}");
            assert!(!err.contains("panicked") && !err.contains("Broken pipe"), "{line}: {err}");
        }
    }
}

/// Lists and reports are opened in spreadsheets; results are read back by scripts, and are exact.
#[test]
fn a_spreadsheet_runs_nothing_of_lists_and_reports() {
    let formula = "=HYPERLINK(1)";
    let script = "let rows = each(roster(), |row| { if row.id == \"A1\" { throw row.email } });\n\
                  report(#{ title: \"t\", scoreboard: [#{ who: \"=HYPERLINK(1)\", points: -5 }] });";
    let roster = format!("email,id\n{formula},A1\n-2+3,B2\n");
    let desk = Desk::empty().with("rows.rhai", script).with("class.csv", &roster);
    let line = "run rows.rhai --journal rows.journal --results again.csv --report report.csv";
    desk.run(&format!("{line} --roster class.csv")).exits(1);

    let listed = desk.run("runs show rows.journal --format csv").exits(0).out.clone();
    assert!(listed.contains("\n'=HYPERLINK(1),") && listed.contains("\n'-2+3,"), "{listed}");
    let report = desk.read("report.csv");
    assert!(report.contains("'=HYPERLINK(1)") && report.contains(",-5"), "{report}");
    assert!(!report.contains(",=") && !report.contains("\n="), "{report}");
    let json = desk.run("runs show rows.journal --format json").exits(0).out.clone();
    assert!(json.contains("\"=HYPERLINK(1)\""), "{json}");

    let results = desk.read("again.csv");
    assert!(results.contains(&format!("\n{formula},A1,")), "{results}");
    let again = "run rows.rhai --roster again.csv --results third.csv";
    desk.run(again).exits(1);
    assert_eq!(desk.read("third.csv"), results);
}
