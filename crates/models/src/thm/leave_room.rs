//! `POST /external/api/leaveRoom` · legacy the same, as a form

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{legacy_form, post};
use crate::effect::{Effect, Removes, Write};
use crate::metadata::Metadata;
use crate::{Endpoint, Extra, Legacy, LegacyForm};

/// Takes an api-user out of a room, which is then marked as left.
///
/// It knows people by `extUserId` alone: a user on a seat who has none cannot be taken out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeaveRoom {
    /// Your own, unique id of the person.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub ext_user_id: String,
    /// The last part of the room's address.
    pub room_code: String,
}

impl Endpoint for LeaveRoom {
    type Response = LeftRoom;
    const METADATA: Metadata = Metadata {
        effect: Effect::Write(Write { removes: Removes::Always, ..Write::on("extUserId") }),
        ..post("thm.leave_room", "/external/api/leaveRoom", "extUserId")
    };
    const LEGACY: Option<Legacy> = Some(Legacy::new::<Self, LegacyLeaveRoom>());
}

/// Nothing: the service answers an empty object, or an empty body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeftRoom {
    /// What came all the same.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The legacy form, with an older name for the person's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegacyLeaveRoom {
    /// Your own, unique id of the person.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub user_id: String,
    /// The last part of the room's address.
    pub room_code: String,
}

impl LegacyForm<LeaveRoom> for LegacyLeaveRoom {
    type Response = LeftRoom;
    const METADATA: Metadata = legacy_form(LeaveRoom::METADATA);
}

impl From<LeaveRoom> for LegacyLeaveRoom {
    fn from(request: LeaveRoom) -> Self {
        Self { user_id: request.ext_user_id, room_code: request.room_code }
    }
}

impl From<LegacyLeaveRoom> for LeaveRoom {
    fn from(request: LegacyLeaveRoom) -> Self {
        Self { ext_user_id: request.user_id, room_code: request.room_code }
    }
}
