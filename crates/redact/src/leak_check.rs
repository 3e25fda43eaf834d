//! Checking that nothing private is left in redacted text.
//!
//! The check works in another way than redaction does: it decodes each text as far as possible, and searches the
//! results for every known value. So a mistake in one of the two does not hide a leak.

use std::cmp::Reverse;
use std::iter::successors;
use std::ops::Range;

use ::base64::Engine;
use aho_corasick::AhoCorasick;
use drillmaster_models::{EndpointDef, Sensitivity};
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use crate::base64;
use crate::decode::{Decoded, RESERVED, fold_case, has_references, to_text};
use crate::names;
use crate::patterns::{self, Reach, SHORTEST_IN_NOISE, is_word};
use crate::pseudonyms::PseudonymTable;
use crate::search::Search;
use crate::visit::template;

/// How many nested encodings are decoded.
const DEEPEST: usize = 3;

/// Something private is left. The error does not repeat it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: something private ({}) is left in it, {encoding}", sensitivity.name())]
pub struct Leak {
    /// Where it is, as the caller names it.
    pub place: String,
    /// What is left.
    pub sensitivity: Sensitivity,
    /// How it is encoded.
    pub encoding: &'static str,
}

/// There are more private values than can be checked for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are too many private values to check the result for all of them")]
pub struct TooManyValues;

/// Searches redacted text for private values that are left. Create it with
/// [`Redactor::leak_check`](crate::Redactor::leak_check).
///
/// ```
/// use drillmaster_redact::{Redactor, Rows};
///
/// let rows = Rows { columns: vec!["email".into()], cells: vec![vec!["ada@corp.example".into()]] };
/// let check = Redactor::new(&rows.scheme(), Some(&rows)).leak_check().unwrap();
/// assert!(check.text("the note", "learner-0001@example.com").is_ok());
///
/// let leak = check.text("the note", "ada%40corp.example").unwrap_err();
/// assert_eq!(leak.to_string(), "the note: something private (email) is left in it, percent-encoded");
/// ```
pub struct LeakCheck {
    values: Vec<(String, Sensitivity, Reach)>,
    search: AhoCorasick,
    pseudonyms: Search,
}

impl LeakCheck {
    pub(crate) fn new(table: &PseudonymTable) -> Result<Self, TooManyValues> {
        let values = table.folded().filter(|(_, known)| known.reach != Reach::Fields);
        let values: Vec<_> =
            values.map(|(value, known)| (value.clone(), known.sensitivity, known.reach)).collect();
        let search = AhoCorasick::new(values.iter().map(|(value, ..)| value));
        // A pseudonym, or a part of one, may happen to be somebody's value. It is not a leak.
        let pseudonyms = Search::new(table.pseudonyms().flat_map(spellings));
        Ok(Self { search: search.map_err(|_| TooManyValues)?, pseudonyms, values })
    }

    /// Checks a text.
    pub fn text(&self, place: &str, text: &str) -> Result<(), Leak> {
        if names::is_declared_word(text) {
            return Ok(());
        }
        self.bytes(place, text.as_bytes())
    }

    /// Checks bytes that need not be text.
    pub fn bytes(&self, place: &str, bytes: &[u8]) -> Result<(), Leak> {
        self.decoded(bytes, "as it is", (DEEPEST, 0)).map_err(|(sensitivity, encoding)| Leak {
            place: place.to_owned(),
            sensitivity,
            encoding,
        })
    }

    /// Checks the texts and the names of fields in JSON.
    pub fn json(&self, place: &str, value: &Value) -> Result<(), Leak> {
        match value {
            Value::String(text) => self.text(place, text),
            Value::Array(items) => items.iter().try_for_each(|item| self.json(place, item)),
            Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
                self.text(place, name)?;
                self.json(place, value)
            }),
            _ => Ok(()),
        }
    }

    /// Checks the target of a request, except for the parts that its endpoint declares.
    pub fn target(
        &self,
        place: &str,
        target: &str,
        endpoint: Option<&EndpointDef>,
    ) -> Result<(), Leak> {
        self.text(place, &without_declared_words(target, endpoint))
    }

    /// Checks a text body, which may be a form, except for the names that its endpoint declares.
    pub fn body(
        &self,
        place: &str,
        text: &str,
        endpoint: Option<&EndpointDef>,
    ) -> Result<(), Leak> {
        self.text(place, &without_declared_names(text, endpoint))
    }

    /// Checks a header, unless it only says that a body is JSON or a form.
    pub fn header(&self, place: &str, name: &str, value: &str) -> Result<(), Leak> {
        if is_plain_content_type(name, value) {
            return Ok(());
        }
        self.text(place, name)?;
        self.text(place, value)
    }

    fn decoded(
        &self,
        bytes: &[u8],
        encoding: &'static str,
        (depth, shortest): (usize, usize),
    ) -> Result<(), (Sensitivity, &'static str)> {
        if let Some(sensitivity) = self.find(&to_text(bytes), shortest) {
            return Err((sensitivity, encoding));
        }
        if depth == 0 {
            return Ok(());
        }
        let mut decodings = Vec::new();
        if bytes.contains(&b'+') {
            decodings.push((Decoded::form(bytes).plain, "percent-encoded", shortest));
        }
        if bytes.contains(&b'%') {
            decodings.push((Decoded::percent(bytes).plain, "percent-encoded", shortest));
        }
        if bytes.contains(&b'\\') {
            decodings.push((Decoded::json(bytes).plain, "escaped as in JSON", shortest));
        }
        if has_references(bytes) {
            decodings.push((Decoded::html(bytes).plain, "escaped as in HTML", shortest));
        }
        let runs = bytes.split(|byte| !base64::is_letter(*byte));
        for run in runs.filter(|run| run.len() >= base64::SHORTEST_RUN) {
            let whole = run.len() - base64::left_over(run.len());
            let plain = base64::engine_for(run).decode(&run[..whole]).ok();
            let plain = plain.filter(|plain| std::str::from_utf8(plain).is_ok());
            decodings.extend(plain.map(|plain| {
                let shortest = if base64::is_readable(&plain) { 0 } else { SHORTEST_IN_NOISE };
                (plain, "in base64", shortest)
            }));
        }
        let decodings = decodings.iter().filter(|(plain, ..)| plain != bytes);
        decodings.into_iter().try_for_each(|(plain, encoding, shortest)| {
            self.decoded(plain, encoding, (depth - 1, *shortest))
        })
    }

    /// A value of at least this length in a text.
    fn find(&self, text: &str, shortest: usize) -> Option<Sensitivity> {
        let folded = fold_case(text);
        let mut pseudonyms: Vec<Range<usize>> = Vec::new();
        let mut found = self.pseudonyms.find(folded.as_bytes());
        found.sort_by_key(|(span, _)| (span.start, Reverse(span.end)));
        for (span, _) in found {
            if pseudonyms.last().is_none_or(|last| last.end <= span.start) {
                pseudonyms.push(span);
            }
        }
        let is_apart = |span: &Range<usize>| {
            let next = pseudonyms.partition_point(|pseudonym| pseudonym.end <= span.start);
            pseudonyms.get(next).is_none_or(|pseudonym| span.end <= pseudonym.start)
        };
        self.search.find_overlapping_iter(&folded).find_map(|found| {
            let (_, sensitivity, reach) = &self.values[found.pattern()];
            let counts = found.range().len() >= shortest
                && is_apart(&found.range())
                && (*reach == Reach::Anywhere || is_word(folded.as_bytes(), found.range()));
            counts.then_some(*sensitivity)
        })
    }
}

/// A pseudonym in lower case: as it is, percent-encoded, and percent-encoded again.
fn spellings(pseudonym: &str) -> impl Iterator<Item = String> {
    let encode = |text: &String| {
        let encoded = utf8_percent_encode(text, RESERVED).to_string();
        (encoded != *text).then_some(encoded)
    };
    let encoded = successors(Some(pseudonym.to_owned()), encode).take(1 + patterns::DEEPEST);
    encoded.map(|text| fold_case(&text))
}

/// What replaces a declared word.
const DECLARED: &str = "\u{1}";

/// A target without the words of its path and the names in its query that its endpoint declares.
fn without_declared_words(target: &str, endpoint: Option<&EndpointDef>) -> String {
    let (path, query) =
        target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let segments: Vec<_> = match endpoint.and_then(|endpoint| template(endpoint, path)) {
        Some(template) => path
            .split('/')
            .zip(template.split('/'))
            .map(|(segment, word)| if word.starts_with('{') { segment } else { DECLARED })
            .collect(),
        None => path
            .split('/')
            .map(|word| if names::is_declared_word(word) { DECLARED } else { word })
            .collect(),
    };
    let query = query.map(|query| format!("?{}", without_declared_names(query, endpoint)));
    segments.join("/") + &query.unwrap_or_default()
}

/// A query or a form without the names that its endpoint declares. Any other text stays as it is.
fn without_declared_names(text: &str, endpoint: Option<&EndpointDef>) -> String {
    let is_declared = |name: &str| {
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        endpoint.is_some_and(|endpoint| endpoint.request_texts().field(&name).is_some())
    };
    let pairs = text.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if is_declared(name) => format!("{DECLARED}={value}"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Whether a header only says that a body is JSON or a form, in UTF-8.
fn is_plain_content_type(name: &str, value: &str) -> bool {
    let (kind, charset) = value.split_once(';').unwrap_or((value, "charset=utf-8"));
    name.eq_ignore_ascii_case("content-type")
        && names::is_declared_word(kind.trim())
        && charset.trim().eq_ignore_ascii_case("charset=utf-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leak_check() -> LeakCheck {
        let mut table = PseudonymTable::default();
        let person = [(Sensitivity::Email, "zoë@corp.example"), (Sensitivity::Name, "Zoë O'Neil")];
        let person = person.map(|(sensitivity, value)| (sensitivity, value.to_owned()));
        table.add_person(person.into(), None);
        table.add(Sensitivity::Secret, "s3cr3t-token");
        LeakCheck::new(&table).unwrap()
    }

    #[test]
    fn an_unredacted_value_is_found_in_every_encoding() {
        let base64 = base64::PLAIN.encode("{\"e\":\"zoë@corp.example\"}");
        for (text, encoding) in [
            ("for ZOË@corp.example", "as it is"),
            ("a=zo%C3%AB%40corp.example", "percent-encoded"),
            ("a=zo%25C3%25AB%2540corp.example", "percent-encoded"),
            ("Zo%C3%AB+O%27Neil", "percent-encoded"),
            (r#"{"name":"Zo\u00eb O'Neil"}"#, "escaped as in JSON"),
            ("<i>Zo&#235; O&#39;Neil</i>", "escaped as in HTML"),
            (base64.as_str(), "in base64"),
            ("xs3cr3t-tokenx", "as it is"),
        ] {
            let leak = leak_check().text("request 0 of `main`", text).unwrap_err();
            assert_eq!(leak.encoding, encoding, "{text}");
            let message = leak.to_string();
            assert!(message.starts_with("request 0 of `main`"), "{message}");
            assert!(!message.contains("Zo"), "{message}");
        }
    }

    #[test]
    fn pseudonyms_are_not_leaks() {
        for text in
            ["learner-0001@example.com", "Learner 0001", "Zoë", "Zoë O'Neilson", "token-0001"]
        {
            assert_eq!(leak_check().text("there", text), Ok(()), "{text}");
        }
    }

    #[test]
    fn an_encoded_pseudonym_is_no_leak_even_if_it_begins_with_a_value() {
        let mut table = PseudonymTable::default();
        table.add_person(vec![(Sensitivity::Id, "learner-0002".to_owned())], None);
        table.add_person(vec![(Sensitivity::Email, "ada@corp.example".to_owned())], None);
        let check = LeakCheck::new(&table).unwrap();
        for text in [
            "learner-0002@example.com",
            "e=learner-0002%40example.com&x",
            "learner-0002%2540example.com",
        ] {
            assert_eq!(check.text("there", text), Ok(()), "{text}");
        }
        for text in ["learner-0002", "learner-0002%40other.example", "learner-0002%2Fexample.com"] {
            assert!(check.text("there", text).is_err(), "{text}");
        }
    }
}
