//! Shapes that several endpoints share.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Extra, Moment, lenient};

/// Where a page stands among all pages. The addresses are kept and not to be trusted: in the document
/// they point at another endpoint and drop filters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pages {
    /// The number of this page, counted from 0.
    pub current: Option<i64>,
    /// The number of the page before, null on the first one.
    pub previous: Option<i64>,
    /// The number of the page after, null on the last one.
    pub next: Option<i64>,
    /// Items in a page.
    pub limit: Option<i64>,
    /// Items in all pages.
    pub total: Option<i64>,
    /// The address of this page.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub current_url: Option<String>,
    /// The address of the page after, null on the last one.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub next_url: Option<String>,
    /// The address of the page before, null on the first one.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub previous_url: Option<String>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A role, as the summaries name it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleRef {
    /// The service's id, opaque.
    pub id: String,
    /// The name people know.
    pub name: Option<String>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How many users have reached which milestone. Milestones that this crate does not know are in `extra`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Milestones {
    /// All users.
    pub total: Option<i64>,
    /// Users who have finished: a lab in the onboarding, all labs in a campaign.
    pub finished: Option<i64>,
    /// Users who have started no lab.
    pub not_started: Option<i64>,
    /// Users who have not signed up; in the onboarding only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_signed_up: Option<i64>,
    /// Users who have started a lab.
    pub started: Option<i64>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How far a user has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Milestone {
    /// Finished.
    Finished,
    /// Started a lab.
    Started,
    /// Started no lab.
    NotStarted,
    /// Has not signed up.
    NotSignedUp,
    /// A milestone that the document does not name, as it came.
    #[serde(untagged)]
    Other(String),
}

/// How far a user has come with one lesson. Not to be guessed from `endTime`: the document has one on a
/// lesson that is but started.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub enum Status {
    /// Started.
    Started,
    /// Finished.
    Finished,
    /// Not started.
    NotStarted,
    /// Open, spelt small on the wire.
    #[serde(rename = "open")]
    Open,
    /// A status that is not known, as it came.
    #[serde(untagged)]
    Other(String),
}

/// A user with the milestone reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserMilestone {
    /// The service's id, opaque.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// When the user was last seen.
    pub last_active: Option<Moment>,
    /// How far the user has come.
    pub milestone: Option<Milestone>,
    /// The user's name.
    #[schemars(extend("x-sensitivity" = "name"))]
    pub name: Option<String>,
    /// The user's roles.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub roles: Vec<RoleRef>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// In which order a list comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum SortType {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// A flag that may come as text: the service takes `"true"` for `true`, and echoes what it was sent.
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
