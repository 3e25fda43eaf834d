//! `drillmaster sandbox`

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgMatches, Args};
use drillmaster_models::Dialect;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_sandbox::{
    InviteOutcome, MOST_LEARNERS, Options, Sandbox, THM_KEY, VERACODE_KEY, serve_as,
};
use drillmaster_transport::FaultPlan;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::interrupts::Interrupts;
use crate::paths::Paths;
use crate::runtime::multi_thread;
use crate::target_args::refuse_service_flags;
use crate::ui::Ui;

/// The arguments of `sandbox`.
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// Address to listen on, such as 127.0.0.1:8080, localhost:8080 or 8080; port 0 picks a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: Listen,
    /// API dialect of the simulated TryHackMe
    #[arg(long, default_value_t = Dialect::Current)]
    dialect: Dialect,
    /// Load the state from this file if it exists, and save it there at the end
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Number of learners
    #[arg(long, value_name = "N", default_value_t = Options::default().learners,
        value_parser = parse_learners)]
    learners: usize,
    /// Number of seats, including taken ones
    #[arg(long, value_name = "N", default_value_t = Options::default().seats)]
    seats: usize,
    /// Seed of the simulated people; the same seed gives the same people
    #[arg(long, value_name = "N", default_value_t = Options::default().seed)]
    seed: u64,
    /// Status of the response to a successful invite: 201, 200, or 500 "unknown error"
    #[arg(long, value_name = "STATUS", default_value_t = InviteOutcome::default())]
    invite_outcome: InviteOutcome,
    /// Send an open invite again instead of refusing it, to test that clients do not repeat writes
    #[arg(long)]
    invite_again: bool,
    /// Inject faults, such as reset-after=2%,500-before@3,delay=20ms,late-effect=1%:2s,seed=7
    #[arg(long, value_name = "SPEC", default_value = "")]
    fault: FaultPlan,
}

/// A host and a port to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listen {
    host: String,
    port: u16,
}

impl FromStr for Listen {
    type Err = String;

    /// A port alone means 127.0.0.1.
    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address,
            // An IPv6 address without brackets.
            None if host.contains(':') => "?",
            None => host,
        };
        let is_host = host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c));
        match port.parse() {
            Ok(port) if is_host => {
                let host = if host.is_empty() { "127.0.0.1" } else { host };
                Ok(Self { host: host.to_owned(), port })
            }
            _ => {
                Err("must have the form 127.0.0.1:8080, localhost:8080, [::1]:8080 or 8080"
                    .to_owned())
            }
        }
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

fn parse_learners(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number <= MOST_LEARNERS => Ok(number),
        _ => Err(format!("must be a whole number up to {MOST_LEARNERS}")),
    }
}

pub(crate) fn run(args: &SandboxArgs, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    refuse_service_flags(matches, "use --dialect for the dialect, and --listen for the address")?;
    Paths::default().write("--state", args.state.as_ref()).check()?;
    if let Some(path) = &args.state {
        Sandbox::check_state_path(path).map_err(|error| Diagnostic::usage(error.to_string()))?;
    }
    let sandbox = match &args.state {
        Some(path) if path.exists() => Sandbox::load(path)
            .map_err(|error| Diagnostic::usage(error.to_string()))?
            .speaking(args.dialect)
            .answering_invites(args.invite_outcome)
            .reinviting(args.invite_again),
        _ => Sandbox::new(Options {
            seed: args.seed,
            learners: args.learners,
            seats: args.seats,
            dialect: args.dialect,
            invite_outcome: args.invite_outcome,
            reinvite: args.invite_again,
            ..Options::default()
        }),
    };
    let runtime = multi_thread()?;
    runtime.block_on(async {
        let Listen { host, port } = &args.listen;
        let listener = TcpListener::bind((host.as_str(), *port)).await.map_err(|error| {
            Diagnostic::usage(format!("cannot listen on {}: {error}", args.listen))
        })?;
        let address =
            listener.local_addr().map_err(|error| Diagnostic::usage(error.to_string()))?;
        // Listens before the address is printed, because a program that reads it may send a signal at once.
        let interrupts = Interrupts::listen()?;
        let (end, ended) = oneshot::channel();
        tokio::spawn(end_on_interrupt(interrupts, end));
        ui.console.print(&format!("listening on http://{address}"));
        ui.console.note(&format!("keys: {THM_KEY} and {VERACODE_KEY}; press Ctrl-C to stop"));
        let (faults, names) = (args.fault.clone(), vec![host.clone()]);
        let ended = async { drop(ended.await) };
        let served = serve_as(sandbox.clone(), listener, faults, names, ended).await;
        served.map_err(|error| Diagnostic::usage(format!("the server failed: {error}")))
    })?;
    // Saves before the runtime ends, so that a second signal can still end the process.
    let saved = args.state.as_ref().map(|path| sandbox.save(path).map(|()| path));
    runtime.shutdown_background();
    if let Some(saved) = saved {
        let path = saved.map_err(|error| Diagnostic::usage(error.to_string()))?;
        ui.console.note(&format!("saved the state to {}", path.display()));
    }
    Ok(Exit::Done)
}

/// The first signal stops the server, which finishes current requests and saves its state; the second ends the process.
async fn end_on_interrupt(mut interrupts: Interrupts, end: oneshot::Sender<()>) {
    interrupts.next().await;
    let _ = end.send(());
    interrupts.next().await;
    std::process::exit(i32::from(Exit::Interrupted as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed() {
        for (text, expected) in [
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("localhost:8080", "localhost:8080"),
            ("8080", "127.0.0.1:8080"),
            (":8080", "127.0.0.1:8080"),
            ("[::1]:0", "[::1]:0"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("my-host.example:1", "my-host.example:1"),
        ] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "localhost", "localhost:", "::1:80", "x:70000", "http://x:80", "a b:1"] {
            let error = text.parse::<Listen>().unwrap_err();
            assert!(error.contains("localhost:8080"), "{text}: {error}");
        }
    }
}
