//! What scripts cannot do.

use std::io::{BufRead, BufReader};
use std::process::Command;

use super::check_unsent;
use crate::workdir::Workdir;

/// Runs a script that is stopped with exit code 3.
#[track_caller]
fn stopped(name: &str, text: &str) {
    let workdir = Workdir::empty().with("script.rhai", text);
    check_unsent(&format!("fence_{name}"), workdir, "run script.rhai", 3);
}

#[test]
fn a_script_cannot_evaluate_code() {
    stopped("eval", "let text = \"thm::rooms()\";\neval(text);");
}

#[test]
fn recursion_is_limited() {
    stopped("recursion", "fn deeper(level) {\n    deeper(level + 1)\n}\ndeeper(0);");
}

#[test]
fn nesting_is_limited() {
    stopped("nesting", &format!("let deep = {}1{};", "(".repeat(500), ")".repeat(500)));
}

#[test]
fn a_script_cannot_sleep_or_read_the_system_clock() {
    stopped("sleep", "sleep(1);");
    stopped("timestamp", "print(timestamp());");
}

#[test]
fn a_script_cannot_read_files() {
    stopped("open_file", "print(open_file(\"script.rhai\"));");
}

#[test]
fn a_thrown_error_shows_its_line() {
    stopped("throw", "let class = 30;\nif class > 25 {\n    throw \"the class is too large\";\n}");
}

#[test]
fn a_missing_property_is_an_error() {
    stopped("absent_property", "let seat = #{ username: \"ada\" };\nprint(seat.usrname);");
}

#[test]
fn imports_come_from_the_scripts_folder() {
    let workdir = Workdir::empty()
        .with("class/script.rhai", "import \"words\" as words;\nprint(words::greeting());")
        .with("class/words.rhai", "fn greeting() { \"hello\" }");
    assert_eq!(workdir.run("run class/script.rhai").exits(0).out, "hello\n");
}

#[test]
fn imports_from_other_folders_are_refused() {
    let outside = |name: &str, path: &str| {
        let workdir = Workdir::empty()
            .with("class/script.rhai", format!("import \"{path}\" as words;"))
            .with("words.rhai", "fn greeting() { \"hello\" }");
        check_unsent(name, workdir, "run class/script.rhai", 3);
    };
    outside("fence_import_above", "../words");
    outside("fence_import_roundabout", "../class/../words");
    outside("fence_import_of_nothing", "wrods");
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_folder_are_refused() {
    let workdir = Workdir::empty()
        .with("class/script.rhai", "import \"link\" as words;")
        .with("words.rhai", "fn greeting() { \"hello\" }");
    std::os::unix::fs::symlink(workdir.path("words.rhai"), workdir.path("class/link.rhai"))
        .unwrap();
    check_unsent("fence_import_by_link", workdir, "run class/script.rhai", 3);
}

#[test]
fn a_mistake_in_an_import_names_its_file() {
    let workdir = Workdir::empty()
        .with("class/script.rhai", "import \"words\" as words;\nwords::fail();")
        .with("class/words.rhai", "// Words.\nfn fail() {\n    throw \"no words\";\n}");
    check_unsent("fence_throw_in_an_import", workdir, "run class/script.rhai", 3);
}

/// The limit on operations takes hours to reach, but Ctrl-C works.
#[cfg(unix)]
#[test]
fn an_endless_loop_can_be_interrupted() {
    let workdir = Workdir::empty().with("script.rhai", "print(\"begun\");\nloop { }");
    for signal in ["-INT", "-TERM"] {
        let mut child = workdir.start("run script.rhai");
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert_eq!(first, "begun\n");
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }
}

#[test]
fn check_reports_every_mistake_without_running_anything() {
    let workdir = Workdir::with_class()
        .with("two.rhai", "thm::romms();\nthm::add_seat(#{ emial: \"ada@example.com\" });")
        .with("syntax.rhai", "let x = ;");
    let line = "check onboard_class.rhai two.rhai syntax.rhai";
    crate::workdir::check("cli", "check", &workdir, line, 3);
    workdir.run("check onboard_class.rhai").exits(0);
    crate::workdir::check("cli", "check_no_file", &workdir, "check nothing.rhai", 2);
}
