//! `drillmaster init`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args};
use drillmaster_transport::redact::Policy;
use drillmaster_transport::{Mode, Patience, Writes};

use crate::Ui;
use crate::color::Coloured;
use crate::complete;
use crate::execute::{PreparedRun, near, perform};
use crate::run_args::Settings;
use crate::session::Session;
use crate::transport::{CassetteOptions, Connections};
use drillmaster_runner::console::Console;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::table::Format;
use drillmaster_runner::snapshot::SnapshotTest;

/// The flags of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder, created if it does not exist
    #[arg(default_value = ".", add = complete::folders())]
    folder: PathBuf,
}

const SCRIPT: &str = "onboard.rhai";
const ROSTER: &str = "class.csv";
const RECORDINGS: &str = "recordings";
const CASSETTE: &str = "recordings/onboard.cassette";

/// Files that are written unchanged.
const FILES: [(&str, &str); 4] = [
    (SCRIPT, include_str!("project/onboard.rhai")),
    (ROSTER, include_str!("project/class.csv")),
    ("README.md", include_str!("project/README.md")),
    (".gitignore", include_str!("project/gitignore")),
];
/// Files that recording and accepting make.
const MADE: [&str; 3] = [CASSETTE, "recordings/onboard.roster.csv", "recordings/onboard.accepted"];

/// Creates a project whose test passes.
pub(crate) fn init(args: &InitArgs, matches: &ArgMatches, shell: &Ui) -> Result<Exit, Diagnostic> {
    let folder = &args.folder;
    let names = || FILES.iter().map(|(name, _)| *name).chain(MADE);
    if let Some(name) = names().find(|name| folder.join(name).exists()) {
        let problem =
            format!("{} already exists: nothing was written", folder.join(name).display());
        return Err(
            Diagnostic::usage(problem).with_help("name a new folder: drillmaster init FOLDER")
        );
    }
    for path in [folder.clone(), folder.join(RECORDINGS)] {
        std::fs::create_dir_all(&path).map_err(|error| unwritten(&path, &error))?;
    }
    for (name, text) in FILES {
        let path = folder.join(name);
        // Never overwrites a file that appeared in the meantime.
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| unwritten(&path, &error))?;
    }
    record(folder, matches)?;
    for name in names() {
        shell.console.print(&folder.join(name).display().to_string());
    }
    let inside = match folder.as_path() {
        folder if folder == Path::new(".") => String::new(),
        folder => format!("cd {} && ", folder.display()),
    };
    shell.console.note(&format!("try it: {inside}drillmaster test"));
    Ok(Exit::Done)
}

/// Records a run on the sandbox and accepts its outcome.
fn record(folder: &Path, matches: &ArgMatches) -> Result<(), Diagnostic> {
    let silent = Ui {
        console: Console::silent(),
        format: Format::Table,
        verbose: false,
        coloured: Coloured::default(),
    };
    let settings = Settings::of_roster(folder.join(ROSTER));
    let order = settings.order(&folder.join(SCRIPT), matches)?;
    let ready = PreparedRun::of(order, &silent)?;
    let session = Session::start(&silent.console)?;
    let patience = Patience::default();
    let target = Connections::open(&ready.order.place, &ready.services(), &patience)?;
    let cassette = near(&folder.join(CASSETTE));
    let taping = CassetteOptions {
        path: cassette.clone(),
        mode: Mode::Record,
        policy: Policy::default(),
        writes: Writes::default(),
    };
    match perform(&ready, &target, &session, None, Some(&taping), &silent)? {
        Exit::Done => {}
        _ => {
            let problem = "the project's script failed on the sandbox";
            return Err(Diagnostic::script(problem));
        }
    }
    let test = SnapshotTest::from_cassette(&cassette);
    let test = test.ok_or_else(|| Diagnostic::usage("the recording has no script"))?;
    test.accept(&test.run(session.handle())?.text)
}

fn unwritten(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::usage(format!("cannot write {}: {error}", path.display()))
}
