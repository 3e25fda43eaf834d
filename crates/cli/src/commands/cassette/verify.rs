//! `drillmaster cassette verify`

use std::path::PathBuf;

use clap::{ArgMatches, Args};
use drillmaster_models::{Dialect, endpoint, wire};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_transport::cassette::{Interaction, Recording};
use drillmaster_transport::{Mode, Purpose, Recorder, Request, Stopped, Transport};
use tokio_util::sync::CancellationToken;

use super::open_tape;
use crate::patience::patience;
use crate::runtime::current_thread;
use crate::target_args::{TargetArgs, target_from_flags};
use crate::transport::Backend;
use crate::ui::Ui;

/// The arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Cassette to verify
    cassette: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    /// Send recorded writes too
    #[arg(long)]
    writes: bool,
}

/// How many requests were sent, and how many were skipped and why.
#[derive(Default)]
struct Counts {
    sent: usize,
    writes: usize,
    pseudonymous: usize,
    unknown: usize,
}

pub(super) fn run(args: &VerifyArgs, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    let tape = open_tape(&args.cassette)?;
    let target = target_from_flags(matches, &args.target)?;
    let patience = patience(&target, &ui.console, &CancellationToken::new());
    let backend = Backend::open(&target, &services(&tape), &patience)?;
    let live = backend.transport();
    let recorder = Recorder::builder(&args.cassette)
        .mode(Mode::Verify)
        .allow_unused()
        .allow_unfinished()
        .open(move || Ok(live))
        .map_err(|error| Diagnostic::call(&error))?;
    let counts = current_thread()?.block_on(send_again(&tape, &recorder, args))?;
    let Counts { sent, writes, pseudonymous, unknown } = counts;
    let skipped = [
        (writes, "skipped: writes; use --writes to send them"),
        (
            pseudonymous,
            "skipped: about made-up people; use `run SCRIPT --verify` with the real roster to send them",
        ),
        (unknown, "skipped: endpoints that this version does not know"),
    ];
    let all = tape.interactions.len();
    ui.console.note(&format!("sent {sent} of {all} recorded requests"));
    for (count, why) in skipped.into_iter().filter(|(count, _)| *count > 0) {
        ui.console.note(&format!("  {count} {why}"));
    }
    match recorder.finish() {
        Ok(()) => {
            ui.console.note("all responses match the recording");
            Ok(Exit::Done)
        }
        Err(error) => Err(Diagnostic::call(&error)),
    }
}

/// Sends recorded requests, one after the other.
async fn send_again(
    tape: &Recording,
    recorder: &Recorder,
    args: &VerifyArgs,
) -> Result<Counts, Diagnostic> {
    let mut counts = Counts::default();
    for interaction in &tape.interactions {
        let Some(request) = request(interaction) else {
            counts.unknown += 1;
            continue;
        };
        if !request.metadata.effect.is_read() && !args.writes {
            counts.writes += 1;
            continue;
        }
        match recorder.send(request).await {
            Err(error) if error.stopped_by() == Some(Stopped::Pseudonym) => {
                counts.pseudonymous += 1;
            }
            Err(error) if error.is_setup() => return Err(Diagnostic::call(&error)),
            // Any other result is compared with the recording in `finish`.
            Ok(_) | Err(_) => counts.sent += 1,
        }
    }
    Ok(counts)
}

fn request(interaction: &Interaction) -> Option<Request> {
    let recorded = &interaction.request;
    let wire = recorded.wire().ok()?;
    let endpoint = endpoint(&recorded.endpoint).ok()?;
    let path = wire.target.split('?').next().unwrap_or_default();
    let declared = Dialect::ALL.into_iter().filter_map(|dialect| endpoint.metadata(dialect).ok());
    let metadata = declared.into_iter().find(|metadata| {
        metadata.method == wire.method && wire::match_path(metadata.path, path).is_some()
    })?;
    Some(Request {
        wire: wire.into(),
        metadata,
        scope: recorded.scope.as_str().into(),
        ordinal: recorded.ordinal,
        purpose: Purpose::Call,
    })
}

fn services(tape: &Recording) -> Vec<&'static str> {
    let endpoints = tape.interactions.iter().filter_map(|one| endpoint(&one.request.endpoint).ok());
    let mut names: Vec<_> = endpoints.map(|endpoint| endpoint.service().name).collect();
    names.sort_unstable();
    names.dedup();
    names
}
