//! `drillmaster init`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::snapshot::SnapshotTest;
use drillmaster_transport::redact::Policy;
use drillmaster_transport::{Mode, VerifyWrites, WaitPolicy};

use crate::cassette_args::CassetteOptions;
use crate::complete;
use crate::execute::execute;
use crate::paths::display_path;
use crate::prepare::prepare;
use crate::run_args::RunOptions;
use crate::runtime::InterruptibleRuntime;
use crate::transport::Backend;
use crate::ui::Ui;

/// The arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Folder of the project; created if missing
    #[arg(default_value = ".", add = complete::folders())]
    folder: PathBuf,
}

const SCRIPT: &str = "onboard.rhai";
const ROSTER: &str = "class.csv";
const RECORDINGS: &str = "recordings";
const CASSETTE: &str = "recordings/onboard.cassette";

/// The files that are copied.
const FILES: [(&str, &str); 4] = [
    (SCRIPT, include_str!("project/onboard.rhai")),
    (ROSTER, include_str!("project/class.csv")),
    ("README.md", include_str!("project/README.md")),
    (".gitignore", include_str!("project/gitignore")),
];
/// The files that recording and accepting create.
const GENERATED: [&str; 3] =
    [CASSETTE, "recordings/onboard.roster.csv", "recordings/onboard.accepted"];

/// Creates a project whose test passes.
pub(crate) fn run(args: &InitArgs, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    let folder = &args.folder;
    let names = || FILES.iter().map(|(name, _)| *name).chain(GENERATED);
    if let Some(name) = names().find(|name| folder.join(name).exists()) {
        let message =
            format!("{} already exists: nothing was written", folder.join(name).display());
        return Err(
            Diagnostic::usage(message).with_help("name a new folder: drillmaster init FOLDER")
        );
    }
    for path in [folder.clone(), folder.join(RECORDINGS)] {
        std::fs::create_dir_all(&path).map_err(|error| cannot_write(&path, &error))?;
    }
    for (name, text) in FILES {
        let path = folder.join(name);
        // Never replaces a file, even one created since the check.
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| cannot_write(&path, &error))?;
    }
    record(folder, matches)?;
    for name in names() {
        ui.console.print(&folder.join(name).display().to_string());
    }
    let cd = match folder.as_path() {
        folder if folder == Path::new(".") => String::new(),
        folder => format!("cd {} && ", folder.display()),
    };
    ui.console.note(&format!("next, run: {cd}drillmaster test"));
    Ok(Exit::Done)
}

/// Records a run on the sandbox, and accepts its output.
fn record(folder: &Path, matches: &ArgMatches) -> Result<(), Diagnostic> {
    let silent = Ui::silent();
    let options = RunOptions::with_roster(folder.join(ROSTER));
    let run = prepare(options.new_spec(&folder.join(SCRIPT), matches)?, &silent)?;
    let runtime = InterruptibleRuntime::start(&silent.console)?;
    let backend = Backend::open(&run.spec.place, &run.services(), &WaitPolicy::default())?;
    let path = display_path(&folder.join(CASSETTE));
    let cassette = CassetteOptions {
        path: path.clone(),
        mode: Mode::Record,
        policy: Policy::default(),
        writes: VerifyWrites::default(),
    };
    match execute(&run, &backend, &runtime, None, Some(&cassette), &silent)? {
        Exit::Done => {}
        _ => {
            let message = "the script of the new project failed on the sandbox";
            return Err(Diagnostic::script(message));
        }
    }
    let test = SnapshotTest::from_cassette(&path)
        .ok_or_else(|| Diagnostic::usage("the recording has no script"))?;
    test.accept(&test.run(runtime.handle())?.text)
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::usage(format!("cannot write {}: {error}", path.display()))
}
