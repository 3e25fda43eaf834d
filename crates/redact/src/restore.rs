//! Putting real values back in place of pseudonyms.

use drillmaster_models::{Sensitivity, wire};

use crate::patterns::Patterns;
use crate::redactor::Redactor;
use crate::visit::{PLAIN_HEADERS, Visitor};

impl Redactor {
    /// A response with real values in place of pseudonyms, as far as they are known. A script can then compare it with
    /// what it sent.
    #[must_use]
    pub fn restore(&self, response: wire::Response) -> wire::Response {
        // Most responses have no pseudonym, and need not be parsed. A text is in the body as it is or escaped, and
        // the search knows the escapes.
        let may_contain = |text: &[u8]| self.reverse.iter().any(|back| back.may_contain(text));
        let headers = response.headers.iter();
        let headers = headers.filter(|(name, _)| !PLAIN_HEADERS.contains(&name.as_str()));
        let headers = headers.map(|(_, value)| value.as_bytes());
        if headers.chain([response.body.as_slice()]).any(may_contain) {
            return self.undeclared_walk().response(&response, &mut Restoring(&self.reverse));
        }
        response
    }

    /// A recorded request with real values in place of pseudonyms.
    #[must_use]
    pub fn restore_request(&self, request: &wire::Request) -> wire::Request {
        self.undeclared_walk().request(request, &mut Restoring(&self.reverse))
    }

    /// A text with real values in place of pseudonyms.
    pub fn restore_text(&self, text: &str) -> String {
        Restoring(&self.reverse).text(text, None).unwrap_or_else(|| text.to_owned())
    }
}

/// Replaces pseudonyms.
struct Restoring<'a>(&'a [Patterns; 2]);

impl Visitor for Restoring<'_> {
    fn text(&mut self, text: &str, _sensitivity: Option<Sensitivity>) -> Option<String> {
        let first = self.0[0].replace(text);
        self.0[1].replace(first.as_deref().unwrap_or(text)).or(first)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let first = self.0[0].replace_bytes(bytes);
        self.0[1].replace_bytes(first.as_deref().unwrap_or(bytes)).or(first)
    }
}
