//! TryHackMe's Enterprise API, in its current and its legacy dialect.
//!
//! Sources: the vendor's help article (current), the older API page (legacy), and for
//! `thm.time_report` a published client that calls it.

mod add_seat;
mod authenticate;
mod leave_room;
mod questions;
mod register;
mod remove_seat;
mod room_exists;
mod rooms;
mod scoreboard;
mod time_report;
mod users;

pub use add_seat::{AddSeat, Seat};
pub use authenticate::{Authenticate, LegacyAuthenticate, Link};
pub use leave_room::{LeaveRoom, LeftRoom, LegacyLeaveRoom};
pub use questions::{ListQuestions, Question, Questions, Task};
pub use register::{Register, Registration};
pub use remove_seat::RemoveSeat;
pub use room_exists::{CheckRoom, RoomExists};
pub use rooms::{LegacyRooms, ListRooms, Room, Rooms};
pub use scoreboard::{Answered, LegacyAnswered, LegacyStanding, ShowScoreboard, Standing};
pub use time_report::{ReportTime, RoomType, TimeReport, TimeSpent};
pub use users::{LegacyUser, LegacyUsers, ListUsers, User, Users};

use crate::entry::{Dialect, Entry};
use crate::service::Service;
use crate::spec::{Credential, Fault, Means, Payload, Reply, Spec};

/// The service.
pub static SERVICE: Service = Service {
    name: "thm",
    title: "TryHackMe",
    base_url: "https://tryhackme.com",
    credential_variable: "DRILLMASTER_THM_KEY",
    credential_form: "KEY",
    has_legacy: true,
    probe: "thm.users",
    faults: &[Fault::new(403, "API Key is invalid or has expired.").meaning(Means::Credential)],
    entries: &ENTRIES,
};

/// Every endpoint, once.
pub static ENTRIES: [Entry; 11] = [
    Entry::of::<Register>(),
    Entry::of::<Authenticate>(),
    Entry::of::<AddSeat>(),
    Entry::of::<RemoveSeat>(),
    Entry::of::<ShowScoreboard>(),
    Entry::of::<ListUsers>(),
    Entry::of::<LeaveRoom>(),
    Entry::of::<ListRooms>(),
    Entry::of::<CheckRoom>(),
    Entry::of::<ListQuestions>(),
    Entry::of::<ReportTime>(),
];

const KEY: Credential = Credential::Header("THM-API-KEY");

const fn get(name: &'static str, path: &'static str) -> Spec {
    with_key(Spec::get(name, path))
}

const fn post(name: &'static str, path: &'static str, subject: &'static str) -> Spec {
    with_key(Spec::post(name, path, subject))
}

const fn put(name: &'static str, path: &'static str, subject: &'static str) -> Spec {
    with_key(Spec::put(name, path, subject))
}

const fn delete(name: &'static str, path: &'static str, subject: &'static str) -> Spec {
    with_key(Spec::delete(name, path, subject))
}

const fn with_key(spec: Spec) -> Spec {
    Spec { credential: KEY, ..spec }
}

/// The same call in the legacy dialect: another path, and never an envelope.
const fn legacy(current: Spec, path: &'static str) -> Spec {
    Spec { dialect: Dialect::Legacy, path, reply: Reply::Bare, ..current }
}

/// A legacy POST: a form with the key among its fields.
const fn legacy_form(current: Spec) -> Spec {
    Spec {
        payload: Payload::Form,
        credential: Credential::FormField("apiKey"),
        ..legacy(current, current.path)
    }
}
