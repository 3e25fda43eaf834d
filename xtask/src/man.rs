//! `cargo xtask man`: manual pages of the command, made from the declarations that its help is made from.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::repository::{output, root};

/// A page for the command and for each of its subcommands, endpoints among them.
pub(crate) fn run() -> Outcome {
    let folder = root().join("target/man");
    let pages = write(&folder)?;
    let command = drillmaster::command();
    for name in names(&command, command.get_name()) {
        if !pages.contains(&folder.join(format!("{name}.1"))) {
            return Err(format!("there is no manual page of {name}"));
        }
    }
    look_at(&pages)?;
    println!("{} manual pages in {}", pages.len(), folder.display());
    Ok(())
}

/// Writes all pages, in the place of what was there.
fn write(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let told = |error: std::io::Error| format!("cannot write {}: {error}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(told)?;
    }
    std::fs::create_dir_all(folder).map_err(told)?;
    clap_mangen::generate_to(drillmaster::command(), folder).map_err(told)?;
    let endpoints = std::fs::read_dir(folder).map_err(told)?;
    let pages: Result<Vec<PathBuf>, _> =
        endpoints.map(|endpoint| endpoint.map(|endpoint| endpoint.path())).collect();
    pages.map_err(told)
}

/// What the pages are called that there have to be.
fn names(command: &clap::Command, name: &str) -> Vec<String> {
    let shown = command.get_subcommands().filter(|own| !own.is_hide_set());
    let inside = shown.flat_map(|own| names(own, &format!("{name}-{}", own.get_name())));
    std::iter::once(name.to_owned()).chain(inside).collect()
}

/// Has mandoc read the pages, and fails where it finds an error in one.
fn look_at(pages: &[PathBuf]) -> Outcome {
    // It reads its standard input, which has nothing.
    if Command::new("mandoc").stdin(Stdio::null()).output().is_err() {
        println!("mandoc is not installed: nobody looked at the pages");
        return Ok(());
    }
    output(Command::new("mandoc").args(["-T", "lint", "-W", "error"]).args(pages)).map(drop)
}
