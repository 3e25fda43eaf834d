//! `GET /api/lessons/search`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Pages, checks, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, lenient};

/// Searches lessons by their tags: topics and technologies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchLessons {
    /// Only lessons with this text in a tag, at most 300 characters, such as `OWASP #8`, `CWE-601` or `Python`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phrase: Option<String>,
    /// Lessons per page, 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The page, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
}

impl Endpoint for SearchLessons {
    type Response = FoundLessons;
    const METADATA: Metadata = Metadata {
        errors: &[ErrorSpec::new(400, "invalid phrase")],
        list: Some(List::paged("lessons", "", Paging::Pages)),
        ..get("veracode.search_lessons", "/api/lessons/search")
    };

    fn check(&self) -> Result<(), FieldError> {
        checks::at_most(300, Self::METADATA.name, "phrase", self.phrase.as_deref())?;
        checks::limit(Self::METADATA.name, self.limit)
    }
}

/// A page of search results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundLessons {
    /// Which page this is.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub pages: Pages,
    /// The lessons on this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub lessons: Vec<FoundLesson>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A search result. It does not have the id that other endpoints need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundLesson {
    /// Whether the lesson is a challenge.
    pub challenge: Option<bool>,
    /// The description of the lesson.
    pub description: Option<String>,
    /// The lesson's technology.
    pub stack: Option<String>,
    /// The lesson's topics and technologies.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tags: Vec<String>,
    /// The title of the lesson.
    pub title: Option<String>,
    /// The lesson's topic.
    pub topic: Option<String>,
    /// The URL of the lesson, relative to the service.
    pub url: Option<String>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
