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
pub use scoreboard::{
    Answered, LegacyAnswered, LegacyScoreboard, LegacyStanding, ShowScoreboard, Standing,
};
pub use time_report::{ReportTime, RoomType, TimeReport, TimeSpent};
pub use users::{LegacyUser, LegacyUsers, ListUsers, User, Users};

use crate::dialect::Dialect;
use crate::endpoint_def::EndpointDef;
use crate::error_spec::{ErrorSpec, Means};
use crate::metadata::{Credential, Metadata, Payload, Reply};
use crate::service::Service;

/// The service.
pub static SERVICE: Service = Service {
    name: "thm",
    title: "TryHackMe",
    base_url: "https://tryhackme.com",
    credential_variable: "DRILLMASTER_THM_KEY",
    credential_form: "KEY",
    has_legacy: true,
    probe: "thm.users",
    errors: &[ErrorSpec::new(403, "API Key is invalid or has expired.").meaning(Means::Credential)],
};

/// Every endpoint, once.
pub static ENDPOINTS: [EndpointDef; 11] = [
    EndpointDef::new::<Register>(&SERVICE),
    EndpointDef::new::<Authenticate>(&SERVICE),
    EndpointDef::new::<AddSeat>(&SERVICE),
    EndpointDef::new::<RemoveSeat>(&SERVICE),
    EndpointDef::new::<ShowScoreboard>(&SERVICE),
    EndpointDef::new::<ListUsers>(&SERVICE),
    EndpointDef::new::<LeaveRoom>(&SERVICE),
    EndpointDef::new::<ListRooms>(&SERVICE),
    EndpointDef::new::<CheckRoom>(&SERVICE),
    EndpointDef::new::<ListQuestions>(&SERVICE),
    EndpointDef::new::<ReportTime>(&SERVICE),
];

const KEY: Credential = Credential::Header("THM-API-KEY");

const fn get(name: &'static str, path: &'static str) -> Metadata {
    with_key(Metadata::get(name, path))
}

const fn post(name: &'static str, path: &'static str, subject: &'static str) -> Metadata {
    with_key(Metadata::post(name, path, subject))
}

const fn put(name: &'static str, path: &'static str, subject: &'static str) -> Metadata {
    with_key(Metadata::put(name, path, subject))
}

const fn delete(name: &'static str, path: &'static str, subject: &'static str) -> Metadata {
    with_key(Metadata::delete(name, path, subject))
}

const fn with_key(metadata: Metadata) -> Metadata {
    Metadata { credential: KEY, ..metadata }
}

/// The same call in the legacy dialect: another path, and never an envelope.
const fn legacy(current: Metadata, path: &'static str) -> Metadata {
    Metadata { dialect: Dialect::Legacy, path, reply: Reply::Bare, ..current }
}

/// A legacy POST: a form with the key among its fields.
const fn legacy_form(current: Metadata) -> Metadata {
    Metadata {
        payload: Payload::Form,
        credential: Credential::FormField("apiKey"),
        ..legacy(current, current.path)
    }
}
