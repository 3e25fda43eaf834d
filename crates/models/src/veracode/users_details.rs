//! `GET /api/users/details`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Pages, RoleRef, SortType, checks, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, Moment, lenient};

/// Lists users with what they have completed and scored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListUsersDetails {
    /// Only what belongs to these campaigns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub campaign_ids: Vec<String>,
    /// Only users who have one of these roles, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_ids: Vec<String>,
    /// Only what happened from here on, in milliseconds since the epoch; comes with `endTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    /// Only what happened up to here, in milliseconds since the epoch; comes with `startTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    /// The field that orders the users. The document lists none; seen are name, role, milestone, lastActive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Whether the order runs up or down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_type: Option<SortType>,
    /// Only users whose name has this in it, under 50 characters. E-mail addresses are not searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sensitivity" = "words"))]
    pub phrase: Option<String>,
    /// Users in a page, 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The page to get, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
}

impl Endpoint for ListUsersDetails {
    type Response = UsersDetails;
    const METADATA: Metadata = Metadata {
        errors: &[
            ErrorSpec::new(400, "Invalid campaign id: {id}"),
            ErrorSpec::new(400, "Invalid role id: {id}"),
            ErrorSpec::new(404, "Campaign(s) not found by id(s): {ids}"),
            ErrorSpec::new(404, "Role(s) not found by id(s): {ids}"),
            ErrorSpec::new(400, "startTime is invalid"),
            ErrorSpec::new(400, "startTime is undefined"),
            ErrorSpec::new(400, "endTime is invalid"),
            ErrorSpec::new(400, "endTime is undefined"),
            ErrorSpec::new(400, "sort is invalid"),
            ErrorSpec::new(400, "sortType is invalid"),
            ErrorSpec::new(400, "limit is invalid"),
            ErrorSpec::new(400, "phrase must be less than 50 characters"),
        ],
        // A public script suspects that it hides users who are disabled.
        list: Some(List::paged("users", "id", Paging::Pages).partial()),
        ..get("veracode.users_details", "/api/users/details")
    };

    fn check(&self) -> Result<(), FieldError> {
        checks::span(Self::METADATA.name, self.start_time, self.end_time)?;
        checks::phrase(Self::METADATA.name, self.phrase.as_deref())?;
        checks::limit(Self::METADATA.name, self.limit)
    }
}

/// A page of users with what they have completed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsersDetails {
    /// Where this page stands.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub pages: Pages,
    /// The users of this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<UserDetails>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a user has completed and scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserDetails {
    /// The service's id, opaque.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// The user's address (not in the document; seen).
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// When the user was last seen.
    pub last_active: Option<Moment>,
    /// How many labs are completed.
    pub labs_completed: Option<i64>,
    /// How much of the required content is completed, in percent.
    pub percent_required_complete: Option<Number>,
    /// Points earned.
    pub points: Option<Number>,
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
