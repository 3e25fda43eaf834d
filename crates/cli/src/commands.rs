//! The subcommands: one file each, with its arguments.

mod auth;
mod call;
mod cassette;
mod check;
mod completions;
mod config;
mod definitions;
mod endpoints;
mod init;
mod repl;
mod resume;
mod run;
mod runs;
mod sandbox;
mod test;

use clap::{ArgMatches, Subcommand};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;

pub(crate) use self::call::with_endpoints;
use crate::ui::Ui;

/// A subcommand with its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Commands {
    /// Run a script
    Run(Box<run::RunArgs>),
    /// Resume a run that was interrupted or left work to do
    Resume(Box<resume::ResumeArgs>),
    /// Run script lines interactively
    Repl(repl::ReplArgs),
    /// List recent runs, or show one
    Runs(runs::RunsArgs),
    /// Call one endpoint
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Call(call::CallArgs),
    /// List endpoints, or describe one
    Endpoints(endpoints::EndpointsArgs),
    /// Inspect, seal, verify, import and export recordings
    Cassette(cassette::CassetteArgs),
    /// Check, store and remove API keys
    Auth(auth::AuthArgs),
    /// Show effective settings
    Config(config::ConfigArgs),
    /// Serve simulated versions of both services over HTTP
    Sandbox(sandbox::SandboxArgs),
    /// Create a script project with a roster, a recording and a test
    Init(init::InitArgs),
    /// Test scripts by replaying their recordings
    Test(test::TestArgs),
    /// Check scripts for mistakes without running them
    Check(check::CheckArgs),
    /// Write script definitions for editors, and the report template
    Definitions(definitions::DefinitionsArgs),
    /// Print the code that sets up completion in a shell
    Completions(completions::CompletionsArgs),
}

impl Commands {
    /// Executes the subcommand.
    pub(crate) fn dispatch(&self, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
        match self {
            Self::Run(args) => run::run(args, matches, ui),
            Self::Resume(args) => resume::run(args, matches, ui),
            Self::Repl(args) => repl::run(args, matches, ui),
            Self::Runs(args) => runs::run(args, ui),
            Self::Call(args) => call::run(args, matches, ui),
            Self::Endpoints(args) => endpoints::run(args, ui),
            Self::Cassette(args) => cassette::run(args, matches, ui),
            Self::Auth(args) => auth::run(args, matches, ui),
            Self::Config(args) => config::run(args, matches, ui),
            Self::Sandbox(args) => sandbox::run(args, matches, ui),
            Self::Init(args) => init::run(args, matches, ui),
            Self::Test(args) => test::run(args, ui),
            Self::Check(args) => Ok(check::run(args, ui)),
            Self::Definitions(args) => definitions::run(args, ui),
            Self::Completions(args) => completions::run(args, ui),
        }
    }
}
