//! `drillmaster cassette verify`: asking a service again what was recorded of it.

use std::path::PathBuf;

use clap::{ArgMatches, Args};
use drillmaster_models::{Dialect, endpoint, wire};
use drillmaster_transport::cassette::{Interaction, Recording};
use drillmaster_transport::{Mode, Purpose, Recorder, Request, Stopped, Transport};

use super::open_tape;
use crate::Ui;
use crate::target_args;
use crate::target_args::TargetArgs;
use crate::transport::Connections;
use crate::waiting::patience;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::execution::stop::Stop;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::run_spec::Target;

/// The flags of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The cassette
    cassette: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    /// Make the recorded writes, too
    #[arg(long)]
    writes: bool,
}

/// What was done, and what was left out and why.
#[derive(Default)]
struct Tally {
    asked: usize,
    writes: usize,
    strangers: usize,
    unknown: usize,
}

pub(super) fn verify(
    args: &VerifyArgs,
    matches: &ArgMatches,
    shell: &Ui,
) -> Result<Exit, Diagnostic> {
    let tape = open_tape(&args.cassette)?;
    let place = target_args::place_of(matches, &args.target)?;
    let patience = patience(&place, &shell.console, &Stop::default());
    let target = Connections::open(&place, &services(&tape), &patience)?;
    let live = target.transport();
    let cassette = Recorder::builder(&args.cassette)
        .mode(Mode::Verify)
        .allow_unused()
        .allow_unfinished()
        .open(move || Ok(live))
        .map_err(|error| Diagnostic::call(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Diagnostic::usage(format!("cannot start: {error}")))?;
    let tally = runtime.block_on(ask(&tape, &cassette, args))?;
    let Tally { asked, writes, strangers, unknown } = tally;
    let left_out = [
        (writes, "left out as writes; --writes makes them, too"),
        (
            strangers,
            "left out as about people; with the script and its roster `run … --verify` asks for them",
        ),
        (unknown, "left out as of entries that this version does not have"),
    ];
    shell.console.note(&format!("asked for {asked} of {} again", tape.interactions.len()));
    for (count, why) in left_out.into_iter().filter(|(count, _)| *count > 0) {
        shell.console.note(&format!("  {count} {why}"));
    }
    match cassette.finish() {
        Ok(()) => {
            shell.console.note("all answers are as they were recorded");
            Ok(Exit::Done)
        }
        Err(error) => Err(Diagnostic::call(&error)),
    }
}

/// Asks for what was recorded, one after the other.
async fn ask(
    tape: &Recording,
    cassette: &Recorder,
    args: &VerifyArgs,
) -> Result<Tally, Diagnostic> {
    let mut tally = Tally::default();
    for interaction in &tape.interactions {
        let Some(request) = request(interaction) else {
            tally.unknown += 1;
            continue;
        };
        if !request.metadata.effect.is_read() && !args.writes {
            tally.writes += 1;
            continue;
        }
        match cassette.send(request).await {
            Err(error) if error.stopped_by() == Some(Stopped::Pseudonym) => tally.strangers += 1,
            Err(error) if error.is_setup() => return Err(Diagnostic::call(&error)),
            // What else became of it is told as drift.
            Ok(_) | Err(_) => tally.asked += 1,
        }
    }
    Ok(tally)
}

fn request(interaction: &Interaction) -> Option<Request> {
    let recorded = &interaction.request;
    let wire = recorded.wire().ok()?;
    let endpoint = endpoint(&recorded.endpoint).ok()?;
    let path = wire.target.split('?').next().unwrap_or_default();
    let specs = Dialect::ALL.into_iter().filter_map(|dialect| endpoint.metadata(dialect).ok());
    let metadata = specs.into_iter().find(|metadata| {
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
