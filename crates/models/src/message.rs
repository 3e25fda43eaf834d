//! A request or response on its own, with where in a run it belongs.

use crate::catalog::endpoint;
use crate::endpoint_def::EndpointDef;

use crate::wire;

/// A request, or a response, as code sees it that only needs its content: method, target, headers and body, the
/// endpoint that declares them, and the scope of the run. It borrows all of them.
///
/// ```
/// use drillmaster_models::{Dialect, Message, endpoint, scope, wire};
/// use serde_json::json;
///
/// let seat = endpoint("thm.add_seat").unwrap();
/// let request = seat.request(&json!({ "email": "ada@example.com" }), Dialect::Current).unwrap();
/// let message = Message { endpoint: "thm.add_seat", scope: scope::MAIN, wire: &request };
/// assert_eq!(message.declaration().unwrap().metadata.name, "thm.add_seat");
///
/// let answer = wire::Response::json(200, &json!({}));
/// assert_eq!(message.response(&answer).endpoint, "thm.add_seat");
/// ```
#[derive(Debug)]
pub struct Message<'a, T = wire::Request> {
    /// The name of the endpoint. A recording may have one that is not declared (any more).
    pub endpoint: &'a str,
    /// The scope: `main`, or the name that the row has, as in [`scope`](crate::scope).
    pub scope: &'a str,
    /// What travels.
    pub wire: &'a T,
}

// Derived, they would ask `T` to be `Copy`.
impl<T> Clone for Message<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Message<'_, T> {}

impl<'a, T> Message<'a, T> {
    /// The endpoint's declaration, if there is one.
    pub fn declaration(&self) -> Option<&'static EndpointDef> {
        endpoint(self.endpoint).ok()
    }

    /// The response to this request.
    pub fn response<'b>(self, wire: &'b wire::Response) -> Message<'b, wire::Response>
    where
        'a: 'b,
    {
        Message { endpoint: self.endpoint, scope: self.scope, wire }
    }
}
