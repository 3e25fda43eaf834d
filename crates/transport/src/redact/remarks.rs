//! What whoever seals should know of it.

use super::cast::{Known, fold};
use super::replace::{Pattern, Patterns, Reach};
use super::{Policy, Redactor, names};

/// What sealing left as it is and what it looked for in vain: a person decides whether that is right.
///
/// ```
/// use drillmaster_transport::redact::Remarks;
///
/// let columns = vec!["team".to_owned(), "room".to_owned()];
/// let remarks = Remarks { columns, inputs: vec!["since".to_owned()], ..Remarks::default() };
/// assert_eq!(remarks.left().unwrap(), "columns team, room; input since");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// The roster's columns with cells that are as they were, and of which nothing tells that they are about no
    /// person.
    pub columns: Vec<String>,
    /// Such inputs.
    pub inputs: Vec<String>,
    /// The fields that were named as private, and that are not there.
    pub absent_fields: Vec<String>,
    /// Such values, by their place among those that were named, from 0: they are not to be repeated.
    pub absent_values: Vec<usize>,
}

impl Remarks {
    /// The columns and inputs that were left as they are, if there are any.
    pub fn left(&self) -> Option<String> {
        let lists = [("column", &self.columns), ("input", &self.inputs)];
        let lists: Vec<_> = lists
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(noun, names)| {
                let plural = if names.len() == 1 { "" } else { "s" };
                format!("{noun}{plural} {}", names.join(", "))
            })
            .collect();
        (!lists.is_empty()).then(|| lists.join("; "))
    }
}

impl Redactor {
    /// Of the values that the user named those that stand nowhere in what was sealed.
    pub(crate) fn absent(&self, policy: &Policy, sealed: &[&str]) -> Vec<usize> {
        let stands_there = |value: &String| {
            let Some(known) = self.cast.get(value) else { return false };
            // As a part of something longer it went with that.
            let folded = fold(value);
            let is_within = |other: &Known| {
                other.stands != known.stands
                    && other.spelt.iter().any(|own| fold(own).contains(&folded))
            };
            if self.cast.iter().any(is_within) {
                return true;
            }
            // Another encoding is looked for where it does not stand there as it is.
            let encoded = Patterns::of(std::iter::once(Pattern {
                value: known.stands.clone(),
                reach: Reach::Anywhere,
                stands: String::new(),
            }));
            let is_in = |text: &&str| {
                text.contains(&known.stands)
                    || text.lines().any(|line| encoded.replace(line).is_some())
            };
            sealed.iter().any(is_in)
        };
        let values = policy.values.iter().enumerate();
        values.filter(|(_, value)| !stands_there(value)).map(|(place, _)| place).collect()
    }
}

/// Whether nobody can be told by it: nothing, a declared word, yes or no, a small number.
pub(super) fn is_plain(value: &str) -> bool {
    let value = value.trim();
    let is_small = value.len() < 4 && value.bytes().all(|byte| byte.is_ascii_digit());
    let is_switch = ["yes", "no", "on", "off", "y", "n", "x"]
        .iter()
        .any(|switch| value.eq_ignore_ascii_case(switch));
    names::is_none(value) || names::is_word(value) || is_small || is_switch
}
