//! Profiles, and which setting wins.

use drillmaster_sandbox::{THM_KEY, VERACODE_KEY};
use serde_json::Value;

use super::{check, check_unsent};
use crate::server::Server;
use crate::workdir::{Ended, Workdir};

/// The path of the configuration.
const FILE: &str = "config/drillmaster/config.toml";
const SCHOOL: &str = r#"
default = "school"

[profile.school]
dialect = "legacy"
rate = "30/m"

[profile.school.thm]
url = "https://thm.example"
command = "pass show thm"

[profile.school.veracode]
env = "SCHOOL_LABS"

[profile.trial]
rate = "1/s"
"#;
const ASKS: &str = "print(thm::room_exists(#{ roomCode: \"linux1\" }).roomExists);";

fn school() -> Workdir {
    Workdir::empty().with(FILE, SCHOOL)
}

/// The value of a setting in `config show`, and its origin.
#[track_caller]
fn holds(workdir: &Workdir, flags: &str, setting: &str) -> (String, String) {
    let shown = workdir.run(&format!("config show --origin --format json {flags}"));
    let rows: Vec<Value> = serde_json::from_str(&shown.exits(0).out).unwrap();
    let row = rows.iter().find(|row| row["setting"] == setting).unwrap();
    let text = |name: &str| row[name].as_str().unwrap_or("nothing").to_owned();
    (text("value"), text("origin"))
}

#[test]
fn settings_are_shown_with_their_origin() {
    check("config_show_origin", &school(), "config show --origin --format csv", 0);
    check("config_show", &school().with_keys(), "config show --profile trial --format csv", 0);
    check("config_show_bare", &Workdir::empty(), "config show --origin --format csv", 0);
}

#[test]
fn flags_override_environment_overrides_profile_overrides_defaults() {
    let layers = |variables: bool| {
        if !variables {
            return school();
        }
        school()
            .setting("DRILLMASTER_THM_URL", "https://env.example")
            .setting("DRILLMASTER_THM_DIALECT", "current")
            .setting("DRILLMASTER_RATE", "7/s")
            .setting("DRILLMASTER_THM_KEY", "hush")
            .setting("DRILLMASTER_PROFILE", "trial")
    };
    let due = |value: &str, origin: &str| (value.to_owned(), origin.to_owned());
    for (setting, flag, said, variable, profile, usual) in [
        (
            "thm.url",
            "--thm-url https://flag.example",
            due("https://flag.example", "flag --thm-url"),
            due("https://env.example", "environment DRILLMASTER_THM_URL"),
            due("https://thm.example", "profile school"),
            due("https://tryhackme.com", "default"),
        ),
        (
            "dialect",
            "--thm-dialect legacy",
            due("legacy", "flag --thm-dialect"),
            due("current", "environment DRILLMASTER_THM_DIALECT"),
            due("legacy", "profile school"),
            due("current", "default"),
        ),
        (
            "rate",
            "--rate 9/m",
            due("9/m", "flag --rate"),
            due("7/s", "environment DRILLMASTER_RATE"),
            due("30/m", "profile school"),
            due("5/s", "default"),
        ),
        (
            "profile",
            "--profile school",
            due("school", "flag --profile"),
            due("trial", "environment DRILLMASTER_PROFILE"),
            due("school", "configuration"),
            due("nothing", "default"),
        ),
        (
            "thm.key",
            "",
            due("DRILLMASTER_THM_KEY", "environment DRILLMASTER_THM_KEY"),
            due("DRILLMASTER_THM_KEY", "environment DRILLMASTER_THM_KEY"),
            due("the command `pass …`", "profile school"),
            due("nothing", "default"),
        ),
    ] {
        assert_eq!(holds(&layers(true), flag, setting), said, "{setting}");
        assert_eq!(holds(&layers(true), "", setting), variable, "{setting}");
        assert_eq!(holds(&layers(false), "", setting), profile, "{setting}");
        assert_eq!(holds(&Workdir::empty(), "", setting), usual, "{setting}");
    }
}

#[test]
fn a_profile_sets_the_address_and_key_of_a_service() {
    let server = Server::start("");
    let profile = format!(
        "[profile.school.thm]\nurl = \"{}\"\ncommand = \"printf %s {THM_KEY}\"",
        server.url
    );
    let workdir = Workdir::empty().with("script.rhai", ASKS).with(FILE, profile);
    let ended = workdir.run("run script.rhai --on live --profile school");
    assert_eq!(ended.exits(0).out, "true\n");
    let ended = workdir.run("call thm.room_exists --roomCode linux1 --on live --profile school");
    assert!(ended.exits(0).out.contains("true"), "{ended}");
}

#[test]
fn a_resumed_run_uses_its_original_profile() {
    let server = Server::start("");
    let profile = format!("[profile.school.thm]\nurl = \"{}\"\ncommand = \"cat key\"", server.url);
    let workdir =
        Workdir::empty().with("script.rhai", ASKS).with(FILE, profile).with("key", "another");
    workdir.run("run script.rhai --on live --profile school").exits(4);
    let workdir = workdir.with("key", THM_KEY);
    assert_eq!(workdir.run("resume").exits(0).out, "true\n");
    let workdir = workdir.with(FILE, "");
    check("profile_gone", &workdir, "resume", 2);
}

#[test]
fn another_profile_counts_as_a_changed_target() {
    let server = Server::start("");
    let profiles = format!(
        "[profile.school.thm]\nurl = \"{0}\"\ncommand = \"cat key\"\n\
         [profile.trial.thm]\nurl = \"{0}\"\ncommand = \"cat key\"",
        server.url
    );
    let workdir =
        Workdir::empty().with("script.rhai", ASKS).with(FILE, profiles).with("key", "another");
    workdir.run("run script.rhai --on live --profile school").exits(4);
    let ended = workdir.run("resume --profile trial");
    assert!(ended.exits(2).err.contains("the target has changed since run"), "{ended}");
}

#[test]
fn key_commands_run_only_for_live_services_that_are_called() {
    let server = Server::start("");
    let profile = format!(
        "default = \"a\"\n[profile.a.thm]\nurl = \"{0}\"\ncommand = \"touch asked\"\n\
         [profile.a.veracode]\nurl = \"{0}\"\ncommand = \"printf %s {VERACODE_KEY}\"",
        server.url
    );
    let workdir = Workdir::empty()
        .with("script.rhai", ASKS)
        .with("labs.rhai", "veracode::roles();")
        .with(FILE, profile);
    workdir.run("run script.rhai").exits(0);
    workdir.run("run labs.rhai --on live").exits(0);
    assert!(!workdir.path("asked").exists());
    workdir.run("run script.rhai --on live").exits(2);
    assert!(workdir.path("asked").exists());
}

/// A command that prints one key gets none of the others.
#[test]
fn a_key_command_does_not_inherit_other_keys() {
    let server = Server::start("");
    let profile = format!(
        "[profile.school.thm]\nurl = \"{0}\"\ncommand = \"sh -c 'env > seen; cat key'\"\n\
         [profile.trial.veracode]\nurl = \"{0}\"\nenv = \"TRIAL_LABS\"",
        server.url
    );
    let workdir = Workdir::empty()
        .with("script.rhai", ASKS)
        .with("key", THM_KEY)
        .with(FILE, profile)
        .setting("DRILLMASTER_VERACODE_KEY", "hush:hush-one")
        .setting("DRILLMASTER_SPARE_KEY", "hush-two")
        .setting("TRIAL_LABS", "hush:hush-three")
        .setting("ELSE", "stays");
    workdir.run("run script.rhai --on live --profile school").exits(0);
    let seen = workdir.read("seen");
    assert!(seen.contains("ELSE=stays") && !seen.contains("hush"), "{seen}");
}

#[test]
fn a_key_that_cannot_be_read_is_an_error() {
    let run = "run script.rhai";
    for (name, source) in [
        ("key_command_fails", "command = \"sh -c 'echo hush; echo locked >&2; exit 3'\""),
        ("key_command_absent", "command = \"no-such-program show thm\""),
        ("key_command_other_form", "command = \"printf 'hush hush'\""),
        ("key_file_absent", "file = \"keys/thm.key\""),
        ("key_variable_unset", "env = \"SCHOOL_THM\""),
    ] {
        let config = format!("default = \"school\"\n[profile.school.thm]\n{source}");
        let workdir = Workdir::empty().with("script.rhai", ASKS).with(FILE, config);
        let door = crate::workdir::Door::closed();
        let mut ended = workdir.run(&format!("{run} {}", door.flags()));
        assert!(!door.was_knocked_at(), "{ended}");
        assert!(!ended.err.contains("hush") && !ended.err.contains("locked"), "{ended}");
        run.clone_into(&mut ended.line);
        crate::snapshot::snapshot("cli", name, &ended.to_string());
        ended.exits(2);
    }
}

#[test]
fn mistakes_in_the_configuration_are_reported_before_anything_is_sent() {
    let line = "run script.rhai";
    for (name, text) in [
        (
            "config_misspelt",
            "[profile.school]\nrate = \"5/s\"\n[profile.school.thm]\ncomand = \"pass\"",
        ),
        ("config_with_a_key", "[profile.school.thm]\nkey = \"hush\""),
        ("config_no_toml", "[profile.school\nkey = \"hush\""),
        ("config_default_absent", "default = \"scool\"\n[profile.school]"),
    ] {
        let workdir = Workdir::empty().with("script.rhai", ASKS).with(FILE, text);
        check_unsent(name, workdir, line, 2);
    }
    let workdir = || school().with("script.rhai", ASKS);
    check_unsent("profile_misspelt", workdir(), &format!("{line} --profile scool"), 2);
    let workdir = workdir().setting("DRILLMASTER_RATE", "fast");
    check_unsent("variable_no_rate", workdir, line, 2);
}

#[test]
fn the_environment_can_name_another_configuration_file() {
    let workdir = school().with("own.toml", "[profile.home]\nrate = \"2/s\"");
    let workdir = workdir.setting("DRILLMASTER_CONFIG", "own.toml");
    assert_eq!(holds(&workdir, "--profile home", "rate").0, "2/s");
    let (file, origin) = holds(&workdir, "", "configuration");
    assert!(file.ends_with("/own.toml"), "{file}");
    assert_eq!(origin, "environment DRILLMASTER_CONFIG");
    let workdir = workdir.setting("DRILLMASTER_CONFIG", "absent.toml");
    let ended = workdir.run("config show");
    assert!(ended.exits(2).err.contains("the path comes from DRILLMASTER_CONFIG"), "{ended}");
}

#[test]
fn the_sandbox_command_refuses_service_flags() {
    let ended: Ended = school().run("sandbox --profile school");
    assert!(ended.exits(2).err.contains("--profile has no effect here"), "{ended}");
}
