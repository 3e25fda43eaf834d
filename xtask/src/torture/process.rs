//! One process of a run, from its start to its end or its kill.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::Outcome;

/// A timeout for everything that should be fast.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

/// The named points at which a process can be killed.
pub(super) const POINTS: [&str; 5] = ["noted", "sent", "answered", "row", "result"];

/// When a process is killed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum KillPoint {
    /// Never.
    None,
    /// After this time.
    After(Duration),
    /// This long after its first write to the journal: the time to start depends on the machine.
    AtWork(Duration),
    /// When it passes a point for the nth time.
    At(&'static str, u64),
}

impl KillPoint {
    /// Draws one; about half of all kills are at points.
    pub(super) fn draw(chance: &mut Rng) -> Self {
        let mut time = |least, most| Duration::from_secs_f64(spread(chance, least, most));
        let (early, late) = (time(0.01, 2.0), time(0.001, 1.0));
        match chance.u8(..4) {
            0 => return Self::After(early),
            1 => return Self::AtWork(late),
            _ => {}
        }
        // The worst moment is more frequent: the effect happened, and nobody knows.
        let point = if chance.u8(..3) == 0 { "sent" } else { POINTS[chance.usize(..POINTS.len())] };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 150")]
        let pass = spread(chance, 1.0, 150.0) as u64;
        Self::At(point, pass)
    }

    /// A description for reports.
    pub(super) fn words(self) -> String {
        match self {
            Self::None => "not killed".to_owned(),
            Self::After(time) => format!("to be killed after {} ms", time.as_millis()),
            Self::AtWork(time) => format!("to be killed after {} ms of work", time.as_millis()),
            Self::At(point, pass) => format!("to be killed at {point}:{pass}"),
        }
    }
}

/// A random number between two, uniform on a logarithmic scale.
fn spread(chance: &mut Rng, least: f64, most: f64) -> f64 {
    least * (most / least).powf(chance.f64())
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Killed,
    Exit(i32),
    /// It crashed by a signal that the test did not send.
    Crashed,
    /// It did not end in time.
    Stuck,
}

/// Runs a process until it ends or is killed.
pub(super) fn run(
    mut command: Command,
    death: KillPoint,
    journal: &Path,
    words: File,
) -> Outcome<End> {
    if let KillPoint::At(point, pass) = death {
        command.env("DRILLMASTER_CRASH_AT", format!("{point}:{pass}"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
    let size = || std::fs::metadata(journal).map_or(0, |file| file.len());
    let before = size();
    let start = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("cannot run the program: {error}"))?;
    let failed = |error| format!("cannot wait for the program: {error}");
    let mut expected = match death {
        KillPoint::After(time) => start + time,
        _ => start + PATIENCE,
    };
    let mut at_work = false;
    while Instant::now() < expected {
        if let Some(status) = child.try_wait().map_err(failed)? {
            let end = end(status);
            let asked_for = death != KillPoint::None;
            return Ok(if end == End::Killed && !asked_for { End::Crashed } else { end });
        }
        if let KillPoint::AtWork(time) = death
            && !at_work
            && size() != before
        {
            at_work = true;
            expected = Instant::now() + time;
        }
        thread::sleep(Duration::from_millis(1));
    }
    // It may have ended in the meantime.
    let _ = child.kill();
    let end = end(child.wait().map_err(failed)?);
    let stuck = end == End::Killed && start.elapsed() >= PATIENCE;
    Ok(if stuck { End::Stuck } else { end })
}

fn end(status: ExitStatus) -> End {
    #[cfg(unix)]
    let killed = std::os::unix::process::ExitStatusExt::signal(&status) == Some(9);
    #[cfg(not(unix))]
    let killed = status.code().is_none();
    match status.code() {
        Some(code) => End::Exit(code),
        None if killed => End::Killed,
        None => End::Crashed,
    }
}

/// Opens a file for appending.
pub(super) fn open_log(path: &Path) -> Outcome<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_are_of_every_kind_and_follow_from_the_seed() {
        let deaths = |seed| {
            let mut chance = Rng::with_seed(seed);
            (0..200).map(|_| KillPoint::draw(&mut chance)).collect::<Vec<_>>()
        };
        assert_eq!(deaths(1), deaths(1));
        for point in POINTS {
            assert!(
                deaths(1).iter().any(|death| matches!(death, KillPoint::At(at, _) if *at == point))
            );
        }
        let early =
            |death: &KillPoint| matches!(death, KillPoint::After(time) if time.as_millis() < 40);
        assert!(deaths(1).iter().any(early));
    }
}
