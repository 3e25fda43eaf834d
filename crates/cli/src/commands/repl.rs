//! `drillmaster repl`: script lines, one by one.

mod editor;
mod shown;
mod ways;

use std::cell::RefCell;
use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{ArgMatches, Args};
use drillmaster_transport::{Connection, Guard, Limits};
use tokio::runtime::Runtime;

use self::editor::{Editor, Output};
use self::ways::Ways;
use crate::Ui;
use crate::complete;
use crate::execute::{pace_line, summarise};
use crate::interrupts::Interrupts;
use crate::preflight::limit;
use crate::run_args::{name_and_value, refuse_twice};
use crate::target_args;
use crate::target_args::TargetArgs;
use crate::transport::{resolving, traced};
use drillmaster_runner::console::{Console, Stream};
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::dialogue::{Dialogue, continues, is_closed, is_unfinished};
use drillmaster_runner::execution::stop::Stop;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::progress::Progress;
use drillmaster_runner::roster::Roster;
use drillmaster_runner::run::Job;
use drillmaster_runner::run_spec::{Environment, Target};

/// The flags of `repl`.
#[derive(Debug, Args)]
pub(crate) struct ReplArgs {
    /// A CSV file with a row per person, for `roster()`
    #[arg(long, value_name = "CSV", add = complete::files("csv"))]
    roster: Option<PathBuf>,
    /// The roster's column that tells rows apart; the first unless named
    #[arg(long, value_name = "COLUMN", requires = "roster")]
    key: Option<String>,
    /// Set what `input(…)` gives
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
    #[command(flatten)]
    target: TargetArgs,
    /// From how many rows or people something may be taken away in all; 10, or a tenth of the rows, unless set
    #[arg(long, value_name = "N")]
    max_removals: Option<usize>,
    /// Allow what cannot be undone, such as deleting a user
    #[arg(long)]
    yes: bool,
    /// Show what is hidden otherwise, such as the answers of questions
    #[arg(long)]
    reveal: bool,
}

pub(crate) fn repl(args: &ReplArgs, matches: &ArgMatches, shell: &Ui) -> Result<Exit, Diagnostic> {
    refuse_twice(&args.set)?;
    let place = target_args::place_of(matches, &args.target)?;
    let roster = args.roster.as_deref().map(|path| Roster::open(path, args.key.as_deref()));
    let roster = roster.transpose()?;
    let removals = limit(args.max_removals, roster.as_ref().map_or(0, Roster::len));
    let limits = Limits { removals: Some(removals), irreversible: args.yes };
    let (on, dialect) = (place.on, place.dialect);
    let ways = Arc::new(Ways::to(place, shell.console.clone()));
    let layers =
        traced(Guard::new(ways.clone(), limits), shell.verbose.then(|| shell.console.clone()));
    let conversation = Conversation {
        args,
        shell,
        connection: Connection::new(layers).with_dialect(dialect).resolving(resolving(on)),
        ways,
        roster,
        runtime: Runtime::new()
            .map_err(|error| Diagnostic::usage(format!("cannot start: {error}")))?,
        running: Running::default(),
        dialogue: Rc::new(RefCell::new(Dialogue::new(Path::new("repl")))),
    };
    conversation.listen()?;
    let exit = if io::stdin().is_terminal() && Stream::Data.is_terminal() {
        conversation.with_a_person(on)?
    } else {
        conversation.with_a_pipe()?
    };
    for pace in conversation.ways.paces() {
        shell.console.note(&pace_line(&pace));
    }
    Ok(exit)
}

/// A word that is no script, but means the program.
enum Asked {
    Leave,
    Help,
}

const HELP: &str = "\
thm::rooms()                    calls an endpoint; Tab completes endpoints, fields and words
thm::rooms().roomInfo[0].code   looks into its answer
let rooms = thm::rooms();       keeps it; behind a semicolon nothing is shown
exit, quit or Ctrl-D            leaves
`drillmaster endpoints` lists what there is to call, and what each takes and answers";

/// What ends the line that is running, while one is.
type Running = Arc<Mutex<Option<Stop>>>;

struct Conversation<'a> {
    args: &'a ReplArgs,
    shell: &'a Ui,
    connection: Connection,
    ways: Arc<Ways>,
    roster: Option<Roster>,
    runtime: Runtime,
    running: Running,
    dialogue: Rc<RefCell<Dialogue>>,
}

impl Conversation<'_> {
    /// Lines from an editor. What was wrong has been seen, so that leaving is no failure.
    fn with_a_person(&self, on: Environment) -> Result<Exit, Diagnostic> {
        let console = &self.shell.console;
        let place = match on {
            Environment::Sandbox => "the embedded sandbox",
            Environment::Live => "the live services",
        };
        console.note(&format!("on {place}; Tab completes, Ctrl-C stops, Ctrl-D leaves"));
        let mut editor = Editor::new(self.dialogue.clone(), console)?;
        loop {
            match editor.next()? {
                Output::Block(block) => match self.asked(&block) {
                    Some(Asked::Leave) => return Ok(Exit::Done),
                    Some(Asked::Help) => console.warn(HELP),
                    None => {
                        self.carry_out(&block);
                    }
                },
                Output::Nothing => {}
                Output::Goodbye => return Ok(Exit::Done),
            }
        }
    }

    /// Lines from a file or a program: they end as the last of them that went wrong.
    fn with_a_pipe(&self) -> Result<Exit, Diagnostic> {
        let mut last = Exit::Done;
        for block in Blocks::of(io::stdin().lock()) {
            let block = block.map_err(|error| {
                Diagnostic::usage(format!("cannot read standard input: {error}"))
            })?;
            match self.asked(&block) {
                Some(Asked::Leave) => return Ok(last),
                Some(Asked::Help) => {
                    self.shell.console.warn(HELP);
                    continue;
                }
                None => {}
            }
            match self.carry_out(&block) {
                Exit::Done => {}
                Exit::Interrupted => return Ok(Exit::Interrupted),
                wrong => last = wrong,
            }
        }
        Ok(last)
    }

    /// What is asked of the program itself, unless the script has something of that name.
    fn asked(&self, block: &str) -> Option<Asked> {
        let word = block.trim().trim_end_matches(';').trim_end_matches("()");
        if self.dialogue.borrow().has(word) {
            return None;
        }
        match word {
            "exit" | "quit" => Some(Asked::Leave),
            "help" => Some(Asked::Help),
            _ => None,
        }
    }

    /// Runs a block and tells how it went.
    fn carry_out(&self, block: &str) -> Exit {
        let ended = self.run(block);
        ended.unwrap_or_else(|problem| {
            self.shell.tell(&problem);
            Exit::of(&problem)
        })
    }

    fn run(&self, block: &str) -> Result<Exit, Diagnostic> {
        let (shell, console) = (self.shell, &self.shell.console);
        let mut dialogue = self.dialogue.borrow_mut();
        let script = dialogue.read(block)?;
        if let Err(mut problems) = script.check() {
            let last =
                problems.pop().unwrap_or_else(|| Diagnostic::script("the line has mistakes"));
            for problem in &problems {
                shell.tell(problem);
            }
            return Err(last);
        }
        if let Some(roster) = &self.roster {
            script.check_roster(roster)?;
        }
        let inputs = script.take_inputs(&self.args.set)?;
        self.ways.open(script.services())?;
        let stop = Stop::default();
        let job = Job {
            roster: self.roster.clone(),
            inputs,
            stop: stop.clone(),
            progress: Progress::on_standard_error(console, shell.coloured.people),
            ..Job::new(self.connection.clone(), console.clone())
        };
        self.runs(Some(stop.clone()));
        let report = dialogue.run(&script, job, self.runtime.handle());
        self.runs(None);
        let mut exit = report.exit();
        if let Some(problem) = &report.problem {
            // That an interrupted line did not come to its end goes without saying.
            if problem.category != Category::Interrupted {
                shell.tell(problem);
            }
        } else if !is_closed(block) {
            // A semicolon says that nobody wants to see it.
            shown::show(&report.value, self.args.reveal, shell)?;
        }
        if stop.is_requested() {
            exit = Exit::Interrupted;
        }
        summarise(&report, &[], exit, None, None, shell);
        Ok(exit)
    }

    fn runs(&self, stop: Option<Stop>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = stop;
    }

    /// Listens for interrupts from now on.
    fn listen(&self) -> Result<(), Diagnostic> {
        let interrupts = {
            let _inside = self.runtime.enter();
            Interrupts::watch()
                .map_err(|error| Diagnostic::usage(format!("cannot watch for Ctrl-C: {error}")))?
        };
        let (running, console) = (self.running.clone(), self.shell.console.clone());
        self.runtime.spawn(obey(interrupts, running, console));
        Ok(())
    }
}

/// An interrupt stops the line that runs. A second one, or one while none runs, ends the program.
async fn obey(mut interrupts: Interrupts, running: Running, console: Console) {
    loop {
        interrupts.next().await;
        let stop = running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match stop.filter(|stop| !stop.is_requested()) {
            Some(stop) => {
                stop.request();
                console
                    .warn("interrupted: finishing what is in flight; once more to leave at once");
            }
            None => std::process::exit(i32::from(Exit::Interrupted as u8)),
        }
    }
}

/// Text as the blocks that are run one by one.
struct Blocks<R: BufRead> {
    lines: io::Lines<R>,
    /// A line that was read to see whether it belongs to the block before.
    next: Option<String>,
}

impl<R: BufRead> Blocks<R> {
    fn of(input: R) -> Self {
        Self { lines: input.lines(), next: None }
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        match self.next.take() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next().transpose(),
        }
    }

    fn block(&mut self) -> io::Result<Option<String>> {
        let Some(mut block) = self.line()? else { return Ok(None) };
        loop {
            let is_open = is_unfinished(&block);
            // Whoever waits for an answer before saying more gets it behind a semicolon.
            if !is_open && is_closed(&block) {
                break;
            }
            let Some(line) = self.line()? else { break };
            if !is_open && !continues(&line) {
                self.next = Some(line);
                break;
            }
            block.push('\n');
            block.push_str(&line);
        }
        Ok(Some(block))
    }
}

impl<R: BufRead> Iterator for Blocks<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.block().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str) -> Vec<String> {
        Blocks::of(text.as_bytes()).map(Result::unwrap).collect()
    }

    #[test]
    fn a_line_is_a_block_unless_something_is_open() {
        assert_eq!(blocks("let a = 1\na + 1\n"), ["let a = 1", "a + 1"]);
        assert_eq!(blocks("if true {\n  1\n}\n2"), ["if true {\n  1\n}", "2"]);
        assert_eq!(blocks("print(`a\nb`);\n2"), ["print(`a\nb`);", "2"]);
    }

    #[test]
    fn a_line_that_cannot_stand_alone_belongs_to_the_one_before() {
        assert_eq!(blocks("[1]\n  .len()\n2"), ["[1]\n  .len()", "2"]);
        assert_eq!(blocks("if a { 1 }\nelse { 2 }"), ["if a { 1 }\nelse { 2 }"]);
    }

    #[test]
    fn nothing_is_read_behind_a_semicolon_before_it_was_run() {
        let mut blocks = Blocks::of(&b"let a = 1;\nlet b = 2;"[..]);
        assert_eq!(blocks.next().unwrap().unwrap(), "let a = 1;");
        assert!(blocks.next.is_none());
    }

    #[test]
    fn what_is_never_finished_is_a_block_all_the_same() {
        assert_eq!(blocks("print(1"), ["print(1"]);
    }
}
