//! `GET /external/api/rooms` · legacy: the same, the answer is a list

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{get, legacy};
use crate::metadata::{List, Metadata};
use crate::{Endpoint, Extra, Legacy, LegacyForm, lenient};

/// Lists the public rooms and your own private rooms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRooms {}

impl Endpoint for ListRooms {
    type Response = Rooms;
    const METADATA: Metadata = Metadata {
        list: Some(List::whole("roomInfo", "code")),
        ..get("thm.rooms", "/external/api/rooms")
    };
    const LEGACY: Option<Legacy> = Some(Legacy::new::<Self, Self>());
}

/// All rooms that you can send people to. A list without the object is read too.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rooms {
    /// The rooms.
    pub room_info: Vec<Room>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Room {
    /// The room's code: the last part of its URL.
    pub code: String,
    /// The title of the room.
    pub title: Option<String>,
    /// The description of the room.
    pub description: Option<String>,
    /// Whether the room is public.
    pub public: Option<bool>,
    /// The user names of the people in the room. Only in the legacy dialect, and only for your own rooms.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sensitivity" = "username"))]
    pub users: Option<Vec<String>>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// All rooms in the legacy dialect: a list. An object with the list in it is read too.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LegacyRooms(
    /// The rooms.
    pub Vec<Room>,
);

impl LegacyForm<Self> for ListRooms {
    type Response = LegacyRooms;
    const METADATA: Metadata = Metadata {
        list: Some(List::whole("", "code")),
        ..legacy(<Self as Endpoint>::METADATA, "/external/api/rooms")
    };
}

impl From<LegacyRooms> for Rooms {
    fn from(LegacyRooms(room_info): LegacyRooms) -> Self {
        Self { room_info, extra: Extra::new() }
    }
}

impl From<Rooms> for LegacyRooms {
    fn from(rooms: Rooms) -> Self {
        Self(rooms.room_info)
    }
}

impl<'de> Deserialize<'de> for LegacyRooms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Rooms::deserialize(deserializer).map(|rooms| Self(rooms.room_info))
    }
}

impl<'de> Deserialize<'de> for Rooms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (room_info, extra) = lenient::list_in("roomInfo", deserializer)?;
        Ok(Self { room_info, extra })
    }
}
