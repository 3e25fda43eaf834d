//! The `drillmaster` command: arguments, terminal, progress and configuration around the script runner.

mod choices;
mod color;
mod commands;
mod complete;
mod config;
mod event_log;
mod execute;
mod interrupts;
mod paths;
mod preflight;
mod report_args;
mod run_args;
mod session;
mod target_args;
mod transport;
mod trust;
mod waiting;

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use serde_json::Value;

use self::color::{Colour, Coloured};
use self::commands::{
    auth, call, cassette, check, config as config_command, endpoints, init, repl, resume, run,
    runs, sandbox, test,
};
use crate::event_log as log;
use drillmaster_runner::console::{Console, Stream};
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::table::{Format, cell, layout, sheet_text};
use drillmaster_runner::output::visible::{Styled, visible};

/// Security training in bulk: scripts over TryHackMe and Veracode Security Labs.
///
/// Everything runs on an embedded sandbox unless `--on live` says otherwise.
#[derive(Debug, Parser)]
#[command(name = "drillmaster", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Task,
}

/// Under what these flags stand in help.
const HEADING: &str = "With every command";

/// What every command takes.
#[derive(Debug, Clone, Args)]
struct Globals {
    /// How lists are written
    #[arg(long, global = true, value_parser = choices::formats(), default_value = "table", help_heading = HEADING)]
    format: Format,
    /// Keep notes to yourself; warnings and errors are told all the same
    #[arg(short, long, global = true, help_heading = HEADING)]
    quiet: bool,
    /// Tell each call as it is made
    #[arg(short, long, global = true, help_heading = HEADING)]
    verbose: bool,
    /// Add what happens to a file as JSON lines, without anything private: calls, retries, waits, rows
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING)]
    log: Option<PathBuf>,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN", help_heading = HEADING)]
    color: Colour,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run a script
    Run(Box<run::RunArgs>),
    /// Go on with a run that was interrupted, or that left something to do
    Resume(Box<resume::ResumeArgs>),
    /// Say script lines one by one, and see what each comes to
    Repl(repl::ReplArgs),
    /// List the runs that have a journal, or show one
    Runs(runs::RunsArgs),
    /// Call one endpoint
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Call(call::CallArgs),
    /// List the endpoints, or tell all about one
    Endpoints {
        /// Its name, such as thm.rooms
        #[arg(add = complete::entry_names())]
        endpoint: Option<String>,
    },
    /// Look at recordings, seal and verify them, exchange them with other tools
    Cassette(cassette::CassetteArgs),
    /// Try the keys of the services, keep one, or forget it
    Auth(auth::AuthArgs),
    /// Show the settings that hold
    Config(config_command::ConfigArgs),
    /// Serve both services, simulated, over HTTP until interrupted
    Sandbox(sandbox::SandboxArgs),
    /// Make a script project with a roster, a recording and a test
    Init(init::InitArgs),
    /// Run the tests of a script project: replay each cassette that lies beside its script, and compare
    Test(test::TestArgs),
    /// Look scripts through for mistakes, without running them
    Check(check::CheckArgs),
    /// Write definitions of the script language, for editors, and the template of reports into a folder
    Definitions {
        /// The folder; it is made if it is not there
        folder: PathBuf,
    },
    /// Print what hooks completion into a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

/// The whole command line, made from the static part above and the lists of services and endpoints.
///
/// ```
/// let help = drillmaster::command().render_help().to_string();
/// assert!(help.contains("--thm-url"));
/// ```
pub fn command() -> Command {
    let command = target_args::with_service_flags(Cli::command());
    command.mut_subcommand("call", call::with_entries)
}

/// Parses the command line, carries it out, and says how it ended.
pub fn main() -> ExitCode {
    if let Some(answered) = complete::answer() {
        return answered;
    }
    // Mistakes on the command line are told in colours, too.
    Colour::of(std::env::args_os()).choose();
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return print_usage(&error).into(),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return print_usage(&error.format(&mut command())).into(),
    };
    let shell = Ui::new(&cli.globals, &matches);
    let done =
        begin_log(&cli.globals, &matches).and_then(|()| carry_out(cli.command, &matches, &shell));
    let exit = done.unwrap_or_else(|problem| {
        shell.tell(&problem);
        Exit::of(&problem)
    });
    tracing::info!(target: log::END, exit = exit as u8);
    // What was done is done: that not all of it could be written down is told, and changes nothing else.
    let log = log::trouble().map(|error| format!("the log is not whole: {error}"));
    let output = shell.console.trouble();
    let output = output.map(|error| format!("cannot write to standard output: {error}"));
    let unwritten = [log, output].into_iter().flatten().map(Diagnostic::unwritten);
    let exits = unwritten.map(|problem| {
        shell.tell(&problem);
        Exit::of(&problem)
    });
    exits.fold(exit, Exit::max).into()
}

/// Prints the help that was asked for, or what is wrong with the command line.
fn print_usage(error: &clap::Error) -> Exit {
    let (stream, exit) =
        if error.use_stderr() { (Stream::People, Exit::Usage) } else { (Stream::Data, Exit::Done) };
    // In an argument that is quoted, a colour could not be told from one of ours.
    let is_harmless = |text: OsString| matches!(visible(&text.to_string_lossy()), Cow::Borrowed(_));
    let text = error.render();
    let text = if stream.has_colours() && std::env::args_os().all(is_harmless) {
        Styled::coloured(&text.ansi().to_string())
    } else {
        Styled::plain(&text.to_string())
    };
    let console = Console::standard(false);
    let text = text.trimmed();
    match stream {
        Stream::Data => console.print_styled(&text),
        Stream::People => console.warn_styled(&text),
    }
    exit
}

/// Begins the log, if there is to be one.
fn begin_log(globals: &Globals, matches: &ArgMatches) -> Result<(), Diagnostic> {
    let Some(path) = &globals.log else { return Ok(()) };
    if path == Path::new("-") {
        return Err(Diagnostic::usage("cannot write the log -: `-` is no file")
            .with_help("name a file, or /dev/stderr"));
    }
    if path.is_file() {
        transport::keep(path, "log", "\"event\":")?;
    }
    log::begin(path)?;
    tracing::info!(
        target: log::BEGIN,
        command = matches.subcommand_name(),
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
    );
    Ok(())
}

fn carry_out(task: Task, matches: &ArgMatches, shell: &Ui) -> Result<Exit, Diagnostic> {
    match task {
        Task::Run(args) => run::run(&args, matches, shell),
        Task::Resume(args) => resume::resume(&args, matches, shell),
        Task::Repl(args) => repl::repl(&args, matches, shell),
        Task::Runs(args) => runs::runs(&args, shell),
        Task::Call(args) => call::call(&args, matches, shell),
        Task::Endpoints { endpoint } => endpoints::endpoints(endpoint.as_deref(), shell),
        Task::Cassette(args) => cassette::cassette(&args, matches, shell),
        Task::Auth(args) => auth::auth(&args, matches, shell),
        Task::Config(args) => config_command::config(&args, matches, shell),
        Task::Sandbox(args) => sandbox::serve(&args, matches, shell),
        Task::Init(args) => init::init(&args, matches, shell),
        Task::Test(args) => test::test(&args, shell),
        Task::Check(args) => check::check(&args, shell),
        Task::Definitions { folder } => definitions(&folder, shell),
        Task::Completions { shell: kind } => {
            shell.console.print(&complete::hook(kind)?);
            Ok(Exit::Done)
        }
    }
}

fn definitions(folder: &Path, shell: &Ui) -> Result<Exit, Diagnostic> {
    let told = |path: &Path, error: &std::io::Error| {
        Diagnostic::usage(format!("cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| told(folder, &error))?;
    let template = ("report.html.j2".to_owned(), drillmaster_runner::report::TEMPLATE.to_owned());
    for (name, text) in
        drillmaster_runner::language::definitions::files().into_iter().chain([template])
    {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| told(&path, &error))?;
        shell.console.print(&path.display().to_string());
    }
    Ok(Exit::Done)
}

/// How this invocation speaks.
struct Ui {
    console: Console,
    format: Format,
    verbose: bool,
    coloured: Coloured,
}

impl Ui {
    fn new(globals: &Globals, matches: &ArgMatches) -> Self {
        let is_said = matches.value_source("format") == Some(ValueSource::CommandLine);
        let said = is_said.then_some(globals.format);
        Self {
            console: Console::standard(globals.quiet).with_format(said),
            format: globals.format,
            verbose: globals.verbose,
            coloured: globals.color.choose(),
        }
    }

    /// Prints a list, in columns of these fields or as JSON with all that its items have.
    fn list(&self, header: &[&str], items: Vec<Value>) -> Result<(), Diagnostic> {
        let cells = |item: &Value| header.iter().map(|name| cell(&item[*name])).collect();
        match self.format {
            Format::Json => self.console.print(&format!("{:#}", Value::Array(items))),
            Format::Table | Format::Csv => self.rows(header, items.iter().map(cells).collect())?,
        }
        Ok(())
    }

    /// Prints rows as CSV where that is wanted, and else as a table that fits the terminal.
    fn rows(&self, header: &[impl AsRef<str>], rows: Vec<Vec<String>>) -> Result<(), Diagnostic> {
        let text = match self.format {
            Format::Csv => sheet_text(header, &rows),
            Format::Table | Format::Json => layout(header, rows, self.console.width()),
        };
        self.console.print(&text);
        Ok(())
    }

    fn tell(&self, problem: &Diagnostic) {
        let width = Stream::People.width().map_or(100, usize::from);
        let drawn = Styled::coloured(&problem.render(self.coloured.people, width));
        self.console.warn_styled(&match problem.category {
            Category::Replay if self.coloured.people => drawn.diff(),
            _ => drawn,
        });
    }
}
