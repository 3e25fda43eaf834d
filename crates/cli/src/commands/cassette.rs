//! `drillmaster cassette`

mod seal;
mod show;
mod verify;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Subcommand};
use drillmaster_transport::cassette::EventReader;
use drillmaster_transport::cassette::{self, Recording, straight};

use crate::Ui;
use crate::choices;
use crate::complete;
use crate::paths::Paths;
use crate::transport::{keep, output};
use drillmaster_interchange::{Format, Options, har};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::fs::{Readers, put};
use drillmaster_transport::files;

/// The flags of `cassette`.
#[derive(Debug, Args)]
pub(crate) struct CassetteArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// List what was recorded, or show all of it
    Show(show::ShowArgs),
    /// Count what was recorded
    Stats(show::StatsArgs),
    /// Make of a run's journal a cassette that can be shared: in order, without secrets and people
    Seal(seal::SealArgs),
    /// Ask a service again what was recorded of it, and tell what it answers otherwise
    Verify(verify::VerifyArgs),
    /// Make a cassette from a recording of another tool
    Import(ImportArgs),
    /// Write a cassette as HAR 1.2, which browsers, proxies and API tools read
    Export(ExportArgs),
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// A HAR file, or a cassette of vcrpy or VCR
    file: PathBuf,
    /// The cassette to write; only its owner may read it
    #[arg(short, long, value_name = "CASSETTE", add = complete::files("cassette"))]
    output: PathBuf,
    /// What the file is; told from its content unless given
    #[arg(long, value_parser = choices::exchange_formats())]
    from: Option<Format>,
    /// Take what was sent to this host, too: a gateway before one of the services
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// The cassette
    cassette: PathBuf,
    /// The HAR file to write; only its owner may read it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(crate) fn cassette(
    args: &CassetteArgs,
    matches: &ArgMatches,
    shell: &Ui,
) -> Result<Exit, Diagnostic> {
    match &args.task {
        Task::Seal(args) => seal::seal(args, shell),
        Task::Verify(args) => verify::verify(args, matches, shell),
        Task::Show(args) => show::show(args, shell),
        Task::Stats(args) => show::stats(args, shell),
        Task::Import(args) => import(args, shell),
        Task::Export(args) => export(args, shell),
    }
}

fn import(args: &ImportArgs, shell: &Ui) -> Result<Exit, Diagnostic> {
    Paths::default()
        .read("the recording", Some(&args.file))
        .write("--output", Some(&args.output))
        .check()?;
    let path = output(&args.output)?;
    let options = Options { format: args.from, hosts: args.hosts.clone(), ..Options::default() };
    let bytes = read(&args.file, options.largest)?;
    let refused = |why| Diagnostic::usage(format!("{}: {why}", args.file.display()));
    let imported = drillmaster_interchange::read(&bytes, &options).map_err(refused)?;
    keep(&path, "cassette", "\"cassette\"")?;
    write(&path, |out| drillmaster_interchange::write_cassette(&imported.tape, out))?;
    tell(&imported.tape, &args.output, shell);
    match imported.left_out.count() {
        0 => {}
        count => shell.console.note(&format!("left out {count}:\n{}", imported.left_out)),
    }
    Ok(Exit::Done)
}

fn export(args: &ExportArgs, shell: &Ui) -> Result<Exit, Diagnostic> {
    let read = Paths::default().read("the cassette", Some(&args.cassette));
    read.write("--output", Some(&args.output)).check()?;
    let path = output(&args.output)?;
    let tape = open_tape(&args.cassette)?;
    keep(&path, "HAR file", "\"log\"")?;
    write(&path, |out| har::write(&tape, out))?;
    tell(&tape, &args.output, shell);
    Ok(Exit::Done)
}

fn tell(tape: &Recording, to: &Path, shell: &Ui) {
    tell_count(tape.interactions.len(), to, shell);
}

fn tell_count(count: usize, to: &Path, shell: &Ui) {
    let requests = if count == 1 { "request" } else { "requests" };
    shell.console.note(&format!("wrote {count} {requests} to {}", to.display()));
}

/// Reads a cassette, or the journal of a run as far as it got.
fn open(path: &Path) -> Result<Recording, Diagnostic> {
    match EventReader::open(path) {
        Ok(_) => {
            straight(path).map_err(|why| Diagnostic::usage(format!("{}: {why}", path.display())))
        }
        Err(_) => open_tape(path),
    }
}

/// Reads a whole cassette.
fn open_tape(path: &Path) -> Result<Recording, Diagnostic> {
    let refuse = |why: String| Diagnostic::usage(format!("{}: {why}", path.display()));
    let bytes = files::read(path, files::BY_PROGRAM).map_err(|error| unread(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        refuse(format!("the cassette is damaged at byte {byte}: not UTF-8; record it again"))
    })?;
    cassette::parse(&text).map_err(|damage| refuse(damage.to_string()))
}

/// The bytes of a file; of one that is larger than the limit, one byte more than that.
fn read(path: &Path, largest: usize) -> Result<Vec<u8>, Diagnostic> {
    let mut bytes = Vec::new();
    let file =
        files::open(path).and_then(|file| file.take(largest as u64 + 1).read_to_end(&mut bytes));
    file.map_err(|error| unread(path, &error))?;
    Ok(bytes)
}

fn unread(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::usage(format!("cannot read {}: {error}", path.display()))
}

/// Writes a recording, which names people.
fn write(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Diagnostic> {
    put(path, Readers::Owner, content).map_err(|error| Diagnostic::cannot_write(path, &error))
}
