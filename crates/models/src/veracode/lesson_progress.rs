//! `GET /api/lessons/:id/progress`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Status, checks, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, Moment, lenient};

/// Shows how far users have come with one lesson.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowLessonProgress {
    /// The lesson's id, from `veracode.lessons`.
    pub id: String,
    /// The page to get, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Users in a page, 1 to 50 (not in the document; seen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl ShowLessonProgress {
    /// The progress in the lesson with this id.
    pub fn of(id: impl Into<String>) -> Self {
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

/// A lesson, and a page of the users who have to do with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LessonProgress {
    /// Not null where there are more; the address itself is not to be trusted.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub next_page: Option<String>,
    /// The service's id, opaque.
    pub id: String,
    /// The name people know.
    pub title: Option<String>,
    /// The module it belongs to.
    pub module: Option<String>,
    /// The points it gives.
    pub points: Option<Number>,
    /// The roles it is meant for, by name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub roles: Vec<String>,
    /// The users of this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<Learner>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How far a user has come with the lesson. Only the id says who it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Learner {
    /// The user's id, opaque.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// When it was begun.
    pub start_time: Option<Moment>,
    /// When it was ended; present in the example though the status is but "Started".
    pub end_time: Option<Moment>,
    /// The confidence stated at the start.
    pub start_rating: Option<Number>,
    /// The confidence stated at the end.
    pub end_rating: Option<Number>,
    /// The last step reached.
    pub last_step_reached: Option<i64>,
    /// How far the user has come.
    pub status: Option<Status>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}
