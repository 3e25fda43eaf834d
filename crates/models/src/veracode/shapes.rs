//! Types that several endpoints share.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Extra, Moment, lenient};

/// Which page of a list an answer is. Do not follow its URLs: in the documentation's examples they point to
/// another endpoint and drop filters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pages {
    /// The number of this page, counted from 0.
    pub current: Option<i64>,
    /// The number of the previous page; null on the first page.
    pub previous: Option<i64>,
    /// The number of the next page; null on the last page.
    pub next: Option<i64>,
    /// The number of items per page.
    pub limit: Option<i64>,
    /// The number of items on all pages.
    pub total: Option<i64>,
    /// The URL of this page.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub current_url: Option<String>,
    /// The URL of the next page; null on the last page.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub next_url: Option<String>,
    /// The URL of the previous page; null on the first page.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub previous_url: Option<String>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A role in a summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleRef {
    /// The role's id, opaque.
    pub id: String,
    /// The name of the role.
    pub name: Option<String>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The number of users at each milestone. Unknown milestones are in `extra`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Milestones {
    /// The number of all users.
    pub total: Option<i64>,
    /// Users who have finished: one lab in the onboarding, all labs in a campaign.
    pub finished: Option<i64>,
    /// Users who have not started a lab.
    pub not_started: Option<i64>,
    /// Users who have not signed up. Only in the onboarding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_signed_up: Option<i64>,
    /// Users who have started a lab.
    pub started: Option<i64>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The milestone that a user has reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Milestone {
    /// Finished.
    Finished,
    /// Has started a lab.
    Started,
    /// Has not started a lab.
    NotStarted,
    /// Has not signed up.
    NotSignedUp,
    /// An unknown milestone.
    #[serde(untagged)]
    Other(String),
}

/// The status of a user in a lesson. `endTime` does not imply it: the documentation has one for a lesson that is
/// only started.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub enum Status {
    /// Started.
    Started,
    /// Finished.
    Finished,
    /// Not started.
    NotStarted,
    /// Open. The service writes it in lower case.
    #[serde(rename = "open")]
    Open,
    /// An unknown status.
    #[serde(untagged)]
    Other(String),
}

/// A user with their milestone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserMilestone {
    /// The user's id, opaque.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// When the user was last active.
    pub last_active: Option<Moment>,
    /// The milestone that the user has reached.
    pub milestone: Option<Milestone>,
    /// The user's name.
    #[schemars(extend("x-sensitivity" = "name"))]
    pub name: Option<String>,
    /// The user's roles.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub roles: Vec<RoleRef>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The direction in which a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum SortType {
    /// In ascending order.
    Asc,
    /// In descending order.
    Desc,
}

/// Reads a flag that may be text: the service accepts `"true"` for `true` and returns what it was sent.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "true or false, plain or as text")]
    enum Form {
        Plain(bool),
        Text(Word),
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        True,
        False,
    }
    let form: Option<Form> = Option::deserialize(deserializer)?;
    Ok(form.map(|form| match form {
        Form::Plain(flag) => flag,
        Form::Text(word) => matches!(word, Word::True),
    }))
}
