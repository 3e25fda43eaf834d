//! The programs to measure, and the server that they call.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;

/// The path of a program that was built for the bench.
pub(super) fn program(name: &str) -> Outcome<PathBuf> {
    let own = std::env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
    let profiles = own.parent().and_then(Path::parent);
    let profiles = profiles.ok_or("I am in no target folder; use `cargo xtask bench`")?;
    Ok(profiles.join(super::PROFILE).join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

/// The resources that a program used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    /// Elapsed time.
    pub(super) wall: Duration,
    /// Processor time, if the system provides it.
    pub(super) cpu: Option<Duration>,
    /// Peak memory in bytes, if the system provides it.
    pub(super) peak: Option<u64>,
}

/// Runs a program to its end. A failure is a bug in the bench or in the program.
pub(super) fn measure(command: &mut Command) -> Outcome<Spent> {
    let mut words = tempfile::tempfile().map_err(|error| format!("no temporary file: {error}"))?;
    let errors = words.try_clone().map_err(|error| format!("no temporary file: {error}"))?;
    let before = cpu_of_children();
    let start = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn();
    let mut child = child
        .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
    let (ended, peak) = with_peak(child.id(), || {
        let status = child.wait();
        (status, start.elapsed())
    });
    let cpu = cpu_of_children().zip(before).map(|(after, before)| after.saturating_sub(before));
    let (status, wall) = ended;
    let status = status.map_err(|error| format!("cannot wait for a program: {error}"))?;
    if !status.success() {
        let text = words.rewind().and_then(|()| std::io::read_to_string(words));
        return Err(format!("{command:?} failed ({status}): {}", text.unwrap_or_default().trim()));
    }
    Ok(Spent { wall, cpu, peak })
}

/// Waits for a process and samples its peak memory.
fn with_peak<T>(id: u32, wait: impl FnOnce() -> T) -> (T, Option<u64>) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = None;
            while !over.load(Ordering::Relaxed) {
                // The system keeps the maximum, so a slow sampling misses only the last moments.
                peak = peak_of(id).or(peak);
                thread::park_timeout(Duration::from_millis(20));
            }
            peak
        });
        let result = wait();
        over.store(true, Ordering::Relaxed);
        watcher.thread().unpark();
        (result, watcher.join().unwrap_or_default())
    })
}

/// The peak memory of a process so far.
pub(super) fn peak_of(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// The processor time of finished child processes.
fn cpu_of_children() -> Option<Duration> {
    cpu("self", 13)
}

/// User and system time of a process: two fields of its `stat` from this one on, in hundredths of a second.
fn cpu(process: &str, first: usize) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name comes second, in parentheses, and may contain anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(first);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((next()? + next()?) * 10))
}

/// A `drillmaster sandbox` process, which ends when this is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) url: String,
    // Kept open, so that the server can write to it.
    _out: BufReader<ChildStdout>,
}

impl Server {
    pub(super) fn start(flags: &[&str]) -> Outcome<Self> {
        let mut command = Command::new(program("drillmaster")?);
        command.args(["sandbox", "--listen", "127.0.0.1:0"]).args(flags);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child =
            command.spawn().map_err(|error| format!("cannot start the sandbox: {error}"))?;
        let failed = child.stdout.take().map(BufReader::new);
        let mut out = failed.ok_or("the sandbox has no output")?;
        let mut line = String::new();
        let read = out.read_line(&mut line);
        read.map_err(|error| format!("the sandbox cannot be read: {error}"))?;
        let url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let server = Self { child, url, _out: out };
        if server.url.is_empty() {
            return Err(format!("the sandbox does not listen: {}", line.trim()));
        }
        Ok(server)
    }

    /// Its processor time so far, if the system provides it.
    pub(super) fn cpu(&self) -> Option<Duration> {
        cpu(&self.child.id().to_string(), 11)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing to save, and may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many lines per second can be synced to this folder's disk, one after the other.
pub(super) fn syncs_per_second(folder: &Path) -> Outcome<f64> {
    let time = Duration::from_secs(1);
    let measure = || -> std::io::Result<f64> {
        let mut file = File::create(folder.join("sync"))?;
        let (start, mut count) = (Instant::now(), 0_u32);
        while start.elapsed() < time {
            file.write_all(&[b'x'; 256])?;
            file.sync_data()?;
            count += 1;
        }
        Ok(f64::from(count) / start.elapsed().as_secs_f64())
    };
    measure().map_err(|error| format!("cannot write in {}: {error}", folder.display()))
}
