//! `GET /external/api/roomExists` · legacy `GET /external/api/roomExists/{room}`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{get, legacy};
use crate::error_spec::{ErrorSpec, Means};
use crate::metadata::Metadata;
use crate::{Endpoint, Extra, Legacy, LegacyForm};

/// Tells whether there is a room with this code, public or your own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckRoom {
    /// The last part of the room's address.
    pub room_code: String,
}

impl Endpoint for CheckRoom {
    type Response = RoomExists;
    const METADATA: Metadata = Metadata {
        // Only these words say no; any other 404 says that something else is wrong.
        errors: &[ErrorSpec::new(404, "Room not found.")
            .meaning(Means::Answer(r#"{ "roomExists": false }"#))],
        ..get("thm.room_exists", "/external/api/roomExists")
    };
    const LEGACY: Option<Legacy> = Some(Legacy::new::<Self, Self>());
}

/// Whether a room exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomExists {
    /// Whether it does.
    pub room_exists: bool,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl LegacyForm<Self> for CheckRoom {
    type Response = RoomExists;
    const METADATA: Metadata =
        legacy(<Self as Endpoint>::METADATA, "/external/api/roomExists/{roomCode}");
}
