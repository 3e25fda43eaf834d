//! What stopped a run, and how it is drawn for a person.

use std::path::Path;
use std::{fmt, io};

use drillmaster_models::{Resolve, endpoint};
use drillmaster_transport::{Error, Mismatch, Stopped};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Severity,
};
use rhai::Position;

use crate::exit::Exit;
use crate::output::visible::{visible, visible_line};

/// The least columns in which a frame is drawn: the terminal would break a wider one.
const FRAMED: usize = 50;

/// What to do where a file cannot be written.
const ROOM: &str = "free some disk space, or raise the limit on open files (`ulimit -n`)";

/// Something that stops the command, or, where it ends well all the same, a warning: what failed, where, and what to do about it.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// How the command ends because of it.
    pub exit: Exit,
    /// What failed.
    pub message: String,
    /// What to do about it, if that can be said.
    pub help: Option<String>,
    /// Where in a script.
    pub place: Option<Target>,
}

/// A place in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The file as it was named.
    pub file: String,
    /// The file's text.
    pub source: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Diagnostic {
    /// A wrong command line or configuration.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), help: None, place: None }
    }

    /// A wrong script.
    pub fn script(message: impl Into<String>) -> Self {
        Self { exit: Exit::Script, ..Self::usage(message) }
    }

    /// A file that cannot be written any more, although it could be at first. What was sent stands.
    pub fn unwritten(message: impl Into<String>) -> Self {
        Self { exit: Exit::Unwritten, ..Self::usage(message) }.with_help(ROOM)
    }

    /// The same of a file by its name.
    pub fn cannot_write(path: &Path, error: &io::Error) -> Self {
        Self::unwritten(format!("cannot write {}: {error}", path.display()))
    }

    /// FaultKind with a call outside any row.
    pub fn call(error: &Error) -> Self {
        let exit = match () {
            () if error.is_unwritten() => Exit::Unwritten,
            () if error.is_replay_mismatch() => Exit::Replay,
            () if error.is_credential() || error.is_stopped() => Exit::Stopped,
            () if error.is_setup() || error.is_invalid() || error.is_unsupported() => Exit::Usage,
            () => Exit::Rows,
        };
        Self { exit, help: advice(error), ..Self::usage(error.to_string()) }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Says where in a script it is.
    #[must_use]
    pub fn at(self, file: &str, source: &str, position: Position) -> Self {
        let place = position.line().map(|line| Target {
            file: file.to_owned(),
            source: source.to_owned(),
            line,
            column: position.position().unwrap_or(1),
        });
        Self { place, ..self }
    }

    /// Draws it for a terminal of this width, in colour or not. Control characters are visible in what it quotes.
    pub fn draw(&self, colour: bool, width: usize) -> String {
        if width < FRAMED {
            return self.plain();
        }
        let theme =
            if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(width)
            .without_syntax_highlighting();
        // Others have written what it quotes, and nobody can tell their colours from those of the frame.
        let mut diagnostic = MietteDiagnostic::new(visible(&self.message));
        if self.exit == Exit::Done {
            diagnostic = diagnostic.with_severity(Severity::Warning);
        }
        diagnostic.help = self.help.as_deref().map(|help| visible(help).into_owned());
        let mut text = String::new();
        let drawn = match &self.place {
            None => handler.render_report(&mut text, &diagnostic),
            Some(place) => {
                let (source, span) = place.excerpt();
                let label = LabeledSpan::new_with_span(None, span);
                let source = NamedSource::new(visible_line(&place.file), source);
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

    /// It in lines that the terminal may break as it likes.
    fn plain(&self) -> String {
        let mark = if self.exit == Exit::Done { '\u{26a0}' } else { '\u{d7}' };
        let mut lines = vec![format!("{mark} {}", self.message)];
        lines.extend(self.place.as_ref().map(Target::told));
        lines.extend(self.help.as_ref().map(|help| format!("help: {help}")));
        visible(&lines.join("\n")).into_owned()
    }
}

/// What a person can do about trouble with a call.
pub(crate) fn advice(error: &Error) -> Option<String> {
    let advice = match () {
        () if error.is_credential() => {
            "check the key: it may have been rotated, disabled or mistyped".to_owned()
        }
        () if error.is_unwritten() => ROOM.to_owned(),
        () if error.is_in_doubt() => settling(error),
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
            Stopped::Removals => "if that is meant, allow more with --max-removals".to_owned(),
            Stopped::Irreversible => "if that is meant, allow it with --yes".to_owned(),
            // It says so itself.
            Stopped::Pseudonym => return None,
            _ => "make a new plan with --dry-run --plan FILE, look at it, and resume with --approved FILE".to_owned(),
        },
    };
    Some(advice)
}

/// How a person finds out whether a doubtful write took effect.
pub(crate) fn settling(error: &Error) -> String {
    let write = error.endpoint().and_then(|name| endpoint(name).ok()?.metadata.effect.write());
    match write.map(|write| write.resolve) {
        Some(Resolve::Probe { endpoint: list, field, .. }) => {
            format!("{list} shows whether it took effect: look for the {field}")
        }
        _ => {
            "it is not known whether this took effect; the same call again does no harm, and tells"
                .to_owned()
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}:{}:{}: ", place.file, place.line, place.column)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

impl Target {
    /// The place and the line in plain words.
    fn told(&self) -> String {
        let line = self.source.lines().nth(self.line - 1).unwrap_or_default().trim();
        format!("{}:{}:{}: {line}", self.file, self.line, self.column)
    }

    /// The text as it can be shown, and the place in it.
    fn excerpt(&self) -> (String, (usize, usize)) {
        let (start, length) = self.span();
        let (before, rest) = self.source.split_at(start);
        let (word, after) = rest.split_at(length);
        let [before, word, after] = [before, word, after].map(visible);
        (format!("{before}{word}{after}"), (before.len(), word.len()))
    }

    /// The place in bytes, widened over the word that stands there: Rhai tells points only.
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
