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
    /// The page to get, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Lessons in a page, 1 to 50 (not in the document; seen).
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
    /// Not null where there are more; the address itself is not to be trusted.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub next_page: Option<String>,
    /// The lessons of this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub lessons: Vec<Lesson>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A lesson.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lesson {
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
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}
