//! What the user interface of one invocation is: its streams, and how it writes lists and diagnostics.

use crate::console::{Console, Stream};
use crate::styled::Styled;
use clap::ArgMatches;
use clap::parser::ValueSource;
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::output::table::{Format, cell, layout, sheet_text};
use serde_json::Value;

use crate::GlobalArgs;

/// The width of diagnostics where standard error is not a terminal.
const DEFAULT_WIDTH: usize = 100;

/// The streams of an invocation, and the flags that say what is written to them.
pub(crate) struct Ui {
    pub(crate) console: Console,
    pub(crate) format: Format,
    pub(crate) verbose: bool,
}

impl Ui {
    pub(crate) fn new(globals: &GlobalArgs, matches: &ArgMatches) -> Self {
        let is_explicit = matches.value_source("format") == Some(ValueSource::CommandLine);
        let format = is_explicit.then_some(globals.format);
        Self {
            console: Console::standard(globals.quiet).with_format(format),
            format: globals.format,
            verbose: globals.verbose > 0,
        }
    }

    /// A user interface that prints nothing.
    pub(crate) fn silent() -> Self {
        Self { console: Console::silent(), format: Format::Table, verbose: false }
    }

    /// The console to print each call to, with `--verbose`.
    pub(crate) fn trace(&self) -> Option<Console> {
        self.verbose.then(|| self.console.clone())
    }

    /// Prints a list: these fields as columns, or whole items as JSON.
    pub(crate) fn list(&self, header: &[&str], items: Vec<Value>) {
        let cells = |item: &Value| header.iter().map(|name| cell(&item[*name])).collect();
        match self.format {
            Format::Json => self.console.print(&format!("{:#}", Value::Array(items))),
            Format::Table | Format::Csv => self.rows(header, items.iter().map(cells).collect()),
        }
    }

    /// Prints rows as CSV with `--format csv`, otherwise as a table that fits the terminal.
    pub(crate) fn rows(&self, header: &[impl AsRef<str>], rows: Vec<Vec<String>>) {
        let text = match self.format {
            Format::Csv => sheet_text(header, &rows),
            Format::Table | Format::Json => layout(header, rows, self.console.width()),
        };
        self.console.print(&text);
    }

    /// Prints a diagnostic to standard error, with its excerpt of the script and its help.
    pub(crate) fn print_diagnostic(&self, diagnostic: &Diagnostic) {
        let width = Stream::Stderr.width().map_or(DEFAULT_WIDTH, usize::from);
        let in_color = Stream::Stderr.has_colors();
        let text = Styled::colored(&diagnostic.render(in_color, width));
        self.console.warn_styled(&match diagnostic.category {
            Category::Replay if in_color => text.diff(),
            _ => text,
        });
    }
}
