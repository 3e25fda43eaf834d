//! `POST /external/api/authenticate` · legacy the same, as a form

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{legacy_form, post};
use crate::effect::{Effect, Write};
use crate::metadata::Metadata;
use crate::{Endpoint, Extra, Legacy, LegacyForm};

/// Gives the link that takes an api-user into a room, and creates the api-user if there is none.
///
/// The link leads to a registration as long as the person has not registered, and into the room afterwards.
/// Which of the two it is cannot be told from the link; `thm.users` lists who has registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authenticate {
    /// Your own, unique id of the person.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub ext_user_id: String,
    /// The last part of the room's address.
    pub room_code: String,
}

impl Endpoint for Authenticate {
    type Response = Link;
    const METADATA: Metadata = Metadata {
        // The link comes whether or not the api-user was there before.
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
    /// The address, opaque. Whoever opens it acts as that person: keep it secret.
    #[schemars(extend("x-sensitivity" = "link"))]
    pub url: String,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The legacy form, with an older name for the person's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegacyAuthenticate {
    /// Your own, unique id of the person.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub user_id: String,
    /// The last part of the room's address.
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
