//! TryHackMe: the platform's users, the company's seats and api-users, rooms and what people did in them.

mod calls;
mod catalogue;
mod populate;
mod report;
mod scoreboard;

use indexmap::{IndexMap, IndexSet};
use jiff::Timestamp;
use rand::RngExt;
use serde::{Deserialize, Serialize};

pub(crate) use calls::HANDLERS;

use crate::population::rng;

/// What TryHackMe knows. People are found by their e-mail address in lower case.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    seed: u64,
    /// How many seats the company has.
    capacity: usize,
    /// The addresses on seats.
    seated: IndexSet<String>,
    /// Everybody with an account on the platform, of this company or not.
    users: IndexMap<String, User>,
    /// The company's api-users by the company's own ids.
    api_users: IndexMap<String, ApiUser>,
    /// Whom the registration links were made for: tokens and the company's own ids.
    register_tokens: IndexMap<String, String>,
    /// The rooms by their codes.
    rooms: IndexMap<String, Room>,
}

/// An account on the platform.
#[derive(Debug, Serialize, Deserialize)]
struct User {
    id: String,
    username: String,
    email: String,
    total_points: u32,
    monthly_points: u32,
    signed_up: Timestamp,
    /// The company's own id, if this is one of its api-users.
    ext_user_id: Option<String>,
}

impl User {
    fn avatar(&self) -> String {
        // No real address: nothing that a sandbox hands out may lead to the live service.
        format!("https://tryhackme.example/avatars/{}.png", self.id)
    }

    fn level(&self) -> i64 {
        const STEPS: [u32; 12] =
            [100, 250, 500, 1_000, 1_500, 2_500, 4_000, 6_000, 8_500, 11_500, 15_000, 20_000];
        let reached = STEPS.iter().filter(|step| self.total_points >= **step).count();
        i64::try_from(reached + 1).unwrap_or_default()
    }
}

/// Somebody whom the company let in through the API.
#[derive(Debug, Serialize, Deserialize)]
struct ApiUser {
    /// The address of the account; `None` until the person has registered.
    email: Option<String>,
}

/// A room.
#[derive(Debug, Serialize, Deserialize)]
struct Room {
    title: String,
    description: String,
    owner: Owner,
    kind: Kind,
    tasks: Vec<Vec<Question>>,
    /// Who is or was in it, by address.
    #[serde(default)]
    members: IndexMap<String, Member>,
}

impl Room {
    /// Whether the company may see it.
    fn is_visible(&self) -> bool {
        self.owner != Owner::Another
    }
}

/// Who owns a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Owner {
    /// The platform: it is public.
    Everyone,
    /// This company: it is private and ours.
    Company,
    /// Another company: it is private and out of sight.
    Another,
}

/// What kind of room it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    /// Leads through its subject step by step.
    Walkthrough,
    /// Leaves the way to the learner.
    Challenge,
}

/// A question of a task.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    asks: String,
    answer: String,
    #[serde(default)]
    hint: String,
    #[serde(default)]
    extra_points: u32,
}

/// Somebody's work in a room.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Member {
    /// Whether the person was taken out of it.
    left: bool,
    answers: Vec<Attempt>,
    sessions: Vec<Session>,
}

/// What was tried at one question.
#[derive(Debug, Serialize, Deserialize)]
struct Attempt {
    /// Counted from 0, as the question.
    task: usize,
    question: usize,
    attempts: u32,
    points: u32,
    /// When it was answered; `None` until then.
    solved: Option<Timestamp>,
}

/// A stretch of work.
#[derive(Debug, Serialize, Deserialize)]
struct Session {
    start: Timestamp,
    seconds: u32,
}

impl State {
    /// The account at an address.
    fn user(&self, email: &str) -> Option<&User> {
        self.users.get(&key(email))
    }

    /// Whether somebody is the company's: on a seat, or an api-user who has registered.
    fn is_ours(&self, email: &str, user: &User) -> bool {
        user.ext_user_id.is_some() || self.seated.contains(email)
    }

    /// A room that the company may see.
    fn room(&self, code: &str) -> Option<&Room> {
        self.rooms.get(code).filter(|room| room.is_visible())
    }

    /// Writes down somebody who may register, and gives the token for it.
    fn expect(&mut self, ext_user_id: &str) -> String {
        let token = self.token("register", ext_user_id);
        self.register_tokens.insert(token.clone(), ext_user_id.to_owned());
        token
    }

    /// A token that looks secret and is the same for the same seed, purpose and person.
    fn token(&self, purpose: &str, of: &str) -> String {
        const LETTERS: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        let mut rng = rng(self.seed, &format!("{purpose} {of}"));
        (0..32).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect()
    }
}

/// The form in which addresses are compared.
fn key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// An id in the service's form: 24 hex digits.
fn id(number: usize, part: usize) -> String {
    format!("5f{number:014x}{part:08x}")
}

#[cfg(test)]
mod tests;
