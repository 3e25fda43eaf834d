//! Limits the memory that a script takes.
//!
//! Rhai's own limits on sizes walk through a list at every push. Instead, a thread measures the process now and then,
//! and the script ends at its next step if it took too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How much the process may grow while the script runs. A list of 100,000 users takes a third of it.
const LIMIT: u64 = 2 << 30;
/// The time between two measurements. A script cannot get far beyond the limit in it.
const INTERVAL: Duration = Duration::from_millis(10);

/// Whether a script took too much memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<AtomicBool>);

impl Memory {
    /// Whether it did.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Measures the process until the guard is dropped. `None` on systems that do not report it.
    pub(crate) fn watch(&self) -> Option<MemoryWatch> {
        self.watch_beyond(LIMIT)
    }

    pub(crate) fn watch_beyond(&self, more: u64) -> Option<MemoryWatch> {
        let limit = process_memory()? + more;
        let (ended, end) = channel::<()>();
        let exceeded = self.0.clone();
        let measure = move || {
            while end.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                if process_memory().is_some_and(|bytes| bytes > limit) {
                    exceeded.store(true, Ordering::Relaxed);
                }
            }
        };
        thread::Builder::new().name("memory".to_owned()).spawn(measure).ok()?;
        Some(MemoryWatch { _ended: ended })
    }
}

/// Stops measuring when it is dropped.
pub(crate) struct MemoryWatch {
    _ended: Sender<()>,
}

/// Why a script that took too much was ended.
pub(crate) const EXCEEDED: &str = "the script took more than 2 GiB of memory";

/// The memory of the process, in bytes.
#[cfg(target_os = "linux")]
fn process_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// Other systems have no file that says it.
#[cfg(not(target_os = "linux"))]
fn process_memory() -> Option<u64> {
    None
}
