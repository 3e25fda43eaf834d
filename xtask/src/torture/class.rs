//! The class: some wait for a seat, some have everything already, and some are new.

use std::collections::HashSet;
use std::path::Path;

use drillmaster_models::thm::{AddSeat, Authenticate};
use drillmaster_models::veracode::Invite;
use drillmaster_models::{Endpoint, endpoint};
use drillmaster_sandbox::{Options, Sandbox};
use fastrand::Rng;
use serde_json::Value;

use crate::Outcome;

/// The learners of a roster, in its order.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) learners: Vec<Learner>,
}

/// A learner to onboard.
#[derive(Debug)]
pub(super) struct Learner {
    pub(super) email: String,
    pub(super) id: String,
    pub(super) roles: &'static str,
    /// The endpoints that must take effect, given the sandbox's state at the start.
    pub(super) owed: Vec<&'static str>,
}

impl Learner {
    /// What the service counts effects by: the field that the endpoint declares as its subject.
    pub(super) fn subject(&self, name: &str) -> &str {
        let write = endpoint(name).ok().and_then(|endpoint| endpoint.metadata.effect.write());
        if write.is_some_and(|write| write.subject == "email") { &self.email } else { &self.id }
    }
}

/// Options of a sandbox with enough people to draw a class from.
pub(super) fn options(seed: u64, learners: usize) -> Options {
    Options { seed, learners: learners * 3, seats: learners * 4, ..Options::default() }
}

impl Class {
    /// Draws a class from the people in a sandbox with these options.
    pub(super) fn gather(
        options: Options,
        size: usize,
        folder: &Path,
        chance: &mut Rng,
    ) -> Outcome<Self> {
        let people = People::of(options, folder)?;
        let mut known: Vec<&String> = people.accounts.iter().collect();
        // A set has no order, and the seed should decide everything.
        known.sort_unstable();
        chance.shuffle(&mut known);
        let (waiting, settled): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|email| !people.seated.contains(*email));
        let waiting = waiting.into_iter().take(size / 3);
        let known: Vec<&String> = waiting.chain(settled.into_iter().take(size / 10)).collect();
        let newcomers = known.len()..size;
        let mut learners: Vec<_> = known.into_iter().map(|email| people.learner(email)).collect();
        learners.extend(newcomers.map(|n| people.learner(&format!("newcomer-{n}@example.com"))));
        chance.shuffle(&mut learners);
        Ok(Self { learners })
    }

    /// Writes the roster.
    pub(super) fn write(&self, path: &Path) -> Outcome {
        let line = |(number, learner): (usize, &Learner)| {
            let Learner { email, id, roles, .. } = learner;
            format!("{email},Learner {number},{id},{roles}\n")
        };
        let lines = self.learners.iter().enumerate().map(line);
        let roster: String =
            ["email,name,id,roles\n".to_owned()].into_iter().chain(lines).collect();
        std::fs::write(path, roster)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}

/// The people in a sandbox, by address.
struct People {
    accounts: HashSet<String>,
    seated: HashSet<String>,
    members: HashSet<String>,
}

impl People {
    /// Reads the saved state, because no endpoint lists people outside of the company.
    fn of(options: Options, folder: &Path) -> Outcome<Self> {
        let path = folder.join("people.json");
        Sandbox::new(options).save(&path).map_err(|error| error.to_string())?;
        let text = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let state: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let people = Self {
            accounts: names(&state["thm"]["users"]),
            seated: names(&state["thm"]["seated"]),
            members: names(&state["veracode"]["team"]["users"]),
        };
        if people.accounts.is_empty() || people.seated.is_empty() || people.members.is_empty() {
            return Err("the saved state of a sandbox has another form by now".to_owned());
        }
        Ok(people)
    }

    fn learner(&self, email: &str) -> Learner {
        let owed = [
            (self.accounts.contains(email) && !self.seated.contains(email), AddSeat::METADATA.name),
            // The service does not know the ids yet.
            (true, Authenticate::METADATA.name),
            (!self.members.contains(email), Invite::METADATA.name),
        ];
        Learner {
            email: email.to_owned(),
            id: format!("torture-{}", email.split('@').next().unwrap_or_default()),
            roles: ["", "Developers", "QA;Security"][email.len() % 3],
            owed: owed.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect(),
        }
    }
}

/// The addresses in a part of the state: texts of a list, or the items' e-mail addresses.
fn names(part: &Value) -> HashSet<String> {
    let items: Vec<&Value> = match part {
        Value::Object(named) if named.values().all(|item| item["email"].is_string()) => {
            named.values().collect()
        }
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    let address = |item: &Value| {
        let text = item.as_str().or_else(|| item["email"].as_str())?;
        Some(text.to_lowercase())
    };
    items.into_iter().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_people_of_every_kind_and_follows_from_the_seed() {
        let folder = tempfile::tempdir().unwrap();
        let class = |seed| {
            let mut chance = Rng::with_seed(seed);
            Class::gather(options(1, 40), 40, folder.path(), &mut chance).unwrap()
        };
        let learners = class(1).learners;
        assert_eq!(learners.len(), 40);
        for kinds in [1, 2, 3] {
            assert!(learners.iter().any(|learner| learner.owed.len() == kinds), "{kinds}");
        }
        let order =
            |class: Class| class.learners.into_iter().map(|one| one.email).collect::<Vec<_>>();
        assert_eq!(order(class(1)), order(class(1)));
        assert_ne!(order(class(1)), order(class(2)));
    }
}
