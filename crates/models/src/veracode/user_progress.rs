//! `GET /api/users/:id/progress`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Status, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata};
use crate::{Endpoint, Extra, Moment, lenient};

/// Shows what one user has done, lesson by lesson.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowUserProgress {
    /// The user's id, from `veracode.users`.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// A page. The document has it, yet the answer has no sign of pages and holds all lessons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
}

impl ShowUserProgress {
    /// The progress of the user with this id.
    pub fn of(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

impl Endpoint for ShowUserProgress {
    type Response = UserProgress;
    const METADATA: Metadata = Metadata {
        errors: &[ErrorSpec::new(400, "invalid user id"), ErrorSpec::new(404, "user not found")],
        list: Some(List::whole("lessons", "lessonId")),
        ..get("veracode.user_progress", "/api/users/{id}/progress")
    };
}

/// A user's points and lessons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserProgress {
    /// The points that are required.
    pub points_required: Option<Number>,
    /// The points that could be had.
    pub points_possible: Option<Number>,
    /// The lessons visited.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub lessons: Vec<VisitedLesson>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a user did with one lesson.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VisitedLesson {
    /// The module the lesson belongs to.
    pub module: Option<String>,
    /// The lesson's id, opaque.
    pub lesson_id: String,
    /// The lesson's title.
    pub lesson_name: Option<String>,
    /// When the lesson was last open; a date in the example.
    pub last_visited: Option<Moment>,
    /// How far the user has come.
    pub status: Option<Status>,
    /// The minutes spent, with fractions.
    pub minutes: Option<Number>,
    /// Points earned.
    pub points: Option<Number>,
    /// The confidence stated at the start.
    pub start_rating: Option<Number>,
    /// The confidence stated at the end.
    pub end_rating: Option<Number>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}
