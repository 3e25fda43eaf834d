//! `GET /api/users`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{checks, get};
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, Moment, lenient};

/// Lists all users of the team, including those who have not accepted their invite.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListUsers {
    /// The page, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Users per page, 1 to 50 (undocumented; seen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl Endpoint for ListUsers {
    type Response = Users;
    const METADATA: Metadata = Metadata {
        list: Some(List::paged("users", "id", Paging::NextPage)),
        ..get("veracode.users", "/api/users")
    };

    fn check(&self) -> Result<(), FieldError> {
        checks::limit(Self::METADATA.name, self.limit)
    }
}

/// A page of users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Users {
    /// Not null if there is another page. Do not follow it: it may drop filters or point to another endpoint.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub next_page: Option<String>,
    /// The users on this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<User>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A user of the team.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user's id, opaque.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// The user's e-mail address.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// The user's name (undocumented; seen).
    #[schemars(extend("x-sensitivity" = "name"))]
    pub name: Option<String>,
    /// Whether the user is an administrator.
    #[serde(alias = "admin")]
    pub is_admin: Option<bool>,
    /// Whether the account is disabled.
    #[serde(alias = "disabled")]
    pub is_disabled: Option<bool>,
    /// Whether the user has accepted the invite.
    pub joined: Option<bool>,
    /// When the user was last active.
    pub last_active: Option<Moment>,
    /// The user's roles, by name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub roles: Vec<String>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
