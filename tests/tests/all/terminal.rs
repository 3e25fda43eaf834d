//! Runs the program on a pseudo-terminal of a given width, waits for its output, and types.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::workdir::{Ended, Workdir};

/// Which streams of a command are on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    All,
    /// Standard output is piped.
    Errors,
}

/// Runs a command to its end. `err` has the output to the terminal, and `out` the piped output.
pub(crate) fn run(workdir: &Workdir, line: &str, columns: u16, on: On) -> Ended {
    let mut terminal = Terminal::of(workdir.command(line), columns, on);
    let piped = terminal.child.stdout.take().map(|mut out| {
        std::thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            text
        })
    });
    let (shown, exit) = terminal.ends();
    let out = piped.map(|piped| piped.join().unwrap()).unwrap_or_default();
    Ended { line: line.to_owned(), exit, out, err: shown.replace("\r\n", "\n") }
}

/// A command on a terminal.
pub(crate) struct Terminal {
    person: File,
    child: Child,
    /// All output so far.
    seen: Vec<u8>,
    /// How much of it has been matched.
    read: usize,
}

impl Terminal {
    pub(crate) fn of(mut command: Command, columns: u16, on: On) -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&person, size).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let name = OsStr::from_bytes(name.as_bytes());
        let end = || Stdio::from(File::options().read(true).write(true).open(name).unwrap());
        let out = match on {
            On::All => end(),
            On::Errors => Stdio::piped(),
        };
        // Only the program has the other end of the terminal open, so that reading ends with it.
        let child = command.stdin(end()).stdout(out).stderr(end()).spawn().unwrap();
        Self { person: person.into(), child, seen: Vec::new(), read: 0 }
    }

    /// Waits for this text, after the last match.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) -> &mut Self {
        loop {
            let unread = &self.seen[self.read..];
            let found = unread.windows(text.len()).position(|part| part == text.as_bytes());
            if let Some(at) = found {
                self.read += at + text.len();
                return self;
            }
            let unread = String::from_utf8_lossy(unread).into_owned();
            assert!(self.look(), "{text:?} does not appear: {unread}");
        }
    }

    /// Types keys.
    pub(crate) fn types(&mut self, keys: &str) -> &mut Self {
        self.person.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Sends the signal that Ctrl-C sends when no line is being edited.
    pub(crate) fn interrupts(&mut self) -> &mut Self {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self
    }

    /// Waits for the end of the command, and returns all output and the exit code.
    pub(crate) fn ends(mut self) -> (String, Option<i32>) {
        while self.look() {}
        (String::from_utf8(self.seen).unwrap(), self.child.wait().unwrap().code())
    }

    /// Reads new output; false at the end.
    fn look(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.person.read(&mut bytes) {
            Ok(0) => false,
            Ok(length) => {
                self.seen.extend_from_slice(&bytes[..length]);
                true
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            // The other end is closed.
            Err(_) => false,
        }
    }
}
