//! `drillmaster init`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args};
use drillmaster_transport::redact::Policy;
use drillmaster_transport::{Mode, Patience, Writes};

use crate::Shell;
use crate::color::Coloured;
use crate::complete;
use crate::execute::{Ready, near, perform};
use crate::run_args::Settings;
use crate::session::Session;
use crate::transport::{Taping, Target};
use drillmaster_runner::cases::Case;
use drillmaster_runner::console::Console;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::problem::Problem;
use drillmaster_runner::table::Format;

/// The flags of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder; it is made if it is not there
    #[arg(default_value = ".", add = complete::folders())]
    folder: PathBuf,
}

const SCRIPT: &str = "onboard.rhai";
const ROSTER: &str = "class.csv";
const CASSETTE: &str = "onboard.cassette";

/// What is written as it is.
const FILES: [(&str, &str); 4] = [
    (SCRIPT, include_str!("project/onboard.rhai")),
    (ROSTER, include_str!("project/class.csv")),
    ("README.md", include_str!("project/README.md")),
    (".gitignore", include_str!("project/gitignore")),
];
/// What comes of recording and accepting.
const MADE: [&str; 3] = [CASSETTE, "onboard.roster.csv", "onboard.accepted"];

/// Makes a project whose test passes.
pub(crate) fn init(args: &InitArgs, matches: &ArgMatches, shell: &Shell) -> Result<Exit, Problem> {
    let folder = &args.folder;
    let names = || FILES.iter().map(|(name, _)| *name).chain(MADE);
    if let Some(name) = names().find(|name| folder.join(name).exists()) {
        let problem =
            format!("{} is there already: nothing was written", folder.join(name).display());
        return Err(Problem::usage(problem).with_help("name a new folder: drillmaster init FOLDER"));
    }
    std::fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    for (name, text) in FILES {
        let path = folder.join(name);
        // RejectAll over a file that somebody made meanwhile.
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

/// Records a run on the sandbox, and accepts it.
fn record(folder: &Path, matches: &ArgMatches) -> Result<(), Problem> {
    let silent = Shell {
        console: Console::silent(),
        format: Format::Table,
        verbose: false,
        coloured: Coloured::default(),
    };
    let settings = Settings::of_roster(folder.join(ROSTER));
    let order = settings.order(&folder.join(SCRIPT), matches)?;
    let ready = Ready::of(order, &silent)?;
    let session = Session::start(&silent.console)?;
    let patience = Patience::default();
    let target = Target::open(&ready.order.place, &ready.services(), &patience)?;
    let cassette = near(&folder.join(CASSETTE));
    let taping = Taping {
        path: cassette.clone(),
        mode: Mode::Record,
        policy: Policy::default(),
        writes: Writes::default(),
    };
    match perform(&ready, &target, &session, None, Some(&taping), &silent)? {
        Exit::Done => {}
        exit => {
            let problem = "the project's script did not do on the sandbox what it is to do";
            return Err(Problem { exit, ..Problem::usage(problem) });
        }
    }
    let case = Case::of(&cassette);
    let case = case.ok_or_else(|| Problem::usage("the recording has no script beside it"))?;
    case.accept(&case.run(session.handle())?.text)
}

fn unwritten(path: &Path, error: &std::io::Error) -> Problem {
    Problem::usage(format!("cannot write {}: {error}", path.display()))
}
