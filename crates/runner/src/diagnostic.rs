//! Errors and warnings for people: what failed, where, and what to do about it.
//!
//! ```
//! use drillmaster_runner::diagnostic::{Category, Diagnostic};
//!
//! let error = Diagnostic::usage("there is no column `mail`").with_help("did you mean `email`?");
//! assert_eq!(error.category, Category::Usage);
//! assert_eq!(error.to_string(), "there is no column `mail` (did you mean `email`?)");
//! ```

use std::path::Path;
use std::{fmt, io};

use drillmaster_models::{Resolve, endpoint};
use drillmaster_transport::{Error, Mismatch, Stopped};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource};
use rhai::Position;

use crate::output::visible::{visible, visible_line};

/// The narrowest terminal on which a diagnostic gets a frame.
const FRAMED: usize = 50;

/// What to do if a file cannot be written.
const ROOM: &str = "free some disk space, or raise the limit on open files (`ulimit -n`)";

/// Whether a diagnostic ends the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Error,
    /// It is worth a look.
    Warning,
}

/// What a diagnostic is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// A call failed, or a row.
    Call,
    /// The command line, the configuration or the roster is wrong; nothing was sent.
    Usage,
    /// The script is wrong, or stopped with an error.
    Script,
    /// A guard or a refused credential stopped the run.
    Stopped,
    /// A replay does not match its recording.
    Replay,
    /// A file cannot be written.
    Unwritten,
    /// The run was interrupted.
    Interrupted,
}

/// An error or a warning: what failed, where, and what to do about it.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Whether it is an error.
    pub severity: Severity,
    /// What it is about.
    pub category: Category,
    /// What failed.
    pub message: String,
    /// What to do about it, if that is known.
    pub help: Option<String>,
    /// Where in a script it is.
    pub location: Option<Location>,
}

/// A place in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, as it was named.
    pub file: String,
    /// The text of the file.
    pub source: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Diagnostic {
    /// A wrong command line or configuration.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            category: Category::Usage,
            message: message.into(),
            help: None,
            location: None,
        }
    }

    /// A wrong script.
    pub fn script(message: impl Into<String>) -> Self {
        Self { category: Category::Script, ..Self::usage(message) }
    }

    /// A file that can no longer be written, for want of disk space or file handles. What was sent stands.
    pub fn unwritten(message: impl Into<String>) -> Self {
        Self { category: Category::Unwritten, ..Self::usage(message) }.with_help(ROOM)
    }

    /// The same, about this file.
    pub fn cannot_write(path: &Path, error: &io::Error) -> Self {
        Self::unwritten(format!("cannot write {}: {error}", path.display()))
    }

    /// A call that failed outside of rows.
    pub fn call(error: &Error) -> Self {
        let category = match () {
            () if error.is_unwritten() => Category::Unwritten,
            () if error.is_replay_mismatch() => Category::Replay,
            () if error.is_credential() || error.is_stopped() => Category::Stopped,
            () if error.is_setup() || error.is_invalid() || error.is_unsupported() => {
                Category::Usage
            }
            () => Category::Call,
        };
        Self { category, help: advice(error), ..Self::usage(error.to_string()) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Adds where in a script it is.
    #[must_use]
    pub fn at(self, file: &str, source: &str, position: Position) -> Self {
        let location = position.line().map(|line| Location {
            file: file.to_owned(),
            source: source.to_owned(),
            line,
            column: position.position().unwrap_or(1),
        });
        Self { location, ..self }
    }

    /// Renders the diagnostic for a terminal of this width. Control characters in quoted text are escaped.
    pub fn render(&self, colour: bool, width: usize) -> String {
        if width < FRAMED {
            return self.plain();
        }
        let theme =
            if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(width)
            .without_syntax_highlighting();
        // Quoted text comes from others, and its colours would look like those of the frame.
        let mut diagnostic = MietteDiagnostic::new(visible(&self.message));
        if self.severity == Severity::Warning {
            diagnostic = diagnostic.with_severity(miette::Severity::Warning);
        }
        diagnostic.help = self.help.as_deref().map(|help| visible(help).into_owned());
        let mut text = String::new();
        let drawn = match &self.location {
            None => handler.render_report(&mut text, &diagnostic),
            Some(location) => {
                let (source, span) = location.excerpt();
                let label = LabeledSpan::new_with_span(None, span);
                let source = NamedSource::new(visible_line(&location.file), source);
                let report = miette::Report::new(diagnostic.with_label(label));
                let report = report.with_source_code(source);
                handler.render_report(&mut text, report.as_ref())
            }
        };
        match drawn {
            Ok(()) => text.trim_end().to_owned(),
            Err(fmt::Error) => visible(&self.to_string()).into_owned(),
        }
    }

    /// Without a frame, in lines that the terminal may break anywhere.
    fn plain(&self) -> String {
        let mark = if self.severity == Severity::Warning { '\u{26a0}' } else { '\u{d7}' };
        let mut lines = vec![format!("{mark} {}", self.message)];
        lines.extend(self.location.as_ref().map(Location::plain));
        lines.extend(self.help.as_ref().map(|help| format!("help: {help}")));
        visible(&lines.join("\n")).into_owned()
    }
}

/// What a person can do about a failed call.
pub(crate) fn advice(error: &Error) -> Option<String> {
    let advice = match () {
        () if error.is_credential() => {
            "check the key: it may have been rotated, disabled or mistyped".to_owned()
        }
        () if error.is_unwritten() => ROOM.to_owned(),
        () if error.is_in_doubt() => how_to_resolve(error),
        () if error.is_unsupported() => "use --thm-dialect current".to_owned(),
        () if error.is_throttled() => {
            "try again later, or wait longer with --retry-for TIME".to_owned()
        }
        () if error.mismatch() == Some(Mismatch::Drifted) => {
            "if the service is right, record it again".to_owned()
        }
        () if error.is_replay_mismatch() => {
            "the script or its inputs differ from the recording; record it again".to_owned()
        }
        () => match error.stopped_by()? {
            Stopped::Removals => "if you intend this, allow more with --max-removals".to_owned(),
            Stopped::Irreversible => "if you intend this, allow it with --yes".to_owned(),
            // Its message says what to do.
            Stopped::Pseudonym => return None,
            _ => "make a new plan with --dry-run --plan FILE, look at it, and resume with --approved FILE".to_owned(),
        },
    };
    Some(advice)
}

/// How a person finds out whether a write in doubt took effect.
pub(crate) fn how_to_resolve(error: &Error) -> String {
    let write = error.endpoint().and_then(|name| endpoint(name).ok()?.metadata.effect.write());
    match write.map(|write| write.resolve) {
        Some(Resolve::Probe { endpoint: list, field, .. }) => {
            format!("{list} shows whether it took effect: look for the {field}")
        }
        _ => {
            "drillmaster cannot tell whether this took effect; repeat the call to find out: it does no harm"
                .to_owned()
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{}:{}:{}: ", location.file, location.line, location.column)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

impl Location {
    /// The place and its line.
    fn plain(&self) -> String {
        let line = self.source.lines().nth(self.line - 1).unwrap_or_default().trim();
        format!("{}:{}:{}: {line}", self.file, self.line, self.column)
    }

    /// The text with control characters escaped, and the place in it.
    fn excerpt(&self) -> (String, (usize, usize)) {
        let (start, length) = self.span();
        let (before, rest) = self.source.split_at(start);
        let (word, after) = rest.split_at(length);
        let [before, word, after] = [before, word, after].map(visible);
        (format!("{before}{word}{after}"), (before.len(), word.len()))
    }

    /// The place in bytes, extended to the end of its word: Rhai gives only points.
    fn span(&self) -> (usize, usize) {
        let before: usize =
            self.source.split_inclusive('\n').take(self.line - 1).map(str::len).sum();
        let line = self.source[before..].lines().next().unwrap_or_default();
        let skipped: usize = line.chars().take(self.column - 1).map(char::len_utf8).sum();
        let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
        let word: usize = line[skipped..].chars().take_while(is_word).map(char::len_utf8).sum();
        (before + skipped, word.max(usize::from(skipped < line.len())))
    }
}
