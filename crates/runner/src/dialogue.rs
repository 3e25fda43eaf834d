//! A script that is said line by line: what a line declares is there for the next ones.

mod complete;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rhai::{AST, Engine, Expr, LexError, ParseErrorType, Position, Scope, Stmt, Token};
use tokio::runtime::Handle;

pub use self::complete::Candidate;
use crate::diagnostic::Diagnostic;
use crate::run::{Job, RunSummary, run_over};
use crate::script::{Before, Script};

/// What was said so far, and what is left of it: variables, functions and imports.
pub struct Dialogue {
    path: PathBuf,
    /// All that was said. A line is read at its place in it, so that an error in a function of an earlier line
    /// is told there.
    said: String,
    scope: Scope<'static>,
    functions: AST,
    /// Statements that import a module for the lines behind them, with their own lines.
    imports: Vec<(usize, String)>,
}

impl Dialogue {
    /// One in which nothing was said. Problems are told to be in `path`; imports are looked for beside it.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            said: String::new(),
            scope: Scope::new(),
            functions: AST::empty(),
            imports: Vec::new(),
        }
    }

    /// Reads what is said next: a line, or a block of several.
    pub fn read(&mut self, line: &str) -> Result<Script, Diagnostic> {
        let first = self.said.lines().count() + 1;
        self.said.push_str(line);
        self.said.push('\n');
        let mut text = String::new();
        for number in 1..first {
            for (_, import) in self.imports.iter().filter(|(line, _)| *line == number) {
                text.push_str(import);
            }
            text.push('\n');
        }
        text.push_str(line);
        let before = Before { scope: &self.scope, functions: &self.functions, source: &self.said };
        Script::parse_after(&self.path, &text, &before)
    }

    /// Runs what was read. Must be called from a thread that may block.
    pub fn run(&mut self, script: &Script, job: Job, runtime: &Handle) -> RunSummary {
        let report = run_over(script, job, runtime, &mut self.scope);
        self.functions = script.ast().clone_functions_only();
        if report.problem.is_none() {
            self.imports = script.ast().statements().iter().filter_map(import_of).collect();
        }
        report
    }

    /// Whether a variable or a function of this name was declared.
    pub fn has(&self, name: &str) -> bool {
        self.scope.contains(name) || self.functions.iter_functions().any(|own| own.name == name)
    }

    /// What may stand at the end of a text that is being written, and where in it that begins.
    pub fn complete(&self, text: &str) -> (usize, Vec<Candidate>) {
        let functions = self.functions.iter_functions().map(|function| function.name.to_owned());
        complete::candidates(text, &self.scope, functions)
    }
}

/// An import that is there for all that follows, as it is written. One whose path is made as the script runs is
/// there for its own block alone.
fn import_of(statement: &Stmt) -> Option<(usize, String)> {
    let Stmt::Import(parts, position) = statement else { return None };
    match &parts.0 {
        Expr::StringConstant(path, _) if !parts.1.name.is_empty() => {
            let import = format!("import {path:?} as {};", parts.1.name);
            Some((position.line()?, import))
        }
        _ => None,
    }
}

/// Reads syntax and knows nothing of the words in it.
static SYNTAX: LazyLock<Engine> = LazyLock::new(Engine::new_raw);

/// Whether a block goes on in its next line: something in it is open.
pub fn is_unfinished(block: &str) -> bool {
    let Err(error) = SYNTAX.compile(block) else {
        // What is within a comment does not count, so that it may be wrong.
        return block.contains("/*") && SYNTAX.compile(format!("{block}\n)")).is_ok();
    };
    match *error.0 {
        ParseErrorType::UnexpectedEOF => true,
        // Only texts between backticks go over several lines.
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            character_at(block, error.1) == Some('`')
        }
        _ => error.1 > last_of(block),
    }
}

/// Whether a line belongs to the block before it, though that could end there.
pub fn continues(line: &str) -> bool {
    use Token::{And, Catch, DoubleQuestion, Else, Elvis, Or, Period};
    let first = tokens(line).next().map(|(token, _)| token);
    matches!(first, Some(Period | Elvis | Else | Catch | And | Or | DoubleQuestion))
}

/// Whether nothing that follows can belong to a block that is not unfinished.
pub fn is_closed(block: &str) -> bool {
    matches!(tokens(block).last(), None | Some((Token::SemiColon, _)))
}

fn tokens(text: &str) -> impl Iterator<Item = (Token, Position)> {
    let (tokens, _) = SYNTAX.lex(std::slice::from_ref(&text));
    tokens.take_while(|(token, _)| *token != Token::EOF).collect::<Vec<_>>().into_iter()
}

fn character_at(text: &str, position: Position) -> Option<char> {
    let line = text.lines().nth(position.line()? - 1)?;
    line.chars().nth(position.position()? - 1)
}

/// Where the last thing that a text says begins.
fn last_of(text: &str) -> Position {
    tokens(text).last().map_or(Position::START, |(_, position)| position)
}
