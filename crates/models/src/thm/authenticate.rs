//! `POST /external/api/authenticate` · legacy: the same, as a form

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{legacy_form, post};
use crate::effect::{Effect, Write};
use crate::metadata::Metadata;
use crate::{Endpoint, Extra, Legacy, LegacyForm};

/// Creates a link that takes an api-user into a room, and creates the api-user if necessary.
///
/// The link leads to the registration until the person has registered, and then into the room. The link does not show
/// which of the two it is; `thm.users` lists the registered people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authenticate {
    /// Your own unique id for the person.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub ext_user_id: String,
    /// The room's code: the last part of its URL.
    pub room_code: String,
}

impl Endpoint for Authenticate {
    type Response = Link;
    const METADATA: Metadata = Metadata {
        // The answer is the same whether or not the api-user existed.
        effect: Effect::Write(Write {
            tells: false,
            predicts: r#"{"url": "https://predicted.invalid/{extUserId}/{roomCode}"}"#,
            ..Write::on("extUserId")
        }),
        ..post("thm.authenticate", "/external/api/authenticate", "extUserId")
    };
    const LEGACY: Option<Legacy> = Some(Legacy::new::<Self, LegacyAuthenticate>());
}

/// A link for one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    /// The URL. Whoever opens it acts as that person, so keep it secret.
    #[schemars(extend("x-sensitivity" = "link"))]
    pub url: String,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The request in the legacy dialect, which has an older name for the person's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegacyAuthenticate {
    /// Your own unique id for the person.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub user_id: String,
    /// The room's code: the last part of its URL.
    pub room_code: String,
}

impl LegacyForm<Authenticate> for LegacyAuthenticate {
    type Response = Link;
    const METADATA: Metadata = legacy_form(Authenticate::METADATA);
}

impl From<Authenticate> for LegacyAuthenticate {
    fn from(request: Authenticate) -> Self {
        Self { user_id: request.ext_user_id, room_code: request.room_code }
    }
}

impl From<LegacyAuthenticate> for Authenticate {
    fn from(request: LegacyAuthenticate) -> Self {
        Self { ext_user_id: request.user_id, room_code: request.room_code }
    }
}
