//! `GET /api/roles/:id/progress`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{checks, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata, Paging, Reply};
use crate::{Endpoint, Extra, FieldError, lenient};

/// Shows the progress of the users with a role.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowRoleProgress {
    /// The role's id, from `veracode.roles`.
    pub id: String,
    /// The page, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Users per page, 1 to 50 (undocumented; seen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl ShowRoleProgress {
    /// A request for the progress of the role with this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

impl Endpoint for ShowRoleProgress {
    type Response = RoleProgress;
    const METADATA: Metadata = Metadata {
        reply: Reply::One,
        errors: &[
            ErrorSpec::new(404, "Role not found"),
            // This 403 is not about the credential.
            ErrorSpec::new(403, "Role does not belong to team"),
        ],
        list: Some(List::paged("users", "id", Paging::NextPage)),
        ..get("veracode.role_progress", "/api/roles/{id}/progress")
    };

    fn check(&self) -> Result<(), FieldError> {
        checks::limit(Self::METADATA.name, self.limit)
    }
}

/// A role with a page of its users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleProgress {
    /// Not null if there is another page. Do not follow it: it may drop filters or point to another endpoint.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub next_page: Option<String>,
    /// The role's id, opaque.
    pub id: String,
    /// The name of the role.
    pub name: Option<String>,
    /// The users on this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<RoleMember>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The progress of a user with the role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleMember {
    /// The user's id, opaque.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// The user's e-mail address.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// The user's name.
    #[schemars(extend("x-sensitivity" = "name"))]
    pub name: Option<String>,
    /// The completed share of the role's content, in percent.
    pub percent_complete: Option<Number>,
    /// The completed share of the required content, in percent.
    pub percent_required_complete: Option<Number>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
