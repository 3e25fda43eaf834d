//! Replacing what is known to be private with its pseudonyms.

use drillmaster_models::{Message, Sensitivity, scope, wire};
use serde_json::Value;

use crate::leak_check::{LeakCheck, TooManyValues};
use crate::names;
use crate::patterns::Patterns;
use crate::policy::{Policy, Scheme};
use crate::pseudonyms::PseudonymTable;
use crate::roster::Rows;
use crate::visit::{Visitor, Walk};
use crate::warnings;

/// Replaces private values with their pseudonyms, and back.
///
/// ```
/// use drillmaster_models::{Dialect, Message, endpoint, scope};
/// use drillmaster_redact::{Redactor, Rows};
/// use serde_json::json;
///
/// let rows = Rows { columns: vec!["email".into()], cells: vec![vec!["ada@corp.example".into()]] };
/// let redactor = Redactor::new(&rows.scheme(), Some(&rows));
///
/// let seat = endpoint("thm.add_seat").unwrap();
/// let request = seat.request(&json!({ "email": "ada@corp.example" }), Dialect::Current).unwrap();
/// let message = Message { endpoint: "thm.add_seat", scope: scope::MAIN, wire: &request };
/// assert_eq!(redactor.request(message).body, br#"{"email":"learner-0001@example.com"}"#);
/// ```
#[derive(Debug, Default)]
pub struct Redactor {
    pub(crate) policy: Policy,
    pub(crate) table: PseudonymTable,
    known: Patterns,
    /// The values that were [bound](Self::bind) since.
    pub(crate) bound_table: PseudonymTable,
    bound: Patterns,
    /// From the pseudonyms of the roster to its values, and from those that were bound.
    pub(crate) reverse: [Patterns; 2],
}

impl Redactor {
    /// Gives the people of a roster the pseudonyms that they have in a recording with this scheme. It may be the real
    /// roster, or the roster of pseudonyms beside the recording, in which everyone keeps their pseudonym.
    pub fn new(scheme: &Scheme, roster: Option<&Rows>) -> Self {
        let mut table = PseudonymTable::default();
        if let Some(rows) = roster {
            rows.add_people(&scheme.columns, &mut table);
        }
        let reverse = [Patterns::new(table.reverse_patterns(0)), Patterns::default()];
        Self { reverse, ..Self::with(Policy::from(scheme), table) }
    }

    pub(crate) fn with(policy: Policy, table: PseudonymTable) -> Self {
        let known = Patterns::new(table.patterns(0));
        Self { policy, table, known, ..Self::default() }
    }

    /// A request with its private values replaced, as far as they are known.
    pub fn request(&self, message: Message<'_>) -> wire::Request {
        self.walk(message).request(message.wire, &mut Replacing(self))
    }

    /// A response with its private values replaced, as far as they are known.
    pub fn response(&self, message: Message<'_, wire::Response>) -> wire::Response {
        self.walk(message).response(message.wire, &mut Replacing(self))
    }

    pub(crate) fn walk<T>(&self, message: Message<'_, T>) -> Walk<'_> {
        Walk::new(&self.policy, message.declaration())
    }

    pub(crate) fn undeclared_walk(&self) -> Walk<'_> {
        Walk::new(&self.policy, None)
    }

    /// The name of a scope with the keys of its rows replaced.
    pub fn scope(&self, name: &str) -> String {
        if name == scope::MAIN {
            return name.to_owned();
        }
        scope::with_keys(name, |key| self.row_key(key))
    }

    /// The pseudonym of a row's key.
    pub fn row_key(&self, key: &str) -> String {
        self.replace(key, Some(Sensitivity::Id)).unwrap_or_else(|| key.to_owned())
    }

    /// Any text, with known values replaced.
    ///
    /// ```
    /// use drillmaster_redact::{Redactor, Rows};
    /// let rows = Rows { columns: vec!["email".into()], cells: vec![vec!["ada@corp.example".into()]] };
    /// let redactor = Redactor::new(&rows.scheme(), Some(&rows));
    /// assert_eq!(redactor.text("for ADA%40corp.example"), "for learner-0001%40example.com");
    /// ```
    pub fn text(&self, text: &str) -> String {
        self.replace(text, None).unwrap_or_else(|| text.to_owned())
    }

    /// Any JSON, with known values replaced.
    pub fn json(&self, value: &Value) -> Value {
        // In a list, because a walk begins at a list or an object.
        let list = self.undeclared_walk().json(&format!("[{value}]"), &mut Replacing(self));
        let list = list.and_then(|text| serde_json::from_str(&text).ok());
        match list {
            Some(Value::Array(mut items)) if items.len() == 1 => items.remove(0),
            _ => value.clone(),
        }
    }

    /// A roster with the cells of its private columns replaced, and with known values replaced in the others.
    pub(crate) fn roster(&self, rows: &Rows, private: &[(String, Sensitivity)]) -> Rows {
        let columns = rows.columns.iter();
        let sensitivities: Vec<_> = columns
            .map(|name| private.iter().find(|(own, _)| own == name).map(|(_, own)| *own))
            .collect();
        let redact = |(column, cell): (usize, &String)| {
            let sensitivity = sensitivities.get(column).copied().flatten();
            self.replace(cell, sensitivity).unwrap_or_else(|| cell.clone())
        };
        let cells = rows.cells.iter();
        let cells = cells.map(|row| row.iter().enumerate().map(redact).collect()).collect();
        Rows { columns: rows.columns.clone(), cells }
    }

    /// A check that none of the known values is left in redacted text.
    pub fn leak_check(&self) -> Result<LeakCheck, TooManyValues> {
        LeakCheck::new(&self.table)
    }

    /// The values of a policy that do not occur in redacted texts, by their index.
    pub fn absent_values(&self, policy: &Policy, redacted: &[&str]) -> Vec<usize> {
        warnings::absent_values(&self.table, policy, redacted)
    }

    /// Remembers which pseudonym a recording has for a value, unless one of the two is taken.
    pub(crate) fn add_bound(&mut self, sensitivity: Sensitivity, value: &str, pseudonym: &str) {
        let before = self.bound_table.len();
        self.bound_table.bind(sensitivity, value, pseudonym);
        self.bound.add(self.bound_table.patterns(before));
        self.reverse[1].add(self.bound_table.reverse_patterns(before));
    }

    /// The replacement of a text in a place of this sensitivity.
    pub(crate) fn replace(&self, text: &str, sensitivity: Option<Sensitivity>) -> Option<String> {
        if names::is_blank(text) {
            return None;
        }
        if sensitivity == Some(Sensitivity::Answer) {
            return Some(String::new());
        }
        if sensitivity.is_some_and(|own| own > Sensitivity::Address) {
            let known = self.table.get(text).or_else(|| self.bound_table.get(text));
            if let Some(known) = known {
                return Some(text.replace(text.trim(), &known.pseudonym));
            }
        } else if names::is_declared_word(text) {
            return None;
        }
        let first = self.known.replace(text);
        let second = self.bound.replace(first.as_deref().unwrap_or(text));
        second.or(first)
    }
}

/// Replaces known values.
struct Replacing<'a>(&'a Redactor);

impl Visitor for Replacing<'_> {
    fn text(&mut self, text: &str, sensitivity: Option<Sensitivity>) -> Option<String> {
        self.0.replace(text, sensitivity)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let first = self.0.known.replace_bytes(bytes);
        self.0.bound.replace_bytes(first.as_deref().unwrap_or(bytes)).or(first)
    }
}
