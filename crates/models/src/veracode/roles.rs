//! `GET /api/roles`

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::get;
use crate::metadata::{List, Metadata};
use crate::{Endpoint, Extra, lenient};

/// Lists the team's roles with the ids of their users. Here a role's name meets its id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListRoles {}

impl Endpoint for ListRoles {
    type Response = Roles;
    const METADATA: Metadata =
        Metadata { list: Some(List::whole("", "id")), ..get("veracode.roles", "/api/roles") };
}

/// The team's roles. Read from the documented array and from `{"roles": […]}`, written as the array.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Roles(pub Vec<Role>);

impl Roles {
    /// The role of this name. The names of `veracode.users` are resolved here.
    pub fn named(&self, name: &str) -> Option<&Role> {
        self.0.iter().find(|role| role.name.as_deref() == Some(name))
    }
}

/// A role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// The service's id, opaque.
    pub id: String,
    /// The name people know.
    pub name: Option<String>,
    /// Whether whoever is invited gets it.
    pub default: Option<bool>,
    /// Whether users may take it themselves.
    pub public: Option<bool>,
    /// The ids of its users.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schemars(extend("x-sensitivity" = "id"))]
    pub users: Vec<String>,
    /// The ids of invites that will have it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schemars(extend("x-sensitivity" = "id"))]
    pub invited_users: Vec<String>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherForm).map(Self)
    }
}

/// A visitor rather than an untagged enum, so that a misfit keeps its place in the list.
struct EitherForm;

impl<'de> Visitor<'de> for EitherForm {
    type Value = Vec<Role>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of roles, or an object that holds one in `roles`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, roles: A) -> Result<Vec<Role>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(roles))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Vec<Role>, A::Error> {
        #[derive(Deserialize)]
        struct Wrapped {
            roles: Vec<Role>,
        }
        Wrapped::deserialize(MapAccessDeserializer::new(object)).map(|wrapped| wrapped.roles)
    }
}
