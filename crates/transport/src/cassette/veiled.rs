//! Looking at a recording without what lets somebody in.

use super::{Interaction, Recording};
use crate::redact::{Found, Policy};

/// The recording with this text in the place of all that sealing takes for a secret or a link: by its
/// declaration, its name or its looks, wherever it stands. People stay. A sealed one is as it was.
///
/// ```
/// use drillmaster_models::{Dialect, endpoint};
/// use drillmaster_transport::cassette::{Header, Interaction, Recording, RequestEvent, veiled};
/// use drillmaster_transport::{Purpose, Request, Response};
/// use serde_json::json;
///
/// let endpoint = endpoint("thm.rooms").unwrap();
/// let wire = endpoint.request(&json!({}), Dialect::Current).unwrap();
/// let request = Request { wire: wire.into(), metadata: &endpoint.metadata, scope: "main".into(), ordinal: 0, purpose: Purpose::Call };
/// let answer = Response::json(200, &json!({ "token": "0a1b2c3d", "note": "call 0a1b2c3d" }));
/// let one = Interaction { request: RequestEvent::from_request(&request), outcome: Ok(answer) };
/// let tape = Recording { header: Header::default(), interactions: vec![one], values: vec![] };
///
/// let answer = veiled(tape, "***").interactions.remove(0).outcome.unwrap();
/// let hidden = json!({ "token": "***", "note": "call ***" });
/// assert_eq!(answer.body, hidden.to_string().into_bytes());
/// ```
pub fn veiled(mut tape: Recording, stands: &str) -> Recording {
    if tape.header.sealed.is_some() {
        return tape;
    }
    let mut found = Found::new(Policy::default());
    for Interaction { request, outcome } in &tape.interactions {
        if let Ok(wire) = request.wire() {
            found.request(&request.scope, &request.endpoint, &wire);
        }
        match outcome {
            Ok(answer) => found.response(&request.endpoint, answer),
            Err(error) => found.prose(&error.to_string()),
        }
    }
    let veil = found.veil(stands);
    for Interaction { request, outcome } in &mut tape.interactions {
        if let Ok(wire) = request.wire() {
            request.set_message(&veil.wire(&request.endpoint, &wire));
        }
        if let Ok(answer) = outcome {
            *answer = veil.response(&request.endpoint, answer);
        }
    }
    tape
}
