//! Help texts, the list of endpoints, and definitions.

use drillmaster_models::{SERVICES, endpoints};

use super::check;
use crate::workdir::Workdir;

/// Help goes to standard output, and the command succeeds.
#[track_caller]
fn helps(name: &str, line: &str) {
    check(name, &Workdir::with_class(), line, 0);
}

#[test]
fn of_the_command() {
    helps("help", "--help");
    helps("help_short", "-h");
}

#[test]
fn of_run() {
    helps("help_run", "run --help");
}

#[test]
fn of_a_script() {
    helps("help_script", "run onboard_class.rhai --help");
}

#[test]
fn of_call() {
    helps("help_call", "call --help");
}

#[test]
fn of_endpoints_as_subcommands() {
    helps("help_call_users_details", "call veracode.users_details --help");
    helps("help_call_rooms", "call thm.rooms -h");
}

#[test]
fn of_sandbox() {
    helps("help_sandbox", "sandbox -h");
}

#[test]
fn of_auth_and_config() {
    helps("help_auth", "auth --help");
    helps("help_auth_login", "auth login --help");
    helps("help_config_show", "config show --help");
}

#[test]
fn of_endpoints() {
    helps("endpoints", "endpoints");
    helps("endpoint_add_seat", "endpoints thm.add_seat");
    helps("endpoint_invite", "endpoints veracode.invite");
    helps("endpoint_users", "endpoints thm.users");
}

#[test]
fn every_endpoint_has_help() {
    let workdir = Workdir::empty();
    for endpoint in endpoints() {
        let told = workdir.run(&format!("endpoints {}", endpoint.name()));
        assert!(told.exits(0).out.contains(endpoint.metadata.path), "{told}");
        let help = workdir.run(&format!("call {} --help", endpoint.name()));
        for field in endpoint.fields() {
            assert!(help.exits(0).out.contains(&format!("--{} <", field.name)), "{help}");
        }
    }
}

#[test]
fn endpoints_are_listed_as_json_and_csv() {
    let workdir = Workdir::empty();
    let told = workdir.run("endpoints --format json");
    let list: Vec<serde_json::Value> = serde_json::from_str(&told.exits(0).out).unwrap();
    assert_eq!(list.len(), endpoints().count());
    let told = workdir.run("endpoints --format csv");
    assert!(told.exits(0).out.starts_with("endpoint,effect,request,summary\n"), "{told}");
}

#[test]
fn a_command_without_arguments_prints_its_usage() {
    let ended = Workdir::empty().run("");
    assert!(ended.exits(2).err.contains("Usage: "), "{ended}");
    let ended = Workdir::empty().run("call");
    assert!(ended.exits(2).err.contains("thm.rooms"), "{ended}");
}

#[test]
fn version_is_the_package_version() {
    let ended = Workdir::empty().run("--version");
    assert_eq!(ended.exits(0).out, format!("drillmaster {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn definitions_are_written_to_a_new_folder() {
    let workdir = Workdir::empty();
    let ended = workdir.run("definitions editor/rhai");
    let named: Vec<_> = ended.exits(0).out.lines().collect();
    assert!(named.len() > SERVICES.len(), "{ended}");
    for path in named {
        assert!(!workdir.read(path).is_empty(), "{path}");
    }
    for endpoint in endpoints() {
        let text = workdir.read(&format!("editor/rhai/{}.d.rhai", endpoint.service().name));
        assert!(text.contains(&format!("fn {}(", endpoint.metadata.stem())), "{}", endpoint.name());
    }
}

#[test]
fn definitions_that_cannot_be_written_are_an_error() {
    check("definitions_unwritable", &Workdir::with_class(), "definitions class.csv", 2);
}
