//! `drillmaster completions`

use clap::Args;
use clap_complete::Shell;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;

use crate::complete;
use crate::ui::Ui;

/// The arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell to complete in
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, ui: &Ui) -> Result<Exit, Diagnostic> {
    ui.console.print(&complete::registration(args.shell)?);
    Ok(Exit::Done)
}
