//! `DELETE /api/users/:id`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::KEY;
use crate::effect::{Effect, Removes, Resolve, Write};
use crate::error_spec::{ErrorSpec, Means};
use crate::metadata::{Metadata, Payload};
use crate::{Endpoint, Extra};

/// Deletes a user with all their progress.
///
/// This cannot be undone. To block a user instead, use `veracode.update_user` with `disabled`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteUser {
    /// The user's id, from `veracode.users`.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
}

impl DeleteUser {
    /// A request to delete the user with this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }
}

impl Endpoint for DeleteUser {
    type Response = Deleted;
    const METADATA: Metadata = Metadata {
        // The documentation's sample has no body.
        payload: Payload::Query,
        credential: KEY,
        errors: &[
            ErrorSpec::new(400, "User id is invalid"),
            ErrorSpec::new(400, "User not found").meaning(Means::Already),
        ],
        effect: Effect::Write(Write {
            resolve: Resolve::Refusal,
            removes: Removes::Always,
            irreversible: true,
            ..Write::on("id")
        }),
        ..Metadata::delete("veracode.delete_user", "/api/users/{id}", "id")
    };
}

/// The answer to a deletion. It has no documented fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deleted {
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
