//! The sandbox process, which injects faults.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use drillmaster_sandbox::{InviteOutcome, Options};
use fastrand::Rng;
use serde_json::Value;

use super::process::open_log;
use crate::Outcome;

/// A `drillmaster sandbox` process, which ends when this is dropped.
pub(super) struct Service {
    child: Child,
    state: PathBuf,
    pub(super) url: String,
    // Kept open, so that the server can write to it.
    _out: BufReader<ChildStdout>,
}

impl Service {
    pub(super) fn start(
        program: &Path,
        options: Options,
        faults: &Faults,
        folder: &Path,
    ) -> Outcome<Self> {
        let (words, state) = (open_log(&folder.join("sandbox.log"))?, folder.join("sandbox.json"));
        let mut command = Command::new(program);
        command.args(["sandbox", "--invite-again", "--fault", &faults.faults]);
        command.arg("--state").arg(&state);
        command.args(["--invite-outcome", &faults.invites.to_string()]);
        for (flag, number) in [
            ("--learners", options.learners as u64),
            ("--seats", options.seats as u64),
            ("--seed", options.seed),
        ] {
            command.args([flag, &number.to_string()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(words);
        let mut child =
            command.spawn().map_err(|error| format!("cannot start the sandbox: {error}"))?;
        let failed = child.stdout.take().map(BufReader::new);
        let mut out = failed.ok_or("the sandbox has no output")?;
        let mut line = String::new();
        out.read_line(&mut line).map_err(|error| format!("the sandbox cannot be read: {error}"))?;
        let url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let service = Self { child, state, url, _out: out };
        if service.url.is_empty() {
            return Err(format!("the sandbox does not listen with `--fault {}`", faults.faults));
        }
        Ok(service)
    }

    /// Ends the sandbox, which carries out all pending effects, and returns how often each effect really
    /// happened, by endpoint and subject.
    pub(super) fn end(mut self) -> Outcome<Value> {
        let failed = |error: std::io::Error| format!("the sandbox cannot be ended: {error}");
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().map_err(failed)?;
        let status = self.child.wait().map_err(failed)?;
        let text = std::fs::read(&self.state).map_err(failed)?;
        let state: Value = serde_json::from_slice(&text).map_err(|error| {
            format!("the sandbox ended with {status}, and its state is none: {error}")
        })?;
        match &state["writes"] {
            Value::Object(_) => Ok(state["writes"].clone()),
            _ => Err("the saved state of a sandbox has another form by now".to_owned()),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The faults of a round.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) faults: String,
    pub(super) invites: InviteOutcome,
}

/// The largest delay of late effects.
const LATEST: Duration = Duration::from_millis(1500);
/// How long lists lag behind effects.
const UNSEEN: Duration = Duration::from_secs(1);
/// Longer than both together.
pub(super) const HORIZON: Duration = Duration::from_secs(3);

/// Each fault, and the largest share of calls that it affects.
const FAULTS: [(&str, f64); 8] = [
    ("reset-before", 3.0),
    ("reset-after", 3.0),
    ("500-before", 3.0),
    ("500-after", 3.0),
    ("truncate", 2.0),
    ("garbage", 2.0),
    ("html", 2.0),
    ("429", 1.0),
];

impl Faults {
    pub(super) fn draw(chance: &mut Rng) -> Self {
        let mut faults: Vec<String> = FAULTS
            .iter()
            .map(|(name, most)| format!("{name}={:.1}%", chance.f64() * most))
            .collect();
        faults.push(format!("delay={}ms", chance.u64(0..10)));
        // Some short, some long, so that effects happen between checks, after them, and after a kill.
        for _ in 0..2 {
            let late = chance.u128(20..LATEST.as_millis());
            faults.push(format!("late-effect={:.1}%:{late}ms", chance.f64() * 3.0));
        }
        let slow = chance.u128(20..LATEST.as_millis());
        faults.push(format!("slow-effect={:.1}%:{slow}ms", chance.f64() * 3.0));
        let unseen = chance.u128(20..UNSEEN.as_millis());
        faults.push(format!("visible-after={:.1}%:{unseen}ms", chance.f64() * 20.0));
        faults.push(format!("listless={:.1}%", chance.f64() * 10.0));
        if chance.u8(..4) == 0 {
            faults.push("429-retry=0.2%:1s".to_owned());
        }
        // Now and then, most invites fail.
        if chance.bool() {
            faults.push(format!("veracode.invite:reset-after={}%", chance.u8(5..40)));
        }
        faults.push(format!("seed={}", chance.u32(..)));
        // In a third of the rounds, invites that were carried out are answered by 500.
        let invites = InviteOutcome::ALL[chance.usize(..InviteOutcome::ALL.len())];
        Self { faults: faults.join(","), invites }
    }
}

#[cfg(test)]
mod tests {
    use drillmaster_transport::FaultPlan;

    use super::*;

    #[test]
    fn all_trouble_is_a_plan_with_faults_that_are_late() {
        let mut chance = Rng::with_seed(1);
        for _ in 0..100 {
            let Faults { faults, .. } = Faults::draw(&mut chance);
            assert!(faults.parse::<FaultPlan>().is_ok(), "{faults}");
            assert!(faults.contains("late-effect="), "{faults}");
        }
        assert!(LATEST + UNSEEN < HORIZON);
    }
}
