//! `drillmaster cassette`

mod seal;
mod show;
mod verify;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Subcommand};
use drillmaster_interchange::{Format, Options, har};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::fs::{Visibility, write_atomic};
use drillmaster_transport::cassette::EventReader;
use drillmaster_transport::cassette::{self, Recording, linearize};
use drillmaster_transport::files;

use crate::paths::{Paths, check_replaceable, output_path};
use crate::ui::Ui;
use crate::{choices, complete};

/// The arguments of `cassette`.
#[derive(Debug, Args)]
pub(crate) struct CassetteArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the requests of a recording, or show them in full
    Show(show::ShowArgs),
    /// Count the requests of a recording by endpoint
    Stats(show::StatsArgs),
    /// Turn a journal into a cassette that is safe to share: no secrets, made-up people
    Seal(seal::SealArgs),
    /// Send recorded requests again, and report changed responses
    Verify(verify::VerifyArgs),
    /// Convert a HAR, vcrpy or VCR recording to a cassette
    Import(ImportArgs),
    /// Convert a cassette to HAR 1.2, for browsers, proxies and API tools
    Export(ExportArgs),
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// HAR file, or cassette of vcrpy or VCR
    file: PathBuf,
    /// Cassette to write; only you can read it
    #[arg(short, long, value_name = "CASSETTE", add = complete::files("cassette"))]
    output: PathBuf,
    /// Format of the file [default: detected]
    #[arg(long, value_parser = choices::exchange_formats())]
    from: Option<Format>,
    /// Also import requests to this host, such as a gateway in front of a service; can be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// Cassette to convert
    cassette: PathBuf,
    /// HAR file to write; only you can read it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(crate) fn run(args: &CassetteArgs, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    match &args.command {
        Command::Seal(args) => seal::run(args, ui),
        Command::Verify(args) => verify::run(args, matches, ui),
        Command::Show(args) => show::show(args, ui),
        Command::Stats(args) => show::stats(args, ui),
        Command::Import(args) => import(args, ui),
        Command::Export(args) => export(args, ui),
    }
}

fn import(args: &ImportArgs, ui: &Ui) -> Result<Exit, Diagnostic> {
    Paths::default()
        .read("the recording", Some(&args.file))
        .write("--output", Some(&args.output))
        .check()?;
    let path = output_path(&args.output)?;
    let options = Options { format: args.from, hosts: args.hosts.clone(), ..Options::default() };
    let bytes = read(&args.file, options.max_bytes)?;
    let cannot_import = |why| Diagnostic::usage(format!("{}: {why}", args.file.display()));
    let imported = drillmaster_interchange::read(&bytes, &options).map_err(cannot_import)?;
    check_replaceable(&path, "cassette", "\"cassette\"")?;
    write(&path, |out| drillmaster_interchange::write_cassette(&imported.recording, out))?;
    print_written(imported.recording.interactions.len(), &args.output, ui);
    match imported.skipped.count() {
        0 => {}
        1 => ui.console.note(&format!("skipped 1 request:\n{}", imported.skipped)),
        count => ui.console.note(&format!("skipped {count} requests:\n{}", imported.skipped)),
    }
    Ok(Exit::Done)
}

fn export(args: &ExportArgs, ui: &Ui) -> Result<Exit, Diagnostic> {
    let read = Paths::default().read("the cassette", Some(&args.cassette));
    read.write("--output", Some(&args.output)).check()?;
    let path = output_path(&args.output)?;
    let tape = open_tape(&args.cassette)?;
    check_replaceable(&path, "HAR file", "\"log\"")?;
    write(&path, |out| har::write(&tape, out))?;
    print_written(tape.interactions.len(), &args.output, ui);
    Ok(Exit::Done)
}

fn print_written(count: usize, to: &Path, ui: &Ui) {
    let requests = if count == 1 { "request" } else { "requests" };
    ui.console.note(&format!("wrote {count} {requests} to {}", to.display()));
}

/// Reads a cassette, or the journal of a run.
fn open(path: &Path) -> Result<Recording, Diagnostic> {
    match EventReader::open(path) {
        Ok(_) => {
            linearize(path).map_err(|why| Diagnostic::usage(format!("{}: {why}", path.display())))
        }
        Err(_) => open_tape(path),
    }
}

/// Reads a cassette.
fn open_tape(path: &Path) -> Result<Recording, Diagnostic> {
    let invalid = |why: String| Diagnostic::usage(format!("{}: {why}", path.display()));
    let bytes = files::read(path, files::BY_PROGRAM).map_err(|error| cannot_read(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        invalid(format!("the cassette is damaged at byte {byte} (not UTF-8); record it again"))
    })?;
    cassette::parse(&text).map_err(|damage| invalid(damage.to_string()))
}

/// Reads a file, up to one byte more than the limit, so that the reader notices a file that is too large.
fn read(path: &Path, largest: usize) -> Result<Vec<u8>, Diagnostic> {
    let mut bytes = Vec::new();
    let file =
        files::open(path).and_then(|file| file.take(largest as u64 + 1).read_to_end(&mut bytes));
    file.map_err(|error| cannot_read(path, &error))?;
    Ok(bytes)
}

fn cannot_read(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::usage(format!("cannot read {}: {error}", path.display()))
}

/// Writes a recording that only its owner can read, because it names people.
fn write(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Diagnostic> {
    write_atomic(path, Visibility::Owner, content)
        .map_err(|error| Diagnostic::cannot_write(path, &error))
}
