//! The refusals that a service documents, and what each means for the caller.

use std::fmt;

/// A refusal that a service documents, or that was seen on the live service.
///
/// ```
/// use drillmaster_models::{ErrorSpec, Means};
///
/// const FULL: ErrorSpec = ErrorSpec::new(400, "no available seats").meaning(Means::Exhausted);
/// assert!(FULL.matches("No available seats."));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorSpec {
    /// The documented HTTP status. It is not compared: the live services use others, so the text decides.
    pub status: u16,
    /// The service's own text; `{…}` stands for any text. Case and a final full stop do not matter.
    pub says: &'static str,
    /// What it means for the caller.
    pub means: Means,
}

/// What a refusal means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// The service refuses this request.
    Refused,
    /// What was asked for is already the case. Nothing was changed, and nothing is wrong.
    Already,
    /// No further request of this kind can succeed in this run.
    Exhausted,
    /// The service does not accept the credential. No request can succeed.
    Credential,
    /// It is not an error: it stands for this answer, given as JSON.
    Answer(&'static str),
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("refused"),
            Self::Already => f.write_str("already the case: nothing was changed, nothing is wrong"),
            Self::Exhausted => f.write_str("no further call of this kind can succeed"),
            Self::Credential => f.write_str("the credential is not accepted: no call can succeed"),
            Self::Answer(answer) => write!(f, "not an error: it stands for the answer `{answer}`"),
        }
    }
}

impl ErrorSpec {
    /// A plain refusal.
    pub const fn new(status: u16, says: &'static str) -> Self {
        Self { status, says, means: Means::Refused }
    }

    /// The same refusal with another meaning.
    #[must_use]
    pub const fn meaning(self, means: Means) -> Self {
        Self { means, ..self }
    }

    /// Whether a service that says `words` means this refusal.
    ///
    /// ```
    /// use drillmaster_models::ErrorSpec;
    /// assert!(ErrorSpec::new(400, "email not found.").matches("Email not found"));
    /// assert!(ErrorSpec::new(400, "Invalid role id: {id}").matches("invalid role id: 7"));
    /// assert!(!ErrorSpec::new(404, "Room not found.").matches("Role not found"));
    /// ```
    pub fn matches(&self, words: &str) -> bool {
        let (said, pattern) = (plain(words), plain(self.says));
        match pattern.split_once('{') {
            Some((before, rest)) => {
                let after = rest.split_once('}').map_or("", |(_, after)| after);
                said.len() >= before.len() + after.len()
                    && said.starts_with(before)
                    && said.ends_with(after)
            }
            None => said == pattern,
        }
    }

    /// Whether two texts of a service are the same apart from case and a final full stop.
    pub fn same(a: &str, b: &str) -> bool {
        plain(a) == plain(b)
    }
}

/// The text in lower case, trimmed, without the final full stop.
fn plain(words: &str) -> String {
    let words = words.trim();
    words.strip_suffix('.').unwrap_or(words).to_lowercase()
}
