//! `POST /api/invites`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{post, shapes};
use crate::effect::{Absence, Effect, Resolve, Write};
use crate::error_spec::{ErrorSpec, Means};
use crate::metadata::Metadata;
use crate::{Endpoint, Extra, lenient};

/// Invites a person to the team.
///
/// They get the default roles in addition to the given ones.
///
/// The live service may create the invite and still answer 500 "unknown error" (seen). Then `veracode.users` shows
/// whether there is a user with this address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invite {
    /// The e-mail address to invite.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: String,
    /// The id of the user who sends the invite, from `veracode.users`.
    #[schemars(extend("x-sensitivity" = "other"))]
    pub sender_id: String,
    /// The new user's name (undocumented; seen).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sensitivity" = "name"))]
    pub name: Option<String>,
    /// The new user's roles, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_ids: Vec<String>,
    /// Whether the new user is an administrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<bool>,
    /// Whether the service sends an invitation by e-mail.
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
            // Seen on the live service, with various texts before.
            ErrorSpec::new(403, "{what}already exists").meaning(Means::Already),
        ],
        effect: Effect::Write(Write {
            // The list includes people who have not accepted, and the service refuses to repeat an open invite.
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

/// The invite. All fields are optional, so that an unusual answer does not make a successful invite look failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invited {
    /// The invited e-mail address.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// Whether the new user is an administrator.
    #[serde(default, alias = "isAdmin", deserialize_with = "shapes::flag")]
    pub admin: Option<bool>,
    /// The new user's roles, by id.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub role_ids: Vec<String>,
    /// The id of the user who sends the invite.
    #[schemars(extend("x-sensitivity" = "other"))]
    pub sender_id: Option<String>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
