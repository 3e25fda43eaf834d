//! `drillmaster sandbox`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgMatches, Args};
use drillmaster_models::Dialect;
use drillmaster_sandbox::{
    InviteOutcome, MOST_LEARNERS, Options, Sandbox, THM_KEY, VERACODE_KEY, serve_with_faults,
};
use drillmaster_transport::FaultPlan;
use tokio::net::TcpListener;

use super::Shell;
use super::interrupts::Interrupts;
use super::place::refuse_service_flags;
use crate::exit::Exit;
use crate::problem::Problem;

/// The flags of `sandbox`.
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The dialect in which TryHackMe is simulated
    #[arg(long, default_value_t = Dialect::Current)]
    dialect: Dialect,
    /// Begin with the state in this file, if it is there, and leave the state in it at the end
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// How many people there are
    #[arg(long, value_name = "N", default_value_t = Options::default().learners,
        value_parser = learners)]
    learners: usize,
    /// How many seats there are, those taken among them
    #[arg(long, value_name = "N", default_value_t = Options::default().seats)]
    seats: usize,
    /// The same seed gives the same people
    #[arg(long, value_name = "N", default_value_t = Options::default().seed)]
    seed: u64,
    /// How an invite that was carried out is answered: 201, 200, or 500 "unknown error"
    #[arg(long, value_name = "STATUS", default_value_t = InviteOutcome::default())]
    invite_outcome: InviteOutcome,
    /// Send an open invite again instead of refusing it: for proving that nothing is sent twice
    #[arg(long)]
    invite_again: bool,
    /// Make trouble on purpose, such as reset-after=2%,500-before@3,delay=20ms,seed=7
    #[arg(long, value_name = "SPEC", default_value = "")]
    fault: FaultPlan,
}

fn learners(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number <= MOST_LEARNERS => Ok(number),
        _ => Err(format!("a whole number up to {MOST_LEARNERS} is due")),
    }
}

pub(crate) fn serve(
    args: &SandboxArgs,
    matches: &ArgMatches,
    shell: &Shell,
) -> Result<Exit, Problem> {
    refuse_service_flags(
        matches,
        "a sandbox's dialect is set by --dialect, its address by --listen",
    )?;
    if let Some(path) = &args.state {
        Sandbox::check_state_path(path).map_err(|error| Problem::usage(error.to_string()))?;
    }
    let sandbox = match &args.state {
        Some(path) if path.exists() => Sandbox::load(path)
            .map_err(|error| Problem::usage(error.to_string()))?
            .speaking(args.dialect)
            .answering_invites(args.invite_outcome)
            .reinviting(args.invite_again),
        _ => Sandbox::with(Options {
            seed: args.seed,
            learners: args.learners,
            seats: args.seats,
            dialect: args.dialect,
            invite_outcome: args.invite_outcome,
            reinvite: args.invite_again,
            ..Options::default()
        }),
    };
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Problem::usage(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(args.listen).await.map_err(|error| {
            Problem::usage(format!("cannot listen on {}: {error}", args.listen))
        })?;
        let address = listener.local_addr().map_err(|error| Problem::usage(error.to_string()))?;
        // Before the address is told: whoever reads it may end the server at once.
        let mut interrupts = Interrupts::watch()
            .map_err(|error| Problem::usage(format!("cannot watch for Ctrl-C: {error}")))?;
        let interrupted = async move { interrupts.next().await };
        shell.console.print(&format!("listening on http://{address}"));
        shell.console.note(&format!("keys: {THM_KEY} and {VERACODE_KEY}; Ctrl-C ends it"));
        let faults = args.fault.clone();
        let served = serve_with_faults(sandbox.clone(), listener, faults, interrupted).await;
        served.map_err(|error| Problem::usage(format!("the server failed: {error}")))
    })?;
    if let Some(path) = &args.state {
        sandbox.save(path).map_err(|error| Problem::usage(error.to_string()))?;
        shell.console.note(&format!("the state is in {}", path.display()));
    }
    Ok(Exit::Done)
}
