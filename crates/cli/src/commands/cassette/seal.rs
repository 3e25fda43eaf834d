//! `drillmaster cassette seal`

use std::path::{Path, PathBuf};

use crate::console::Console;
use clap::Args;
use drillmaster_models::SERVICES;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::roster::Roster;
use drillmaster_runner::run_spec;
use drillmaster_transport::cassette::EventReader;
use drillmaster_transport::cassette::{Header, Sanitizer, SealedCassette};
use drillmaster_transport::redact::ApiKeys;

use super::{open_tape, print_written};
use crate::cassette_args::{PrivateArgs, print_warnings};
use crate::complete;
use crate::config::variable;
use crate::paths::{Paths, cassette_output_path};
use crate::ui::Ui;

/// The arguments of `seal`.
#[derive(Debug, Args)]
pub(crate) struct SealArgs {
    /// ID of a run, or path of a journal or imported cassette [default: the last run]
    recording: Option<String>,
    /// Cassette to write; a roster of the made-up people is written next to it
    #[arg(short, long, value_name = "CASSETTE", add = complete::files("cassette"))]
    output: PathBuf,
    /// Roster of the run, if it was moved
    #[arg(long, value_name = "CSV", add = complete::files("csv"))]
    roster: Option<PathBuf>,
    #[command(flatten)]
    private: PrivateArgs,
}

pub(super) fn run(args: &SealArgs, ui: &Ui) -> Result<Exit, Diagnostic> {
    // A journal has fingerprints of its keys. An imported recording may contain the keys of this environment.
    for key in SERVICES.iter().filter_map(|service| variable(service.credential_variable)) {
        ApiKeys::new(&key).remember();
    }
    let source = run_spec::find(args.recording.as_deref())?;
    let mut files = Paths::default()
        .read("the recording", Some(&source))
        .read("--roster", args.roster.as_ref());
    if let Ok(events) = EventReader::open(&source) {
        for (field, name) in
            [("roster", "the roster of the run"), ("script", "the script of the run")]
        {
            files = files.read(name, events.header().run.get(field).and_then(|path| path.as_str()));
        }
    }
    files.write_cassette("--output", Some(&args.output)).check()?;
    let path = cassette_output_path(&args.output)?;
    let mut seal = Sanitizer::default().policy(args.private.policy());
    let sealed = match EventReader::open(&source) {
        Ok(events) => {
            if let Some(roster) = roster(args, events.header())? {
                seal = seal.roster(roster.people()?);
            }
            seal.journal(&source).map_err(|error| error.to_string())
        }
        // If it is not a journal, it may be a cassette.
        Err(_) => {
            let tape = open_tape(&source)?;
            if tape.header.sealed.is_some() {
                let message = format!("{} is already sealed", source.display());
                return Err(Diagnostic::usage(message).with_help("it can be shared as it is"));
            }
            if let Some(roster) = roster(args, &tape.header)? {
                seal = seal.roster(roster.people()?);
            }
            seal.tape(tape).map_err(|error| error.to_string())
        }
    };
    let cannot_seal = |why| Diagnostic::usage(format!("{}: {why}", source.display()));
    let sealed = sealed.map_err(cannot_seal)?;
    write(&sealed, &path, &args.output, ui)?;
    Ok(Exit::Done)
}

fn write(sealed: &SealedCassette, path: &Path, to: &Path, ui: &Ui) -> Result<(), Diagnostic> {
    let roster = sealed.write(path).map_err(|error| Diagnostic::cannot_write(to, &error))?;
    let requests = sealed.tape().map_or(0, |tape| tape.interactions.len());
    print_written(requests, to, ui);
    if let Some(roster) = roster {
        ui.console.note(&format!("wrote the roster of made-up people to {}", roster.display()));
    }
    warn_in_doubt(sealed.in_doubt(), &ui.console);
    print_warnings(sealed.warnings(), &ui.console);
    Ok(())
}

/// Warns about writes whose outcome is not in the journal.
fn warn_in_doubt(endpoints: &[String], console: &Console) {
    if endpoints.is_empty() {
        return;
    }
    let writes = if endpoints.len() == 1 { "write" } else { "writes" };
    let mut names = endpoints.to_vec();
    names.sort_unstable();
    names.dedup();
    console.warn(&format!(
        "{} in-doubt {writes} in the recording ({}): the journal does not say whether {} took effect; to check, resume \
         the run, then seal it again",
        endpoints.len(),
        names.join(", "),
        if endpoints.len() == 1 { "it" } else { "they" }
    ));
}

/// The roster of the run. Another roster would give people other pseudonyms.
fn roster(args: &SealArgs, header: &Header) -> Result<Option<Roster>, Diagnostic> {
    let remembered = header.run.get("roster").and_then(|path| path.as_str()).map(PathBuf::from);
    let Some(path) = args.roster.clone().or(remembered) else { return Ok(None) };
    let key = header.run.get("key").and_then(|key| key.as_str());
    let help = "pass the original roster with --roster FILE.csv";
    let roster = Roster::open(&path, key).map_err(|error| match &args.roster {
        Some(_) => error,
        None => error.with_help(help),
    })?;
    match &header.roster {
        Some(hash) if *hash != roster.hash() => {
            let message = format!("{} has changed since the run started", path.display());
            Err(Diagnostic::usage(message).with_help(help))
        }
        _ => Ok(Some(roster)),
    }
}
