//! What a person should check after redaction.

use crate::names;
use crate::patterns::{Pattern, Patterns, Reach};
use crate::policy::Policy;
use crate::pseudonyms::{Known, PseudonymTable, fold};

/// What redaction left as it is without knowing that it is harmless, and what it searched for in vain. A person decides
/// whether that is right.
///
/// ```
/// use drillmaster_redact::Warnings;
///
/// let columns = vec!["team".into(), "room".into()];
/// let warnings = Warnings { columns, inputs: vec!["since".into()], ..Warnings::default() };
/// assert_eq!(warnings.unredacted().unwrap(), "columns team, room; input since");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warnings {
    /// Columns of the roster with cells that were left as they are, though nothing says that they are harmless.
    pub columns: Vec<String>,
    /// Inputs that were left in the same way.
    pub inputs: Vec<String>,
    /// Fields of the policy that do not occur.
    pub absent_fields: Vec<String>,
    /// Values of the policy that do not occur, by their index in it: they must not be repeated.
    pub absent_values: Vec<usize>,
}

impl Warnings {
    /// The columns and inputs that were left as they are, if there are any.
    pub fn unredacted(&self) -> Option<String> {
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

/// The values of a policy that do not occur in redacted texts, by their index.
pub(crate) fn absent_values(
    table: &PseudonymTable,
    policy: &Policy,
    redacted: &[&str],
) -> Vec<usize> {
    let occurs = |value: &String| {
        let Some(known) = table.get(value) else { return false };
        // A part of a longer value was replaced together with that.
        let folded = fold(value);
        let contains_it = |other: &Known| {
            other.pseudonym != known.pseudonym
                && other.spellings.iter().any(|spelling| fold(spelling).contains(&folded))
        };
        if table.iter().any(contains_it) {
            return true;
        }
        let encoded = Patterns::new(std::iter::once(Pattern {
            value: known.pseudonym.clone(),
            reach: Reach::Anywhere,
            replacement: String::new(),
        }));
        redacted.iter().any(|text| {
            text.contains(&known.pseudonym)
                || text.lines().any(|line| encoded.replace(line).is_some())
        })
    };
    let values = policy.values.iter().enumerate();
    values.filter(|(_, value)| !occurs(value)).map(|(index, _)| index).collect()
}

/// Whether a value identifies nobody: a blank, a declared word, yes or no, a small number.
pub(crate) fn is_plain(value: &str) -> bool {
    let value = value.trim();
    let is_small = value.len() < 4 && value.bytes().all(|byte| byte.is_ascii_digit());
    let is_switch = ["yes", "no", "on", "off", "y", "n", "x"]
        .iter()
        .any(|switch| value.eq_ignore_ascii_case(switch));
    names::is_blank(value) || names::is_declared_word(value) || is_small || is_switch
}
