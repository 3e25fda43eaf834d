//! `cargo xtask man` writes the command's manual pages, from the same declarations as its help.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::repository::{output, root};

/// A page for the command and for each subcommand, including the endpoints of `call`.
pub(crate) fn run() -> Outcome {
    let folder = root().join("target/man");
    let pages = write(&folder)?;
    let command = drillmaster::command();
    for name in names(&command, command.get_name()) {
        if !pages.contains(&folder.join(format!("{name}.1"))) {
            return Err(format!("{name} has no manual page"));
        }
    }
    look_at(&pages)?;
    println!("{} manual pages in {}", pages.len(), folder.display());
    Ok(())
}

/// Writes all pages and removes old ones.
fn write(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(failed)?;
    }
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(drillmaster::command(), folder).map_err(failed)?;
    let endpoints = std::fs::read_dir(folder).map_err(failed)?;
    let pages: Result<Vec<PathBuf>, _> =
        endpoints.map(|endpoint| endpoint.map(|endpoint| endpoint.path())).collect();
    pages.map_err(failed)
}

/// The names of the pages.
fn names(command: &clap::Command, name: &str) -> Vec<String> {
    let shown = command.get_subcommands().filter(|own| !own.is_hide_set());
    let inside = shown.flat_map(|own| names(own, &format!("{name}-{}", own.get_name())));
    std::iter::once(name.to_owned()).chain(inside).collect()
}

/// Checks the pages with mandoc.
fn look_at(pages: &[PathBuf]) -> Outcome {
    // mandoc reads standard input, which is empty.
    if Command::new("mandoc").stdin(Stdio::null()).output().is_err() {
        println!("mandoc is not installed: the pages were not checked");
        return Ok(());
    }
    output(Command::new("mandoc").args(["-T", "lint", "-W", "error"]).args(pages)).map(drop)
}
