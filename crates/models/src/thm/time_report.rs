//! `POST /api/v2/external/reports/time`, which reads

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::post;
use crate::effect::Effect;
use crate::metadata::{List, Metadata, Reply};
use crate::{Endpoint, Extra, FieldError, Instant, lenient};

/// Reports how long users were at work in rooms between two points in time.
///
/// It is known from use, not from the documents: a published client calls it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportTime {
    /// The addresses of the users' accounts, at least one.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub user_emails: Vec<String>,
    /// Where the time begins, such as `2026-09-01` or `2026-09-01T08:00:00Z`.
    pub from: Instant,
    /// Where it ends.
    pub to: Instant,
    /// The kinds of rooms that count; all where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_types: Option<Vec<RoomType>>,
}

/// A kind of room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RoomType {
    /// Leads through its subject step by step.
    Walkthrough,
    /// Leaves the way to the learner.
    Challenge,
}

impl Endpoint for ReportTime {
    type Response = TimeReport;
    const METADATA: Metadata = Metadata {
        reply: Reply::Data,
        // It posts only because a list of addresses is too long for a query.
        effect: Effect::Read,
        list: Some(List::whole("users", "email")),
        ..post("thm.time_report", "/api/v2/external/reports/time", "userEmails")
    };

    fn check(&self) -> Result<(), FieldError> {
        let wrong = |field, problem| Err(FieldError::new(Self::METADATA.name, field, problem));
        if self.user_emails.is_empty() {
            return wrong("userEmails", "is empty: name at least one address");
        }
        if self.from > self.to {
            return wrong("from", "is after `to`: exchange the two");
        }
        Ok(())
    }
}

/// The time that users spent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimeReport {
    /// The users that were asked about.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<TimeSpent>,
    /// The shortest time among them, in seconds.
    pub min_seconds: Option<Number>,
    /// The longest time among them, in seconds.
    pub max_seconds: Option<Number>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The time that one user spent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimeSpent {
    /// The service's id of the user, opaque.
    #[serde(rename = "_id")]
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: Option<String>,
    /// The user's public name.
    #[schemars(extend("x-sensitivity" = "username"))]
    pub username: Option<String>,
    /// The address of the user's account.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: String,
    /// Time spent, in seconds.
    pub total_seconds: Option<Number>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}
