//! The program on a terminal: a pseudo-terminal of a given width, and what came to stand on it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::desk::{Desk, Ended};

/// Which of a command's streams are on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    All,
    /// Standard output is piped.
    Errors,
}

/// Runs a command to its end. What stands on the terminal is in `err`; what was piped is in `out`.
pub(crate) fn run(desk: &Desk, line: &str, columns: u16, on: On) -> Ended {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let name = std::ffi::OsStr::from_bytes(name.as_bytes());
    let mut child = {
        let end = OpenOptions::new().read(true).write(true).open(name).unwrap();
        let mut command = desk.command(line);
        command.stdin(end.try_clone().unwrap()).stderr(end.try_clone().unwrap());
        match on {
            On::All => command.stdout(end),
            On::Errors => command.stdout(Stdio::piped()),
        };
        // Only the program itself keeps the terminal's other end open: when it ends, there is no more to read.
        command.spawn().unwrap()
    };
    let piped = child.stdout.take().map(|mut out| {
        std::thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            text
        })
    });
    let shown = drain(File::from(terminal));
    let exit = child.wait().unwrap().code();
    let out = piped.map(|piped| piped.join().unwrap()).unwrap_or_default();
    Ended { line: line.to_owned(), exit, out, err: shown.replace("\r\n", "\n") }
}

fn drain(mut terminal: File) -> String {
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    loop {
        match terminal.read(&mut some) {
            Ok(0) => break,
            Ok(count) => all.extend_from_slice(&some[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Nobody has the other end open any more.
            Err(_) => break,
        }
    }
    String::from_utf8(all).unwrap()
}
