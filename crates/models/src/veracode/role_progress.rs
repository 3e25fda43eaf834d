//! `GET /api/roles/:id/progress`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{checks, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata, Paging, Reply};
use crate::{Endpoint, Extra, FieldError, lenient};

/// Shows how far the users of a role have come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowRoleProgress {
    /// The role's id, from `veracode.roles`.
    pub id: String,
    /// The page to get, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Users in a page, 1 to 50 (not in the document; seen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl ShowRoleProgress {
    /// The progress of the role with this id.
    pub fn of(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

impl Endpoint for ShowRoleProgress {
    type Response = RoleProgress;
    const METADATA: Metadata = Metadata {
        reply: Reply::One,
        errors: &[
            ErrorSpec::new(404, "Role not found"),
            // A 403 that says nothing about the credential.
            ErrorSpec::new(403, "Role does not belong to team"),
        ],
        list: Some(List::paged("users", "id", Paging::NextPage)),
        ..get("veracode.role_progress", "/api/roles/{id}/progress")
    };

    fn check(&self) -> Result<(), FieldError> {
        checks::limit(Self::METADATA.name, self.limit)
    }
}

/// A role, and a page of its users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleProgress {
    /// Not null where there are more; the address itself is not to be trusted.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub next_page: Option<String>,
    /// The role's id, opaque.
    pub id: String,
    /// The name people know.
    pub name: Option<String>,
    /// The users of this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<RoleMember>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How far a user of a role has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleMember {
    /// The user's id, opaque.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// The user's address.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// The user's name.
    #[schemars(extend("x-sensitivity" = "name"))]
    pub name: Option<String>,
    /// How much of the role's content is completed, in percent.
    pub percent_complete: Option<Number>,
    /// How much of what is required is completed, in percent.
    pub percent_required_complete: Option<Number>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}
