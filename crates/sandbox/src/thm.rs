//! TryHackMe: the users of the platform, the company's seats and api-users, rooms, and people's work in them.

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

/// The state of TryHackMe. People are found by their e-mail address in lower case.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    seed: u64,
    /// The number of seats that the company has.
    capacity: usize,
    /// The e-mail addresses of the users on seats.
    seated: IndexSet<String>,
    /// All accounts on the platform, of this company and others.
    users: IndexMap<String, User>,
    /// The company's api-users by the company's own ids.
    api_users: IndexMap<String, ApiUser>,
    /// The api-users with registration links, by token.
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
        // Not a real URL: no link of a sandbox may lead to the live service.
        format!("https://tryhackme.example/avatars/{}.png", self.id)
    }

    fn level(&self) -> i64 {
        const STEPS: [u32; 12] =
            [100, 250, 500, 1_000, 1_500, 2_500, 4_000, 6_000, 8_500, 11_500, 15_000, 20_000];
        let reached = STEPS.iter().filter(|step| self.total_points >= **step).count();
        i64::try_from(reached + 1).unwrap_or_default()
    }
}

/// A person who was created through the API.
#[derive(Debug, Serialize, Deserialize)]
struct ApiUser {
    /// The e-mail address of the account; `None` until the person has registered.
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
    /// The people who are or were in the room, by e-mail address.
    #[serde(default)]
    members: IndexMap<String, Member>,
}

impl Room {
    /// Whether the company can see the room.
    fn is_visible(&self) -> bool {
        self.owner != Owner::Another
    }
}

/// Who owns a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Owner {
    /// The platform. The room is public.
    Everyone,
    /// This company. The room is private.
    Company,
    /// Another company. The room is invisible.
    Another,
}

/// The kind of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    /// Explains its subject step by step.
    Walkthrough,
    /// Learners solve it on their own.
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

/// A person's work in a room.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Member {
    /// Whether the person was removed from the room.
    left: bool,
    answers: Vec<Attempt>,
    sessions: Vec<Session>,
}

/// A person's attempts at a question.
#[derive(Debug, Serialize, Deserialize)]
struct Attempt {
    /// Counted from 0, like the question.
    task: usize,
    question: usize,
    attempts: u32,
    points: u32,
    /// When it was answered correctly; `None` until then.
    solved: Option<Timestamp>,
}

/// A period of work.
#[derive(Debug, Serialize, Deserialize)]
struct Session {
    start: Timestamp,
    seconds: u32,
}

impl State {
    /// The account with an e-mail address.
    fn user(&self, email: &str) -> Option<&User> {
        self.users.get(&key(email))
    }

    /// Whether a user belongs to the company: on a seat, or a registered api-user.
    fn is_ours(&self, email: &str, user: &User) -> bool {
        user.ext_user_id.is_some() || self.seated.contains(email)
    }

    /// A room that the company can see.
    fn room(&self, code: &str) -> Option<&Room> {
        self.rooms.get(code).filter(|room| room.is_visible())
    }

    /// Creates the registration token of an api-user.
    fn register_token(&mut self, ext_user_id: &str) -> String {
        let token = self.token("register", ext_user_id);
        self.register_tokens.insert(token.clone(), ext_user_id.to_owned());
        token
    }

    /// A token that looks random and is the same for the same seed, purpose and person.
    fn token(&self, purpose: &str, person: &str) -> String {
        const LETTERS: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        let mut rng = rng(self.seed, &format!("{purpose} {person}"));
        (0..32).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect()
    }
}

/// The normal form of an e-mail address, for comparisons.
fn key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// An id in the format of the service: 24 hexadecimal digits.
fn id(number: usize, part: usize) -> String {
    format!("5f{number:014x}{part:08x}")
}

#[cfg(test)]
mod tests;
