//! Why a file of another tool is not read.

use drillmaster_models::json::TooManyValues;

use super::LeftOut;
use super::messages::{plain, shorten};

/// A file of another tool that cannot be read: what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is too large.
    #[error("the file is larger than {0} bytes; save fewer requests to a file")]
    TooLarge(usize),
    /// There is too much in it.
    #[error("{0}; save fewer requests to a file")]
    TooMany(#[from] TooManyValues),
    /// It is something else.
    #[error("this is no {wanted}: it looks like {looks}")]
    Other {
        /// What it should have been.
        wanted: &'static str,
        /// What it seems to be, and what to do about it.
        looks: &'static str,
    },
    /// It is not text.
    #[error("the file is damaged at byte {byte}: not UTF-8; save it again")]
    NotUtf8 {
        /// Where the text ends.
        byte: usize,
    },
    /// It ends too early.
    #[error("the file is cut off at byte {byte}{}; save it again", within(.place))]
    CutOff {
        /// Where it ends.
        byte: usize,
        /// In what it ends.
        place: String,
    },
    /// It is no JSON from some byte on.
    #[error("the file is damaged at byte {byte}{}: {problem}; save it again", within(.place))]
    Damaged {
        /// Where it is damaged.
        byte: usize,
        /// In what that is.
        place: String,
        /// What is wrong there.
        problem: String,
    },
    /// It is no YAML from some line on, or more than is read.
    #[error("line {line}, column {column}: {problem}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// The column, from 1.
        column: u64,
        /// What is wrong there.
        problem: String,
    },
    /// Something in it is not what it should be.
    #[error("`{place}`: {problem}")]
    Wrong {
        /// The path to it, such as `log.entries[3].request.method`.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It has no request to either service.
    #[error("{}", nothing(.0))]
    Nothing(LeftOut),
}

fn nothing(had: &LeftOut) -> String {
    match had.count() {
        0 => "the file has no request".to_owned(),
        _ => format!("the file has no request to the two services, only\n{had}"),
    }
}

fn within(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!(", in `{place}`") }
}

impl Refused {
    pub(super) fn wrong(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Wrong { place: place.into(), problem: shorten(&problem.into()) }
    }

    /// The same where so many bytes stood before.
    pub(super) fn after(self, before: usize) -> Self {
        match self {
            Self::CutOff { byte, place } => Self::CutOff { byte: byte + before, place },
            Self::Damaged { byte, place, problem } => {
                Self::Damaged { byte: byte + before, place, problem }
            }
            other => other,
        }
    }

    /// What a JSON reader says of this text.
    pub(super) fn by_json(
        text: &str,
        error: serde_path_to_error::Error<serde_json::Error>,
    ) -> Self {
        // The reader does not always know what it was about to read.
        let place = error.path().to_string();
        let place = place.trim_end_matches(['?', '.']).to_owned();
        let error = error.into_inner();
        let problem = plain(&without_position(&error));
        let byte = byte_of(text, &error);
        // A number of which the file has the sign only.
        let ends_in_number = problem == "invalid number" && byte + 1 >= text.len();
        match error.classify() {
            serde_json::error::Category::Syntax if ends_in_number => {
                Self::CutOff { byte: text.len(), place }
            }
            serde_json::error::Category::Eof => Self::CutOff { byte: text.len(), place },
            serde_json::error::Category::Data => Self::wrong(place, problem),
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                Self::Damaged { byte, place, problem }
            }
        }
    }
}

fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((problem, _)) => problem.to_owned(),
        None => text,
    }
}

fn byte_of(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let before: usize = lines.map(str::len).sum();
    (before + error.column().saturating_sub(1)).min(text.len())
}
