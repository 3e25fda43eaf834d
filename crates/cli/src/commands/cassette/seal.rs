//! `drillmaster cassette seal`: making of a recording what can be shared.

use std::path::{Path, PathBuf};

use clap::Args;
use drillmaster_models::SERVICES;
use drillmaster_transport::cassette::EventReader;
use drillmaster_transport::cassette::{Header, Seal, Sealed};
use drillmaster_transport::redact::Keys;

use super::{open_tape, tell_count};
use crate::config::variable;
use crate::paths::Paths;
use crate::transport::{self, PrivateArgs, cassette_place};
use crate::{Ui, complete};
use drillmaster_runner::console::Console;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::roster::Roster;
use drillmaster_runner::run_spec;

/// The flags of `seal`.
#[derive(Debug, Args)]
pub(crate) struct SealArgs {
    /// A run's id, or a file: the journal of a run, or a cassette that was imported; the last run unless named
    recording: Option<String>,
    /// The cassette to write; the roster with made-up people comes to lie beside it
    #[arg(short, long, value_name = "CASSETTE", add = complete::files("cassette"))]
    output: PathBuf,
    /// The run's roster, where it is not in its place any more
    #[arg(long, value_name = "CSV", add = complete::files("csv"))]
    roster: Option<PathBuf>,
    #[command(flatten)]
    private: PrivateArgs,
}

pub(super) fn seal(args: &SealArgs, shell: &Ui) -> Result<Exit, Diagnostic> {
    // The journal knows its own keys. What came from another tool does not, and these may have been used with it.
    for key in SERVICES.iter().filter_map(|service| variable(service.credential_variable)) {
        Keys::of(&key).remember();
    }
    let source = run_spec::find(args.recording.as_deref())?;
    let mut files = Paths::default()
        .read("the recording", Some(&source))
        .read("--roster", args.roster.as_ref());
    if let Ok(events) = EventReader::open(&source) {
        for (name, by) in [("roster", "the run's roster"), ("script", "the run's script")] {
            files = files.read(by, events.header().run.get(name).and_then(|path| path.as_str()));
        }
    }
    files.write_cassette("--output", Some(&args.output)).check()?;
    let path = cassette_place(&args.output)?;
    let mut seal = Seal::default().policy(args.private.policy());
    let sealed = match EventReader::open(&source) {
        Ok(events) => {
            if let Some(roster) = roster(args, events.header())? {
                seal = seal.roster(roster.people()?);
            }
            seal.journal(&source).map_err(|error| error.to_string())
        }
        // Not a journal, so that it may be a cassette.
        Err(_) => {
            let tape = open_tape(&source)?;
            if tape.header.sealed.is_some() {
                let problem = format!("{} is sealed already", source.display());
                return Err(Diagnostic::usage(problem).with_help("copy it as it is"));
            }
            if let Some(roster) = roster(args, &tape.header)? {
                seal = seal.roster(roster.people()?);
            }
            seal.tape(tape).map_err(|error| error.to_string())
        }
    };
    let refused = |why| Diagnostic::usage(format!("{}: {why}", source.display()));
    let sealed = sealed.map_err(refused)?;
    write(&sealed, &path, &args.output, shell)?;
    Ok(Exit::Done)
}

fn write(sealed: &Sealed, path: &Path, to: &Path, shell: &Ui) -> Result<(), Diagnostic> {
    let beside = sealed.write(path).map_err(|error| Diagnostic::cannot_write(to, &error))?;
    let requests = sealed.tape().map_or(0, |tape| tape.interactions.len());
    tell_count(requests, to, shell);
    if let Some(beside) = beside {
        shell.console.note(&format!("and the roster of made-up people to {}", beside.display()));
    }
    tell_doubts(sealed.in_doubt(), &shell.console);
    crate::transport::tell(sealed.remarks(), &shell.console);
    Ok(())
}

/// Tells what the journal does not say: nobody has found out, or an earlier release did and did not note it.
fn tell_doubts(endpoints: &[String], console: &Console) {
    if endpoints.is_empty() {
        return;
    }
    let writes = if endpoints.len() == 1 { "write" } else { "writes" };
    let mut names = endpoints.to_vec();
    names.sort_unstable();
    names.dedup();
    console.warn(&format!(
        "{} {writes} without a clear answer in the recording ({}): the journal does not say what became of {}. If the \
         run can still find out, resume it and seal it again",
        endpoints.len(),
        names.join(", "),
        if endpoints.len() == 1 { "it" } else { "them" }
    ));
}

/// The roster that the run had. Another one would number other people.
fn roster(args: &SealArgs, header: &Header) -> Result<Option<Roster>, Diagnostic> {
    let remembered = header.run.get("roster").and_then(|path| path.as_str()).map(PathBuf::from);
    let Some(path) = args.roster.clone().or(remembered) else { return Ok(None) };
    let key = header.run.get("key").and_then(|key| key.as_str());
    let help = "give the run's own roster as --roster FILE.csv";
    let roster = Roster::open(&path, key).map_err(|problem| match &args.roster {
        Some(_) => problem,
        None => problem.with_help(help),
    })?;
    match &header.roster {
        Some(hash) if hash != roster.hash() => {
            let problem = format!("{} is not as it was when the run began", path.display());
            Err(Diagnostic::usage(problem).with_help(help))
        }
        _ => Ok(Some(roster)),
    }
}
