//! `PUT /api/v2/external/seats/users`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::put;
use crate::effect::{Effect, Resolve, Write};
use crate::error_spec::{ErrorSpec, Means};
use crate::metadata::{Metadata, Reply};
use crate::{Endpoint, Extra};

/// Assigns a user to a seat of your dashboard.
///
/// The user must have an account with this e-mail address. No endpoint returns the number of seats: if there is no
/// free seat, the request is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddSeat {
    /// The e-mail address of the user's account.
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

/// The user who got or lost a seat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Seat {
    /// The user name.
    // Optional: the seat has been assigned or freed, even if the name is missing.
    #[schemars(extend("x-sensitivity" = "username"))]
    pub username: Option<String>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
