//! Keeping people and secrets out of what is shared.
//!
//! What is private is told by the declarations of the endpoints, by its looks, by the roster and by the names
//! of rows, and by whoever seals. Each such value gets a pseudonym, the same wherever it stands, and is
//! replaced everywhere: in addresses, forms, JSON, headers and errors, plain or in another encoding.
//!
//! | a value is | its pseudonym |
//! |---|---|
//! | the address of a mailbox | `learner-0001@example.com` |
//! | a name | `Learner 0001` |
//! | a user name, an id | `learner-0001` |
//! | a picture | `https://links.invalid/learner-0001.png` |
//! | a link that lets somebody in | `https://links.invalid/0001?token=token-0001` |
//! | a token, a password, a key | `token-0001` |
//! | what somebody wrote, or part of a name | `words-0001` |
//! | the answer to a question | nothing |
//!
//! People have numbers. Those of a roster have the numbers of its rows, so that a [`Redactor`] finds the
//! pseudonyms again from the roster alone, and nothing about people has to be stored.
//!
//! # What is not found
//!
//! A field of an answer that no declaration knows is judged by its name and by the looks of its value alone. A
//! person's name in a field called `remark`, a number called `no`, an address of a house: such a value stays
//! where nothing else gives it away, be it the roster, a declared field, or the name of a row. So do columns and
//! inputs with names that tell nothing; [`Remarks`] tells of these. Name the field with [`Policy::field`] or the
//! value with [`Policy::value`], and read a cassette before it is shared.
//!
//! A roster's rows are told from each other by nothing but their place. A replay with another number of rows is
//! refused, and so is one with rows in another order, as far as it shows: in a column that is kept as it is, or
//! in a cell that is empty, beside the roster of pseudonyms that lies beside the cassette. Two people of whom all
//! kept cells are alike can change places unseen; each then gets what was recorded for the other.
//!
//! ```
//! use drillmaster_transport::redact::{Sensitivity, Policy, Redactor, Rows, Sealing};
//!
//! let sealing = Sealing { columns: vec![("email".to_owned(), Sensitivity::Email)], ..Sealing::default() };
//! let roster = Rows {
//!     columns: vec!["email".to_owned(), "room".to_owned()],
//!     cells: vec![vec!["ada@corp.example".to_owned(), "linux1".to_owned()]],
//! };
//! let redactor = Redactor::of(&sealing, Some(&roster));
//! assert_eq!(redactor.text("for ADA%40corp.example"), "for learner-0001%40example.com");
//! assert_eq!(Policy::default().field("badge number", Sensitivity::Id).holds("badgeNumber"), Some(Sensitivity::Id));
//! ```

mod back;
mod cast;
mod find;
mod json;
mod keys;
mod learn;
mod looks;
mod names;
mod places;
mod remarks;
mod replace;
mod roster;
mod runs;
mod scan;
mod search;
mod view;

use std::collections::BTreeMap;

pub use drillmaster_models::Sensitivity;
use drillmaster_models::{endpoint, wire};
use serde::{Deserialize, Serialize};

pub use keys::Keys;
pub use learn::shape;
pub use remarks::Remarks;
pub use roster::Rows;
pub use scan::Leak;

pub(crate) use back::faceless;
pub(crate) use cast::fold;
pub(crate) use find::{Findings, Found};
pub(crate) use json::says;

use crate::request::{Request, Response};
use cast::Cast;
use drillmaster_models::scope::with_keys;
use places::{Look, Walk};
use replace::Patterns;

/// What is private besides what the declarations say. It can be extended, and nothing can be taken away.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    fields: BTreeMap<String, Sensitivity>,
    /// The names of these fields as they were said.
    named: Vec<String>,
    values: Vec<String>,
}

impl Policy {
    /// A field, a column or an input of this name holds something private, wherever it stands. Case and
    /// punctuation of the name do not matter.
    #[must_use]
    pub fn field(mut self, name: &str, holds: Sensitivity) -> Self {
        let own = self.fields.entry(names::plain(name)).or_insert(holds);
        *own = holds.max(*own);
        self.named.push(name.to_owned());
        self
    }

    /// This value is private, wherever it stands.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.values.push(value.into());
        self
    }

    /// What the user said that a field of this name holds.
    pub fn holds(&self, name: &str) -> Option<Sensitivity> {
        if self.fields.is_empty() {
            return None;
        }
        self.fields.get(&names::plain(name)).copied()
    }

    /// What a sealed cassette says that whoever sealed it had named.
    fn of(sealing: &Sealing) -> Self {
        Self { fields: sealing.fields.clone(), ..Self::default() }
    }
}

/// How a cassette was sealed: what a replay needs to treat in the same way what a script sends. It holds
/// names of fields and columns, and nothing about people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealing {
    /// The roster's columns that hold something private, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<(String, Sensitivity)>,
    /// The fields that the user named.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Sensitivity>,
    /// How many rows the roster had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
}

/// Whether something in a text looks like a secret: it stands behind a name for one, or is a signed token.
///
/// ```
/// use drillmaster_transport::redact::looks_secret;
/// assert!(looks_secret("let token = \"b4c0ffee\";"));
/// assert!(!looks_secret("thm::scoreboard(#{ roomCode: \"linux1\" })"));
/// ```
pub fn looks_secret(text: &str) -> bool {
    let is_in = |text: &str| looks::secrets(text).next().is_some();
    let views = looks::views(text.as_bytes());
    is_in(text) || views.iter().any(|view| is_in(&String::from_utf8_lossy(view)))
}

/// Puts pseudonyms in the place of what is known to be private.
#[derive(Debug, Default)]
pub struct Redactor {
    policy: Policy,
    cast: Cast,
    known: Patterns,
    /// What was [bound](Self::bind) since.
    learnt: Cast,
    bound: Patterns,
    /// From the pseudonyms of the roster's people to its values, and from those that were bound.
    back: [Patterns; 2],
}

impl Redactor {
    /// What the sealing of a cassette did to the people of a roster: the real one, or that of pseudonyms,
    /// in which each stands for itself.
    pub fn of(sealing: &Sealing, roster: Option<&Rows>) -> Self {
        let policy = Policy::of(sealing);
        let mut cast = Cast::default();
        if let Some(rows) = roster {
            rows.join(&sealing.columns, &mut cast);
        }
        let back = [Patterns::of(cast.back(0)), Patterns::default()];
        Self { back, ..Self::with(policy, cast) }
    }

    fn with(policy: Policy, cast: Cast) -> Self {
        let known = Patterns::of(cast.patterns(0));
        Self { policy, cast, known, ..Self::default() }
    }

    /// The request as sealing would have written it, as far as its values are known.
    #[must_use]
    pub fn request(&self, request: &Request) -> Request {
        Request {
            wire: self.wire(request.metadata.name, &request.wire).into(),
            metadata: request.metadata,
            scope: self.scope(&request.scope).into(),
            ordinal: request.ordinal,
            purpose: request.purpose,
        }
    }

    /// What travels, as sealing would have written it.
    pub(crate) fn wire(&self, name: &str, request: &wire::Request) -> wire::Request {
        self.walk(name).request(request, &mut Replacing(self))
    }

    pub(crate) fn response(&self, name: &str, response: &Response) -> Response {
        self.walk(name).response(response, &mut Replacing(self))
    }

    fn walk(&self, name: &str) -> Walk<'_> {
        Walk::of(&self.policy, endpoint(name).ok())
    }

    /// A scope's name, as sealing would have written it.
    pub fn scope(&self, scope: &str) -> String {
        if scope == crate::Scope::MAIN {
            return scope.to_owned();
        }
        with_keys(scope, |key| self.key(key))
    }

    /// The key of a row.
    pub(crate) fn key(&self, key: &str) -> String {
        self.place(key, Some(Sensitivity::Id)).unwrap_or_else(|| key.to_owned())
    }

    /// A text that may stand anywhere, with pseudonyms in the place of what is known.
    pub fn text(&self, text: &str) -> String {
        self.place(text, None).unwrap_or_else(|| text.to_owned())
    }

    /// JSON that may stand anywhere.
    pub(crate) fn json(&self, value: &serde_json::Value) -> serde_json::Value {
        let walk = Walk::of(&self.policy, None);
        let text = format!("[{value}]");
        let list = walk.json(&text, &mut Replacing(self));
        let list = list.and_then(|text| serde_json::from_str(&text).ok());
        match list {
            Some(serde_json::Value::Array(mut items)) if items.len() == 1 => items.remove(0),
            _ => value.clone(),
        }
    }

    /// Takes in which pseudonym a recording has for a value, unless the value or the pseudonym has another.
    fn learn(&mut self, holds: Sensitivity, value: &str, stands: &str) {
        let before = self.learnt.len();
        self.learnt.take(holds, value, stands);
        self.bound.add(self.learnt.patterns(before));
        self.back[1].add(self.learnt.back(before));
    }

    fn place(&self, text: &str, holds: Option<Sensitivity>) -> Option<String> {
        if names::is_none(text) {
            return None;
        }
        if holds == Some(Sensitivity::Answer) {
            return Some(String::new());
        }
        if holds.is_some_and(|holds| holds > Sensitivity::Address) {
            let known = self.cast.get(text).or_else(|| self.learnt.get(text));
            if let Some(known) = known {
                return Some(text.replace(text.trim(), &known.stands));
            }
        } else if names::is_word(text) {
            return None;
        }
        let first = self.known.replace(text);
        let second = self.bound.replace(first.as_deref().unwrap_or(text));
        second.or(first)
    }
}

/// Looks at texts in order to replace what is known.
struct Replacing<'a>(&'a Redactor);

impl Look for Replacing<'_> {
    fn text(&mut self, text: &str, holds: Option<Sensitivity>) -> Option<String> {
        self.0.place(text, holds)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let first = self.0.known.replace_bytes(bytes);
        self.0.bound.replace_bytes(first.as_deref().unwrap_or(bytes)).or(first)
    }
}
