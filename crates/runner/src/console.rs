//! Where a run speaks: data to standard output, words for people to standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressBar;

use crate::listing;
use crate::table::Format;

/// The two streams of a run. A reader that went away, such as `head`, is no error.
#[derive(Clone)]
pub struct Console {
    data: Arc<Mutex<dyn Write + Send>>,
    people: Arc<Mutex<dyn Write + Send>>,
    quiet: bool,
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
            width: terminal_width(io::stdout().is_terminal()),
            format: None,
            trouble: Arc::default(),
            bar: Arc::default(),
        }
    }

    /// Two other streams, for embedding and tests.
    ///
    /// ```
    /// use drillmaster::console::Console;
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
    pub(crate) fn with_format(self, format: Option<Format>) -> Self {
        Self { format, ..self }
    }

    /// The same for people alone: nobody hears the data.
    pub(crate) fn without_data(&self) -> Self {
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

    /// Prints data.
    pub fn print(&self, text: &str) {
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

    /// Warns a person.
    pub fn warn(&self, text: &str) {
        // Who is not there cannot be told.
        let _ = self.write(&self.people, text);
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

/// The terminal's width, where there is one.
pub(crate) fn terminal_width(is_terminal: bool) -> Option<u16> {
    let size = terminal_size::terminal_size().filter(|_| is_terminal);
    size.map(|(width, _)| width.0)
}
