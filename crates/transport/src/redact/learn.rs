//! Finding out, while a cassette is replayed without its roster, who its people are.

use drillmaster_models::{Metadata, Sensitivity, endpoint, wire};

use super::places::{Look, Walk};
use super::{Policy, Redactor, looks, names};
use crate::request::Request;

/// What a request has in common with those that differ from it in private values only, as the declarations
/// tell them: the same for a request and for what sealing made of it.
///
/// ```
/// use drillmaster_models::{Dialect, endpoint};
/// use drillmaster_transport::redact::{Sealing, shape};
/// use serde_json::json;
///
/// let seat = endpoint("thm.add_seat").unwrap();
/// let shape_for = |email: &str| {
///     let request = seat.request(&json!({ "email": email }), Dialect::Current).unwrap();
///     shape(&request, &seat.metadata, &Sealing::default())
/// };
/// assert_eq!(shape_for("ada@corp.example"), shape_for("learner-0001@example.com"));
/// ```
pub fn shape(request: &wire::Request, metadata: &Metadata, sealing: &super::Sealing) -> String {
    let policy = Policy::of(sealing);
    let walk = Walk::of(&policy, endpoint(metadata.name).ok());
    crate::cassette::identity(&walk.request(request, &mut Masking))
}

/// Looks at texts in order to put the same in the place of all that is private.
struct Masking;

impl Look for Masking {
    fn text(&mut self, text: &str, holds: Option<Sensitivity>) -> Option<String> {
        is_private(text, holds).then(|| format!("({})", holds.unwrap_or(Sensitivity::Email)))
    }

    fn bytes(&mut self, _bytes: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

pub(super) fn is_private(text: &str, holds: Option<Sensitivity>) -> bool {
    let private = holds.is_some_and(|holds| holds > Sensitivity::Address);
    !names::is_none(text) && (private || looks::is_email(text.trim()))
}

/// The private texts of a request, in their order.
#[derive(Default)]
pub(super) struct Listing(pub(super) Vec<(Sensitivity, String)>);

impl Look for Listing {
    fn text(&mut self, text: &str, holds: Option<Sensitivity>) -> Option<String> {
        if is_private(text, holds) {
            self.0.push((holds.unwrap_or(Sensitivity::Email), text.to_owned()));
        }
        None
    }

    fn bytes(&mut self, _bytes: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

impl Redactor {
    /// Learns from a request, and from the recorded one of the same [`shape`] that answers it, which
    /// pseudonyms stand for its values. `false`, and nothing is learnt, where that contradicts what is
    /// known: one value has one pseudonym, and one pseudonym stands for one value.
    pub fn bind(&mut self, asked: &Request, recorded: &wire::Request) -> bool {
        let walk = self.walk(asked.metadata.name);
        let (mut own, mut theirs) = (Listing::default(), Listing::default());
        // JSON's fields may come in another order.
        walk.request(&ordered(&asked.wire), &mut own);
        walk.request(&ordered(recorded), &mut theirs);
        if own.0.len() != theirs.0.len() {
            return false;
        }
        let pairs: Vec<_> = own.0.into_iter().zip(theirs.0).collect();
        let mut fresh: Vec<(Sensitivity, &str, &str)> = Vec::new();
        // What is its own pseudonym was mapped already, or is of a roster of pseudonyms.
        for ((holds, value), (_, stands)) in pairs.iter().filter(|(own, theirs)| own.1 != theirs.1)
        {
            let known = self.cast.get(value).or_else(|| self.learnt.get(value));
            let same = |a: &str, b: &str| super::cast::fold(a) == super::cast::fold(b);
            let agrees = match known {
                Some(known) => known.stands == *stands,
                None => {
                    let taken = self.cast.is_pseudonym(stands) || self.learnt.is_pseudonym(stands);
                    let other = |(_, own, its): &&(Sensitivity, &str, &str)| {
                        same(own, value) != same(its, stands)
                    };
                    !taken && !fresh.iter().any(|one| other(&one))
                }
            };
            if !agrees {
                return false;
            }
            if known.is_none() {
                fresh.push((*holds, value, stands));
            }
        }
        for (holds, value, stands) in fresh {
            self.learn(holds, value, stands);
        }
        true
    }
}

/// The request with the fields of its JSON in the order of their names.
fn ordered(request: &wire::Request) -> wire::Request {
    let mut request = request.clone();
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(&request.body) {
        request.body = crate::cassette::sorted(&json).to_string().into_bytes();
    }
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    if !query.is_empty() {
        let mut pairs: Vec<_> = query.split('&').collect();
        pairs.sort_by_key(|pair| pair.split('=').next());
        request.target = format!("{path}?{}", pairs.join("&"));
    }
    request
}
