//! What is private in addition to the declarations, and the record of it that a redacted recording keeps.

use std::collections::BTreeMap;

use drillmaster_models::Sensitivity;
use serde::{Deserialize, Serialize};

use crate::names;

/// What is private in addition to what the declarations say. It can only add to them.
///
/// ```
/// use drillmaster_redact::{Policy, Sensitivity};
///
/// let policy = Policy::default().field("badge number", Sensitivity::Id).value("Project Nightjar");
/// assert_eq!(policy.sensitivity_of("badgeNumber"), Some(Sensitivity::Id));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Policy {
    pub(crate) fields: BTreeMap<String, Sensitivity>,
    /// The names of these fields as the user wrote them.
    pub(crate) field_names: Vec<String>,
    pub(crate) values: Vec<String>,
}

impl Policy {
    /// Makes every field, column, header and input of this name private. Case and punctuation of the name do not
    /// matter.
    #[must_use]
    pub fn field(mut self, name: &str, sensitivity: Sensitivity) -> Self {
        let highest = self.fields.entry(names::normalized(name)).or_insert(sensitivity);
        *highest = sensitivity.max(*highest);
        self.field_names.push(name.to_owned());
        self
    }

    /// Makes this value private, wherever it is.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.values.push(value.into());
        self
    }

    /// How sensitive a field of this name is, if it was added.
    pub fn sensitivity_of(&self, name: &str) -> Option<Sensitivity> {
        if self.fields.is_empty() {
            return None;
        }
        self.fields.get(&names::normalized(name)).copied()
    }
}

impl From<&Scheme> for Policy {
    fn from(scheme: &Scheme) -> Self {
        Self { fields: scheme.fields.clone(), ..Self::default() }
    }
}

/// How a recording was redacted. A replay needs it to treat a script's requests in the same way. It has names of
/// fields and columns, and nothing about people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// The private columns of the roster, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<(String, Sensitivity)>,
    /// The fields of the [`Policy`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Sensitivity>,
    /// How many rows the roster had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
}
