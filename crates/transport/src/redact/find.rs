//! Finding what is private in a recording.

use drillmaster_models::{Holds, entry, wire};
use serde_json::Value;

use super::back::is_pseudonym;
use super::cast::{Cast, Person, fold};
use super::places::{Look, Walk};
use super::replace::Patterns;
use super::roster::Seen;
use super::{Policy, Redactor, Rows, Sealing, looks, names};
use crate::Scope;
use crate::request::Response;
use crate::rows::{key_of, keys_of};

/// How deep one encoding may lie in another.
const DEEPEST: usize = 4;

/// What was found so far.
pub(crate) struct Found {
    policy: Policy,
    cast: Cast,
    /// The values of the roster, as patterns.
    roster: Patterns,
    rows: Option<Rows>,
    columns: Vec<(String, Holds)>,
    /// Cells that are nobody's.
    nobodys: std::collections::HashSet<String>,
    seen: Seen,
    /// Whom an answer is about: who was asked for.
    asked: Option<Person>,
}

impl Found {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            cast: Cast::default(),
            roster: Patterns::default(),
            rows: None,
            columns: Vec::new(),
            nobodys: std::collections::HashSet::new(),
            seen: Seen::default(),
            asked: None,
        }
    }

    /// Looks at what was asked for, before the roster is understood.
    pub(crate) fn glance(&mut self, scope: &str, name: &str, request: &wire::Request) {
        let walk = Walk { policy: &self.policy, entry: entry(name).ok() };
        walk.request(request, &mut Glancing(&mut self.seen));
        if scope != Scope::MAIN {
            self.seen.scopes.insert(fold(&key_of(scope)));
        }
    }

    /// Takes in the roster: its rows are the first people.
    pub(crate) fn join(&mut self, rows: Rows) {
        self.columns = rows.private(&self.policy, &self.seen);
        rows.join(&self.columns, &mut self.cast);
        self.nobodys = rows.others(&self.columns);
        self.roster = self.cast.patterns();
        self.rows = Some(rows);
    }

    /// Takes in what the user named.
    pub(crate) fn named(&mut self) {
        for value in self.policy.values.clone() {
            self.cast.note_named(&value);
        }
    }

    /// Takes in what is sealed already and stands in the order of a run alone. It stays as it is: numbered anew
    /// it would be somebody else. `elsewhere` is all else that is sealed already.
    pub(crate) fn keep<'a>(&mut self, order: impl Iterator<Item = &'a Value>, elsewhere: &str) {
        let mut probe = Self::new(self.policy.clone());
        order.for_each(|value| probe.json(value));
        let elsewhere = elsewhere.to_lowercase();
        let known = probe.cast.iter().map(|known| known.spelt[0].as_str());
        for pseudonym in known.filter(|text| is_pseudonym(text)) {
            let folded = pseudonym.to_lowercase();
            if elsewhere.contains(&folded) {
                continue;
            }
            self.cast.keep(pseudonym);
            let digits: String = folded
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect();
            let is_person = folded.starts_with('l');
            let has = |form: &str| elsewhere.contains(&format!("{form}{digits}"));
            if is_person && !["learner-", "learner ", "l"].into_iter().any(has) {
                digits.parse().into_iter().for_each(|person| self.cast.reserve(person));
            }
        }
    }

    /// A row's number, where its name is known by now.
    pub(crate) fn number(&self, scope: &str) -> Option<Person> {
        self.cast.person(&key_of(scope))
    }

    /// How many values are known.
    pub(crate) fn count(&self) -> usize {
        self.cast.since(0).len()
    }

    /// The values that became known after so many, folded.
    pub(crate) fn known_since(&self, count: usize) -> &[String] {
        self.cast.since(count)
    }

    /// Takes in the name of a row.
    pub(crate) fn scope(&mut self, scope: &str) {
        self.asked = None;
        if scope != Scope::MAIN {
            for key in keys_of(scope) {
                self.key(&key);
            }
        }
    }

    /// Takes in the key of a row. One that stood where nothing private stands, such as the code of a room, is
    /// nobody's.
    pub(crate) fn key(&mut self, key: &str) {
        let folded = fold(key);
        let is_nobodys = self.nobodys.contains(&folded)
            || (self.seen.harmless.contains(&folded) && !self.seen.private.contains_key(&folded));
        let is_email = looks::is_email(key.trim());
        if is_email || !is_nobodys {
            let holds = if is_email { Holds::Email } else { Holds::Id };
            self.cast.meet(vec![(holds, key.to_owned())], None);
        }
    }

    /// Looks at a request of a scope.
    pub(crate) fn request(&mut self, scope: &str, name: &str, request: &wire::Request) {
        let hint = self.number(scope).filter(|_| scope != Scope::MAIN);
        self.asked = self.look(name, hint, |walk, look| {
            walk.request(request, look);
        });
    }

    /// Looks at the answer to the last request.
    pub(crate) fn response(&mut self, name: &str, response: &Response) {
        self.look(name, self.asked, |walk, look| {
            walk.response(response, look);
        });
    }

    /// Looks at a text that may hold anything.
    pub(crate) fn prose(&mut self, text: &str) {
        self.look("", None, |_, look| {
            look.text(text, None);
        });
    }

    /// Looks at JSON that may hold anything. A pair of texts is a name and a value.
    pub(crate) fn json(&mut self, value: &Value) {
        match value {
            Value::Array(items) => match items.as_slice() {
                [Value::String(name), value @ Value::String(_)] => {
                    self.json(&serde_json::json!({ name: value }));
                }
                items => items.iter().for_each(|item| self.json(item)),
            },
            Value::String(text) => self.prose(text),
            Value::Object(fields) => {
                let text = value.to_string();
                self.look("", None, |walk, look| {
                    walk.json(&text, look);
                });
                fields.values().filter(|field| field.is_array()).for_each(|field| self.json(field));
            }
            _ => {}
        }
    }

    fn look(
        &mut self,
        name: &str,
        hint: Option<Person>,
        visit: impl FnOnce(&Walk<'_>, &mut Finding<'_>),
    ) -> Option<Person> {
        let walk = Walk { policy: &self.policy, entry: entry(name).ok() };
        let mut finding = Finding {
            cast: &mut self.cast,
            roster: &self.roster,
            groups: vec![Vec::new()],
            policy: &self.policy,
        };
        visit(&walk, &mut finding);
        let top = finding.groups.pop().unwrap_or_default();
        self.cast.meet(top, hint)
    }

    /// The end of finding: what replaces, what a replay needs to know, and the roster of pseudonyms.
    pub(crate) fn done(self) -> (Redactor, Sealing, Option<Rows>) {
        let sealing = Sealing { columns: self.columns.clone(), fields: self.policy.fields.clone() };
        let redactor = Redactor::with(self.policy, self.cast);
        let rows = self.rows.map(|rows| rows.redacted(&self.columns, &redactor));
        (redactor, sealing, rows)
    }
}

/// Looks at texts in order to find what is private.
struct Finding<'a> {
    cast: &'a mut Cast,
    roster: &'a Patterns,
    policy: &'a Policy,
    /// What belongs together, the innermost last.
    groups: Vec<Vec<(Holds, String)>>,
}

impl Look for Finding<'_> {
    fn text(&mut self, text: &str, holds: Option<Holds>) -> Option<String> {
        // What is made of the roster's values follows from them.
        let holds = holds.filter(|_| self.cast.get(text).is_some() || !self.roster.make_up(text));
        match holds.filter(|holds| *holds > Holds::Address) {
            Some(holds) if holds.is_of_a_person() => {
                if let Some(group) = self.groups.last_mut() {
                    group.push((holds, text.to_owned()));
                }
            }
            Some(holds) => self.cast.note(holds, text),
            None => {}
        }
        if holds.is_none_or(|holds| holds <= Holds::Words) {
            self.within(text, DEEPEST);
        }
        None
    }

    fn bytes(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.within(&String::from_utf8_lossy(bytes), DEEPEST);
        None
    }

    fn open(&mut self) {
        self.groups.push(Vec::new());
    }

    fn close(&mut self) {
        let group = self.groups.pop().unwrap_or_default();
        self.cast.meet(group, None);
    }
}

impl Finding<'_> {
    /// Looks at what a text holds that may be anything.
    fn within(&mut self, text: &str, depth: usize) {
        if text.len() < 4 {
            return;
        }
        let walk = Walk { policy: self.policy, entry: None };
        if depth > 0
            && text.starts_with(['{', '[', '"'])
            && walk.json(text, &mut Deeper(self, depth)).is_some()
        {
            return;
        }
        for email in looks::emails(text) {
            self.cast.meet(vec![(Holds::Email, email.to_owned())], None);
        }
        for secret in looks::secrets(text) {
            let plain = percent_encoding::percent_decode_str(secret).decode_utf8_lossy();
            self.cast.note(Holds::Secret, &plain);
        }
        if depth > 0 {
            for view in looks::views(text) {
                self.within(&view, depth - 1);
            }
        }
    }
}

/// Looks at JSON within a text.
struct Deeper<'a, 'b>(&'a mut Finding<'b>, usize);

impl Look for Deeper<'_, '_> {
    fn text(&mut self, text: &str, holds: Option<Holds>) -> Option<String> {
        match holds {
            None | Some(Holds::Harmless | Holds::Address) => self.0.within(text, self.1 - 1),
            holds => {
                self.0.text(text, holds);
            }
        }
        None
    }

    fn bytes(&mut self, _bytes: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn open(&mut self) {
        self.0.open();
    }

    fn close(&mut self) {
        self.0.close();
    }
}

/// Looks at what stands where, in order to understand a roster.
struct Glancing<'a>(&'a mut Seen);

impl Look for Glancing<'_> {
    fn text(&mut self, text: &str, holds: Option<Holds>) -> Option<String> {
        match holds.filter(|_| !names::is_none(text)) {
            Some(Holds::Harmless) => {
                self.0.harmless.insert(fold(text));
            }
            Some(holds) if holds.is_of_a_person() => {
                self.0.private.entry(fold(text)).or_insert(holds);
            }
            _ => {}
        }
        None
    }

    fn bytes(&mut self, _bytes: &[u8]) -> Option<Vec<u8>> {
        None
    }
}
