//! Dying on purpose. Without the cargo feature `torture`, which no release has, none of it is there.

/// A place where a run under torture may be made to die: the environment's `DRILLMASTER_TORTURE=sent:7` kills
/// the process with SIGKILL when it passes the point `sent` for the 7th time.
#[cfg(feature = "torture")]
pub fn point(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static DUE: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let told = std::env::var("DRILLMASTER_TORTURE").ok()?;
        let (name, pass) = told.split_once(':')?;
        Some((name.to_owned(), pass.parse().ok()?))
    });
    static PASSES: AtomicU64 = AtomicU64::new(0);

    let Some((due, pass)) = DUE.as_ref() else { return };
    if due == name && PASSES.fetch_add(1, Ordering::Relaxed) + 1 == *pass {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal is on its way; nothing more may happen here.
        loop {
            std::thread::park();
        }
    }
}

/// A place where a run under torture may be made to die.
#[cfg(not(feature = "torture"))]
#[inline]
pub fn point(_name: &str) {}
