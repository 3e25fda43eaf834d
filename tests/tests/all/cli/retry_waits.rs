//! How long a run waits for a service, and what it prints.

use std::io::{BufRead, BufReader};
use std::process::Command;

use serde_json::json;

use crate::server::Server;
use crate::workdir::Workdir;

const RUN: &str = "run onboard_class.rhai --roster class.csv --set room=linux1";

#[test]
fn a_wait_beyond_the_limit_fails_the_rows() {
    let server = Server::start("--fault veracode.invite:429-retry=100%:40000s");
    let workdir = Workdir::with_class().with_keys();
    let line = format!("{RUN} {} --retry-for 2m --journal run.journal", server.flags());
    let ended = workdir.run(&line);
    ended.exits(1);
    let told = "Veracode Security Labs asked to wait an hour or more, longer than --retry-for 2m:";
    assert_eq!(ended.err.matches(told).count(), 1, "{ended}");
    assert!(ended.err.contains("run.journal` tries again"), "{ended}");
    assert_eq!(server.writes()["veracode.invite"], json!(null));
}

#[test]
fn a_failed_call_names_the_flag_to_wait_longer() {
    let server = Server::start("--fault thm.users:429-retry=100%:40s");
    let line = format!("call thm.users {} --retry-for 0s", server.flags());
    let ended = Workdir::empty().with_keys().run(&line);
    assert!(ended.exits(1).err.contains("wait longer with --retry-for"), "{ended}");
}

#[test]
fn an_invalid_duration_is_refused() {
    let ended = Workdir::empty().run("call thm.users --on live --retry-for 5");
    assert!(ended.exits(2).err.contains("must be a duration such as 30s, 5m or 1h"), "{ended}");
}

/// The run resumes where it was: requests that waited were not sent.
#[test]
fn the_first_interrupt_ends_a_long_wait() {
    let server = Server::start("--fault veracode.invite:429-retry@1,2,3,4:250s");
    let workdir = Workdir::with_class().with_keys();
    let flags = format!("{} --journal run.journal --concurrency 2", server.flags());
    let mut process = workdir.start(&format!("{RUN} {flags}"));
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("asked to slow down: waiting 4 minutes, until ")));
    let id = process.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert!(lines.any(|line| line.contains("interrupted; resume with")));
    assert_eq!(process.wait().unwrap().code(), Some(130));
    assert_eq!(server.writes()["veracode.invite"], json!(null));
    let ended = workdir.run("resume run.journal --concurrency 1 --retry-for 1s");
    assert!(ended.exits(1).err.contains("asked to wait 4 min"), "{ended}");
    workdir.run("resume run.journal").exits(0);
    let invites = server.writes()["veracode.invite"].clone();
    assert!(invites.as_object().unwrap().values().all(|times| times == 1), "{invites}");
}
