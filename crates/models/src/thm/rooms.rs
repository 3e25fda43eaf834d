//! `GET /external/api/rooms` · legacy the same, answered by a bare list

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{get, legacy};
use crate::metadata::{List, Metadata};
use crate::{Endpoint, Extra, Legacy, LegacyForm, lenient};

/// Lists the public rooms, and your own private ones.
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

/// All rooms that you can send people to. A bare list is read as well.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rooms {
    /// The rooms.
    pub room_info: Vec<Room>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Room {
    /// The last part of the room's address.
    pub code: String,
    /// The room's name.
    pub title: Option<String>,
    /// What the room is about.
    pub description: Option<String>,
    /// Whether everybody may enter.
    pub public: Option<bool>,
    /// Who is in the room. Only the legacy dialect tells, and only of rooms that are your own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sensitivity" = "username"))]
    pub users: Option<Vec<String>>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// All rooms, as the legacy dialect has them: a bare list. One with a name is read as well.
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

// By hand and not by an untagged enum, whose misfits do not tell which room they are about.
impl<'de> Deserialize<'de> for Rooms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NamedOrBare)
    }
}

struct NamedOrBare;

impl<'de> Visitor<'de> for NamedOrBare {
    type Value = Rooms;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rooms, or an object with one in `roomInfo`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rooms: A) -> Result<Rooms, A::Error> {
        Ok(Rooms {
            room_info: Vec::deserialize(SeqAccessDeserializer::new(rooms))?,
            extra: Extra::new(),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Rooms, A::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Named {
            #[serde(default, deserialize_with = "lenient::or_default")]
            room_info: Vec<Room>,
            #[serde(flatten)]
            extra: Extra,
        }
        let Named { room_info, extra } = Named::deserialize(MapAccessDeserializer::new(object))?;
        Ok(Rooms { room_info, extra })
    }
}
