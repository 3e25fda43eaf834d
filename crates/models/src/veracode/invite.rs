//! `POST /api/invites`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{post, shapes};
use crate::effect::{Absence, Effect, Resolve, Write};
use crate::error_spec::{ErrorSpec, Means};
use crate::metadata::Metadata;
use crate::{Endpoint, Extra, lenient};

/// Invites someone to the team. Default roles are added to those given.
///
/// The live service was seen to create the invite and answer 500 "unknown error" all the same. Only a
/// user of that address, or "already exists", shows what became of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invite {
    /// The address to invite.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: String,
    /// The id of the user who invites, from `veracode.users`.
    #[schemars(extend("x-sensitivity" = "other"))]
    pub sender_id: String,
    /// A name for the new user (not in the document; seen).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sensitivity" = "name"))]
    pub name: Option<String>,
    /// The roles the new user gets, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_ids: Vec<String>,
    /// Whether the new user administers the team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<bool>,
    /// Whether the service writes to the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_email: Option<bool>,
}

impl Invite {
    /// An invite to this address from the user with this id.
    pub fn new(email: impl Into<String>, sender_id: impl Into<String>) -> Self {
        Self { email: email.into(), sender_id: sender_id.into(), ..Self::default() }
    }
}

impl Endpoint for Invite {
    type Response = Invited;
    const METADATA: Metadata = Metadata {
        errors: &[
            ErrorSpec::new(400, "Email is invalid"),
            ErrorSpec::new(400, "Role ids are invalid"),
            ErrorSpec::new(400, "Sender id is invalid"),
            ErrorSpec::new(400, "Sender not found"),
            ErrorSpec::new(400, "Invite already exists").meaning(Means::Already),
            // Seen on the live service, with varying words before.
            ErrorSpec::new(403, "{what}already exists").meaning(Means::Already),
        ],
        effect: Effect::Write(Write {
            // The list has those who were invited and have not joined, and a pending invite's repeat is refused.
            resolve: Resolve::Probe {
                endpoint: "veracode.users",
                field: "email",
                absence: Absence::Repeatable,
            },
            predicts: r#"{"email": "{email}", "admin": "{admin}", "roleIds": "{roleIds}",
                "senderId": "{senderId}"}"#,
            ..Write::on("email")
        }),
        ..post("veracode.invite", "/api/invites", "email")
    };
}

/// An invite that was made. Nothing in it is required: an odd echo must not make the invite look failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invited {
    /// The address invited.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// Whether the new user administers the team.
    #[serde(default, alias = "isAdmin", deserialize_with = "shapes::flag")]
    pub admin: Option<bool>,
    /// The roles the new user gets, by id.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub role_ids: Vec<String>,
    /// The id of the user who invites.
    #[schemars(extend("x-sensitivity" = "other"))]
    pub sender_id: Option<String>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}
