//! Where a run speaks: data to standard output, words for people to standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// The two streams of a run. A reader that went away, such as `head`, is no error.
#[derive(Clone)]
pub struct Console {
    data: Arc<Mutex<dyn Write + Send>>,
    people: Arc<Mutex<dyn Write + Send>>,
    quiet: bool,
    width: Option<u16>,
}

impl Console {
    /// The process's own streams; quiet keeps notes, but never warnings and errors, to itself.
    pub fn standard(quiet: bool) -> Self {
        Self {
            data: Arc::new(Mutex::new(io::stdout())),
            people: Arc::new(Mutex::new(io::stderr())),
            quiet,
            width: terminal_width(io::stdout().is_terminal()),
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
        Self { data, people, quiet: false, width: None }
    }

    /// The width that tables may take; `None` where nobody looks at them on a terminal.
    pub fn width(&self) -> Option<u16> {
        self.width
    }

    /// Prints data.
    pub fn print(&self, text: &str) {
        write(&self.data, text);
    }

    /// Warns a person.
    pub fn warn(&self, text: &str) {
        write(&self.people, text);
    }

    /// Tells a person something that may be kept quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            write(&self.people, text);
        }
    }
}

fn write(stream: &Mutex<dyn Write + Send>, text: &str) {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    // Nothing can be told to a reader that is gone, and the run is worth more than its words.
    let _ = writeln!(stream, "{text}").and_then(|()| stream.flush());
}

/// The terminal's width, where there is one.
pub(crate) fn terminal_width(is_terminal: bool) -> Option<u16> {
    let size = terminal_size::terminal_size().filter(|_| is_terminal);
    size.map(|(width, _)| width.0)
}
