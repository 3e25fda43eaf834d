//! A terminal with a person at it, who types when something has appeared.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A command on a terminal.
pub(crate) struct Terminal {
    person: File,
    child: Child,
    /// All that appeared.
    seen: String,
    /// Up to where it was looked at.
    read: usize,
}

impl Terminal {
    pub(crate) fn of(mut command: Command) -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let name = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let end = || Stdio::from(File::options().read(true).write(true).open(name).unwrap());
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm");
        let child = command.spawn().unwrap();
        Self { person: person.into(), child, seen: String::new(), read: 0 }
    }

    /// Waits until this has appeared behind what was waited for before.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) -> &mut Self {
        loop {
            if let Some(at) = self.seen[self.read..].find(text) {
                self.read += at + text.len();
                return self;
            }
            assert!(self.look(), "{text:?} does not appear: {}", &self.seen[self.read..]);
        }
    }

    /// Types something.
    pub(crate) fn types(&mut self, keys: &str) -> &mut Self {
        self.person.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Sends the interrupt that Ctrl-C is where no line is edited.
    pub(crate) fn interrupts(&mut self) -> &mut Self {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self
    }

    /// Waits for the command's end: all that appeared, and how it ended.
    pub(crate) fn ends(mut self) -> (String, Option<i32>) {
        while self.look() {}
        (self.seen, self.child.wait().unwrap().code())
    }

    /// Reads what has appeared; false when nothing will any more.
    fn look(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.person.read(&mut bytes) {
            Ok(0) => false,
            Ok(length) => {
                self.seen.push_str(&String::from_utf8_lossy(&bytes[..length]));
                true
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            // Whoever wrote to it is gone.
            Err(_) => false,
        }
    }
}
