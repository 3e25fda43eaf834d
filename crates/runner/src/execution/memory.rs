//! How much memory a script may take.
//!
//! Rhai's own limits on sizes walk through a list at every push. Here nothing is measured but the process, and nobody
//! waits for it: a thread looks now and then, and what it finds ends the script at its next step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// The memory that the process may take more than when the script began. A list of 100,000 users takes a third of it.
const MOST: u64 = 2 << 30;
/// The time in which it is looked at, in which a script does not come far beyond it.
const BETWEEN: Duration = Duration::from_millis(10);

/// Whether a script took too much.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<AtomicBool>);

impl Memory {
    /// Whether it did.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Looks at the process until what it gives is dropped; nothing where the system does not tell.
    pub(crate) fn watch(&self) -> Option<Watch> {
        self.watch_beyond(MOST)
    }

    fn watch_beyond(&self, more: u64) -> Option<Watch> {
        let most = taken()? + more;
        let (ended, end) = channel::<()>();
        let exceeded = self.0.clone();
        let look = move || {
            while end.recv_timeout(BETWEEN) == Err(RecvTimeoutError::Timeout) {
                if taken().is_some_and(|taken| taken > most) {
                    exceeded.store(true, Ordering::Relaxed);
                }
            }
        };
        thread::Builder::new().name("memory".to_owned()).spawn(look).ok()?;
        Some(Watch { _ended: ended })
    }
}

/// Ends the watch when it is dropped.
pub(crate) struct Watch {
    _ended: Sender<()>,
}

/// What a script that took too much is told.
pub(crate) const EXCEEDED: &str = "the script took more than 2 GiB of memory";

/// The bytes of memory that the process takes.
#[cfg(target_os = "linux")]
fn taken() -> Option<u64> {
    let facts = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = facts.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// Other systems have no file that tells.
#[cfg(not(target_os = "linux"))]
fn taken() -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::execution::context::RunContext;
    use crate::language::engine::{build, explain};

    /// All of these grow in ways that no function of ours sees.
    #[test]
    fn what_grows_without_end_is_ended() {
        for source in [
            "let s = \"abcdefgh\"; loop { s = `${s}${s}`; }",
            "let a = [1]; loop { a = [a, a]; }",
            "let a = #{ b: 1 }; loop { a = #{ b: a, c: a }; }",
            "let a = []; let s = \"abcdefgh\"; loop { a.push(s + a.len()); }",
        ] {
            let host = Arc::new(RunContext::idle());
            let _watch = host.memory.watch_beyond(64 << 20).unwrap();
            let error = *build(&host, Path::new("a.rhai")).run(source).unwrap_err();
            let told = explain(error, |problem, _, _| problem).message;
            assert_eq!(told, EXCEEDED, "{source}");
        }
    }
}
