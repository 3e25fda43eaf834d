//! `drillmaster definitions`

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::language::definitions;
use drillmaster_runner::report::TEMPLATE;

use crate::complete;
use crate::ui::Ui;

/// The arguments of `definitions`.
#[derive(Debug, Args)]
pub(crate) struct DefinitionsArgs {
    /// Folder to write to; created if missing
    #[arg(add = complete::folders())]
    folder: PathBuf,
}

pub(crate) fn run(args: &DefinitionsArgs, ui: &Ui) -> Result<Exit, Diagnostic> {
    let cannot_write = |path: &Path, error: &io::Error| {
        Diagnostic::usage(format!("cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(&args.folder).map_err(|error| cannot_write(&args.folder, &error))?;
    let template = ("report.html.j2".to_owned(), TEMPLATE.to_owned());
    for (name, text) in definitions::files().into_iter().chain([template]) {
        let path = args.folder.join(name);
        std::fs::write(&path, text).map_err(|error| cannot_write(&path, &error))?;
        ui.console.print(&path.display().to_string());
    }
    Ok(Exit::Done)
}
