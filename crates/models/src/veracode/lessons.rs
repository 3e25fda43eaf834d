//! `GET /api/lessons`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{checks, get};
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, lenient};

/// Lists the team's lessons.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListLessons {
    /// The page, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Lessons per page, 1 to 50 (undocumented; seen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl Endpoint for ListLessons {
    type Response = Lessons;
    const METADATA: Metadata = Metadata {
        list: Some(List::paged("lessons", "id", Paging::NextPage)),
        ..get("veracode.lessons", "/api/lessons")
    };

    fn check(&self) -> Result<(), FieldError> {
        checks::limit(Self::METADATA.name, self.limit)
    }
}

/// A page of lessons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lessons {
    /// Not null if there is another page. Do not follow it: it may drop filters or point to another endpoint.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub next_page: Option<String>,
    /// The lessons on this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub lessons: Vec<Lesson>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A lesson.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lesson {
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
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
