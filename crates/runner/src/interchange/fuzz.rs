//! Tries to break the readers: files that are changed at random. `cargo xtask fuzz` runs it for long, the
//! tests for a short while.
//!
//! ```
//! use drillmaster::interchange::{Format, fuzz};
//! let sample: &[u8] = br#"{"log":{"entries":[]}}"#;
//! let tally = fuzz::run(Format::Har, &[sample], 1, 10).unwrap();
//! assert_eq!(tally.read + tally.refused, 10);
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};

use drillmaster_transport::cassette;
use fastrand::Rng;

use super::{Format, Options, read, write_cassette};

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Files that were read all the same.
    pub read: u64,
    /// Files that were refused.
    pub refused: u64,
}

/// A file that broke a reader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a file of {} bytes broke the reader: {problem}", .file.len())]
pub struct Broken {
    /// The file.
    pub file: Vec<u8>,
    /// What happened.
    pub problem: String,
}

/// Pieces that mean something to one format or the other.
const PIECES: [&str; 22] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "-1",
    "1e999",
    "\\ud800",
    "\u{feff}",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "!!python/object:a.b ",
    "|\n",
    "- ",
    "\n  ",
    "\"encoding\":\"base64\",",
    "\0",
];

/// Changes the samples at random, so many times, and reads each. The same seed gives the same files.
pub fn run(format: Format, samples: &[&[u8]], seed: u64, rounds: u64) -> Result<Tally, Broken> {
    let mut chance = Rng::with_seed(seed);
    let mut tally = Tally::default();
    for _ in 0..rounds {
        let file = changed(samples, &mut chance);
        match catch_unwind(AssertUnwindSafe(|| check(format, &file))) {
            Ok(Ok(true)) => tally.read += 1,
            Ok(Ok(false)) => tally.refused += 1,
            Ok(Err(problem)) => return Err(Broken { file, problem }),
            Err(_) => return Err(Broken { file, problem: "it panicked".to_owned() }),
        }
    }
    Ok(tally)
}

/// Reads a file; whether it could be read. What was read must be a cassette.
fn check(format: Format, file: &[u8]) -> Result<bool, String> {
    let options = Options { format: Some(format), unpacked: 1 << 24, ..Options::default() };
    let Ok(imported) = read(file, &options) else { return Ok(false) };
    let mut out = Vec::new();
    write_cassette(&imported.tape, &mut out).map_err(|error| error.to_string())?;
    let text = String::from_utf8(out).map_err(|error| error.to_string())?;
    let again = cassette::parse(&text).map_err(|damage| damage.to_string())?;
    let (before, after) = (imported.tape.interactions.len(), again.interactions.len());
    if before == after { Ok(true) } else { Err(format!("{before} interactions became {after}")) }
}

fn changed(samples: &[&[u8]], chance: &mut Rng) -> Vec<u8> {
    let mut file = chance.choice(samples).map(|sample| sample.to_vec()).unwrap_or_default();
    for _ in 0..chance.usize(1..=8) {
        change(&mut file, samples, chance);
    }
    file
}

fn change(file: &mut Vec<u8>, samples: &[&[u8]], chance: &mut Rng) {
    let at = chance.usize(0..=file.len());
    let end = (at + chance.usize(1..=64)).min(file.len());
    match chance.u8(0..8) {
        0 => file.truncate(at),
        1 => drop(file.drain(at..end)),
        2 => {
            let piece = file[at..end].to_vec();
            file.splice(at..at, piece.repeat(chance.usize(1..=8)));
        }
        3 => {
            if let Some(byte) = file.get_mut(at) {
                *byte ^= 1 << chance.u8(0..8);
            }
        }
        4 => {
            if let Some(byte) = file.get_mut(at) {
                *byte = chance.u8(..);
            }
        }
        5 => {
            // Deep, now and then.
            let piece = chance.choice(PIECES).unwrap_or_default();
            let times = if chance.u8(0..16) == 0 { chance.usize(1..=4096) } else { 1 };
            file.splice(at..at, piece.repeat(times).into_bytes());
        }
        6 => {
            let other = chance.choice(samples).copied().unwrap_or_default();
            let from = chance.usize(0..=other.len());
            let to = (from + chance.usize(1..=512)).min(other.len());
            file.splice(at..end, other[from..to].iter().copied());
        }
        _ => {
            let digits = file.iter().enumerate().filter(|(_, byte)| byte.is_ascii_digit());
            let digits: Vec<usize> = digits.map(|(index, _)| index).collect();
            if let Some(index) = chance.choice(digits) {
                file[index] = b'0' + chance.u8(0..10);
            }
        }
    }
}
