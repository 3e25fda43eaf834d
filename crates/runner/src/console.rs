//! Where a run speaks: data to standard output, words for people to standard error.
//!
//! This is the one place that writes to a terminal (`cargo xtask tidy` looks), and so the one that keeps others from
//! writing to it through us. In words for people control characters are made `visible`, wherever they go: a log is
//! looked at on a terminal as well. Data that a program reads, through a pipe or from a file, is exact; on a terminal
//! its control characters are made visible, too.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::output::listing;
use crate::output::table::Format;
use crate::output::visible::{Styled, visible};

/// A stream of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Data,
    /// Standard error.
    People,
}

impl Stream {
    /// Whether a person looks at it.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Data => io::stdout().is_terminal(),
            Self::People => io::stderr().is_terminal(),
        }
    }

    /// Whether it is written to in colours.
    pub fn has_colours(self) -> bool {
        let choice = match self {
            Self::Data => AutoStream::choice(&io::stdout()),
            Self::People => AutoStream::choice(&io::stderr()),
        };
        choice != ColorChoice::Never
    }

    /// Its width, where it is a terminal.
    pub fn width(self) -> Option<u16> {
        terminal_width(self.is_terminal())
    }
}

/// The two streams of a run. A reader that went away, such as `head`, is no error.
#[derive(Clone)]
pub struct Console {
    data: Arc<Mutex<dyn Write + Send>>,
    people: Arc<Mutex<dyn Write + Send>>,
    quiet: bool,
    /// Whether a person looks at the data, and no program.
    shows_data: bool,
    width: Option<u16>,
    /// None where nobody said which.
    format: Option<Format>,
    trouble: Arc<Mutex<Option<io::Error>>>,
    /// What hangs below the text, and gives way to it.
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Console {
    /// The process's own streams; quiet keeps notes, but never warnings and errors, to itself.
    pub fn standard(quiet: bool) -> Self {
        Self {
            data: Arc::new(Mutex::new(io::stdout())),
            people: Arc::new(Mutex::new(io::stderr())),
            quiet,
            shows_data: Stream::Data.is_terminal(),
            width: Stream::Data.width(),
            format: None,
            trouble: Arc::default(),
            bar: Arc::default(),
        }
    }

    /// Two other streams, for embedding and tests.
    ///
    /// ```
    /// use drillmaster_runner::console::Console;
    /// use std::sync::{Arc, Mutex};
    ///
    /// let (data, people) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    /// Console::to(data.clone(), people).print("30 rows");
    /// assert_eq!(*data.lock().unwrap(), b"30 rows\n");
    /// ```
    pub fn to(data: Arc<Mutex<dyn Write + Send>>, people: Arc<Mutex<dyn Write + Send>>) -> Self {
        Self {
            data,
            people,
            quiet: false,
            shows_data: false,
            width: None,
            format: None,
            trouble: Arc::default(),
            bar: Arc::default(),
        }
    }

    /// A console that nobody hears, for a rehearsal.
    pub fn silent() -> Self {
        Self::to(Arc::new(Mutex::new(io::sink())), Arc::new(Mutex::new(io::sink())))
    }

    /// The same, for lists in this format where one was asked for.
    pub fn with_format(self, format: Option<Format>) -> Self {
        Self { format, ..self }
    }

    /// The same for people alone: nobody hears the data.
    pub fn without_data(&self) -> Self {
        Self { data: Arc::new(Mutex::new(io::sink())), ..self.clone() }
    }

    /// How tables are written.
    pub(crate) fn format(&self) -> Format {
        self.format.unwrap_or(Format::Table)
    }

    /// How a list is written that is made line by line.
    pub(crate) fn list_format(&self) -> Format {
        self.format.unwrap_or(listing::USUAL)
    }

    /// The width that tables may take; `None` where nobody looks at them on a terminal.
    pub fn width(&self) -> Option<u16> {
        self.width
    }

    /// Whether notes are kept quiet.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Hangs a bar below what is told from now on, or takes it away.
    pub(crate) fn hang(&self, bar: Option<ProgressBar>) {
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }

    /// Writes with the bar out of the way, so that no line is torn.
    fn write(&self, stream: &Mutex<dyn Write + Send>, text: &str) -> io::Result<()> {
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match bar {
            Some(bar) => bar.suspend(|| write(stream, text)),
            None => write(stream, text),
        }
    }

    /// Prints data: to the letter, and with control characters made visible on a terminal.
    pub fn print(&self, text: &str) {
        if self.shows_data { self.print_line(&visible(text)) } else { self.print_line(text) }
    }

    /// Prints text with colours of ours.
    pub fn print_styled(&self, text: &Styled) {
        self.print_line(text.as_str());
    }

    fn print_line(&self, text: &str) {
        match self.write(&self.data, text) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
                trouble.get_or_insert(error);
            }
            _ => {}
        }
    }

    /// Why data could not be printed, if it could not. A run goes on all the same; it is told at the end.
    pub fn trouble(&self) -> Option<io::Error> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Warns a person. Control characters are made visible.
    pub fn warn(&self, text: &str) {
        self.warn_styled(&Styled::plain(text));
    }

    /// Warns a person, with colours of ours.
    pub fn warn_styled(&self, text: &Styled) {
        // Who is not there cannot be told.
        let _ = self.write(&self.people, text.as_str());
    }

    /// Asks a person, and gives the line that was typed; nothing where there is nobody.
    pub fn ask(&self, question: &str) -> String {
        let mut answer = String::new();
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = write!(people, "{}", visible(question))
            .and_then(|()| people.flush())
            .and_then(|()| io::stdin().lock().read_line(&mut answer));
        answer.trim().to_owned()
    }

    /// Tells a person something that may be kept quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }
}

fn write(stream: &Mutex<dyn Write + Send>, text: &str) -> io::Result<()> {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(stream, "{text}").and_then(|()| stream.flush())
}

/// Asks a person on the terminal for something that is not shown.
pub fn ask_hidden(question: &str) -> io::Result<String> {
    rpassword::prompt_password(visible(question))
}

/// A bar below the text, on standard error.
pub(crate) fn progress_bar(length: u64) -> ProgressBar {
    ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr())
}

/// The terminal's width, where there is one.
fn terminal_width(is_terminal: bool) -> Option<u16> {
    let size = terminal_size::terminal_size().filter(|_| is_terminal);
    size.map(|(width, _)| width.0)
}
