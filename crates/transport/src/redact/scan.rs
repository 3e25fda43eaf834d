//! Looking once more through what was sealed, in another way than it was redacted: each text is unpacked as
//! far as it goes, and searched for every value.

use std::cmp::Reverse;
use std::iter::successors;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use base64::Engine;
use drillmaster_models::{Dialect, EndpointDef, endpoint};
use percent_encoding::utf8_percent_encode;
use serde_json::{Map, Value};

use super::cast::Cast;
use super::places::template;
use super::replace::{Reach, SHORTEST_IN_NOISE, is_word};
use super::search::Search;
use super::view::{RESERVED, View, folded, has_references, read};
use super::{Redactor, Sensitivity, looks, names};

/// How far a text is unpacked.
const DEEPEST: usize = 3;

/// Something private that is left in what was to be shared. It does not say what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: something private ({}) is left in it, {encoding}", holds.name())]
pub struct Leak {
    /// Which event, and which part of it.
    pub place: String,
    /// What is left.
    pub holds: Sensitivity,
    /// How it is encoded.
    pub encoding: &'static str,
}

/// What to look for, folded.
pub(crate) struct Scan {
    values: Vec<(String, Sensitivity, Reach)>,
    search: AhoCorasick,
    pseudonyms: Search,
}

impl Redactor {
    /// What the final scan looks for.
    pub(crate) fn scan(&self) -> Result<Scan, String> {
        Scan::for_all(&self.cast)
    }
}

impl Scan {
    fn for_all(cast: &Cast) -> Result<Self, String> {
        let values = cast.folded().filter(|(_, known)| known.reach != Reach::Places);
        let values: Vec<_> =
            values.map(|(value, known)| (value.clone(), known.holds, known.reach)).collect();
        let search = AhoCorasick::new(values.iter().map(|(value, ..)| value));
        // A pseudonym, or a part of it, that happens to be somebody's value stands for somebody else.
        let pseudonyms = Search::of(cast.pseudonyms().flat_map(written));
        Ok(Self { search: search.map_err(|error| error.to_string())?, pseudonyms, values })
    }

    /// Looks through an event: the parts of it that hold what travelled, and not the format's own words.
    pub(crate) fn event(&self, place: &str, event: &Value) -> Result<(), Leak> {
        let declared = event["entry"].as_str().and_then(|name| endpoint(name).ok());
        for (name, part) in event.as_object().into_iter().flatten() {
            let place = format!("{place}, {name}");
            match (name.as_str(), part) {
                ("scope" | "detail", Value::String(text)) => self.text(&place, text)?,
                ("target", Value::String(text)) => {
                    self.text(&place, &without_words(text, declared))?;
                }
                ("headers", Value::Array(headers)) => {
                    let mut headers = headers.iter().filter(|header| !is_plain_kind(header));
                    headers.try_for_each(|header| self.value(&place, header))?;
                }
                ("value", part) => self.value(&place, part)?,
                ("body", Value::Object(parts)) => {
                    for (kind, part) in parts {
                        match part.as_str().filter(|_| kind == "text") {
                            Some(text) => self.text(&place, &without_names(text, declared))?,
                            None => self.value(&place, part)?,
                        }
                        self.binary(&place, kind, part)?;
                    }
                }
                ("run", Value::Object(parts)) => self.run(&place, parts)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Looks through what a run was made from. How its inputs are called is the script's.
    fn run(&self, place: &str, parts: &Map<String, Value>) -> Result<(), Leak> {
        for (name, part) in parts {
            match part {
                Value::String(word) if name == "dialect" && word.parse::<Dialect>().is_ok() => {}
                Value::Array(inputs) => {
                    let mut values = inputs.iter().map(|pair| pair.get(1).unwrap_or(pair));
                    values.try_for_each(|value| self.value(place, value))?;
                }
                part => self.value(place, part)?,
            }
        }
        Ok(())
    }

    fn value(&self, place: &str, value: &Value) -> Result<(), Leak> {
        match value {
            Value::String(text) => self.text(place, text),
            Value::Array(items) => items.iter().try_for_each(|item| self.value(place, item)),
            Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
                self.text(place, name)?;
                self.value(place, value)
            }),
            _ => Ok(()),
        }
    }

    /// A body that is no text.
    fn binary(&self, place: &str, kind: &str, body: &Value) -> Result<(), Leak> {
        let bytes = body
            .as_str()
            .filter(|_| kind == "base64")
            .and_then(|text| looks::PLAIN.decode(text.trim_end_matches('=')).ok());
        bytes.map_or(Ok(()), |bytes| self.bytes(place, &bytes))
    }

    /// Looks through a text.
    pub(crate) fn text(&self, place: &str, text: &str) -> Result<(), Leak> {
        if names::is_word(text) {
            return Ok(());
        }
        self.bytes(place, text.as_bytes())
    }

    fn bytes(&self, place: &str, bytes: &[u8]) -> Result<(), Leak> {
        self.unpacked(bytes, "as it is", (DEEPEST, 0)).map_err(|(holds, encoding)| Leak {
            place: place.to_owned(),
            holds,
            encoding,
        })
    }

    fn unpacked(
        &self,
        bytes: &[u8],
        encoding: &'static str,
        (depth, shortest): (usize, usize),
    ) -> Result<(), (Sensitivity, &'static str)> {
        if let Some(holds) = self.found(&read(bytes), shortest) {
            return Err((holds, encoding));
        }
        if depth == 0 {
            return Ok(());
        }
        let mut views = Vec::new();
        if bytes.contains(&b'+') {
            views.push((View::of_form(bytes).plain, "percent-encoded", shortest));
        }
        if bytes.contains(&b'%') {
            views.push((View::of_percent(bytes).plain, "percent-encoded", shortest));
        }
        if bytes.contains(&b'\\') {
            views.push((View::of_json(bytes).plain, "escaped as in JSON", shortest));
        }
        if has_references(bytes) {
            views.push((View::of_html(bytes).plain, "escaped as in HTML", shortest));
        }
        let runs = bytes.split(|byte| !looks::is_of_base64(*byte));
        for run in runs.filter(|run| run.len() >= looks::SHORTEST_RUN) {
            let whole = run.len() - usize::from(run.len() % 4 == 1);
            let plain = looks::engine_of(run).decode(&run[..whole]).ok();
            let plain = plain.filter(|plain| std::str::from_utf8(plain).is_ok());
            let shortest =
                |plain: &[u8]| if looks::is_readable(plain) { 0 } else { SHORTEST_IN_NOISE };
            views.extend(plain.map(|plain| {
                let shortest = shortest(&plain);
                (plain, "in base64", shortest)
            }));
        }
        let views = views.iter().filter(|(plain, ..)| plain != bytes);
        views.into_iter().try_for_each(|(plain, encoding, shortest)| {
            self.unpacked(plain, encoding, (depth - 1, *shortest))
        })
    }

    /// What of at least this length stands in a text.
    fn found(&self, text: &str, shortest: usize) -> Option<Sensitivity> {
        let folded = folded(text);
        // What stands for somebody may hold what is somebody else's.
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
            let (_, holds, reach) = &self.values[found.pattern()];
            let there = found.range().len() >= shortest
                && is_apart(&found.range())
                && (*reach == Reach::Anywhere || is_word(folded.as_bytes(), found.range()));
            there.then_some(*holds)
        })
    }
}

/// A pseudonym as it is and as it stands in addresses, and in addresses within them, in small letters.
fn written(pseudonym: &str) -> impl Iterator<Item = String> {
    let encoded = |text: &String| {
        let encoded = utf8_percent_encode(text, RESERVED).to_string();
        (encoded != *text).then_some(encoded)
    };
    let ways = successors(Some(pseudonym.to_owned()), encoded).take(1 + super::replace::DEEPEST);
    ways.map(|text| folded(&text))
}

/// What stands in the place of a word that is the format's own.
const OWN: &str = "\u{1}";

/// A target without what its endpoint declares of it: the words of its path and the names in its query.
fn without_words(target: &str, endpoint: Option<&EndpointDef>) -> String {
    let (path, query) =
        target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let segments: Vec<_> = match endpoint.and_then(|endpoint| template(endpoint, path)) {
        Some(template) => path
            .split('/')
            .zip(template.split('/'))
            .map(|(segment, word)| if word.starts_with('{') { segment } else { OWN })
            .collect(),
        None => path.split('/').map(|word| if names::is_word(word) { OWN } else { word }).collect(),
    };
    let query = query.map(|query| format!("?{}", without_names(query, endpoint)));
    segments.join("/") + &query.unwrap_or_default()
}

/// A query or a form without the names that its endpoint declares. Any other text is what it is.
fn without_names(text: &str, endpoint: Option<&EndpointDef>) -> String {
    let is_declared = |name: &str| {
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        endpoint.is_some_and(|endpoint| endpoint.request_texts().field(&name).is_some())
    };
    let pairs = text.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if is_declared(name) => format!("{OWN}={value}"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Whether a header says that a body is JSON or a form, and how its letters are written.
fn is_plain_kind(header: &Value) -> bool {
    let part = |place: usize| header.get(place).and_then(Value::as_str).unwrap_or_default();
    let (kind, letters) = part(1).split_once(';').unwrap_or((part(1), "charset=utf-8"));
    part(0).eq_ignore_ascii_case("content-type")
        && names::is_word(kind.trim())
        && letters.trim().eq_ignore_ascii_case("charset=utf-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan() -> Scan {
        let mut cast = Cast::default();
        let met = [(Sensitivity::Email, "zoë@corp.example"), (Sensitivity::Name, "Zoë O'Neil")];
        cast.meet(met.map(|(holds, value)| (holds, value.to_owned())).into(), None);
        cast.note(Sensitivity::Secret, "s3cr3t-token");
        Scan::for_all(&cast).unwrap()
    }

    #[test]
    fn what_was_never_redacted_is_found_in_every_encoding() {
        let base64 = looks::PLAIN.encode("{\"e\":\"zoë@corp.example\"}");
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
            let leak = scan().text("request 0 of `main`", text).unwrap_err();
            assert_eq!(leak.encoding, encoding, "{text}");
            let told = leak.to_string();
            assert!(told.starts_with("request 0 of `main`") && !told.contains("Zo"), "{told}");
        }
    }

    #[test]
    fn pseudonyms_are_no_leaks() {
        for text in
            ["learner-0001@example.com", "Learner 0001", "Zoë", "Zoë O'Neilson", "token-0001"]
        {
            assert_eq!(scan().text("there", text), Ok(()), "{text}");
        }
    }
    #[test]
    fn a_pseudonym_that_is_encoded_is_no_leak_of_somebody_called_like_its_beginning() {
        let mut cast = Cast::default();
        cast.meet(vec![(Sensitivity::Id, "learner-0002".to_owned())], None);
        cast.meet(vec![(Sensitivity::Email, "ada@corp.example".to_owned())], None);
        let scan = Scan::for_all(&cast).unwrap();
        for text in [
            "learner-0002@example.com",
            "e=learner-0002%40example.com&x",
            "learner-0002%2540example.com",
        ] {
            assert_eq!(scan.text("there", text), Ok(()), "{text}");
        }
        for text in ["learner-0002", "learner-0002%40other.example", "learner-0002%2Fexample.com"] {
            assert!(scan.text("there", text).is_err(), "{text}");
        }
    }
}
