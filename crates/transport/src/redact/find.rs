//! Finding what is private in a recording.

use std::collections::HashSet;

use drillmaster_models::{Sensitivity, endpoint, wire};
use serde_json::Value;

use super::back::is_pseudonym;
use super::cast::{Cast, Person, fold};
use super::places::{Look, Met, Walk};
use super::remarks::{Remarks, is_plain};
use super::replace::Patterns;
use super::roster::Seen;
use super::view::read;
use super::{Policy, Redactor, Rows, Sealing, looks, names};
use crate::Scope;
use crate::request::Response;
use drillmaster_models::scope::{key_of, keys_of};

/// How deep one encoding may lie in another.
const DEEPEST: usize = 4;

/// What was found so far.
pub(crate) struct Found {
    policy: Policy,
    cast: Cast,
    /// The values of the roster, as patterns.
    roster: Patterns,
    rows: Option<Rows>,
    columns: Vec<(String, Sensitivity)>,
    /// Cells that are nobody's.
    nobodys: HashSet<String>,
    seen: Seen,
    /// Whom an answer is about: who was asked for.
    asked: Option<Person>,
    /// Cells and inputs of which nothing tells yet that they are about nobody.
    open: HashSet<String>,
    /// The fields that the user named and that are there.
    met: Met,
    /// The inputs of the run: name, value, and what it holds.
    inputs: Vec<(String, String, Option<Sensitivity>)>,
}

/// What came of finding.
pub(crate) struct Findings {
    pub(crate) redactor: Redactor,
    /// What a replay needs to know.
    pub(crate) sealing: Sealing,
    /// The roster of pseudonyms.
    pub(crate) roster: Option<Rows>,
    /// The inputs with pseudonyms: names and values.
    pub(crate) inputs: Vec<(String, String)>,
    pub(crate) remarks: Remarks,
}

impl Found {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            cast: Cast::default(),
            roster: Patterns::default(),
            rows: None,
            columns: Vec::new(),
            nobodys: HashSet::new(),
            seen: Seen::default(),
            asked: None,
            open: HashSet::new(),
            met: Met::default(),
            inputs: Vec::new(),
        }
    }

    /// Looks at what was asked for, before the roster is understood.
    pub(crate) fn glance(&mut self, scope: &str, name: &str, request: &wire::Request) {
        let walk = Walk::of(&self.policy, endpoint(name).ok()).noting(&self.met);
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
        self.roster = Patterns::of(self.cast.patterns(0));
        let others = self.nobodys.iter();
        self.open.extend(others.flat_map(|cell| cell.split(SEPARATORS)).map(fold));
        self.rows = Some(rows);
    }

    /// Takes in the inputs of the run, before anything is looked at.
    pub(crate) fn asked_with(&mut self, inputs: &[(String, String)]) {
        let values = inputs.iter().map(|(_, value)| value.as_str());
        self.open.extend(values.flat_map(|value| value.split(SEPARATORS)).map(fold));
    }

    /// Takes in what the user named.
    pub(crate) fn named(&mut self) {
        for value in self.policy.values.clone() {
            self.cast.note_named(&value);
        }
    }

    /// Takes in what is sealed already and stands in the order of a run alone. It stays as it is: numbered anew
    /// it would be somebody else. `elsewhere` is all else that is sealed already.
    pub(crate) fn keep(&mut self, of_run: impl FnOnce(&mut Self), elsewhere: &str) {
        let mut probe = Self::new(self.policy.clone());
        of_run(&mut probe);
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
        self.cast.len()
    }

    /// The values that became known after so many, folded.
    pub(crate) fn known_since(&self, count: usize) -> impl Iterator<Item = &String> {
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
            let holds = if is_email { Sensitivity::Email } else { Sensitivity::Id };
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

    /// Looks at JSON that may hold anything.
    pub(crate) fn json(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.json(item)),
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
        let walk = Walk::of(&self.policy, endpoint(name).ok()).noting(&self.met);
        let mut finding = Finding {
            cast: &mut self.cast,
            roster: &self.roster,
            groups: vec![Vec::new()],
            policy: &self.policy,
            open: &mut self.open,
            met: &self.met,
        };
        visit(&walk, &mut finding);
        let top = finding.groups.pop().unwrap_or_default();
        self.cast.meet(top, hint)
    }

    /// Looks at an input of the run.
    pub(crate) fn input(&mut self, name: &str, value: &str) {
        let holds = self.input_holds(name, value);
        for part in parts(value, holds) {
            self.look("", None, |_, look| {
                look.text(part.trim(), holds);
            });
        }
        self.inputs.push((name.to_owned(), value.to_owned(), holds));
    }

    /// What an input holds: as its name says, unless it was sent where no person is; or what the user said, where
    /// that is more secret.
    fn input_holds(&self, name: &str, value: &str) -> Option<Sensitivity> {
        let named = match names::plain(name).as_str() {
            "name" => Some(Sensitivity::Name),
            _ => names::holds(name),
        };
        let folded = fold(value);
        let is_nobodys =
            self.seen.harmless.contains(&folded) && !self.seen.private.contains_key(&folded);
        let named = named.filter(|holds| !(is_nobodys && holds.is_of_a_person()));
        named.max(self.policy.holds(name)).filter(|holds| *holds > Sensitivity::Address)
    }

    /// The end of finding, where people stay: what puts this text in the place of secrets and links.
    pub(crate) fn veil(self, stands: &str) -> Redactor {
        Redactor::with(self.policy, self.cast.of_secrets(stands))
    }

    /// The end of finding.
    pub(crate) fn done(self) -> Findings {
        let sealing = Sealing {
            columns: self.columns.clone(),
            fields: self.policy.fields.clone(),
            rows: self.rows.as_ref().map(|rows| rows.cells.len()),
        };
        let named = self.policy.named.clone();
        let redactor = Redactor::with(self.policy, self.cast);
        let roster = self.rows.as_ref().map(|rows| rows.redacted(&self.columns, &redactor));
        let inputs = self.inputs.iter();
        let inputs: Vec<_> = inputs
            .map(|(name, value, holds)| {
                let parts = parts(value, *holds).map(|part| {
                    let end = part.trim_end_matches(SEPARATORS);
                    let new = redactor.place(end, *holds).unwrap_or_else(|| end.to_owned());
                    new + &part[end.len()..]
                });
                (name.clone(), parts.collect::<String>())
            })
            .collect();
        // What a declaration knows, or the user, is left on purpose.
        let is_open = |part: &str| !is_plain(part) && self.open.contains(&fold(part));
        let is_told = |name: &str, value: &str, after: &str| {
            value == after
                && value.split(SEPARATORS).any(is_open)
                && !self.seen.harmless.contains(&fold(value))
                && !names::is_harmless(name)
                && redactor.policy.holds(name).is_none_or(|holds| holds > Sensitivity::Address)
        };
        let mut remarks = Remarks::default();
        for (rows, after) in self.rows.iter().zip(&roster) {
            let private = |name: &String| self.columns.iter().any(|(own, _)| own == name);
            for (place, name) in rows.columns.iter().enumerate().filter(|(_, name)| !private(name))
            {
                let mut cells = rows.cells.iter().zip(&after.cells);
                let is_told = cells.any(|(row, after)| {
                    row.get(place).zip(after.get(place)).is_some_and(|(a, b)| is_told(name, a, b))
                });
                remarks.columns.extend(is_told.then(|| name.clone()));
            }
        }
        let told = self.inputs.iter().zip(&inputs).filter(|((name, value, holds), (_, after))| {
            holds.is_none() && is_told(name, value, after)
        });
        // Of one that was given twice the last counts.
        remarks.inputs = told.map(|((name, ..), _)| name.clone()).collect();
        remarks.inputs.sort();
        remarks.inputs.dedup();
        let columns = self.rows.iter().flat_map(|rows| &rows.columns);
        let there: HashSet<_> = columns
            .chain(self.inputs.iter().map(|(name, ..)| name))
            .map(|name| names::plain(name))
            .chain(self.met.into_inner())
            .collect();
        remarks.absent_fields = named;
        remarks.absent_fields.retain(|name| !there.contains(&names::plain(name)));
        Findings { redactor, sealing, roster, inputs, remarks }
    }
}

/// What parts the items of an input that lists people.
const SEPARATORS: [char; 2] = [',', ';'];

/// The items of an input, each with what parts it from the next. A name may have a comma.
fn parts(value: &str, holds: Option<Sensitivity>) -> impl Iterator<Item = &str> {
    let lists = matches!(holds, Some(Sensitivity::Email | Sensitivity::Username | Sensitivity::Id))
        && !value.contains('{');
    value.split_inclusive(move |c| lists && SEPARATORS.contains(&c))
}

/// Looks at texts in order to find what is private.
struct Finding<'a> {
    cast: &'a mut Cast,
    roster: &'a Patterns,
    policy: &'a Policy,
    open: &'a mut HashSet<String>,
    met: &'a Met,
    /// What belongs together, the innermost last.
    groups: Vec<Vec<(Sensitivity, String)>>,
}

impl Look for Finding<'_> {
    fn text(&mut self, text: &str, holds: Option<Sensitivity>) -> Option<String> {
        // What is made of the roster's values follows from them.
        let holds = holds.filter(|_| self.cast.get(text).is_some() || !self.roster.make_up(text));
        if holds == Some(Sensitivity::Harmless) && !self.open.is_empty() {
            self.open.remove(&fold(text));
        }
        // Where a name is asked for, some write an address.
        let holds = match holds {
            Some(Sensitivity::Name) if looks::is_email(text.trim()) => Some(Sensitivity::Email),
            holds => holds,
        };
        match holds.filter(|holds| *holds > Sensitivity::Address) {
            Some(holds) if holds.is_of_a_person() => {
                if let Some(group) = self.groups.last_mut() {
                    group.push((holds, text.to_owned()));
                }
            }
            Some(holds) => self.cast.note(holds, text),
            None => {}
        }
        if holds.is_none_or(|holds| holds <= Sensitivity::Words) {
            self.within(text.as_bytes(), DEEPEST);
        }
        None
    }

    fn bytes(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.within(bytes, DEEPEST);
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
    fn within(&mut self, bytes: &[u8], depth: usize) {
        if bytes.len() < 4 {
            return;
        }
        let text = read(bytes);
        let walk = Walk::of(self.policy, None).noting(self.met);
        if depth > 0
            && text.starts_with(['{', '[', '"'])
            && walk.json(&text, &mut Deeper(self, depth)).is_some()
        {
            return;
        }
        // A byte that is no text is not a letter of anybody's address.
        for email in looks::emails(&String::from_utf8_lossy(bytes)) {
            self.cast.meet(vec![(Sensitivity::Email, email.to_owned())], None);
        }
        for secret in looks::secrets(&text) {
            // Where it cannot be decoded, or only deeper than anybody looks, it is what stands there.
            let plain = percent_encoding::percent_decode_str(secret).decode_utf8().ok();
            let plain = plain.filter(|_| depth > 0);
            self.cast.note(Sensitivity::Secret, plain.as_deref().unwrap_or(secret));
        }
        if depth > 0 {
            for view in looks::views(bytes) {
                self.within(&view, depth - 1);
            }
        }
    }
}

/// Looks at JSON within a text.
struct Deeper<'a, 'b>(&'a mut Finding<'b>, usize);

impl Look for Deeper<'_, '_> {
    fn text(&mut self, text: &str, holds: Option<Sensitivity>) -> Option<String> {
        match holds {
            None | Some(Sensitivity::Harmless | Sensitivity::Address) => {
                self.0.within(text.as_bytes(), self.1 - 1);
            }
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
    fn text(&mut self, text: &str, holds: Option<Sensitivity>) -> Option<String> {
        match holds.filter(|_| !names::is_none(text)) {
            Some(Sensitivity::Harmless) => {
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
