//! `GET /api/users/:id/progress`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Status, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata};
use crate::{Endpoint, Extra, Moment, lenient};

/// Shows the progress of one user in each lesson.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowUserProgress {
    /// The user's id, from `veracode.users`.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// The page. Documented, although the answer contains all lessons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
}

impl ShowUserProgress {
    /// A request for the progress of the user with this id.
    pub fn new(id: impl Into<String>) -> Self {
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
    /// The points that the user is required to earn.
    pub points_required: Option<Number>,
    /// The points that can be earned.
    pub points_possible: Option<Number>,
    /// The lessons that the user has visited.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub lessons: Vec<VisitedLesson>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A user's work on a lesson.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VisitedLesson {
    /// The lesson's module.
    pub module: Option<String>,
    /// The lesson's id, opaque.
    pub lesson_id: String,
    /// The lesson's title.
    pub lesson_name: Option<String>,
    /// When the user last visited the lesson. A date in the documentation's example.
    pub last_visited: Option<Moment>,
    /// The user's status.
    pub status: Option<Status>,
    /// The time spent, in minutes with fractions.
    pub minutes: Option<Number>,
    /// The points earned.
    pub points: Option<Number>,
    /// The user's confidence at the start, as rated by the user.
    pub start_rating: Option<Number>,
    /// The user's confidence at the end, as rated by the user.
    pub end_rating: Option<Number>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
