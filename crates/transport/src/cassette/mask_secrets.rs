//! Showing a recording without secrets.

use drillmaster_models::Message;

use super::{Interaction, Recording};
use crate::redact::{Collector, Policy};

/// Replaces everything that sealing takes for a secret or a link with `mask`, wherever it is. People stay. A sealed
/// cassette is returned as it is.
///
/// ```
/// use drillmaster_models::{Dialect, endpoint};
/// use drillmaster_transport::cassette::{Header, Interaction, RequestEvent, Recording, mask_secrets};
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
/// let answer = mask_secrets(tape, "***").interactions.remove(0).outcome.unwrap();
/// let masked = json!({ "token": "***", "note": "call ***" });
/// assert_eq!(answer.body, masked.to_string().into_bytes());
/// ```
pub fn mask_secrets(mut tape: Recording, mask: &str) -> Recording {
    if tape.header.sealed.is_some() {
        return tape;
    }
    let mut collector = Collector::new(Policy::default());
    for Interaction { request, outcome } in &tape.interactions {
        let (endpoint, scope) = (&request.endpoint, &request.scope);
        if let Ok(wire) = request.wire() {
            collector.request(Message { endpoint, scope, wire: &wire });
        }
        match outcome {
            Ok(wire) => collector.response(Message { endpoint, scope, wire }),
            Err(error) => collector.text(&error.to_string()),
        }
    }
    let redactor = collector.finish_secrets(mask);
    for Interaction { request, outcome } in &mut tape.interactions {
        if let Ok(wire) = request.wire() {
            let message =
                Message { endpoint: &request.endpoint, scope: &request.scope, wire: &wire };
            let masked = redactor.request(message);
            request.set_message(&masked);
        }
        if let Ok(wire) = outcome {
            let (endpoint, scope) = (&request.endpoint, &request.scope);
            *wire = redactor.response(Message { endpoint, scope, wire });
        }
    }
    tape
}
