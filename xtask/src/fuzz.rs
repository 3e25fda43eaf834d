//! `cargo xtask fuzz`: whether the readers of files bear whatever stands in them.
//!
//! Each case is a real file that was flipped, cut, repeated, spliced and nested. Reading it must say something:
//! it must not panic, not take long and not hold more memory than its text can account for. A seed makes the
//! same cases again.

mod cassette;
mod interchange;
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::PossibleValuesParser;
use drillmaster_interchange::Format;
use fastrand::Rng;

use crate::{Outcome, bench, repository};

/// The flags of `fuzz`.
#[derive(Debug, Args)]
pub(crate) struct FuzzArgs {
    /// How long each target is tried
    #[arg(long, value_name = "N", default_value_t = 1)]
    minutes: u64,
    /// Begin with the case of this seed; the next one has the next seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// What is to read; everything unless named
    #[arg(value_parser = PossibleValuesParser::new(TARGETS.iter().map(|target| target.name)))]
    names: Vec<String>,
}

/// A reader of files.
struct Target {
    name: &'static str,
    /// Real files, to begin with.
    samples: fn() -> Outcome<Vec<Vec<u8>>>,
    /// Reads a text. It panics where the reader does, or where it contradicts itself.
    read: fn(&[u8]) -> Said,
}

/// What a reader made of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// It can be read.
    Yes,
    /// It is refused.
    No,
}

/// What came of the cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    read: u64,
    refused: u64,
}

impl Tally {
    fn cases(self) -> u64 {
        self.read + self.refused
    }
}

const TARGETS: [Target; 3] = [
    Target { name: "cassette", samples: cassette::samples, read: cassette::read },
    Target {
        name: "har",
        samples: interchange::hars,
        read: |text| interchange::read(Format::Har, text),
    },
    Target {
        name: "vcr",
        samples: interchange::vcrs,
        read: |text| interchange::read(Format::Vcr, text),
    },
];

/// No text is longer.
const LONGEST: usize = 256 << 10;

/// The most that reading a text may hold at once.
const MOST_MEMORY: u64 = 256 * LONGEST as u64;

/// A text that takes longer to read is one that the reader hangs on.
const LONGEST_READING: Duration = Duration::from_secs(20);

/// How often a text is looked at from outside.
const LOOK: Duration = Duration::from_secs(1);

/// Tries each target for its time.
pub(crate) fn run(args: &FuzzArgs) -> Outcome {
    let time = Duration::from_secs(args.minutes.saturating_mul(60));
    let named = |target: &&Target| {
        args.names.is_empty() || args.names.iter().any(|name| name == target.name)
    };
    for target in TARGETS.iter().filter(named) {
        let first = args.seed.unwrap_or_else(|| fastrand::u64(..1 << 40));
        eprintln!("== {}, from seed {first}", target.name);
        let start = Instant::now();
        let tally = watched(target, |now| {
            cases(target, first, now, bench::peak, || start.elapsed() < time)
        })?;
        let Tally { read, refused } = tally;
        eprintln!("{} cases without trouble: {read} read, {refused} refused", tally.cases());
    }
    Ok(())
}

/// Tries one case after the other, and notes which one it is at.
fn cases(
    target: &Target,
    first: u64,
    now: &AtomicU64,
    peak: fn() -> Option<u64>,
    mut go_on: impl FnMut() -> bool,
) -> Outcome<Tally> {
    let samples = (target.samples)()?;
    let before = peak();
    let mut tally = Tally::default();
    while go_on() {
        let seed = first.wrapping_add(tally.cases());
        now.store(seed, Ordering::Relaxed);
        let text = mutate::text(&mut Rng::with_seed(seed), &samples, LONGEST);
        let told = |what: &str| {
            let name = target.name;
            format!("{name}: {what}; `cargo xtask fuzz --seed {seed} {name}` begins with the text")
        };
        let said = catch_unwind(AssertUnwindSafe(|| (target.read)(&text)));
        match said.map_err(|_| told("a panic"))? {
            Said::Yes => tally.read += 1,
            Said::No => tally.refused += 1,
        }
        // Asking the system takes as long as some cases.
        if tally.cases() % 64 == 0 {
            let more = peak().zip(before).map(|(peak, before)| peak.saturating_sub(before));
            if more.is_some_and(|more| more > MOST_MEMORY) {
                return Err(told("too much memory, now or in the 63 cases before"));
            }
        }
    }
    Ok(tally)
}

/// A file of the repository, to begin with.
fn sample(path: &str) -> Outcome<String> {
    std::fs::read_to_string(repository::root().join(path))
        .map_err(|error| format!("{path}: {error}"))
}

/// Ends the process where a case does not end.
fn watched<T>(target: &Target, work: impl FnOnce(&AtomicU64) -> T) -> T {
    let (now, over) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let (mut seed, mut since) = (0, Instant::now());
            while over.load(Ordering::Relaxed) == 0 {
                let at = now.load(Ordering::Relaxed);
                if at != seed {
                    (seed, since) = (at, Instant::now());
                } else if since.elapsed() > LONGEST_READING {
                    eprintln!(
                        "error: {}: the text of seed {seed} is read without end",
                        target.name
                    );
                    std::process::exit(1);
                }
                thread::park_timeout(LOOK);
            }
        });
        let done = work(&now);
        over.store(1, Ordering::Relaxed);
        watcher.thread().unpark();
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The memory of a process tells nothing where other tests run in it.
    const OTHERS: fn() -> Option<u64> = || None;

    /// In short what `cargo xtask fuzz` does for long.
    #[test]
    fn readers_bear_whatever_stands_in_a_file() {
        for target in &TARGETS {
            let mut left = 3_000;
            let tried = cases(target, 1, &AtomicU64::new(0), OTHERS, || {
                left -= 1;
                left >= 0
            })
            .unwrap();
            assert_eq!(tried.cases(), 3_000, "{}", target.name);
            // Where all is refused at once, nothing is tried; where nothing is, nothing was changed.
            assert!(tried.read > 0 && tried.refused > 0, "{}: {tried:?}", target.name);
        }
    }

    #[test]
    fn a_panic_is_told_with_the_seed_that_makes_the_text_again() {
        let target = Target {
            name: "broken",
            samples: || Ok(vec![b"{}".to_vec()]),
            read: |text| {
                assert!(text.len() < 3, "too long");
                Said::No
            },
        };
        let told = cases(&target, 1, &AtomicU64::new(0), OTHERS, || true).unwrap_err();
        let seed = told.split("--seed ").nth(1).and_then(|rest| rest.split(' ').next());
        let seed: u64 = seed.unwrap().parse().unwrap();
        let again = cases(&target, seed, &AtomicU64::new(0), OTHERS, || true).unwrap_err();
        assert_eq!(again, told);
    }
}
