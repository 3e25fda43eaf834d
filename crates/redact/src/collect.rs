//! Collecting what is private in a recording.

use std::collections::HashSet;

use drillmaster_models::{EndpointDef, Message, Sensitivity, scope, wire};
use serde_json::Value;

use crate::decode::to_text;
use crate::detect;
use crate::names;
use crate::patterns::Patterns;
use crate::policy::{Policy, Scheme};
use crate::pseudonyms::{Person, PseudonymTable, fold, is_pseudonym};
use crate::redactor::Redactor;
use crate::roster::{Rows, Seen};
use crate::visit::{SeenFields, Visitor, Walk};
use crate::warnings::{Warnings, is_plain};

/// How many encodings may be nested.
const DEEPEST: usize = 4;

/// Collects the private values of a recording, message by message, and numbers its people.
///
/// ```
/// use drillmaster_models::{Dialect, Message, endpoint};
/// use drillmaster_redact::{Collector, Policy};
/// use serde_json::json;
///
/// let seat = endpoint("thm.add_seat").unwrap();
/// let request = seat.request(&json!({ "email": "ada@corp.example" }), Dialect::Current).unwrap();
/// let mut collector = Collector::new(Policy::default());
/// collector.request(Message { endpoint: "thm.add_seat", scope: "row 1", wire: &request });
///
/// let redactor = collector.finish().redactor;
/// assert_eq!(redactor.text("Ada@corp.example was here"), "learner-0001@example.com was here");
/// ```
pub struct Collector {
    policy: Policy,
    table: PseudonymTable,
    /// The values of the roster.
    roster: Patterns,
    rows: Option<Rows>,
    columns: Vec<(String, Sensitivity)>,
    /// Cells of columns that are not private, folded.
    harmless_cells: HashSet<String>,
    seen: Seen,
    /// The person that the last request was about. Its response is about the same person.
    person: Option<Person>,
    /// Cells and inputs, folded, that nothing has shown to be harmless yet.
    unclear: HashSet<String>,
    /// The fields of the policy that occur.
    seen_fields: SeenFields,
    inputs: Vec<Input>,
}

/// An input of the run.
struct Input {
    name: String,
    value: String,
    sensitivity: Option<Sensitivity>,
}

/// What was collected.
pub struct Collected {
    /// Replaces the values with their pseudonyms.
    pub redactor: Redactor,
    /// What a replay needs to know.
    pub scheme: Scheme,
    /// The roster of pseudonyms.
    pub roster: Option<Rows>,
    /// The names of the inputs, with their redacted values.
    pub inputs: Vec<(String, String)>,
    /// What a person should check.
    pub warnings: Warnings,
}

impl Collector {
    /// Collects what the declarations and this policy say is private.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            table: PseudonymTable::default(),
            roster: Patterns::default(),
            rows: None,
            columns: Vec::new(),
            harmless_cells: HashSet::new(),
            seen: Seen::default(),
            person: None,
            unclear: HashSet::new(),
            seen_fields: SeenFields::default(),
            inputs: Vec::new(),
        }
    }

    /// Notes the values of a request, which help to understand the roster. To be called for all requests before
    /// [`add_roster`](Self::add_roster).
    pub fn preview(&mut self, message: Message<'_>) {
        let walk = Walk::new(&self.policy, message.declaration()).noting(&self.seen_fields);
        walk.request(message.wire, &mut Previewing(&mut self.seen));
        if message.scope != scope::MAIN {
            self.seen.row_keys.insert(fold(&scope::key_of(message.scope)));
        }
    }

    /// Notes the inputs of the run before its messages are collected.
    pub fn preview_inputs(&mut self, inputs: &[(String, String)]) {
        let values = inputs.iter().map(|(_, value)| value.as_str());
        self.unclear.extend(values.flat_map(|value| value.split(SEPARATORS)).map(fold));
    }

    /// Adds the roster. The people in its rows come first.
    pub fn add_roster(&mut self, rows: Rows) {
        self.columns = rows.private(&self.policy, &self.seen);
        rows.add_people(&self.columns, &mut self.table);
        self.harmless_cells = rows.others(&self.columns);
        self.roster = Patterns::new(self.table.patterns(0));
        let others = self.harmless_cells.iter();
        self.unclear.extend(others.flat_map(|cell| cell.split(SEPARATORS)).map(fold));
        self.rows = Some(rows);
    }

    /// Adds the values of the policy.
    pub fn add_policy_values(&mut self) {
        for value in &self.policy.values {
            self.table.add_anywhere(value);
        }
    }

    /// Keeps pseudonyms that a recording has in the description of its run alone, when it is redacted again. With new
    /// numbers they would stand for other people. `elsewhere` is the rest of the recording.
    pub fn keep_pseudonyms(&mut self, of_run: impl FnOnce(&mut Self), elsewhere: &str) {
        let mut probe = Self::new(self.policy.clone());
        of_run(&mut probe);
        let elsewhere = elsewhere.to_lowercase();
        let known = probe.table.iter().map(|known| known.spellings[0].as_str());
        for pseudonym in known.filter(|text| is_pseudonym(text)) {
            let lower = pseudonym.to_lowercase();
            if elsewhere.contains(&lower) {
                continue;
            }
            self.table.keep(pseudonym);
            let digits: String = lower
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect();
            let is_person = lower.starts_with('l');
            let has = |form: &str| elsewhere.contains(&format!("{form}{digits}"));
            if is_person && !["learner-", "learner ", "l"].into_iter().any(has) {
                digits.parse().into_iter().for_each(|person| self.table.reserve(person));
            }
        }
    }

    /// The number of the person whom a scope is about, if that person is known.
    pub fn person_of(&self, scope: &str) -> Option<u32> {
        self.table.person(&scope::key_of(scope))
    }

    /// How many values are known.
    pub fn count(&self) -> usize {
        self.table.len()
    }

    /// The values after the first `count`, [folded](fold).
    pub fn values_since(&self, count: usize) -> impl Iterator<Item = &String> {
        self.table.since(count)
    }

    /// Adds the keys in the name of a scope.
    pub fn scope(&mut self, name: &str) {
        self.person = None;
        if name != scope::MAIN {
            for key in scope::keys_of(name) {
                self.row_key(&key);
            }
        }
    }

    /// Adds the key of a row, unless it is a value of a harmless field, such as the code of a room.
    pub fn row_key(&mut self, key: &str) {
        let folded = fold(key);
        let is_harmless = self.harmless_cells.contains(&folded) || self.seen.is_harmless(&folded);
        let is_email = detect::is_email(key.trim());
        if is_email || !is_harmless {
            let sensitivity = if is_email { Sensitivity::Email } else { Sensitivity::Id };
            self.table.add_person(vec![(sensitivity, key.to_owned())], None);
        }
    }

    /// Collects from a request.
    pub fn request(&mut self, message: Message<'_>) {
        let hint = self.person_of(message.scope).filter(|_| message.scope != scope::MAIN);
        self.person = self.visit(message.declaration(), hint, |walk, visitor| {
            walk.request(message.wire, visitor);
        });
    }

    /// Collects from the response to the last request.
    pub fn response(&mut self, message: Message<'_, wire::Response>) {
        self.visit(message.declaration(), self.person, |walk, visitor| {
            walk.response(message.wire, visitor);
        });
    }

    /// Collects from any text.
    pub fn text(&mut self, text: &str) {
        self.visit(None, None, |_, visitor| {
            visitor.text(text, None);
        });
    }

    /// Collects from any JSON.
    pub fn json(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.json(item)),
            Value::String(text) => self.text(text),
            Value::Object(fields) => {
                let text = value.to_string();
                self.visit(None, None, |walk, visitor| {
                    walk.json(&text, visitor);
                });
                fields.values().filter(|field| field.is_array()).for_each(|field| self.json(field));
            }
            _ => {}
        }
    }

    /// Collects from an input of the run.
    pub fn input(&mut self, name: &str, value: &str) {
        let sensitivity = self.input_sensitivity(name, value);
        for item in items(value, sensitivity) {
            self.visit(None, None, |_, visitor| {
                visitor.text(item.trim(), sensitivity);
            });
        }
        self.inputs.push(Input { name: name.to_owned(), value: value.to_owned(), sensitivity });
    }

    /// How sensitive an input is: as its name says, unless its value was sent in a harmless field. The policy can only
    /// raise it.
    fn input_sensitivity(&self, name: &str, value: &str) -> Option<Sensitivity> {
        let by_name = match names::normalized(name).as_str() {
            "name" => Some(Sensitivity::Name),
            _ => names::sensitivity_of(name),
        };
        let is_harmless = self.seen.is_harmless(&fold(value));
        let by_name = by_name.filter(|own| !(is_harmless && own.is_of_a_person()));
        by_name.max(self.policy.sensitivity_of(name)).filter(|own| *own > Sensitivity::Address)
    }

    fn visit(
        &mut self,
        endpoint: Option<&EndpointDef>,
        hint: Option<Person>,
        visit: impl FnOnce(&Walk<'_>, &mut Collecting<'_>),
    ) -> Option<Person> {
        let walk = Walk::new(&self.policy, endpoint).noting(&self.seen_fields);
        let mut collecting = Collecting {
            table: &mut self.table,
            roster: &self.roster,
            groups: vec![Vec::new()],
            policy: &self.policy,
            unclear: &mut self.unclear,
            seen_fields: &self.seen_fields,
        };
        visit(&walk, &mut collecting);
        let top = collecting.groups.pop().unwrap_or_default();
        self.table.add_person(top, hint)
    }

    /// Ends collecting, to replace secrets and links alone, all with `mask`.
    pub fn finish_secrets(self, mask: &str) -> Redactor {
        Redactor::with(self.policy, self.table.into_secrets(mask))
    }

    /// Ends collecting.
    pub fn finish(self) -> Collected {
        let Self { policy, table, rows, columns, seen, unclear, seen_fields, inputs, .. } = self;
        let scheme = Scheme {
            columns,
            fields: policy.fields.clone(),
            rows: rows.as_ref().map(|rows| rows.cells.len()),
        };
        let redactor = Redactor::with(policy, table);
        let roster = rows.as_ref().map(|rows| redactor.roster(rows, &scheme.columns));
        let redacted: Vec<_> = inputs.iter().map(|input| input.redacted(&redactor)).collect();
        // A value that a declaration or the policy calls harmless is left on purpose.
        let is_unclear = |item: &str| !is_plain(item) && unclear.contains(&fold(item));
        let is_left = |name: &str, before: &str, after: &str| {
            before == after
                && before.split(SEPARATORS).any(is_unclear)
                && !seen.harmless.contains(&fold(before))
                && !names::is_harmless(name)
                && redactor.policy.sensitivity_of(name).is_none_or(|own| own > Sensitivity::Address)
        };
        let mut warnings = Warnings::default();
        if let (Some(rows), Some(redacted)) = (&rows, &roster) {
            let is_private = |name: &str| scheme.columns.iter().any(|(own, _)| own == name);
            let columns = rows.columns.iter().enumerate().filter(|(_, name)| !is_private(name));
            for (column, name) in columns {
                let mut pairs = rows.cells.iter().zip(&redacted.cells);
                let is_left = pairs.any(|(before, after)| {
                    let cells = before.get(column).zip(after.get(column));
                    cells.is_some_and(|(before, after)| is_left(name, before, after))
                });
                warnings.columns.extend(is_left.then(|| name.clone()));
            }
        }
        let left = inputs.iter().zip(&redacted).filter(|(input, (_, after))| {
            input.sensitivity.is_none() && is_left(&input.name, &input.value, after)
        });
        // An input may be given twice.
        warnings.inputs = left.map(|(input, _)| input.name.clone()).collect();
        warnings.inputs.sort();
        warnings.inputs.dedup();
        let columns = rows.iter().flat_map(|rows| &rows.columns);
        let there: HashSet<_> = columns
            .chain(inputs.iter().map(|input| &input.name))
            .map(|name| names::normalized(name))
            .chain(seen_fields.into_inner())
            .collect();
        warnings.absent_fields.clone_from(&redactor.policy.field_names);
        warnings.absent_fields.retain(|name| !there.contains(&names::normalized(name)));
        Collected { redactor, scheme, roster, inputs: redacted, warnings }
    }
}

impl Input {
    /// Its name, and its value with the private items replaced.
    fn redacted(&self, redactor: &Redactor) -> (String, String) {
        let items = items(&self.value, self.sensitivity).map(|item| {
            let end = item.trim_end_matches(SEPARATORS);
            let new = redactor.replace(end, self.sensitivity).unwrap_or_else(|| end.to_owned());
            new + &item[end.len()..]
        });
        (self.name.clone(), items.collect())
    }
}

/// What separates the items of an input that is a list of people.
const SEPARATORS: [char; 2] = [',', ';'];

/// The items of an input, each with the separator that follows it. A name is never a list, because it may have a comma.
fn items(value: &str, sensitivity: Option<Sensitivity>) -> impl Iterator<Item = &str> {
    use Sensitivity::{Email, Id, Username};
    let is_list = matches!(sensitivity, Some(Email | Username | Id)) && !value.contains('{');
    value.split_inclusive(move |c| is_list && SEPARATORS.contains(&c))
}

/// Collects private values.
struct Collecting<'a> {
    table: &'a mut PseudonymTable,
    roster: &'a Patterns,
    policy: &'a Policy,
    unclear: &'a mut HashSet<String>,
    seen_fields: &'a SeenFields,
    /// The values of each person, the innermost last.
    groups: Vec<Vec<(Sensitivity, String)>>,
}

impl Visitor for Collecting<'_> {
    fn text(&mut self, text: &str, sensitivity: Option<Sensitivity>) -> Option<String> {
        // A text that consists of the roster's values is replaced value by value.
        let is_new = || self.table.get(text).is_some() || !self.roster.consist_of(text);
        let sensitivity = sensitivity.filter(|_| is_new());
        if sensitivity == Some(Sensitivity::Harmless) && !self.unclear.is_empty() {
            self.unclear.remove(&fold(text));
        }
        // Some people enter their address in place of their name.
        let sensitivity = match sensitivity {
            Some(Sensitivity::Name) if detect::is_email(text.trim()) => Some(Sensitivity::Email),
            sensitivity => sensitivity,
        };
        match sensitivity.filter(|own| *own > Sensitivity::Address) {
            Some(own) if own.is_of_a_person() => {
                if let Some(group) = self.groups.last_mut() {
                    group.push((own, text.to_owned()));
                }
            }
            Some(own) => self.table.add(own, text),
            None => {}
        }
        if sensitivity.is_none_or(|own| own <= Sensitivity::Words) {
            self.within(text.as_bytes(), DEEPEST);
        }
        None
    }

    fn bytes(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.within(bytes, DEEPEST);
        None
    }

    fn begin_person(&mut self) {
        self.groups.push(Vec::new());
    }

    fn end_person(&mut self) {
        let group = self.groups.pop().unwrap_or_default();
        self.table.add_person(group, None);
    }
}

impl Collecting<'_> {
    /// Collects the values in a text that have the form of private ones.
    fn within(&mut self, bytes: &[u8], depth: usize) {
        if bytes.len() < 4 {
            return;
        }
        let text = to_text(bytes);
        let walk = Walk::new(self.policy, None).noting(self.seen_fields);
        if depth > 0
            && text.starts_with(['{', '[', '"'])
            && walk.json(&text, &mut Nested(self, depth)).is_some()
        {
            return;
        }
        // A byte that is not UTF-8 ends an address.
        for email in detect::emails(&String::from_utf8_lossy(bytes)) {
            self.table.add_person(vec![(Sensitivity::Email, email.to_owned())], None);
        }
        for secret in detect::secrets(&text) {
            // Text that cannot be decoded, or is nested too deeply, is itself the secret.
            let plain = percent_encoding::percent_decode_str(secret).decode_utf8().ok();
            let plain = plain.filter(|_| depth > 0);
            self.table.add(Sensitivity::Secret, plain.as_deref().unwrap_or(secret));
        }
        if depth > 0 {
            for plain in detect::decodings(bytes) {
                self.within(&plain, depth - 1);
            }
        }
    }
}

/// Collects from JSON within a text.
struct Nested<'a, 'b>(&'a mut Collecting<'b>, usize);

impl Visitor for Nested<'_, '_> {
    fn text(&mut self, text: &str, sensitivity: Option<Sensitivity>) -> Option<String> {
        match sensitivity {
            None | Some(Sensitivity::Harmless | Sensitivity::Address) => {
                self.0.within(text.as_bytes(), self.1 - 1);
            }
            sensitivity => {
                self.0.text(text, sensitivity);
            }
        }
        None
    }

    fn bytes(&mut self, _bytes: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn begin_person(&mut self) {
        self.0.begin_person();
    }

    fn end_person(&mut self) {
        self.0.end_person();
    }
}

/// Notes which values are in private fields and which are in harmless ones.
struct Previewing<'a>(&'a mut Seen);

impl Visitor for Previewing<'_> {
    fn text(&mut self, text: &str, sensitivity: Option<Sensitivity>) -> Option<String> {
        match sensitivity.filter(|_| !names::is_blank(text)) {
            Some(Sensitivity::Harmless) => {
                self.0.harmless.insert(fold(text));
            }
            Some(own) if own.is_of_a_person() => {
                self.0.private.entry(fold(text)).or_insert(own);
            }
            _ => {}
        }
        None
    }

    fn bytes(&mut self, _bytes: &[u8]) -> Option<Vec<u8>> {
        None
    }
}
