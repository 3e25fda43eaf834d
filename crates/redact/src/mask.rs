//! Putting the same placeholder in place of all private values, to compare messages without them.

use drillmaster_models::{Message, Sensitivity, wire};

use crate::detect;
use crate::names;
use crate::policy::{Policy, Scheme};
use crate::visit::{Visitor, Walk};

/// A request with the same placeholder for all private values. It is equal for a request and for its redacted copy.
///
/// ```
/// use drillmaster_models::{Dialect, Message, endpoint, scope};
/// use drillmaster_redact::{Scheme, mask_request};
/// use serde_json::json;
///
/// let seat = endpoint("thm.add_seat").unwrap();
/// let mask = |email: &str| {
///     let request = seat.request(&json!({ "email": email }), Dialect::Current).unwrap();
///     let message = Message { endpoint: "thm.add_seat", scope: scope::MAIN, wire: &request };
///     mask_request(message, &Scheme::default())
/// };
/// assert_eq!(mask("ada@corp.example"), mask("learner-0001@example.com"));
/// ```
pub fn mask_request(message: Message<'_>, scheme: &Scheme) -> wire::Request {
    let policy = Policy::from(scheme);
    Walk::new(&policy, message.declaration()).request(message.wire, &mut MaskingRequest)
}

/// A response with the same placeholder for all private values. A service's response and a redacted recording of it
/// are then equal, unless they differ in something else.
pub fn mask_response(message: Message<'_, wire::Response>, scheme: &Scheme) -> wire::Response {
    let policy = Policy::from(scheme);
    Walk::new(&policy, message.declaration()).response(message.wire, &mut MaskingResponse)
}

/// Whether a text is private on its own, in a place of this sensitivity.
pub(crate) fn is_private(text: &str, sensitivity: Option<Sensitivity>) -> bool {
    let is_sensitive = sensitivity.is_some_and(|own| own > Sensitivity::Address);
    !names::is_blank(text) && (is_sensitive || detect::is_email(text.trim()))
}

fn placeholder(sensitivity: Option<Sensitivity>) -> String {
    format!("({})", sensitivity.unwrap_or(Sensitivity::Email))
}

struct MaskingRequest;

impl Visitor for MaskingRequest {
    fn text(&mut self, text: &str, sensitivity: Option<Sensitivity>) -> Option<String> {
        is_private(text, sensitivity).then(|| placeholder(sensitivity))
    }

    fn bytes(&mut self, _bytes: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

struct MaskingResponse;

impl Visitor for MaskingResponse {
    fn text(&mut self, text: &str, sensitivity: Option<Sensitivity>) -> Option<String> {
        // A recording has an empty text for an answer.
        if sensitivity == Some(Sensitivity::Answer) || is_private(text, sensitivity) {
            return Some(placeholder(sensitivity));
        }
        let mut emails = detect::emails(text).peekable();
        emails.peek()?;
        Some(emails.fold(text.to_owned(), |text, email| text.replace(email, "(address)")))
    }

    fn bytes(&mut self, _bytes: &[u8]) -> Option<Vec<u8>> {
        None
    }
}
