//! The way back from pseudonyms, and what must not go out with them.

use drillmaster_models::Sensitivity;
use serde_json::Value;

use super::learn::{Listing, is_private};
use super::places::{Look, PLAIN_HEADERS, Walk};
use super::replace::Patterns;
use super::{Policy, Redactor, Sealing, looks};
use crate::cassette::Interaction;
use crate::request::{Request, Response};

impl Redactor {
    /// An answer with the real values in the place of those pseudonyms that are known to stand for them, for a
    /// script that compares the two.
    #[must_use]
    pub fn restore(&self, answer: Response) -> Response {
        // A text of the body stands there as it is, or escaped, and a pseudonym may stand in what is escaped.
        let may_stand_in = |text: &[u8]| self.back.iter().any(|back| back.may_stand_in(text));
        let headers = answer.headers.iter();
        let headers = headers.filter(|(name, _)| !PLAIN_HEADERS.contains(&name.as_str()));
        let headers = headers.map(|(_, value)| value.as_bytes());
        if headers.chain([answer.body.as_slice()]).any(may_stand_in) {
            return self.blind_walk().response(&answer, &mut Restoring(&self.back));
        }
        answer
    }

    /// The same of a recorded interaction, its request and its scope.
    pub(crate) fn restore_all(&self, mut interaction: Interaction) -> Interaction {
        let (walk, mut look) = (self.blind_walk(), Restoring(&self.back));
        let request = &mut interaction.request;
        if let Ok(wire) = request.wire() {
            request.set_message(&walk.request(&wire, &mut look));
        }
        if let Some(scope) = look.text(&request.scope, None) {
            request.scope = scope;
        }
        interaction.outcome = interaction.outcome.map(|answer| walk.response(&answer, &mut look));
        interaction
    }

    /// Takes in what a recording has for values that were listed in the same order.
    pub(crate) fn bind_lists(&mut self, own: &Value, recorded: &Value) {
        let (Some(own), Some(recorded)) = (own.as_array(), recorded.as_array()) else { return };
        if own.len() != recorded.len() {
            return;
        }
        for (value, stands) in own.iter().zip(recorded) {
            let (Some(value), Some(stands)) = (value.as_str(), stands.as_str()) else { continue };
            let is_known = self.cast.get(value).is_some();
            if value == stands || is_known {
                continue;
            }
            let holds =
                if looks::is_email(value.trim()) { Sensitivity::Email } else { Sensitivity::Id };
            self.learn(holds, value, stands);
        }
    }

    /// A pseudonym in a request of which nobody knows whom it stands for. The service does not know it either,
    /// and it may be somebody's there.
    pub(crate) fn stranger(&self, request: &Request) -> Option<String> {
        let mut listing = Listing::default();
        self.walk(request.metadata.name).request(&request.wire, &mut listing);
        // In a roster of pseudonyms everybody stands for themselves, and nobody knows for whom.
        let nobody = self.cast.is_made_up();
        let is_known =
            |text: &String| self.cast.get(text).or_else(|| self.learnt.get(text)).is_some();
        let texts = listing.0.into_iter().map(|(_, text)| text);
        texts.filter(|text| is_pseudonym(text)).find(|text| nobody || !is_known(text))
    }

    fn blind_walk(&self) -> Walk<'_> {
        Walk::of(&self.policy, None)
    }
}

/// Whether a text has the form of a pseudonym.
pub(super) fn is_pseudonym(text: &str) -> bool {
    let plain = text.trim().to_ascii_lowercase();
    let numbered =
        ["learner-", "learner ", "token-", "words-", "value-", "answer-", "l"].into_iter();
    let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count() >= 4;
    plain.starts_with("https://links.invalid/")
        || numbered.filter_map(|start| plain.strip_prefix(start)).any(digits)
}

/// Whether a pseudonym is somewhere in a text.
pub(super) fn has_pseudonym(text: &str) -> bool {
    let begins = |at: usize| !text[..at].ends_with(char::is_alphanumeric);
    text.char_indices().any(|(at, _)| begins(at) && is_pseudonym(&text[at..]))
}

/// An answer in which all that is private is the same: of a service and of a sealed recording of it, what is
/// left says the same.
pub(crate) fn faceless(name: &str, answer: &Response, sealing: &Sealing) -> Response {
    let policy = Policy::of(sealing);
    let walk = Walk::of(&policy, drillmaster_models::endpoint(name).ok());
    walk.response(answer, &mut Veiling)
}

/// Looks at texts in order to put a word in the place of all that is private.
struct Veiling;

impl Look for Veiling {
    fn text(&mut self, text: &str, holds: Option<Sensitivity>) -> Option<String> {
        let veiled = || format!("({})", holds.unwrap_or(Sensitivity::Email));
        if holds == Some(Sensitivity::Answer) || is_private(text, holds) {
            return Some(veiled());
        }
        let mut emails = looks::emails(text).peekable();
        emails.peek()?;
        Some(emails.fold(text.to_owned(), |text, email| text.replace(email, "(address)")))
    }

    fn bytes(&mut self, _bytes: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// Looks at texts in order to put back what was replaced.
struct Restoring<'a>(&'a [Patterns; 2]);

impl Look for Restoring<'_> {
    fn text(&mut self, text: &str, _holds: Option<Sensitivity>) -> Option<String> {
        let first = self.0[0].replace(text);
        self.0[1].replace(first.as_deref().unwrap_or(text)).or(first)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let first = self.0[0].replace_bytes(bytes);
        self.0[1].replace_bytes(first.as_deref().unwrap_or(bytes)).or(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudonyms_are_known_by_their_form() {
        for text in
            ["learner-0001@example.com", "Learner 0012", "learner-0001-2", "token-0001", "L0001-2"]
        {
            assert!(is_pseudonym(text), "{text}");
        }
        for text in ["learner@example.com", "Learner One", "tokenise", "linux1", "L1"] {
            assert!(!is_pseudonym(text), "{text}");
        }
    }
}
