//! A write in doubt that waits to be resolved: when it is looked into, and when it may be sent again.

use std::time::Duration;

use drillmaster_models::{Absence, Resolve};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::look::Look;
use super::{Doubt, LOOKS};
use crate::error::Error;
use crate::request::Source;

/// How many complete looks must miss a write before it is sent again.
pub(super) const ENOUGH: u32 = 2;
/// After how many attempts a write is no longer looked into for the sake of proof: its list cannot be read.
const MOST_ROUNDS: u32 = 8;
/// The least time between two looks at the same list, so that writes in doubt share them.
const GAP: Duration = Duration::from_secs(1);

/// How an attempt to resolve a write ended.
pub(super) enum Attempt {
    /// It took effect, or is certain not to have.
    Resolved(Result<Value, Error>),
    /// In doubt still.
    Open,
    /// In doubt still, and no further attempt will tell: a guard or the credential stands in the way.
    Hopeless,
}

impl Attempt {
    /// What the answer to a repeat tells.
    pub(super) fn of(answer: Result<Value, Error>) -> Self {
        match answer {
            Err(error) if error.is_in_doubt() || error.is_retryable() => Self::Open,
            // "It is so already" is nobody's deed in particular, and is told as that.
            Err(error) if error.is_refusal() || error.is_replay_mismatch() => {
                Self::Resolved(Err(error))
            }
            Err(_) => Self::Hopeless,
            answer => Self::Resolved(answer),
        }
    }

    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Resolved(Ok(_)) => "resolved",
            Self::Resolved(Err(_)) => "refused",
            Self::Open => "in doubt",
            Self::Hopeless => "in doubt for good",
        }
    }
}

/// A write that waits to be resolved.
pub(super) struct Pending {
    pub(super) doubt: Doubt,
    /// When it is looked into next; `None` when it is not any more.
    pub(super) due: Option<Instant>,
    /// When the looks began that are counted.
    pub(super) since: Instant,
    /// How many complete looks missed it.
    pub(super) missed: u32,
    pub(super) rounds: u32,
    /// Whether this process has sent it again where that is allowed once.
    pub(super) repeated: bool,
    /// Who waits for the outcome.
    pub(super) waiting: Option<oneshot::Sender<Result<Value, Error>>>,
}

impl Pending {
    pub(super) fn new(doubt: Doubt) -> Self {
        let since = doubt.taken;
        let mut pending =
            Self { doubt, due: None, since, missed: 0, rounds: 0, repeated: false, waiting: None };
        // What an earlier part of the run left is looked into at once.
        let is_old = matches!(pending.doubt.source, Source::History { .. });
        pending.due =
            if is_old || pending.doubt.is_harmless() { Some(since) } else { pending.next(since) };
        pending
    }

    /// Whether it may be sent again after a look that began then and did not find it.
    fn may_repeat(&self, began: Instant) -> bool {
        if cfg!(drillmaster_break = "hasty") {
            // What a runner does that takes the first absence for a proof.
            return !self.repeated;
        }
        let absence = match self.doubt.write.resolve {
            Resolve::Probe { absence, .. } => absence,
            Resolve::Repeat | Resolve::Refusal => return true,
        };
        let proven = absence == Absence::Repeatable && self.missed >= ENOUGH;
        let past = began >= self.doubt.horizon();
        !self.repeated && past && (proven || self.doubt.policy().repeat_unproven)
    }

    /// When it is looked into after this moment.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let policy = self.doubt.policy();
        let end = self.since + policy.look_for;
        let horizon = self.doubt.horizon();
        let usual = LOOKS.map(|wait| self.since + wait).into_iter().filter(|at| *at <= end);
        // Past the horizon two looks are enough to go by.
        let may_prove = match self.doubt.write.resolve {
            Resolve::Probe { absence, .. } => {
                absence == Absence::Repeatable || policy.repeat_unproven
            }
            Resolve::Repeat | Resolve::Refusal => false,
        };
        let is_in_time = policy.wait || horizon <= end;
        let proof = (may_prove && is_in_time && !self.repeated && self.rounds < MOST_ROUNDS)
            .then(|| if horizon > now { horizon } else { now + self.gap() });
        usual.filter(|at| *at > now).chain(proof).min()
    }

    pub(super) fn gap(&self) -> Duration {
        if self.doubt.policy().effect_within == Some(Duration::ZERO) { Duration::ZERO } else { GAP }
    }

    /// What a look tells, and the repeat that it allows.
    pub(super) async fn after(&mut self, look: &Look) -> Attempt {
        if look.found.contains(&self.doubt.place()) {
            return Attempt::Resolved(self.doubt.done());
        }
        if look.hopeless {
            return Attempt::Hopeless;
        }
        self.missed += u32::from(look.complete);
        let is_proof = look.complete || self.doubt.policy().repeat_unproven;
        if !is_proof || !self.may_repeat(look.began) {
            return Attempt::Open;
        }
        let answer = self.doubt.repeat().await;
        // One that never left is no repeat.
        let left = answer.as_ref().err().is_none_or(|error| !error.is_retryable());
        if left {
            self.repeated = true;
            // It is a write of its own, in doubt from now on.
            (self.doubt.taken, self.doubt.age) = (Instant::now(), Duration::ZERO);
            (self.since, self.missed) = (self.doubt.taken, 0);
        }
        Attempt::of(answer)
    }
}
