//! A script that runs line by line: what a line declares is available to the next ones.

mod complete;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rhai::{AST, Engine, Expr, LexError, ParseErrorType, Position, Scope, Stmt, Token};
use tokio::runtime::Handle;

pub(crate) use self::complete::Candidate;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::run::{Job, RunSummary, run_with_scope};
use drillmaster_runner::script::{Preceding, Script};

/// The lines so far, and what they declared: variables, functions and imports.
pub(crate) struct Session {
    path: PathBuf,
    /// The text so far. Lines are compiled at their place in it, so that an error in a function of an earlier line is
    /// shown there.
    text: String,
    scope: Scope<'static>,
    functions: AST,
    /// Statements that import a module for later lines, with their line numbers.
    imports: Vec<(usize, String)>,
}

impl Session {
    /// A session without lines. `path` names it in errors; imports are resolved next to it.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            text: String::new(),
            scope: Scope::new(),
            functions: AST::empty(),
            imports: Vec::new(),
        }
    }

    /// Compiles the next line, or block of lines.
    pub(crate) fn read(&mut self, line: &str) -> Result<Script, Diagnostic> {
        let first = self.text.lines().count() + 1;
        self.text.push_str(line);
        self.text.push('\n');
        let mut text = String::new();
        for number in 1..first {
            for (_, import) in self.imports.iter().filter(|(line, _)| *line == number) {
                text.push_str(import);
            }
            text.push('\n');
        }
        text.push_str(line);
        let preceding =
            Preceding { scope: &self.scope, functions: &self.functions, source: &self.text };
        Script::parse_after(&self.path, &text, &preceding)
    }

    /// Runs what was compiled. Call it on a thread that may block.
    pub(crate) fn run(&mut self, script: &Script, job: Job, runtime: &Handle) -> RunSummary {
        let report = run_with_scope(script, job, runtime, &mut self.scope);
        self.functions = script.ast().clone_functions_only();
        if report.problem.is_none() {
            self.imports = script.ast().statements().iter().filter_map(import_of).collect();
        }
        report
    }

    /// Whether a line declared a variable or a function of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.scope.contains(name) || self.functions.iter_functions().any(|own| own.name == name)
    }

    /// The completions at the end of a text, and the index at which they start.
    pub(crate) fn complete(&self, text: &str) -> (usize, Vec<Candidate>) {
        let functions = self.functions.iter_functions().map(|function| function.name.to_owned());
        complete::candidates(text, &self.scope, functions)
    }
}

/// An import that later lines can use, as text. An import with a computed path is available in its own block only.
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

/// Knows the syntax, but none of the functions.
static SYNTAX: LazyLock<Engine> = LazyLock::new(Engine::new_raw);

/// Whether a block continues on the next line because something in it is open.
pub(crate) fn is_unfinished(block: &str) -> bool {
    let Err(error) = SYNTAX.compile(block) else {
        // Inside of a comment nothing is wrong, whatever follows.
        return block.contains("/*") && SYNTAX.compile(format!("{block}\n)")).is_ok();
    };
    match *error.0 {
        ParseErrorType::UnexpectedEOF => true,
        // Only strings in backticks can span lines.
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            character_at(block, error.1) == Some('`')
        }
        _ => error.1 > last_of(block),
    }
}

/// Whether a line belongs to the block before it, even if that could end there.
pub(crate) fn continues(line: &str) -> bool {
    use Token::{And, Catch, DoubleQuestion, Else, Elvis, Or, Period};
    let first = tokens(line).next().map(|(token, _)| token);
    matches!(first, Some(Period | Elvis | Else | Catch | And | Or | DoubleQuestion))
}

/// Whether a finished block ends here for certain, with a semicolon.
pub(crate) fn is_closed(block: &str) -> bool {
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

/// Where the last token of a text begins.
fn last_of(text: &str) -> Position {
    tokens(text).last().map_or(Position::START, |(_, position)| position)
}
