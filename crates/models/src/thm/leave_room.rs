//! `POST /external/api/leaveRoom` · legacy: the same, as a form

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{legacy_form, post};
use crate::effect::{Effect, Removes, Write};
use crate::metadata::Metadata;
use crate::{Endpoint, Extra, Legacy, LegacyForm};

/// Removes an api-user from a room.
///
/// It identifies people by `extUserId`, so it cannot remove users on a seat who have none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeaveRoom {
    /// Your own unique id for the person.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub ext_user_id: String,
    /// The room's code: the last part of its URL.
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

/// An empty answer: the service sends an empty object or an empty body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeftRoom {
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The request in the legacy dialect, which has an older name for the person's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegacyLeaveRoom {
    /// Your own unique id for the person.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub user_id: String,
    /// The room's code: the last part of its URL.
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
