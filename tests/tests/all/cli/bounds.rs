//! Where a run ends before it takes the machine: endless files, imports, values and answers.

use super::{check, check_unsent};
use crate::desk::Desk;

#[test]
fn modules_that_import_each_other_are_told_before_anything_is_sent() {
    let desk = || {
        Desk::empty()
            .with("class/script.rhai", "each([\"a\", \"b\"], |key| { thm::add_seat(#{ email: key }); import \"words\" as words; });")
            .with("class/words.rhai", "import \"more\" as more;\nfn greeting() { \"hello\" }")
            .with("class/more.rhai", "\n\nimport \"words\" as words;")
    };
    check_unsent("bounds_import_circle", desk(), "run class/script.rhai", 3);
    check("bounds_import_circle_check", &desk(), "check class/script.rhai", 3);
    let itself = Desk::empty().with("self.rhai", "import \"self\" as me;");
    check_unsent("bounds_import_itself", itself, "run self.rhai", 3);
}

#[test]
fn a_circle_whose_names_are_made_in_the_script_is_told_when_it_is_met() {
    let desk = Desk::empty()
        .with("script.rhai", "let name = \"words\"; import name as words;")
        .with("words.rhai", "let name = \"words\"; import name as words;");
    let ended = desk.run("run script.rhai");
    assert!(ended.exits(3).err.contains("modules import each other"), "{ended}");
}

/// Modules that import one another in a row, so many of them.
fn chain(length: usize) -> Desk {
    let desk = Desk::empty().with(
        "script.rhai",
        "print(each([1], |key| { import \"m1\" as m; #{ found: m::LAST } }).table([\"found\"]));",
    );
    (1..=length).fold(desk, |desk, index| {
        let text = if index == length {
            "export const LAST = 7;".to_owned()
        } else {
            format!("import \"m{}\" as m; export const LAST = m::LAST;", index + 1)
        };
        desk.with(&format!("m{index}.rhai"), text)
    })
}

#[test]
fn imports_lead_so_far_and_no_further() {
    let ended = chain(16).run("run script.rhai");
    assert!(ended.exits(0).out.contains('7'), "{ended}");
    check_unsent("bounds_import_chain", chain(17), "run script.rhai", 3);
}

#[test]
fn so_many_rows_run_at_a_time_and_no_more() {
    let desk = Desk::with_class();
    let line = "run onboard_class.rhai --roster class.csv --concurrency";
    desk.run(&format!("{line} 256")).exits(0);
    for number in ["257", "0", "18446744073709551616"] {
        let ended = desk.run(&format!("{line} {number}"));
        assert!(ended.exits(2).err.contains("must be a whole number from 1 to 256"), "{ended}");
    }
}

#[test]
fn a_value_that_is_too_deep_to_be_kept_fails_its_row() {
    let nested = "let a = []; for i in 0..LEVELS { a = [a]; }";
    let script = format!("fn deep() {{ {nested} a }} each([1], |key| #{{ deep: deep() }});");
    let run = |levels: &str| {
        Desk::empty().with("deep.rhai", script.replace("LEVELS", levels)).run("run deep.rhai")
    };
    run("90").exits(0);
    for levels in ["120", "1000"] {
        let ended = run(levels);
        assert!(ended.exits(1).err.contains("nested more than 100 levels deep"), "{ended}");
    }
    let shown = script.replace("LEVELS", "3000").replace("#{ deep: deep() }", "print(deep())");
    let ended = Desk::empty().with("deep.rhai", shown).run("run deep.rhai");
    assert_eq!(ended.exits(0).out, "[…]\n");
}

#[test]
fn what_is_doubled_without_end_is_refused() {
    for (grown, what) in [
        ("let s = \"abcdefgh\"; loop { s += s; }", "`+=` would make a text of more than 16 MiB"),
        (
            "let a = [1, 2, 3, 4]; loop { a += a; }",
            "`+=` would make a list of more than 1,000,000 items",
        ),
    ] {
        let ended = Desk::empty().with("grow.rhai", grown).run("run grow.rhai");
        assert!(ended.exits(3).err.contains(what), "{ended}");
    }
}

/// Commands that read a file, `FILE` in each.
const READERS: &[&str] = &[
    "run FILE",
    "run FILE --help",
    "check FILE",
    "run ok.rhai --roster FILE",
    "run ok.rhai --approved FILE",
    "run ok.rhai --replay FILE",
    "run ok.rhai --append FILE",
    "run ok.rhai --verify FILE",
    "run ok.rhai --report a.html --template FILE",
    "resume FILE",
    "runs show FILE",
    "cassette show FILE",
    "cassette stats FILE",
    "cassette seal FILE -o a.cassette",
    "cassette verify FILE",
    "cassette import FILE -o a.cassette",
    "cassette export FILE -o a.har",
    "repl --roster FILE",
    "sandbox --listen 127.0.0.1:0 --state FILE",
];

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_wherever_one_is_read() {
    use std::process::Command;
    let desk = Desk::empty().with("ok.rhai", "print(1);");
    let made = Command::new("mkfifo").arg(desk.path("pipe")).status().unwrap();
    assert!(made.success());
    std::fs::create_dir(desk.path("folder")).unwrap();
    for reader in READERS {
        for file in ["/dev/zero", "pipe", "folder"] {
            let line = reader.replace("FILE", file);
            let ended = desk.run(&line);
            assert!(matches!(ended.exit, Some(2 | 3)), "{ended}");
            let told = ["not a file", "no plain file", "there is no run", "not the name of a file"];
            assert!(told.iter().any(|told| ended.err.contains(told)), "{ended}");
        }
    }
}
