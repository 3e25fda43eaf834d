//! Learning, during a replay without a roster, which pseudonym stands for whom.

use drillmaster_models::{Message, Sensitivity, wire};
use serde_json::Value;

use crate::detect;
use crate::mask::is_private;
use crate::pseudonyms::{fold, is_pseudonym};
use crate::redactor::Redactor;
use crate::visit::Visitor;

impl Redactor {
    /// Learns which pseudonyms stand for the values of a request, from the recorded request that is equal to it
    /// [without its private values](crate::mask_request). Returns `false`, and learns nothing, if that contradicts
    /// what is known: each value has one pseudonym, and each pseudonym stands for one value.
    pub fn bind(&mut self, message: Message<'_>, recorded: &wire::Request) -> bool {
        let walk = self.walk(message);
        let (mut values, mut pseudonyms) = (PrivateTexts::default(), PrivateTexts::default());
        // JSON fields may come in another order.
        walk.request(&sorted(message.wire), &mut values);
        walk.request(&sorted(recorded), &mut pseudonyms);
        if values.0.len() != pseudonyms.0.len() {
            return false;
        }
        let pairs: Vec<_> = values.0.into_iter().zip(pseudonyms.0).collect();
        let mut fresh: Vec<(Sensitivity, &str, &str)> = Vec::new();
        // A value that is its own pseudonym was replaced before, or is from a roster of pseudonyms.
        let differing = pairs.iter().filter(|(value, pseudonym)| value.1 != pseudonym.1);
        for ((sensitivity, value), (_, pseudonym)) in differing {
            let known = self.table.get(value).or_else(|| self.bound_table.get(value));
            let same = |a: &str, b: &str| fold(a) == fold(b);
            let agrees = match known {
                Some(known) => known.pseudonym == *pseudonym,
                None => {
                    let taken = self.table.is_pseudonym(pseudonym)
                        || self.bound_table.is_pseudonym(pseudonym);
                    let contradicts = |(_, own, its): &(Sensitivity, &str, &str)| {
                        same(own, value) != same(its, pseudonym)
                    };
                    !taken && !fresh.iter().any(contradicts)
                }
            };
            if !agrees {
                return false;
            }
            if known.is_none() {
                fresh.push((*sensitivity, value, pseudonym));
            }
        }
        for (sensitivity, value, pseudonym) in fresh {
            self.add_bound(sensitivity, value, pseudonym);
        }
        true
    }

    /// Learns which pseudonyms stand for the values of a list, from the recorded list of the same length.
    pub fn bind_lists(&mut self, values: &Value, recorded: &Value) {
        let (Some(values), Some(recorded)) = (values.as_array(), recorded.as_array()) else {
            return;
        };
        if values.len() != recorded.len() {
            return;
        }
        for (value, pseudonym) in values.iter().zip(recorded) {
            let (Some(value), Some(pseudonym)) = (value.as_str(), pseudonym.as_str()) else {
                continue;
            };
            if value == pseudonym || self.table.get(value).is_some() {
                continue;
            }
            let is_email = detect::is_email(value.trim());
            let sensitivity = if is_email { Sensitivity::Email } else { Sensitivity::Id };
            self.add_bound(sensitivity, value, pseudonym);
        }
    }

    /// A pseudonym in a request that stands for nobody known. It must not be sent: at the service, it may be somebody's
    /// name.
    pub fn unknown_pseudonym(&self, message: Message<'_>) -> Option<String> {
        let mut texts = PrivateTexts::default();
        self.walk(message).request(message.wire, &mut texts);
        // In a roster of pseudonyms, everybody is unknown.
        let all_unknown = self.table.is_pseudonymous();
        let is_known =
            |text: &String| self.table.get(text).or_else(|| self.bound_table.get(text)).is_some();
        let texts = texts.0.into_iter().map(|(_, text)| text);
        texts.filter(|text| is_pseudonym(text)).find(|text| all_unknown || !is_known(text))
    }
}

/// Lists the private texts of a request, in their order.
#[derive(Default)]
struct PrivateTexts(Vec<(Sensitivity, String)>);

impl Visitor for PrivateTexts {
    fn text(&mut self, text: &str, sensitivity: Option<Sensitivity>) -> Option<String> {
        if is_private(text, sensitivity) {
            self.0.push((sensitivity.unwrap_or(Sensitivity::Email), text.to_owned()));
        }
        None
    }

    fn bytes(&mut self, _bytes: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// The request with the fields of its JSON and its query sorted by name.
fn sorted(request: &wire::Request) -> wire::Request {
    let mut request = request.clone();
    if let Ok(mut json) = serde_json::from_slice::<Value>(&request.body) {
        json.sort_all_objects();
        request.body = json.to_string().into_bytes();
    }
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    if !query.is_empty() {
        let mut pairs: Vec<_> = query.split('&').collect();
        pairs.sort_by_key(|pair| pair.split('=').next());
        request.target = format!("{path}?{}", pairs.join("&"));
    }
    request
}
