//! Shell completion: the candidates, and how real shells use them.

use std::process::{Command, Output};

use drillmaster_models::endpoints;

use super::check;
use crate::workdir::Workdir;

/// A workdir with a script that has inputs.
fn workdir() -> Workdir {
    Workdir::with_class().with("other.txt", "").with("rooms/more.rhai", "")
}

/// The candidates for the last word, with descriptions.
fn offered(workdir: &Workdir, words: &[&str]) -> Vec<String> {
    let mut command = workdir.command("-- drillmaster");
    command.args(words).env("DRILLMASTER_COMPLETE", "fish");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The candidates for the last word, without descriptions.
fn names(workdir: &Workdir, words: &[&str]) -> Vec<String> {
    let bare = |line: String| line.split('\t').next().unwrap_or_default().to_owned();
    offered(workdir, words).into_iter().map(bare).collect()
}

#[test]
fn endpoints_are_completed() {
    let workdir = workdir();
    let all: Vec<&str> = endpoints().map(drillmaster_models::EndpointDef::name).collect();
    for words in
        [&["call", ""][..], &["endpoints", ""], &["cassette", "show", "x", "--endpoint", ""]]
    {
        let offered = names(&workdir, words);
        for name in &all {
            assert!(offered.iter().any(|own| own == name), "{words:?}: {name}");
        }
    }
    assert_eq!(names(&workdir, &["endpoints", "thm.room"]), ["thm.rooms", "thm.room_exists"]);
    let told = offered(&workdir, &["endpoints", "thm.rooms"]);
    assert_eq!(told, ["thm.rooms\tLists the public rooms and your own private rooms."]);
}

#[test]
fn fields_of_an_endpoint_are_completed_as_flags() {
    let workdir = workdir();
    assert_eq!(names(&workdir, &["call", "thm.scoreboard", "--room"]), ["--roomCode"]);
    assert_eq!(
        names(&workdir, &["call", "veracode.invite", "--se"]),
        ["--senderId", "--sendEmail"]
    );
}

#[test]
fn inputs_of_the_script_on_the_line_are_completed() {
    let workdir = workdir();
    let set = |typed| {
        names(&workdir, &["run", "onboard_class.rhai", "--roster", "class.csv", "--set", typed])
    };
    assert_eq!(set(""), ["room=", "sender=", "send-email=true", "send-email=false"]);
    assert_eq!(set("send-"), ["send-email=true", "send-email=false"]);
    assert!(set("nothing").is_empty());
    let told = offered(&workdir, &["run", "onboard_class.rhai", "--set", "room"]);
    assert_eq!(told, ["room=\tcode of the first room (the last part of its address)"]);
}

#[test]
fn nothing_is_completed_without_a_valid_script() {
    let workdir = workdir().with("wrong.rhai", "let room = input(;");
    for script in ["wrong.rhai", "nowhere.rhai", "other.txt"] {
        assert!(names(&workdir, &["run", script, "--set", ""]).is_empty(), "{script}");
    }
}

#[test]
fn nothing_is_completed_after_an_unknown_command() {
    let workdir = workdir();
    for words in [
        &["nope", ""][..],
        &["nope", "--"],
        &["--format", "json", "nope", "r"],
        &["-v", "nope", ""],
    ] {
        assert!(offered(&workdir, words).is_empty(), "{words:?}");
    }
    assert_eq!(names(&workdir, &["--format", "json", "comp"]), ["completions"]);
    assert_eq!(names(&workdir, &["-v", "--format=json", "resu"]), ["resume"]);
    assert_eq!(names(&workdir, &["resu"]), ["resume"]);
}

#[test]
fn files_are_completed_by_extension() {
    let workdir = workdir();
    assert_eq!(names(&workdir, &["check", "o"]), ["onboard_class.rhai"]);
    assert_eq!(names(&workdir, &["run", "r"]), ["rooms/"]);
    assert_eq!(names(&workdir, &["run", "rooms/"]), ["rooms/more.rhai"]);
    assert_eq!(names(&workdir, &["run", "onboard_class.rhai", "--roster", "c"]), ["class.csv"]);
}

#[test]
fn runs_and_profiles_are_completed() {
    let workdir =
        workdir().with("config/drillmaster/config.toml", "[profile.school]\n[profile.work]\n");
    workdir.run("run onboard_class.rhai --roster class.csv --max-rows 1").exits(0);
    let id = workdir
        .run("runs --format csv")
        .out
        .lines()
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    for words in [["runs", "show", &id[..6]].as_slice(), &["resume", &id[..6]]] {
        assert_eq!(names(&workdir, words), std::slice::from_ref(&id), "{words:?}");
    }
    assert_eq!(names(&workdir, &["auth", "status", "--profile", ""]), ["school", "work"]);
}

#[test]
fn an_unknown_shell_is_an_error() {
    let workdir = workdir();
    let mut command = workdir.command("-- drillmaster run");
    let output = command.env("DRILLMASTER_COMPLETE", "tcsh").output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
}

#[test]
fn every_shell_has_a_registration() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = Workdir::empty().run(&format!("completions {shell}"));
        assert!(ended.exits(0).out.contains("DRILLMASTER_COMPLETE"), "{ended}");
    }
    check("help_completions", &Workdir::empty(), "completions --help", 0);
}

/// Runs a shell in a workdir, if it is installed.
fn in_shell(workdir: &Workdir, shell: &str, flags: &[&str], script: &str) -> Option<String> {
    let mut command = Command::new(shell);
    command.args(flags).arg(script).current_dir(workdir.path("")).env("HOME", workdir.path(""));
    let Output { status, stdout, stderr } = command.output().ok()?;
    let text = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{shell}: {text}{}", String::from_utf8_lossy(&stderr));
    Some(text)
}

#[cfg(unix)]
#[test]
fn bash_completes() {
    let workdir = workdir();
    let hook = workdir.run("completions bash").exits(0).out.clone();
    let workdir = workdir.with("hook.bash", hook);
    let complete = |words: &str, index: usize, word: &str| {
        let script = format!(
            "source hook.bash; COMP_WORDS=({words}); COMP_CWORD={index}; COMP_TYPE=9\n\
             _clap_complete_drillmaster drillmaster '{word}' ''; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        in_shell(&workdir, "bash", &["--norc", "--noprofile", "-c"], &script)
            .expect("there is a bash")
    };
    let line = "drillmaster run onboard_class.rhai --set send";
    assert_eq!(complete(line, 4, "send"), "sender=\nsend-email=true\nsend-email=false\n");
    assert_eq!(
        complete("drillmaster call thm.room", 2, "thm.room"),
        "thm.rooms\nthm.room_exists\n"
    );
    assert_eq!(complete("drillmaster compl", 1, "compl"), "completions\n");
}

/// Fish can complete a line without a terminal. It is not always installed.
#[cfg(unix)]
#[test]
fn fish_completes_if_installed() {
    let workdir = workdir();
    let hook = workdir.run("completions fish").exits(0).out.clone();
    let workdir = workdir.with("hook.fish", hook);
    let script = "source hook.fish; complete -C 'drillmaster run onboard_class.rhai --set ro'";
    if let Some(text) = in_shell(&workdir, "fish", &["--no-config", "-c"], script) {
        assert_eq!(text, "room=\tcode of the first room (the last part of its address)\n");
    }
}
