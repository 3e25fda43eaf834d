//! `POST /api/v2/external/reports/time`, a read

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::post;
use crate::effect::Effect;
use crate::metadata::{List, Metadata, Reply};
use crate::{Endpoint, Extra, FieldError, Instant, lenient};

/// Reports the time that users spent in rooms during a period.
///
/// The documentation does not mention it. It is known from a published client that calls it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportTime {
    /// The e-mail addresses of the users' accounts, at least one.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub user_emails: Vec<String>,
    /// The start of the period, such as `2026-09-01` or `2026-09-01T08:00:00Z`.
    pub from: Instant,
    /// The end of the period.
    pub to: Instant,
    /// The kinds of rooms to count. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_types: Option<Vec<RoomType>>,
}

/// A kind of room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RoomType {
    /// A walkthrough, which explains its subject step by step.
    Walkthrough,
    /// A challenge, which learners solve on their own.
    Challenge,
}

impl Endpoint for ReportTime {
    type Response = TimeReport;
    const METADATA: Metadata = Metadata {
        reply: Reply::Data,
        // It is a POST only because a list of addresses is too long for a query.
        effect: Effect::Read,
        list: Some(List::whole("users", "email")),
        ..post("thm.time_report", "/api/v2/external/reports/time", "userEmails")
    };

    fn check(&self) -> Result<(), FieldError> {
        let wrong = |field, problem| Err(FieldError::new(Self::METADATA.name, field, problem));
        if self.user_emails.is_empty() {
            return wrong("userEmails", "is empty: give at least one address");
        }
        if self.from > self.to {
            return wrong("from", "is after `to`: swap the two");
        }
        Ok(())
    }
}

/// The time that users spent in rooms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimeReport {
    /// The requested users.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<TimeSpent>,
    /// The shortest time of these users, in seconds.
    pub min_seconds: Option<Number>,
    /// The longest time of these users, in seconds.
    pub max_seconds: Option<Number>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The time that a user spent in rooms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimeSpent {
    /// The user's id, opaque.
    #[serde(rename = "_id")]
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: Option<String>,
    /// The user name.
    #[schemars(extend("x-sensitivity" = "username"))]
    pub username: Option<String>,
    /// The e-mail address of the user's account.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: String,
    /// The time spent, in seconds.
    pub total_seconds: Option<Number>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
