//! `GET /api/progress`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Status, checks, get};
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, Moment, lenient};

/// Lists all users of the team with their progress in each lesson.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListProgress {
    /// The page, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Users per page, 1 to 50 (undocumented; seen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl Endpoint for ListProgress {
    type Response = TeamProgress;
    const METADATA: Metadata = Metadata {
        list: Some(List::paged("users", "id", Paging::NextPage)),
        ..get("veracode.progress", "/api/progress")
    };

    fn check(&self) -> Result<(), FieldError> {
        checks::limit(Self::METADATA.name, self.limit)
    }
}

/// A page of the team.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamProgress {
    /// Not null if there is another page. Do not follow it: it may drop filters or point to another endpoint.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub next_page: Option<String>,
    /// The users on this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<Member>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A user with their progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The user's id, opaque.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// The user's e-mail address.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// The user's name.
    #[schemars(extend("x-sensitivity" = "name"))]
    pub name: Option<String>,
    /// The number of completed labs.
    pub labs_completed: Option<i64>,
    /// When the user was last active. A date in the documentation's example.
    pub last_active: Option<Moment>,
    /// The points earned.
    pub total_points: Option<Number>,
    /// The number of started labs.
    pub labs_started: Option<i64>,
    /// Whether the account is disabled. The documentation's example calls it `disabled`, which is read too.
    #[serde(alias = "disabled")]
    pub account_disabled: Option<bool>,
    /// The completed share of the required content, in percent.
    pub required_completion_percent: Option<Number>,
    /// The points that the user is required to earn.
    pub points_required: Option<Number>,
    /// The points that can be earned.
    pub points_possible: Option<Number>,
    /// The lessons that the user has started.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub lessons: Vec<MemberLesson>,
    /// The user's roles, by name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub roles: Vec<String>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The progress of a user in a lesson.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberLesson {
    /// The lesson's id, opaque.
    pub lesson_id: String,
    /// The lesson's title.
    pub lesson_name: Option<String>,
    /// The lesson's module.
    pub module: Option<String>,
    /// When the user started the lesson.
    pub start_time: Option<Moment>,
    /// When the user ended the lesson; text or number.
    pub end_time: Option<Moment>,
    /// The user's confidence at the start, as rated by the user.
    pub start_rating: Option<Number>,
    /// The user's confidence at the end, as rated by the user.
    pub end_rating: Option<Number>,
    /// The last step that the user reached.
    pub last_step_reached: Option<i64>,
    /// The user's status.
    pub status: Option<Status>,
    /// The points earned; may be missing.
    pub points: Option<Number>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
