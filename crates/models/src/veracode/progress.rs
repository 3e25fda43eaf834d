//! `GET /api/progress`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Status, checks, get};
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, Moment, lenient};

/// Lists the whole team with the progress of each, lesson by lesson.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListProgress {
    /// The page to get, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Users in a page, 1 to 50 (not in the document; seen).
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
    /// Not null where there are more; the address itself is not to be trusted.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub next_page: Option<String>,
    /// The users of this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<Member>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A user and how far they have come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The service's id, opaque.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// The user's address.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// The user's name.
    #[schemars(extend("x-sensitivity" = "name"))]
    pub name: Option<String>,
    /// How many labs are completed.
    pub labs_completed: Option<i64>,
    /// When the user was last seen; a date in the example.
    pub last_active: Option<Moment>,
    /// Points earned.
    pub total_points: Option<Number>,
    /// How many labs are started.
    pub labs_started: Option<i64>,
    /// Whether the account is switched off. The document's example calls it `disabled`, which is read too.
    #[serde(alias = "disabled")]
    pub account_disabled: Option<bool>,
    /// How much of the required content is completed, in percent.
    pub required_completion_percent: Option<Number>,
    /// The points that are required.
    pub points_required: Option<Number>,
    /// The points that could be had.
    pub points_possible: Option<Number>,
    /// The lessons the user has begun.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub lessons: Vec<MemberLesson>,
    /// The user's roles, by name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub roles: Vec<String>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How far a user has come with one lesson.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberLesson {
    /// The lesson's id, opaque.
    pub lesson_id: String,
    /// The lesson's title.
    pub lesson_name: Option<String>,
    /// The module the lesson belongs to.
    pub module: Option<String>,
    /// When it was begun.
    pub start_time: Option<Moment>,
    /// When it was ended; text or number.
    pub end_time: Option<Moment>,
    /// The confidence stated at the start.
    pub start_rating: Option<Number>,
    /// The confidence stated at the end.
    pub end_rating: Option<Number>,
    /// The last step reached.
    pub last_step_reached: Option<i64>,
    /// How far the user has come.
    pub status: Option<Status>,
    /// Points earned; may be missing.
    pub points: Option<Number>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}
