//! What happened to a row: its [`State`] and everything that results, reports and scripts know about it.
//!
//! ```
//! use drillmaster_runner::outcome::State;
//!
//! assert_eq!(State::InDoubt.to_string(), "in-doubt");
//! assert!(State::Unchanged.is_fine() && !State::Refused.is_fine());
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::roster::Row;

/// Starts the details of rows whose script failed.
pub(crate) const SCRIPT_LINE: &str = "script line";

/// How a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The function returned.
    Done,
    /// The function returned, and everything was already as it should be.
    Unchanged,
    /// The service refused a call.
    Refused,
    /// The script, drillmaster or the network failed.
    Failed,
    /// It is not known whether a write took effect.
    InDoubt,
    /// The row was not attempted.
    Skipped,
}

impl State {
    /// Every state, the good ones first.
    pub const ALL: [Self; 6] =
        [Self::Done, Self::Unchanged, Self::Refused, Self::Failed, Self::InDoubt, Self::Skipped];

    /// The name in results and summaries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::InDoubt => "in-doubt",
            Self::Skipped => "skipped",
        }
    }

    /// Whether nobody needs to look at the row.
    pub const fn is_fine(self) -> bool {
        matches!(self, Self::Done | Self::Unchanged)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The outcome of a row. As text: `refused: thm.add_seat: No seats left (script line 12)`.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Identifies the row among the others.
    pub key: String,
    /// How the row ended.
    pub state: State,
    /// The reason, in the service's words or ours.
    pub detail: String,
    /// The line of the script at which an unfinished row stopped.
    pub line: Option<u64>,
    /// The row, if it comes from a roster.
    pub row: Option<Row>,
    /// What the script returned for the row.
    pub returned: Map<String, Value>,
    /// What this part of the run changed for the row.
    pub(crate) changes: Vec<Change>,
}

impl Outcome {
    /// The outcome as named values, in the order of the result columns.
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        match &self.row {
            Some(row) => {
                for (name, value) in row.columns().names().iter().zip(row.cells()) {
                    if !self.replaces_column(name) {
                        fields.insert(name.clone(), value.into());
                    }
                }
            }
            None => {
                fields.insert("key".to_owned(), self.key.as_str().into());
            }
        }
        fields.insert("state".to_owned(), self.state.name().into());
        fields.insert("detail".to_owned(), self.detail.as_str().into());
        fields.extend(self.returned.clone());
        fields
    }

    /// Whether a column of the roster has the name of a result, as in a result file that serves as a roster.
    fn replaces_column(&self, column: &str) -> bool {
        let same = |name: &str| name.eq_ignore_ascii_case(column);
        same("state") || same("detail") || self.returned.keys().any(|name| same(name))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&describe(self.state.name(), &self.detail, self.line))
    }
}

/// A state and its detail as text, with the line of the script unless the detail has it already.
pub fn describe(state: &str, detail: &str, line: Option<u64>) -> String {
    match line {
        Some(line) if state != State::Skipped.name() && !detail.contains(SCRIPT_LINE) => {
            format!("{state}: {detail} ({SCRIPT_LINE} {line})")
        }
        _ => format!("{state}: {detail}"),
    }
}

/// How often an endpoint changed something. As text: `thm.add_seat ×3`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    #[serde(rename = "entry")]
    pub(crate) endpoint: String,
    pub(crate) count: u64,
}

impl Change {
    /// One change.
    pub(crate) fn once(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), count: 1 }
    }

    /// Adds the change to those counted so far.
    pub(crate) fn add_to(&self, counted: &mut Vec<Self>) {
        match counted.iter_mut().find(|own| own.endpoint == self.endpoint) {
            Some(own) => own.count += self.count,
            None => counted.push(self.clone()),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => f.write_str(&self.endpoint),
            count => write!(f, "{} ×{count}", self.endpoint),
        }
    }
}
