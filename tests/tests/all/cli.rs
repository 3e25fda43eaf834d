//! The command as a person meets it: help, answers, mistakes, and how it ends.

mod bounds;
mod calls;
mod cassettes;
mod completion;
mod configuration;
#[cfg(target_os = "linux")]
mod disks;
mod doubts;
mod echoes;
mod fences;
mod help;
#[cfg(unix)]
mod hostile;
mod keys;
mod logs;
mod looking;
mod mistakes;
mod projects;
mod rehearsals;
mod repl;
mod reports;
mod resuming;
mod rosters;
mod runs;
mod sealed_rows;
mod sealing;
mod streams;
#[cfg(unix)]
mod terminals;
mod trust;
#[cfg(unix)]
mod waits;

use crate::desk::{Desk, Door};
use crate::snapshot::snapshot;

/// Compares all that a person sees of a command.
#[track_caller]
fn check(name: &str, desk: &Desk, line: &str, exit: i32) {
    crate::desk::check("cli", name, desk, line, exit);
}

/// A mistake: all that a person sees of it, and the proof that nothing was sent although there were keys and
/// an address.
#[track_caller]
fn check_unsent(name: &str, desk: Desk, line: &str, exit: i32) {
    let door = Door::closed();
    let mut ended = desk.with_keys().run(&format!("{line} {}", door.flags()));
    assert!(!door.was_knocked_at(), "something was sent: {ended}");
    line.clone_into(&mut ended.line);
    snapshot("cli", name, &ended.to_string());
    ended.exits(exit);
}
