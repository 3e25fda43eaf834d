//! The line editor on a terminal: history, completion, and blocks of several lines.

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

use crate::console::Console;
use crate::repl::session::{Session, is_unfinished};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::output::visible::visible;
use drillmaster_runner::run_spec;

/// The maximum number of blocks in the history.
const MAX_HISTORY: usize = 1000;

/// What the user entered.
pub(super) enum Input {
    /// A block to run.
    Block(String),
    /// Nothing, or Ctrl-C.
    Cancelled,
    /// Ctrl-D.
    End,
}

pub(super) struct Editor {
    lines: rustyline::Editor<ReplHelper, FileHistory>,
    /// The file of the history, if there is a state folder.
    history: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new(
        session: Rc<RefCell<Session>>,
        console: &Console,
    ) -> Result<Self, Diagnostic> {
        let config = Config::builder()
            .max_history_size(MAX_HISTORY)
            .map_err(|error| cannot_edit(&error))?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .bell_style(BellStyle::None)
            .build();
        let mut lines =
            rustyline::Editor::with_config(config).map_err(|error| cannot_edit(&error))?;
        lines.set_helper(Some(ReplHelper(session)));
        let history = match run_spec::make_state_folder() {
            Ok(folder) => Some(folder.join("repl-history")),
            // The history is optional.
            Err(problem) => {
                console.note(&format!("cannot keep a history: {}", problem.message));
                None
            }
        };
        if let Some(path) = history.as_deref().filter(|path| path.exists())
            && let Err(error) = lines.load_history(path)
        {
            console.note(&format!("cannot read the history in {}: {error}", path.display()));
        }
        Ok(Self { lines, history })
    }

    /// Reads the next block.
    pub(super) fn next(&mut self) -> Result<Input, Diagnostic> {
        match self.lines.readline("> ") {
            Ok(block) if block.trim().is_empty() => Ok(Input::Cancelled),
            Ok(block) => {
                self.remember(&block);
                Ok(Input::Block(block))
            }
            Err(ReadlineError::Interrupted) => Ok(Input::Cancelled),
            Err(ReadlineError::Eof) => Ok(Input::End),
            Err(error) => Err(cannot_edit(&error)),
        }
    }

    /// Adds a block to the history before it runs, unless it starts with a space or contains a secret.
    fn remember(&mut self, block: &str) {
        if contains_secret(block) {
            return;
        }
        // A block runs even if the history cannot be written.
        if let (Ok(true), Some(path)) = (self.lines.add_history_entry(block), &self.history) {
            let _ = self.lines.append_history(path);
        }
    }
}

fn cannot_edit(error: &ReadlineError) -> Diagnostic {
    Diagnostic::usage(format!("cannot read from the terminal: {error}"))
        .with_help("pipe lines into the command, or use another terminal")
}

/// Completion and validation for the editor.
struct ReplHelper(Rc<RefCell<Session>>);

impl Helper for ReplHelper {}

impl Hinter for ReplHelper {
    type Hint = String;
}

impl Highlighter for ReplHelper {}

impl Validator for ReplHelper {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        Ok(if is_unfinished(context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Completer for ReplHelper {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, candidates) = self.0.borrow().complete(&line[..at]);
        let pair = |candidate: crate::repl::session::Candidate| Pair {
            display: candidate.name,
            replacement: candidate.text,
        };
        // Field names come from services, and could have control characters.
        let is_printable = |pair: &Pair| {
            [&pair.display, &pair.replacement].iter().all(|text| visible(text) == text.as_str())
        };
        Ok((start, candidates.into_iter().map(pair).filter(is_printable).collect()))
    }
}
