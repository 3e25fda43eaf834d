//! How a doubtful write was settled, as one part of a run would have done it.
//!
//! A run that goes on with an earlier one goes through what that one tried at once and tries for itself then, and
//! looks afresh before it sends something again. A replay counts all that is recorded and looks once.

use drillmaster_models::{Settle, entry};
use serde_json::Value;

use super::straight::{Asked, Step};
use crate::settle::ROUNDS;

/// From what it is known what a run decided about a doubtful write. All that sealing infers is in this module, and
/// begins here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Decisions {
    /// From what was sent after it.
    #[default]
    Inferred,
    /// From nothing: it stays in doubt. Of a journal of an earlier release it is not certain that it is whole.
    Unknown,
}

impl Decisions {
    /// The steps of a scope as one part of a run would have taken them.
    pub(super) fn made_of(self, steps: Vec<Step>) -> Vec<Step> {
        match self {
            Self::Inferred => settled(steps),
            Self::Unknown => steps,
        }
    }

    /// The entries of the writes among these steps that are in doubt because nothing was decided, or because it is not
    /// known what was.
    pub(super) fn missing(self, steps: &[Step]) -> impl Iterator<Item = &str> {
        let steps = steps.iter().filter(move |_| self == Self::Unknown);
        let asked = steps.filter_map(|step| match step {
            Step::Asked(asked) => Some(asked),
            Step::Given(_) => None,
        });
        let in_doubt =
            asked.filter(|asked| asked.trouble().is_some_and(|error| error.is_in_doubt()));
        in_doubt.map(|asked| asked.request.entry.as_str())
    }
}

/// The steps of a scope, without the looks that a later part took anew and the rounds that no replay comes to.
fn settled(mut steps: Vec<Step>) -> Vec<Step> {
    let mut at = 0;
    while at < steps.len() {
        let doubt = asked(&steps, at).and_then(Doubt::of);
        at += 1;
        if let Some(doubt) = doubt {
            let rounds = doubt.rounds(&steps, at);
            let end = rounds.last().map_or(at, |round| round.end);
            let first = rounds.len().saturating_sub(ROUNDS as usize);
            let mut kept: Vec<_> = (at..steps.len()).map(|place| place >= end).collect();
            for round in &rounds[first..] {
                kept[round.from - at..round.end - at].fill(true);
            }
            let count = kept[..end - at].iter().filter(|kept| **kept).count();
            let mut kept = std::iter::repeat_n(true, at).chain(kept);
            steps.retain(|_| kept.next().unwrap_or(true));
            at += count;
        }
    }
    steps
}

/// A write that may have taken effect, and how that is found out.
struct Doubt {
    hash: String,
    /// The entry whose list tells, and the value that is looked for in it.
    look: Option<(&'static str, String)>,
}

/// A look, where one is taken, and the repeat, where one is sent.
struct Round {
    from: usize,
    end: usize,
}

impl Doubt {
    fn of(asked: &Asked) -> Option<Self> {
        let entry = entry(&asked.request.entry).ok()?;
        let settle = entry.spec.effect.write()?.settle;
        if !asked.trouble().is_some_and(|trouble| trouble.is_in_doubt()) {
            return None;
        }
        let look = match settle {
            Settle::Probe { entry: list, field } => {
                let body = asked.request.wire().ok()?.body;
                let fields: Value = serde_json::from_slice(&body).ok()?;
                Some((list, fields[field].as_str()?.to_lowercase()))
            }
            Settle::Repeat | Settle::Refusal => None,
        };
        Some(Self { hash: asked.request.hash.clone(), look })
    }

    /// What followed in order to settle it.
    fn rounds(&self, steps: &[Step], mut at: usize) -> Vec<Round> {
        let mut rounds = Vec::new();
        loop {
            let Some(look) = self.look_at(steps, at) else { return rounds };
            at = look.end;
            let repeat = asked(steps, at).filter(|one| one.request.hash == self.hash);
            let repeat = repeat.filter(|_| look.ended == Ended::Without);
            at += usize::from(repeat.is_some());
            if at > look.from {
                rounds.push(Round { from: look.from, end: at });
            }
            let is_open = match repeat {
                Some(repeat) => is_open(repeat),
                None => look.ended == Ended::InVain,
            };
            if !is_open {
                return rounds;
            }
        }
    }

    /// The look that is taken there. Of several in a row that found nothing the last one is the fresh one.
    fn look_at(&self, steps: &[Step], mut at: usize) -> Option<Look> {
        let Some((list, wanted)) = &self.look else {
            return Some(Look { from: at, end: at, ended: Ended::Without });
        };
        let page = |at: usize| asked(steps, at).filter(|one| one.request.entry == *list);
        let first = &page(at)?.request.hash;
        let mut look = Look { from: at, end: at, ended: Ended::Without };
        while look.ended == Ended::Without
            && let Some(page) = page(at)
        {
            if page.request.hash == *first {
                look.from = at;
            }
            at += 1;
            look.end = at;
            look.ended = match page.trouble() {
                Some(_) => Ended::InVain,
                None if tells(page, wanted) => Ended::With,
                None => Ended::Without,
            };
        }
        Some(look)
    }
}

/// Pages of a list.
struct Look {
    from: usize,
    end: usize,
    ended: Ended,
}

/// How a look ended: with what was looked for, without it, or without an answer.
#[derive(PartialEq, Eq)]
enum Ended {
    With,
    Without,
    InVain,
}

/// Whether another round is worth it.
fn is_open(asked: &Asked) -> bool {
    asked.trouble().is_some_and(|trouble| trouble.is_in_doubt() || trouble.is_retryable())
}

/// Whether a text of the answer is this one, in any case.
fn tells(page: &Asked, wanted: &str) -> bool {
    fn holds(json: &Value, wanted: &str) -> bool {
        match json {
            Value::String(text) => text.to_lowercase() == wanted,
            Value::Array(items) => items.iter().any(|item| holds(item, wanted)),
            Value::Object(fields) => fields.values().any(|value| holds(value, wanted)),
            _ => false,
        }
    }
    let Some(Ok(answer)) = &page.outcome else { return false };
    serde_json::from_slice(&answer.body).is_ok_and(|json| holds(&json, wanted))
}

fn asked(steps: &[Step], at: usize) -> Option<&Asked> {
    match steps.get(at)? {
        Step::Asked(asked) => Some(asked),
        Step::Given(_) => None,
    }
}
