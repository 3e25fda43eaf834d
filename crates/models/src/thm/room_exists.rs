//! `GET /external/api/roomExists` · legacy: `GET /external/api/roomExists/{room}`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{get, legacy};
use crate::error_spec::{ErrorSpec, Means};
use crate::metadata::Metadata;
use crate::{Endpoint, Extra, Legacy, LegacyForm};

/// Checks whether a room exists, public or your own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckRoom {
    /// The room's code: the last part of its URL.
    pub room_code: String,
}

impl Endpoint for CheckRoom {
    type Response = RoomExists;
    const METADATA: Metadata = Metadata {
        // Only this text means that the room does not exist; any other 404 means that something else is wrong.
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
    /// Whether the room exists.
    pub room_exists: bool,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

impl LegacyForm<Self> for CheckRoom {
    type Response = RoomExists;
    const METADATA: Metadata =
        legacy(<Self as Endpoint>::METADATA, "/external/api/roomExists/{roomCode}");
}
