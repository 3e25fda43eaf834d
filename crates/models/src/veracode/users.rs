//! `GET /api/users`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{checks, get};
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, Moment, lenient};

/// Lists all users of the team, those who were invited and have not joined among them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListUsers {
    /// The page to get, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Users in a page, 1 to 50 (not in the document; seen).
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
    /// Not null where there are more; the address itself is not to be trusted.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub next_page: Option<String>,
    /// The users of this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<User>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A user of the team.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The service's id, opaque.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// The address the user was invited at.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// The user's name (not in the document; seen).
    #[schemars(extend("x-sensitivity" = "name"))]
    pub name: Option<String>,
    /// Whether the user administers the team.
    #[serde(alias = "admin")]
    pub is_admin: Option<bool>,
    /// Whether the account is switched off.
    #[serde(alias = "disabled")]
    pub is_disabled: Option<bool>,
    /// Whether the invite was taken up.
    pub joined: Option<bool>,
    /// When the user was last seen.
    pub last_active: Option<Moment>,
    /// The user's roles, by name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub roles: Vec<String>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}
