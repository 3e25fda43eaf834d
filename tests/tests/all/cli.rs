//! The command line: help, output, errors and exit codes.

mod auth;
mod bounds;
mod call;
mod cassette_show;
mod cassettes;
mod completion;
mod configuration;
#[cfg(target_os = "linux")]
mod disks;
mod dry_run;
mod echoed_keys;
mod event_log;
mod help;
#[cfg(unix)]
mod hostile;
mod in_doubt;
mod init_and_test;
mod mistakes;
mod repl;
mod reports;
mod resuming;
#[cfg(unix)]
mod retry_waits;
mod rosters;
mod runs;
mod script_sandbox;
mod sealed_rows;
mod sealing;
mod streams;
#[cfg(unix)]
mod terminal_output;
mod trust;

use crate::snapshot::snapshot;
use crate::workdir::{Door, Workdir};

/// Compares the output and exit code of a command with a snapshot.
#[track_caller]
fn check(name: &str, workdir: &Workdir, line: &str, exit: i32) {
    crate::workdir::check("cli", name, workdir, line, exit);
}

/// Compares the output of a command with a mistake, and asserts that it sent nothing although it had keys and an
/// address.
#[track_caller]
fn check_unsent(name: &str, workdir: Workdir, line: &str, exit: i32) {
    let door = Door::closed();
    let mut ended = workdir.with_keys().run(&format!("{line} {}", door.flags()));
    assert!(!door.was_knocked_at(), "something was sent: {ended}");
    line.clone_into(&mut ended.line);
    snapshot("cli", name, &ended.to_string());
    ended.exits(exit);
}
