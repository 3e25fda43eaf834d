//! `GET /api/users/details`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Pages, RoleRef, SortType, checks, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, Moment, lenient};

/// Lists users with their completed labs and points.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListUsersDetails {
    /// Only labs of these campaigns, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub campaign_ids: Vec<String>,
    /// Only users with one of these roles, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_ids: Vec<String>,
    /// Only activity since this time, in milliseconds since the epoch. Requires `endTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    /// Only activity up to this time, in milliseconds since the epoch. Requires `startTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    /// The field to sort users by: name, role, milestone or lastActive (seen; the documentation lists none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// The sort order, ascending or descending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_type: Option<SortType>,
    /// Only users whose name contains this text, under 50 characters. E-mail addresses are not searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sensitivity" = "words"))]
    pub phrase: Option<String>,
    /// Users per page, 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The page, counted from 0.
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
        // A public script suspects that it leaves out disabled users.
        list: Some(List::paged("users", "id", Paging::Pages).partial()),
        ..get("veracode.users_details", "/api/users/details")
    };

    fn check(&self) -> Result<(), FieldError> {
        checks::span(Self::METADATA.name, self.start_time, self.end_time)?;
        checks::phrase(Self::METADATA.name, self.phrase.as_deref())?;
        checks::limit(Self::METADATA.name, self.limit)
    }
}

/// A page of users with their completed labs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsersDetails {
    /// Which page this is.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub pages: Pages,
    /// The users on this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<UserDetails>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A user's completed labs and points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserDetails {
    /// The user's id, opaque.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// The user's e-mail address (undocumented; seen).
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// When the user was last active.
    pub last_active: Option<Moment>,
    /// The number of completed labs.
    pub labs_completed: Option<i64>,
    /// The completed share of the required content, in percent.
    pub percent_required_complete: Option<Number>,
    /// The points earned.
    pub points: Option<Number>,
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
