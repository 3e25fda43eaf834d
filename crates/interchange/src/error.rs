//! Why a file of another tool cannot be imported.

use drillmaster_models::json::TooManyValues;

use super::Skipped;
use super::text::shorten;

/// Why a file of another tool cannot be imported: what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// The file is too large.
    #[error("the file is larger than {0} bytes; save fewer requests to a file")]
    TooLarge(usize),
    /// The file has too many values.
    #[error("{0}; save fewer requests to a file")]
    TooMany(#[from] TooManyValues),
    /// The file has another format.
    #[error("not a {expected}: it looks like {found}")]
    OtherFormat {
        /// The format that was expected.
        expected: &'static str,
        /// The format that it seems to have, and what to do about it.
        found: &'static str,
    },
    /// The file is not text.
    #[error("the file is damaged at byte {byte}: not UTF-8; save it again")]
    NotUtf8 {
        /// The first byte that is not UTF-8.
        byte: usize,
    },
    /// The file ends too early.
    #[error("the file is cut off at byte {byte}{}; save it again", in_path(.path))]
    CutOff {
        /// Where it ends.
        byte: usize,
        /// The path of the value in which it ends.
        path: String,
    },
    /// The file is not JSON from some byte on.
    #[error("the file is damaged at byte {byte}{}: not valid JSON; save it again", in_path(.path))]
    NotJson {
        /// The first byte that is not valid.
        byte: usize,
        /// The path of the value that is not valid.
        path: String,
    },
    /// A line of a YAML file is not valid, or the file is larger than what is read.
    #[error("line {line}, column {column}: {problem}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// The column, from 1.
        column: u64,
        /// What is wrong there.
        problem: String,
    },
    /// A value is not valid.
    #[error("`{path}` {problem}")]
    Value {
        /// The path of the value, such as `log.entries[3].request.method`.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The file has no request to either service.
    #[error("{}", no_requests(.0))]
    NoRequests(Skipped),
}

fn no_requests(skipped: &Skipped) -> String {
    match skipped.count() {
        0 => "the file has no requests".to_owned(),
        _ => format!("the file has no requests to the two services, only\n{skipped}"),
    }
}

fn in_path(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(", in `{path}`") }
}

impl ImportError {
    pub(super) fn value(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Value { path: path.into(), problem: shorten(&problem.into()) }
    }

    /// The same error in a file with so many more bytes at its beginning.
    pub(super) fn after(self, bytes: usize) -> Self {
        match self {
            Self::CutOff { byte, path } => Self::CutOff { byte: byte + bytes, path },
            Self::NotJson { byte, path } => Self::NotJson { byte: byte + bytes, path },
            other => other,
        }
    }
}
