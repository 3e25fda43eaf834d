//! The repository and its files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// All files that are tracked or not ignored, sorted, as paths from the root.
pub(crate) fn files() -> Outcome<Vec<String>> {
    listed(&["--cached", "--others", "--exclude-standard"])
}

/// All files with this ending, including ignored ones.
pub(crate) fn leftovers(ending: &str) -> Outcome<Vec<String>> {
    listed(&["--cached", "--others", "--", &format!("*{ending}"), ":!target"])
}

fn listed(arguments: &[&str]) -> Outcome<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "-z"]).args(arguments);
    let text = output(&mut git)?;
    let files: BTreeSet<&str> = text.split('\0').filter(|path| !path.is_empty()).collect();
    // A tracked file may be deleted.
    let there = files.into_iter().filter(|path| root().join(path).is_file());
    Ok(there.map(str::to_owned).collect())
}

/// The output of a command that succeeds.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot run `{name}`: {error}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{name}` failed: {}", words.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
