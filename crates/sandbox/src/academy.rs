//! The whole state of a sandbox: both services and what was written to them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::options::Options;
use crate::population::people;
use crate::{thm, veracode};

/// Both services with the same people.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Academy {
    /// The time at which every call arrives.
    pub(crate) now: Timestamp,
    /// TryHackMe.
    pub(crate) thm: thm::State,
    /// Security Labs.
    pub(crate) veracode: veracode::State,
    /// What was really carried out.
    pub(crate) writes: Writes,
}

impl Academy {
    /// An academy as these options describe it.
    pub(crate) fn new(options: &Options) -> Self {
        let people = people(options.seed, options.learners);
        let mut veracode = veracode::State::populated(&people, options.seed, options.now);
        veracode.set_invite_outcome(options.invite_outcome);
        veracode.set_reinvite(options.reinvite);
        Self {
            now: options.now,
            thm: thm::State::populated(&people, options.seed, options.seats, options.now),
            veracode,
            writes: Writes::default(),
        }
    }
}

/// How often each effect was really carried out, by endpoint and by whom it was about. A refused call counts
/// nothing, a doubtful one that took effect counts one: whoever tests a client's recovery reads it here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Writes(BTreeMap<String, BTreeMap<String, u64>>);

impl Writes {
    /// Counts one effect of an endpoint on somebody: an e-mail address or an external id.
    pub(crate) fn add(&mut self, endpoint: &str, subject: &str) {
        let subjects = self.0.entry(endpoint.to_owned()).or_default();
        *subjects.entry(subject.to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_counted_by_entry_and_subject() {
        let mut writes = Writes::default();
        writes.add("veracode.invite", "ada@example.com");
        writes.add("veracode.invite", "ada@example.com");
        let json = serde_json::to_value(&writes).unwrap();
        assert_eq!(json, serde_json::json!({ "veracode.invite": { "ada@example.com": 2 } }));
    }
}
