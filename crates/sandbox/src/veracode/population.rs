//! A team in all stages of joining and learning.

use std::collections::HashMap;

use jiff::Timestamp;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::State;
use super::catalogue::{Catalogue, lasting};
use super::id::Id;
use super::team::{Lab, Team, User};
use crate::options::InviteOutcome;
use crate::population::{Person, rng};

/// The sender in the documentation's sample invite: the first person, an administrator.
pub(crate) const FIRST_USER: &str = "cb4f412c59ef801d0e6de1c6";

/// A class is taken from the first people, so this many of them are neither users nor invited.
const FIRST: usize = 60;
const STRANGERS: usize = 20;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl State {
    /// A team with about half of these people. More people do not change the first ones.
    pub(crate) fn populated(people: &[Person], seed: u64, now: Timestamp) -> Self {
        let mut state = Self {
            seed,
            catalogue: Catalogue::of_team(lasting("team", "ours")),
            team: Team::new(lasting("team", "ours")),
            invite_outcome: InviteOutcome::default(),
            reinvite: false,
        };
        let default: Vec<Id> = state.catalogue.default_roles(state.team.id).collect();
        let others: Vec<Id> = state.catalogue.other_roles(state.team.id).collect();
        let required = state.catalogue.required().count();
        let mut paths: HashMap<Vec<Id>, Vec<Id>> = HashMap::new();
        for (number, person) in people.iter().enumerate() {
            let mut rng = rng(seed, &format!("veracode.person:{}", person.email));
            let leads = number == 0;
            let is_full = number < FIRST && state.team.users().len() >= FIRST - STRANGERS;
            if !leads && (is_full || rng.random_bool(0.5)) {
                continue;
            }
            let joined = leads || rng.random_bool(0.85);
            let mut roles = default.clone();
            if rng.random_bool(0.35) && !others.is_empty() {
                roles.push(others[rng.random_range(0..others.len())]);
            }
            let labs = if joined {
                let path =
                    paths.entry(roles.clone()).or_insert_with(|| state.catalogue.path(&roles));
                history(&mut rng, path, required, now)
            } else {
                Vec::new()
            };
            let last_lab = labs.iter().map(Lab::last_visited).max();
            let first_days = now.as_millisecond() - rng.random_range(2..180) * DAY;
            let user = User {
                email: person.email.clone(),
                name: Some(person.name.clone()),
                admin: leads || joined && rng.random_bool(0.03),
                disabled: !leads && joined && rng.random_bool(0.03),
                joined,
                last_active: joined.then(|| last_lab.unwrap_or(first_days)),
                roles,
                invite: None,
                labs,
            };
            let id = Id::parse(FIRST_USER).filter(|_| leads);
            state.team.add(id.unwrap_or_else(|| Id::from_name(seed, "user", &person.email)), user);
        }
        state
    }
}

/// A user's work in the last months: first the required labs of the campaigns, then others.
fn history(rng: &mut ChaCha8Rng, path: &[Id], required: usize, now: Timestamp) -> Vec<Lab> {
    let (count, diligence) = match rng.random_range(0..100) {
        0..20 => (0, 0.0),
        20..32 => (rng.random_range(15..25), 1.0),
        32..45 => (rng.random_range(1..4), 0.0),
        _ => (rng.random_range(1..14), 0.75),
    };
    if count == 0 {
        return Vec::new();
    }
    let mut path = path.to_vec();
    shuffle(rng, &mut path[required..]);
    let mut time = now.as_millisecond() - rng.random_range(150 * DAY..180 * DAY);
    let mut labs = Vec::new();
    for lesson in path {
        let longest_break = if diligence < 1.0 { 12 * DAY } else { 5 * DAY };
        time += rng.random_range(2 * HOUR..longest_break);
        let spent = rng.random_range(5 * MINUTE..90 * MINUTE);
        if labs.len() >= count || time + spent + HOUR > now.as_millisecond() {
            break;
        }
        let skips = diligence < 1.0 && rng.random_bool(0.15);
        let lab = lab(rng, lesson, time, spent, diligence);
        if !skips {
            labs.push(lab);
        }
    }
    labs
}

fn lab(rng: &mut ChaCha8Rng, lesson: Id, start_time: i64, spent: i64, diligence: f64) -> Lab {
    let ended = rng.random_bool(diligence);
    // A reopened lab is started, but keeps its end time.
    let reopened = diligence < 1.0 && rng.random_bool(0.05);
    let start_rating = rng.random_bool(0.9).then(|| rng.random_range(1..=5));
    let end_rating = rng.random_bool(0.8).then(|| rng.random_range(start_rating.unwrap_or(1)..=5));
    Lab {
        lesson,
        start_time,
        end_time: ended.then(|| start_time + spent + rng.random_range(0..HOUR)),
        finished: ended && !reopened,
        spent,
        last_step: if ended { 6 } else { rng.random_range(0..6) },
        start_rating,
        end_rating: end_rating.filter(|_| ended),
    }
}

/// Shuffles lessons (Fisher–Yates).
fn shuffle(rng: &mut ChaCha8Rng, lessons: &mut [Id]) {
    for last in (1..lessons.len()).rev() {
        lessons.swap(last, rng.random_range(0..=last));
    }
}

impl Catalogue {
    /// The roles that every user of a team gets.
    pub(crate) fn default_roles(&self, team: Id) -> impl Iterator<Item = Id> {
        let roles = self.roles.iter().filter(move |(_, role)| role.default && role.team == team);
        roles.map(|(id, _)| *id)
    }

    /// The roles that only some users of a team have.
    fn other_roles(&self, team: Id) -> impl Iterator<Item = Id> {
        let roles = self.roles.iter().filter(move |(_, role)| !role.default && role.team == team);
        roles.map(|(id, _)| *id)
    }

    /// The required labs of the campaigns, in order.
    fn required(&self) -> impl Iterator<Item = Id> {
        let assignments =
            self.campaigns.values().flat_map(|campaign| campaign.assignments.values());
        assignments.flat_map(|assignment| &assignment.labs).copied()
    }

    /// The required labs of the campaigns, then all others that are open to one of these roles.
    fn path(&self, roles: &[Id]) -> Vec<Id> {
        let mut path: Vec<Id> = self.required().collect();
        for (id, lesson) in &self.lessons {
            if !path.contains(id) && roles.iter().any(|role| lesson.roles.contains(role)) {
                path.push(*id);
            }
        }
        path
    }
}
