//! `GET /api/lessons/:id/progress`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Status, checks, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, Moment, lenient};

/// Shows the progress of users in one lesson.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowLessonProgress {
    /// The lesson's id, from `veracode.lessons`.
    pub id: String,
    /// The page, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Users per page, 1 to 50 (undocumented; seen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl ShowLessonProgress {
    /// A request for the progress in the lesson with this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

impl Endpoint for ShowLessonProgress {
    type Response = LessonProgress;
    const METADATA: Metadata = Metadata {
        errors: &[
            ErrorSpec::new(400, "invalid lesson id"),
            ErrorSpec::new(404, "lesson not found"),
        ],
        list: Some(List::paged("users", "id", Paging::NextPage)),
        ..get("veracode.lesson_progress", "/api/lessons/{id}/progress")
    };

    fn check(&self) -> Result<(), FieldError> {
        checks::limit(Self::METADATA.name, self.limit)
    }
}

/// A lesson with a page of the users who can take it or have started it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LessonProgress {
    /// Not null if there is another page. Do not follow it: it may drop filters or point to another endpoint.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub next_page: Option<String>,
    /// The lesson's id, opaque.
    pub id: String,
    /// The title of the lesson.
    pub title: Option<String>,
    /// The lesson's module.
    pub module: Option<String>,
    /// The points for the lesson.
    pub points: Option<Number>,
    /// The roles that the lesson is for, by name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub roles: Vec<String>,
    /// The users on this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<Learner>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The progress of a user in the lesson. Users are identified only by their id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Learner {
    /// The user's id, opaque.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// When the user started the lesson.
    pub start_time: Option<Moment>,
    /// When the user ended the lesson. Present in the documentation's example although the status is "Started".
    pub end_time: Option<Moment>,
    /// The user's confidence at the start, as rated by the user.
    pub start_rating: Option<Number>,
    /// The user's confidence at the end, as rated by the user.
    pub end_rating: Option<Number>,
    /// The last step that the user reached.
    pub last_step_reached: Option<i64>,
    /// The user's status.
    pub status: Option<Status>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
