//! `GET /api/roles`

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::get;
use crate::metadata::{List, Metadata};
use crate::{Endpoint, Extra, lenient};

/// Lists the team's roles with the ids of their users.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListRoles {}

impl Endpoint for ListRoles {
    type Response = Roles;
    const METADATA: Metadata =
        Metadata { list: Some(List::whole("", "id")), ..get("veracode.roles", "/api/roles") };
}

/// The team's roles. Read from a list, as documented, and from `{"roles": […]}`; written as a list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Roles(pub Vec<Role>);

impl Roles {
    /// Finds a role by its name, for example one from `veracode.users`.
    pub fn named(&self, name: &str) -> Option<&Role> {
        self.0.iter().find(|role| role.name.as_deref() == Some(name))
    }
}

/// A role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// The role's id, opaque.
    pub id: String,
    /// The name of the role.
    pub name: Option<String>,
    /// Whether every invited user gets the role.
    pub default: Option<bool>,
    /// Whether users can choose the role themselves.
    pub public: Option<bool>,
    /// The ids of the users with this role.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schemars(extend("x-sensitivity" = "id"))]
    pub users: Vec<String>,
    /// The ids of the invited users with this role.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schemars(extend("x-sensitivity" = "id"))]
    pub invited_users: Vec<String>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::list_in("roles", deserializer).map(|(roles, _)| Self(roles))
    }
}
