//! The count of effects, with which tests check that a client does not send a write twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How often each effect took place, by endpoint and by the person that it is about. A refused call counts as
/// none. A call that took effect counts as one, even if its answer is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Writes(BTreeMap<String, BTreeMap<String, u64>>);

impl Writes {
    /// Counts an effect of an endpoint on a person, given by an e-mail address or an id.
    pub(crate) fn add(&mut self, endpoint: &str, subject: &str) {
        let subjects = self.0.entry(endpoint.to_owned()).or_default();
        *subjects.entry(subject.to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_counted_by_endpoint_and_subject() {
        let mut writes = Writes::default();
        writes.add("veracode.invite", "ada@example.com");
        writes.add("veracode.invite", "ada@example.com");
        let json = serde_json::to_value(&writes).unwrap();
        assert_eq!(json, serde_json::json!({ "veracode.invite": { "ada@example.com": 2 } }));
    }
}
