//! Writes to the terminal: data to standard output, messages for people to standard error.
//!
//! No other file writes to a terminal (`cargo xtask tidy` checks it). So one place makes sure that text from services,
//! rosters and scripts cannot control the terminal: in messages, control characters are escaped wherever they go,
//! because logs are read on terminals too. Data for a pipe or file is exact; on a terminal it is escaped as well.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use anstream::{AutoStream, ColorChoice};
use drillmaster_runner::output::OutputSink;
use drillmaster_runner::output::table::Format;
use drillmaster_runner::output::visible::visible;
use drillmaster_runner::run::Job;
use drillmaster_transport::Connection;
use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::styled::Styled;

/// A stream of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    /// Whether it is a terminal.
    pub(crate) fn is_terminal(self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
        }
    }

    /// Whether it shows colors.
    pub(crate) fn has_colors(self) -> bool {
        let choice = match self {
            Self::Stdout => AutoStream::choice(&io::stdout()),
            Self::Stderr => AutoStream::choice(&io::stderr()),
        };
        choice != ColorChoice::Never
    }

    /// Its width, if it is a terminal.
    pub(crate) fn width(self) -> Option<u16> {
        let size = terminal_size::terminal_size().filter(|_| self.is_terminal());
        size.map(|(width, _)| width.0)
    }
}

/// The standard streams. A reader that closes standard output early, such as `head`, is no error.
#[derive(Clone)]
pub(crate) struct Console {
    stdout: Arc<Mutex<dyn Write + Send>>,
    stderr: Arc<Mutex<dyn Write + Send>>,
    quiet: bool,
    /// Whether standard output is a terminal.
    escapes_data: bool,
    width: Option<u16>,
    /// The format that the user chose.
    format: Option<Format>,
    write_error: Arc<Mutex<Option<io::Error>>>,
    progress_bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Console {
    /// The streams of the process. `quiet` hides notes, but not warnings and errors.
    pub(crate) fn standard(quiet: bool) -> Self {
        Self {
            quiet,
            escapes_data: Stream::Stdout.is_terminal(),
            width: Stream::Stdout.width(),
            ..Self::to(Arc::new(Mutex::new(io::stdout())), Arc::new(Mutex::new(io::stderr())))
        }
    }

    /// Other streams, as for tests.
    pub(crate) fn to(
        stdout: Arc<Mutex<dyn Write + Send>>,
        stderr: Arc<Mutex<dyn Write + Send>>,
    ) -> Self {
        Self {
            stdout,
            stderr,
            quiet: false,
            escapes_data: false,
            width: None,
            format: None,
            write_error: Arc::default(),
            progress_bar: Arc::default(),
        }
    }

    /// Discards everything.
    pub(crate) fn silent() -> Self {
        Self::to(Arc::new(Mutex::new(io::sink())), Arc::new(Mutex::new(io::sink())))
    }

    /// The same, with the format of lists that the user chose.
    pub(crate) fn with_format(self, format: Option<Format>) -> Self {
        Self { format, ..self }
    }

    /// The same, without standard output.
    pub(crate) fn without_data(&self) -> Self {
        Self { stdout: Arc::new(Mutex::new(io::sink())), ..self.clone() }
    }

    /// The width for tables on standard output, if it is a terminal.
    pub(crate) fn width(&self) -> Option<u16> {
        self.width
    }

    /// Whether notes are hidden.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A job whose script outputs to this console.
    pub(crate) fn job(&self, connection: Connection) -> Job {
        Job {
            format: self.format,
            width: self.width,
            ..Job::new(connection, Arc::new(self.clone()))
        }
    }

    /// Shows a bar for this many rows on standard error, below the text, until `stop_progress_bar`.
    pub(crate) fn start_progress_bar(&self, total: usize) -> ProgressBar {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        *self.progress_bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        bar
    }

    /// Writes text without regard to a bar from now on. The bar itself stays on the screen until it is cleared.
    pub(crate) fn stop_progress_bar(&self) {
        *self.progress_bar.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Prints a line of data.
    pub(crate) fn print(&self, text: &str) {
        if self.escapes_data {
            self.print_line(&visible(text));
        } else {
            self.print_line(text);
        }
    }

    /// Shows a warning.
    pub(crate) fn warn(&self, text: &str) {
        self.warn_styled(&Styled::plain(text));
    }

    /// Shows information, unless it is hidden.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// Prints text that has colors.
    pub(crate) fn print_styled(&self, text: &Styled) {
        self.print_line(text.as_str());
    }

    /// Shows a warning that has colors.
    pub(crate) fn warn_styled(&self, text: &Styled) {
        // There is nowhere left to report an error to.
        let _ = self.write(&self.stderr, text.as_str());
    }

    /// Asks a question and returns the line that was typed, or nothing if there is no input.
    pub(crate) fn ask(&self, question: &str) -> String {
        let mut answer = String::new();
        let mut stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = write!(stderr, "{}", visible(question))
            .and_then(|()| stderr.flush())
            .and_then(|()| io::stdin().lock().read_line(&mut answer));
        answer.trim().to_owned()
    }

    /// The first error of standard output. A run goes on after it, and the command reports it at the end.
    pub(crate) fn take_write_error(&self) -> Option<io::Error> {
        self.write_error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn print_line(&self, text: &str) {
        match self.write(&self.stdout, text) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let mut first = self.write_error.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(error);
            }
            _ => {}
        }
    }

    /// Writes a line, with the progress bar out of the way.
    fn write(&self, stream: &Mutex<dyn Write + Send>, text: &str) -> io::Result<()> {
        let bar = self.progress_bar.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match bar {
            Some(bar) => bar.suspend(|| write_line(stream, text)),
            None => write_line(stream, text),
        }
    }
}

impl OutputSink for Console {
    fn print(&self, text: &str) {
        self.print(text);
    }

    fn warn(&self, text: &str) {
        self.warn(text);
    }

    fn note(&self, text: &str) {
        self.note(text);
    }
}

fn write_line(stream: &Mutex<dyn Write + Send>, text: &str) -> io::Result<()> {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(stream, "{text}").and_then(|()| stream.flush())
}

/// Asks on the terminal for text that is not shown.
pub(crate) fn ask_hidden(question: &str) -> io::Result<String> {
    rpassword::prompt_password(visible(question))
}
