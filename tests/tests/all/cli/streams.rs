//! Data on standard output, messages on standard error, and colors only on request.

use crate::workdir::Workdir;

const RUN: &str = "run onboard_class.rhai --roster class.csv";
const ESCAPE: char = '\u{1b}';

#[test]
fn piped_output_has_no_escape_sequences() {
    let workdir = Workdir::with_class().with("wrong.rhai", "thm::romms();");
    for line in [RUN, "run wrong.rhai", "--help", "call thm.rooms", "call thm.roms", "endpoints"] {
        let ended = workdir.run(line);
        assert!(!ended.to_string().contains(ESCAPE), "{ended}");
    }
}

#[test]
fn colors_are_used_on_request() {
    let workdir = Workdir::empty().with("wrong.rhai", "thm::romms();");
    assert!(workdir.run("run wrong.rhai --color always").exits(3).err.contains(ESCAPE));
    assert!(!workdir.run("run wrong.rhai --color never").exits(3).err.contains(ESCAPE));
    let workdir = workdir.setting("NO_COLOR", "1");
    assert!(!workdir.run("run wrong.rhai").exits(3).err.contains(ESCAPE));
}

#[test]
fn control_characters_of_a_service_do_not_reach_the_terminal() {
    let script = "print(table([#{ name: \"a\\x1b[31mb\" }], [\"name\"]));";
    let ended = Workdir::empty().with("script.rhai", script).run("run script.rhai");
    assert!(!ended.exits(0).out.contains(ESCAPE), "{ended}");
}

#[test]
fn quiet_hides_the_summary_but_not_errors() {
    let workdir = Workdir::with_class().with("wrong.rhai", "thm::romms();");
    assert_eq!(workdir.run(&format!("{RUN} --quiet")).exits(0).err, "");
    assert_ne!(workdir.run("run wrong.rhai --quiet").exits(3).err, "");
}

#[test]
fn verbose_prints_each_call_without_secrets() {
    let workdir = Workdir::with_class();
    let ended = workdir.run(&format!("{RUN} --verbose --max-rows 1"));
    crate::snapshot::snapshot("cli", "verbose", &ended.exits(0).err);
    let plain = workdir.run(&format!("{RUN} --max-rows 1"));
    assert_eq!(ended.out, plain.out);
    let ended = workdir.run("call thm.register --token a-secret-token --verbose");
    assert!(!ended.exits(0).err.contains("a-secret-token"), "{ended}");
}

/// Like `| head -1`, but without reading anything.
#[test]
fn a_closed_pipe_is_not_an_error() {
    let workdir = Workdir::with_class();
    let workdir = workdir.with("wrong.rhai", "thm::romms();\n".repeat(50));
    workdir.run("init project").exits(0);
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
        let due = workdir.run(line).exit;
        for gone in [&["out"][..], &["err"], &["out", "err"]] {
            let mut child = workdir.start(line);
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

/// Lists and reports are opened in spreadsheets. Results are read by scripts, and stay exact.
#[test]
fn csv_contains_no_formulas() {
    let formula = "=HYPERLINK(1)";
    let script = "let rows = each(roster(), |row| { if row.id == \"A1\" { throw row.email } });\n\
                  report(#{ title: \"t\", scoreboard: [#{ who: \"=HYPERLINK(1)\", points: -5 }] });";
    let roster = format!("email,id\n{formula},A1\n-2+3,B2\n");
    let workdir = Workdir::empty().with("rows.rhai", script).with("class.csv", &roster);
    let line = "run rows.rhai --journal rows.journal --results again.csv --report report.csv";
    workdir.run(&format!("{line} --roster class.csv")).exits(1);

    let listed = workdir.run("runs show rows.journal --format csv").exits(0).out.clone();
    assert!(listed.contains("\n'=HYPERLINK(1),") && listed.contains("\n'-2+3,"), "{listed}");
    let report = workdir.read("report.csv");
    assert!(report.contains("'=HYPERLINK(1)") && report.contains(",-5"), "{report}");
    assert!(!report.contains(",=") && !report.contains("\n="), "{report}");
    let json = workdir.run("runs show rows.journal --format json").exits(0).out.clone();
    assert!(json.contains("\"=HYPERLINK(1)\""), "{json}");

    let results = workdir.read("again.csv");
    assert!(results.contains(&format!("\n{formula},A1,")), "{results}");
    let again = "run rows.rhai --roster again.csv --results third.csv";
    workdir.run(again).exits(1);
    assert_eq!(workdir.read("third.csv"), results);
}
