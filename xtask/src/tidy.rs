//! `cargo xtask tidy`: the rules of the house that no compiler knows.

mod error_text;
mod layers;
mod modules;
mod sources;

use std::fmt;
use std::fs;

use crate::{Outcome, repository};

/// A breach of a rule: where, what is wrong, and what to do.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    problem: String,
}

impl Finding {
    fn new(path: &str, line: usize, problem: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, problem: problem.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.problem)
    }
}

/// Looks through the repository; each finding is a line on standard error.
pub(crate) fn run() -> Outcome {
    let root = repository::root();
    let mut findings = layers::check(&layers::packages()?);
    let mut crates = Vec::new();
    for path in repository::files()? {
        let bytes =
            fs::read(root.join(&path)).map_err(|error| format!("cannot read {path}: {error}"))?;
        // What is not text is nobody's source.
        if let Ok(text) = std::str::from_utf8(&bytes) {
            findings.extend(sources::check(&path, text));
            if sources::is_rust(&path) {
                findings.extend(error_text::check(&path, text));
            }
            if (path.starts_with("crates/") || path.starts_with("xtask/src/"))
                && sources::is_rust(&path)
            {
                crates.push((path, text.to_owned()));
            }
        }
    }
    findings.extend(modules::check(&crates));
    for path in repository::leftovers(".snap.new")? {
        let problem = "a snapshot waits for a decision: `cargo insta review`, or delete it";
        findings.push(Finding::new(&path, 1, problem));
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err("1 finding".to_owned()),
        several => Err(format!("{several} findings")),
    }
}
