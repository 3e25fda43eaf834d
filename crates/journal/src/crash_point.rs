//! Places where the crash test kills the program. Only a build with `--cfg drillmaster_crash_test` has them.

/// Kills the process here if the environment says so: with `DRILLMASTER_CRASH_AT=sent:7`, the 7th time that it reaches
/// the point `sent`.
#[cfg(drillmaster_crash_test)]
pub fn crash_point(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let setting = std::env::var("DRILLMASTER_CRASH_AT").ok()?;
        let (name, pass) = setting.split_once(':')?;
        Some((name.to_owned(), pass.parse().ok()?))
    });
    static PASSES: AtomicU64 = AtomicU64::new(0);

    let Some((wanted, pass)) = WANTED.as_ref() else { return };
    if wanted == name && PASSES.fetch_add(1, Ordering::Relaxed) + 1 == *pass {
        let own = rustix::process::getpid();
        let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
        // The signal may take a moment; nothing more may happen here.
        loop {
            std::thread::park();
        }
    }
}

/// Does nothing in this build.
#[cfg(not(drillmaster_crash_test))]
#[inline]
pub fn crash_point(_name: &str) {}
