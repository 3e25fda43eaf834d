//! What scripts print: where it goes, and tables, lists and CSV.
//!
//! ```
//! use drillmaster_runner::output::{Captured, OutputSink};
//!
//! let output = Captured::default();
//! output.print("email,state");
//! output.warn("Ada has no seat");
//! assert_eq!((output.printed(), output.warnings()), ("email,state\n".into(), "Ada has no seat\n".into()));
//! ```

use std::sync::{Mutex, PoisonError};

pub mod listing;
pub mod table;
pub mod visible;

/// Where a script's output goes.
pub trait OutputSink: Send + Sync {
    /// Prints a line of data.
    fn print(&self, text: &str);

    /// Shows a person a warning.
    fn warn(&self, text: &str);

    /// Shows a person information that can be silenced.
    fn note(&self, text: &str);
}

/// Discards all output.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl OutputSink for Discard {
    fn print(&self, _: &str) {}

    fn warn(&self, _: &str) {}

    fn note(&self, _: &str) {}
}

/// Keeps all output in memory, for tests and embedders.
#[derive(Debug, Default)]
pub struct Captured {
    printed: Mutex<String>,
    warnings: Mutex<String>,
}

impl Captured {
    /// What was printed so far.
    pub fn printed(&self) -> String {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The warnings and notes so far.
    pub fn warnings(&self) -> String {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl OutputSink for Captured {
    fn print(&self, text: &str) {
        add_line(&self.printed, text);
    }

    fn warn(&self, text: &str) {
        add_line(&self.warnings, &visible::visible(text));
    }

    fn note(&self, text: &str) {
        self.warn(text);
    }
}

fn add_line(lines: &Mutex<String>, text: &str) {
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    lines.push_str(text);
    lines.push('\n');
}
