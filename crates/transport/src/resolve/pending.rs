//! A write in doubt that is being resolved: when to probe for it, and when it may be sent again.

use std::time::Duration;

use drillmaster_models::{Absence, Resolve};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::InDoubtWrite;
use super::attempt::Attempt;
use super::probe::Probe;
use crate::error::Error;
use crate::request::Source;
use crate::resolve_policy::PROBE_DELAYS;

/// How many complete probes must miss a write before it is sent again.
pub(super) const PROOF: u32 = 2;
/// After this many attempts the list cannot be read, and no further probe is made to prove absence.
const MAX_ROUNDS: u32 = 8;
/// The least time between two probes of the same list, so that several writes share them.
const MIN_GAP: Duration = Duration::from_secs(1);

/// A write that is being resolved.
pub(super) struct Pending {
    pub(super) write: InDoubtWrite,
    /// The time of the next attempt, if there will be one.
    pub(super) due: Option<Instant>,
    /// When the probes began that count.
    pub(super) since: Instant,
    /// How many complete probes missed it.
    pub(super) missed: u32,
    pub(super) rounds: u32,
    /// Whether this process has sent it again, which it may do once.
    pub(super) repeated: bool,
    /// Where the outcome goes.
    pub(super) outcome: Option<oneshot::Sender<Result<Value, Error>>>,
}

impl Pending {
    pub(super) fn new(write: InDoubtWrite) -> Self {
        let since = write.since;
        let mut pending =
            Self { write, due: None, since, missed: 0, rounds: 0, repeated: false, outcome: None };
        // A write of an earlier part of the run is probed for at once.
        let is_old = matches!(pending.write.source, Source::History { .. });
        pending.due =
            if is_old || pending.write.is_harmless() { Some(since) } else { pending.next(since) };
        pending
    }

    /// Whether it may be sent again after a probe that began then and did not find it.
    fn may_repeat(&self, began: Instant) -> bool {
        if cfg!(drillmaster_break = "hasty") {
            // A broken build that takes the first absence for a proof.
            return !self.repeated;
        }
        let absence = match self.write.write.resolve {
            Resolve::Probe { absence, .. } => absence,
            Resolve::Repeat | Resolve::Refusal => return true,
        };
        let proven = absence == Absence::Repeatable && self.missed >= PROOF;
        let past = began >= self.write.horizon();
        !self.repeated && past && (proven || self.write.policy().repeat_unproven)
    }

    /// The time of the next attempt after this moment.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let policy = self.write.policy();
        let end = self.since + policy.probe_for;
        let horizon = self.write.horizon();
        let delays = PROBE_DELAYS.map(|wait| self.since + wait).into_iter().filter(|at| *at <= end);
        // After the horizon, two more probes prove absence.
        let may_prove = match self.write.write.resolve {
            Resolve::Probe { absence, .. } => {
                absence == Absence::Repeatable || policy.repeat_unproven
            }
            Resolve::Repeat | Resolve::Refusal => false,
        };
        let is_in_time = policy.wait || horizon <= end;
        let proof = (may_prove && is_in_time && !self.repeated && self.rounds < MAX_ROUNDS)
            .then(|| if horizon > now { horizon } else { now + self.min_gap() });
        delays.filter(|at| *at > now).chain(proof).min()
    }

    /// The least time between two probes.
    pub(super) fn min_gap(&self) -> Duration {
        let is_immediate = self.write.policy().effect_within == Some(Duration::ZERO);
        if is_immediate { Duration::ZERO } else { MIN_GAP }
    }

    /// Concludes from a probe, and sends the write again if that proves it absent.
    pub(super) async fn conclude(&mut self, probe: &Probe) -> Attempt {
        if probe.found.contains(&self.write.id()) {
            return Attempt::Resolved(self.write.took_effect());
        }
        if probe.hopeless {
            return Attempt::Hopeless;
        }
        self.missed += u32::from(probe.complete);
        let is_proof = probe.complete || self.write.policy().repeat_unproven;
        if !is_proof || !self.may_repeat(probe.began) {
            return Attempt::Open;
        }
        let answer = self.write.repeat().await;
        // If it could not be sent, it does not count as a repeat.
        let was_sent = answer.as_ref().err().is_none_or(|error| !error.is_retryable());
        if was_sent {
            self.repeated = true;
            // The repeat is a write of its own, which is in doubt from now on.
            (self.write.since, self.write.age) = (Instant::now(), Duration::ZERO);
            (self.since, self.missed) = (self.write.since, 0);
        }
        Attempt::from_repeat(answer)
    }
}
