//! `GET /api/lessons/search`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Pages, checks, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, lenient};

/// Lists lessons by their tags, which are topics and technologies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchLessons {
    /// What the tags are searched for, at most 300 characters, such as `OWASP #8`, `CWE-601` or `Python`.
    /// Without it all lessons are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phrase: Option<String>,
    /// Lessons in a page, 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The page to get, counted from 0.
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

/// A page of lessons that were found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundLessons {
    /// Where this page stands.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub pages: Pages,
    /// The lessons of this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub lessons: Vec<FoundLesson>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A lesson that was found. It comes without the id that other endpoints ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundLesson {
    /// Whether it is a challenge.
    pub challenge: Option<bool>,
    /// What it is about, in a sentence.
    pub description: Option<String>,
    /// The technology it is built with.
    pub stack: Option<String>,
    /// Topics and technologies.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tags: Vec<String>,
    /// The name people know.
    pub title: Option<String>,
    /// The topic.
    pub topic: Option<String>,
    /// Its address, relative to the service.
    pub url: Option<String>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}
