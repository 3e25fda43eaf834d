//! Running script lines interactively, or from a pipe.

mod blocks;
mod editor;
mod lazy_transport;
mod session;
mod show_value;

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use crate::console::{Console, Stream};
use crate::progress::Progress;
use crate::repl::session::{Session, is_closed};
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::exit::Exit;
use drillmaster_runner::guards::{Guard, Limits};
use drillmaster_runner::roster::Roster;
use drillmaster_runner::run::Job;
use drillmaster_runner::run_spec::{Environment, Target};
use drillmaster_transport::Connection;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use self::blocks::Blocks;
use self::editor::{Editor, Input};
use self::lazy_transport::LazyTransport;
use crate::interrupts::Interrupts;
use crate::prepare::check_script;
use crate::runtime::multi_thread;
use crate::summary::{print_summary, rate_line};
use crate::transport::{resolve_policy, traced};
use crate::ui::Ui;

/// What the lines of a session run with.
pub(crate) struct Options {
    pub(crate) target: Target,
    pub(crate) roster: Option<Roster>,
    /// The values of `input(...)`.
    pub(crate) inputs: Vec<(String, String)>,
    pub(crate) limits: Limits,
    /// Whether hidden fields are shown.
    pub(crate) reveal: bool,
}

/// A line that is a command instead of script.
enum Command {
    Exit,
    Help,
}

const HELP: &str = "\
thm::rooms()                    calls an endpoint; Tab completes endpoints, fields and values
thm::rooms().roomInfo[0].code   shows a part of the response
let rooms = thm::rooms();       keeps the response; a semicolon at the end hides the output
exit, quit or Ctrl-D            leaves
To list endpoints with their fields, run `drillmaster endpoints`.";

/// Stops the line that is running, if one is.
type Running = Arc<Mutex<Option<CancellationToken>>>;

/// An interactive session.
pub(crate) struct Repl<'a> {
    ui: &'a Ui,
    environment: Environment,
    connection: Connection,
    transport: Arc<LazyTransport>,
    roster: Option<Roster>,
    inputs: Vec<(String, String)>,
    reveal: bool,
    runtime: Runtime,
    running: Running,
    session: Rc<RefCell<Session>>,
}

impl<'a> Repl<'a> {
    pub(crate) fn new(options: Options, ui: &'a Ui) -> Result<Self, Diagnostic> {
        let Options { target, roster, inputs, limits, reveal } = options;
        let (environment, dialect) = (target.on, target.dialect);
        let transport = Arc::new(LazyTransport::new(target, ui.console.clone()));
        let layers = traced(Guard::new(transport.clone(), limits), ui.trace());
        let connection =
            Connection::new(layers).with_dialect(dialect).resolving(resolve_policy(environment));
        let repl = Self {
            ui,
            environment,
            connection,
            transport,
            roster,
            inputs,
            reveal,
            runtime: multi_thread()?,
            running: Running::default(),
            session: Rc::new(RefCell::new(Session::new(Path::new("repl")))),
        };
        let interrupts = Interrupts::listen_in(&repl.runtime)?;
        let (running, console) = (repl.running.clone(), ui.console.clone());
        repl.runtime.spawn(stop_on_interrupt(interrupts, running, console));
        Ok(repl)
    }

    /// Runs lines from an editor on a terminal, otherwise from standard input.
    pub(crate) fn run(&self) -> Result<Exit, Diagnostic> {
        let exit = if io::stdin().is_terminal() && Stream::Stdout.is_terminal() {
            self.run_editor()?
        } else {
            self.run_pipe()?
        };
        for stats in self.transport.rate_stats() {
            self.ui.console.note(&rate_line(&stats));
        }
        Ok(exit)
    }

    /// Runs lines from an editor. The user has seen all errors, so leaving is a success.
    fn run_editor(&self) -> Result<Exit, Diagnostic> {
        let console = &self.ui.console;
        let environment = match self.environment {
            Environment::Sandbox => "the embedded sandbox",
            Environment::Live => "the live services",
        };
        console.note(&format!(
            "using {environment}; Tab completes, Ctrl-C cancels a line, Ctrl-D quits"
        ));
        let mut editor = Editor::new(self.session.clone(), console)?;
        loop {
            match editor.next()? {
                Input::Block(block) => match self.command(&block) {
                    Some(Command::Exit) => return Ok(Exit::Done),
                    Some(Command::Help) => console.warn(HELP),
                    None => {
                        self.run_block(&block);
                    }
                },
                Input::Cancelled => {}
                Input::End => return Ok(Exit::Done),
            }
        }
    }

    /// Runs lines from standard input. The exit code is that of the last line that failed.
    fn run_pipe(&self) -> Result<Exit, Diagnostic> {
        let mut exit = Exit::Done;
        for block in Blocks::new(io::stdin().lock()) {
            let block = block.map_err(|error| {
                Diagnostic::usage(format!("cannot read standard input: {error}"))
            })?;
            match self.command(&block) {
                Some(Command::Exit) => return Ok(exit),
                Some(Command::Help) => {
                    self.ui.console.warn(HELP);
                    continue;
                }
                None => {}
            }
            match self.run_block(&block) {
                Exit::Done => {}
                Exit::Interrupted => return Ok(Exit::Interrupted),
                failure => exit = failure,
            }
        }
        Ok(exit)
    }

    /// The command that a line is, unless the script has declared something of that name.
    fn command(&self, block: &str) -> Option<Command> {
        let word = block.trim().trim_end_matches(';').trim_end_matches("()");
        if self.session.borrow().has(word) {
            return None;
        }
        match word {
            "exit" | "quit" => Some(Command::Exit),
            "help" => Some(Command::Help),
            _ => None,
        }
    }

    /// Runs a block, and prints its value and its errors.
    fn run_block(&self, block: &str) -> Exit {
        self.try_block(block).unwrap_or_else(|diagnostic| {
            self.ui.print_diagnostic(&diagnostic);
            Exit::of(&diagnostic)
        })
    }

    fn try_block(&self, block: &str) -> Result<Exit, Diagnostic> {
        let (ui, console) = (self.ui, &self.ui.console);
        let mut session = self.session.borrow_mut();
        let script = session.read(block)?;
        check_script(&script, ui)?;
        if let Some(roster) = &self.roster {
            script.check_roster(roster)?;
        }
        let inputs = script.take_inputs(&self.inputs)?;
        self.transport.open(script.services())?;
        let stop = CancellationToken::new();
        let job = Job {
            roster: self.roster.clone(),
            inputs,
            stop: stop.clone(),
            sinks: Progress::on_stderr(console, self.runtime.handle()).into_iter().collect(),
            ..console.job(self.connection.clone())
        };
        self.set_running(Some(stop.clone()));
        let summary = session.run(&script, job, self.runtime.handle());
        self.set_running(None);
        let mut exit = summary.exit();
        if let Some(problem) = &summary.problem {
            // It is no news that an interrupted line did not reach its end.
            if problem.category != Category::Interrupted {
                ui.print_diagnostic(problem);
            }
        } else if !is_closed(block) {
            show_value::show(&summary.value, self.reveal, ui)?;
        }
        if stop.is_cancelled() {
            exit = Exit::Interrupted;
        }
        print_summary(&summary, &[], exit, None, None, ui);
        Ok(exit)
    }

    fn set_running(&self, stop: Option<CancellationToken>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = stop;
    }
}

/// An interrupt stops the line that is running. A second one, or one while no line is running, ends the program.
async fn stop_on_interrupt(mut interrupts: Interrupts, running: Running, console: Console) {
    loop {
        interrupts.next().await;
        let stop = running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match stop.filter(|stop| !stop.is_cancelled()) {
            Some(stop) => {
                stop.cancel();
                console.warn(
                    "interrupted: finishing the current calls; press Ctrl-C again to leave now",
                );
            }
            None => std::process::exit(i32::from(Exit::Interrupted as u8)),
        }
    }
}
