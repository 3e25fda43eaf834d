//! `PUT /api/v2/external/seats/users`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::put;
use crate::effect::{Effect, Resolve, Write};
use crate::error_spec::{ErrorSpec, Means};
use crate::metadata::{Metadata, Reply};
use crate::{Endpoint, Extra};

/// Puts a user on a seat of your dashboard.
///
/// The user must have an account under this address. No endpoint tells how many seats there are or how many
/// are left: that the last one is taken shows when the next is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddSeat {
    /// The address of the user's account.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: String,
}

impl Endpoint for AddSeat {
    type Response = Seat;
    const METADATA: Metadata = Metadata {
        reply: Reply::Data,
        errors: &[
            ErrorSpec::new(400, "email is required."),
            ErrorSpec::new(400, "email not found."),
            ErrorSpec::new(400, "no available seats in dashboard.").meaning(Means::Exhausted),
            ErrorSpec::new(400, "User already assigned to seat.").meaning(Means::Already),
        ],
        effect: Effect::Write(Write { resolve: Resolve::Refusal, ..Write::on("email") }),
        ..put("thm.add_seat", "/api/v2/external/seats/users", "email")
    };
}

/// The user whose seat it is, or was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Seat {
    /// The user's public name.
    // Not required: the seat has changed hands already, and a missing name does not undo that.
    #[schemars(extend("x-sensitivity" = "username"))]
    pub username: Option<String>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}
