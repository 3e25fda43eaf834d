//! The editor of lines on a terminal: history, completion, blocks of several lines.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use drillmaster_transport::redact::contains_secret;
use rustyline::completion::{Completer, Pair};
use rustyline::config::{BellStyle, CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use drillmaster_runner::console::Console;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::dialogue::{Dialogue, is_unfinished};
use drillmaster_runner::output::visible::visible;
use drillmaster_runner::run_spec;

/// The most blocks that the history keeps.
const KEPT: usize = 1000;

/// What a person did.
pub(super) enum Output {
    /// Entered something to run.
    Block(String),
    /// Took back what was written.
    Nothing,
    /// Left.
    Goodbye,
}

pub(super) struct Editor {
    lines: rustyline::Editor<Aid, FileHistory>,
    /// None where there is no place for it.
    history: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new(
        dialogue: Rc<RefCell<Dialogue>>,
        console: &Console,
    ) -> Result<Self, Diagnostic> {
        let config = Config::builder()
            .max_history_size(KEPT)
            .map_err(|error| untold(&error))?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .bell_style(BellStyle::None)
            .build();
        let mut lines = rustyline::Editor::with_config(config).map_err(|error| untold(&error))?;
        lines.set_helper(Some(Aid(dialogue)));
        let history = match run_spec::make_state_folder() {
            Ok(folder) => Some(folder.join("repl-history")),
            // One can work without.
            Err(problem) => {
                console.note(&format!("no history is kept: {}", problem.message));
                None
            }
        };
        if let Some(path) = history.as_deref().filter(|path| path.exists())
            && let Err(error) = lines.load_history(path)
        {
            console.note(&format!("the history in {} cannot be read: {error}", path.display()));
        }
        Ok(Self { lines, history })
    }

    /// Waits for what is said next.
    pub(super) fn next(&mut self) -> Result<Output, Diagnostic> {
        match self.lines.readline("> ") {
            Ok(block) if block.trim().is_empty() => Ok(Output::Nothing),
            Ok(block) => {
                self.keep(&block);
                Ok(Output::Block(block))
            }
            Err(ReadlineError::Interrupted) => Ok(Output::Nothing),
            Err(ReadlineError::Eof) => Ok(Output::Goodbye),
            Err(error) => Err(untold(&error)),
        }
    }

    /// Keeps a block for another time, unless it begins with a space or has something secret in it. The file is
    /// its owner's alone; a block is in it before it runs.
    fn keep(&mut self, block: &str) {
        if contains_secret(block) {
            return;
        }
        // A block that cannot be kept can be run all the same.
        if let (Ok(true), Some(path)) = (self.lines.add_history_entry(block), &self.history) {
            let _ = self.lines.append_history(path);
        }
    }
}

fn untold(error: &ReadlineError) -> Diagnostic {
    Diagnostic::usage(format!("cannot read from the terminal: {error}"))
        .with_help("pipe the lines into the command, or use another terminal")
}

/// What helps with writing.
struct Aid(Rc<RefCell<Dialogue>>);

impl Helper for Aid {}

impl Hinter for Aid {
    type Hint = String;
}

impl Highlighter for Aid {}

impl Validator for Aid {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        Ok(if is_unfinished(context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Completer for Aid {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, candidates) = self.0.borrow().complete(&line[..at]);
        let pair = |candidate: drillmaster_runner::dialogue::Candidate| Pair {
            display: candidate.name,
            replacement: candidate.text,
        };
        // Fields are named by services: what is no text to type is not offered.
        let is_text = |pair: &Pair| {
            [&pair.display, &pair.replacement].iter().all(|text| visible(text) == text.as_str())
        };
        Ok((start, candidates.into_iter().map(pair).filter(is_text).collect()))
    }
}
