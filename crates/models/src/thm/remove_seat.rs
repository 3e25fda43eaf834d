//! `DELETE /api/v2/external/seats/users`, with a body

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Seat, delete};
use crate::Endpoint;
use crate::effect::{Effect, Removes, Resolve, Write};
use crate::error_spec::{ErrorSpec, Means};
use crate::metadata::{Metadata, Reply};

/// Removes a user from a seat of your dashboard.
///
/// The seat is then free for another user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveSeat {
    /// The e-mail address of the user's account.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: String,
}

impl Endpoint for RemoveSeat {
    type Response = Seat;
    const METADATA: Metadata = Metadata {
        reply: Reply::Data,
        errors: &[
            ErrorSpec::new(400, "email is required."),
            ErrorSpec::new(400, "User is not currently in a company seat.").meaning(Means::Already),
        ],
        effect: Effect::Write(Write {
            resolve: Resolve::Refusal,
            removes: Removes::Always,
            ..Write::on("email")
        }),
        ..delete("thm.remove_seat", "/api/v2/external/seats/users", "email")
    };
}
