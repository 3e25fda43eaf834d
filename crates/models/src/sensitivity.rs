//! How sensitive the texts of a message are when it is shared: whether they identify a person or grant access.
//!
//! A field declares its sensitivity with `#[schemars(extend("x-sensitivity" = "email"))]`. A text field without
//! this mark is [harmless](Sensitivity::Harmless) and is shared as it is. The snapshot
//! `tests/snapshots/laws__harmless_texts.snap` lists these fields, so that a review sees every new one. Generated
//! documents do not show the marks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::schema::{choices, types};

/// The mark in a schema.
const MARK: &str = "x-sensitivity";

/// How sensitive a text is: the kind of private thing that it contains.
///
/// ```
/// use drillmaster_models::Sensitivity;
/// assert!(Sensitivity::Email.is_of_a_person());
/// assert_eq!("username".parse(), Ok(Sensitivity::Username));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sensitivity {
    /// Nothing private.
    Harmless,
    /// A URL within a service. Only the values in its query may be secret.
    Address,
    /// Words that a person wrote, or part of a name.
    Words,
    /// The answer to a question.
    Answer,
    /// The URL of a person's picture.
    Avatar,
    /// A person's name.
    Name,
    /// The id of another person than the one that the surrounding object is about.
    Other,
    /// The id of a person.
    Id,
    /// A user name.
    Username,
    /// An e-mail address.
    Email,
    /// A URL that grants access to whoever opens it.
    Link,
    /// A key, token or password.
    Secret,
}

impl Sensitivity {
    /// All kinds, the least sensitive first.
    pub const ALL: [Self; 12] = [
        Self::Harmless,
        Self::Address,
        Self::Words,
        Self::Answer,
        Self::Avatar,
        Self::Name,
        Self::Other,
        Self::Id,
        Self::Username,
        Self::Email,
        Self::Link,
        Self::Secret,
    ];

    /// The name in declarations, recordings and error messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Address => "address",
            Self::Words => "words",
            Self::Answer => "answer",
            Self::Avatar => "avatar",
            Self::Name => "name",
            Self::Other => "other",
            Self::Id => "id",
            Self::Username => "username",
            Self::Email => "email",
            Self::Link => "link",
            Self::Secret => "secret",
        }
    }

    /// Whether it identifies a person.
    pub const fn is_of_a_person(self) -> bool {
        matches!(
            self,
            Self::Avatar | Self::Name | Self::Other | Self::Id | Self::Username | Self::Email
        )
    }

    /// Whether no two people share it.
    pub const fn tells_people_apart(self) -> bool {
        matches!(self, Self::Other | Self::Id | Self::Username | Self::Email)
    }
}

impl std::fmt::Display for Sensitivity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Sensitivity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|one| one.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.into_iter().map(Self::name).collect();
            format!("unknown sensitivity `{text}`; use one of {}", names.join(", "))
        })
    }
}

/// How sensitive the texts of a value are, in the shape of the value.
///
/// ```
/// use drillmaster_models::{Sensitivity, endpoint};
/// let users = endpoint("thm.users").unwrap().answer_texts().field("users").unwrap();
/// let email = users.items().unwrap().field("email").unwrap();
/// assert_eq!(email.sensitivity, Some(Sensitivity::Email));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// The sensitivity of the text, or of the keys of a map. `None` for values that are neither: records,
    /// numbers, flags, and texts that the service chooses from a fixed list.
    pub sensitivity: Option<Sensitivity>,
    fields: BTreeMap<String, Texts>,
    items: Option<Box<Texts>>,
    values: Option<Box<Texts>>,
}

impl Texts {
    /// Reads the marks in a schema.
    pub(crate) fn from_schema(schema: &Value) -> Self {
        Self::marked(schema, None)
    }

    /// Reads the marks in a schema. What has none inherits the mark of the list or map that it is in.
    fn marked(schema: &Value, inherited: Option<Sensitivity>) -> Self {
        let mark = schema[MARK].as_str().and_then(|mark| mark.parse().ok());
        let within = |schema| Box::new(Self::marked(schema, mark));
        let properties = schema["properties"].as_object().into_iter().flatten();
        let mut own = Self {
            sensitivity: mark.or(inherited),
            fields: properties
                .map(|(name, schema)| (name.clone(), Self::marked(schema, None)))
                .collect(),
            items: schema.get("items").map(within),
            values: schema
                .get("additionalProperties")
                .filter(|values| values.is_object())
                .map(within),
        };
        for forms in ["anyOf", "oneOf", "allOf"] {
            for form in schema[forms].as_array().into_iter().flatten() {
                own.add(Self::marked(form, None));
            }
        }
        if own.sensitivity.is_none() && (own.values.is_some() || may_be_text(schema)) {
            own.sensitivity = Some(Sensitivity::Harmless);
        }
        // A list in a query is one text.
        let of_items = own.items.as_ref().and_then(|items| items.sensitivity);
        own.sensitivity = own.sensitivity.or(of_items);
        own
    }

    /// Adds another form of the same value. The higher sensitivity of the two counts.
    pub(crate) fn add(&mut self, other: Self) {
        self.sensitivity = self.sensitivity.max(other.sensitivity);
        for (name, texts) in other.fields {
            self.fields.entry(name).or_default().add(texts);
        }
        for (own, other) in [(&mut self.items, other.items), (&mut self.values, other.values)] {
            match (own, other) {
                (Some(own), Some(other)) => own.add(*other),
                (own @ None, other) => *own = other,
                (Some(_), None) => {}
            }
        }
    }

    /// The texts of a field, or of a map's values; `None` for a field that is not declared.
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.fields.get(name).or(self.values.as_deref())
    }

    /// The declared fields.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.fields.iter().map(|(name, texts)| (name.as_str(), texts))
    }

    /// The texts of a map's values.
    pub fn values(&self) -> Option<&Self> {
        self.values.as_deref()
    }

    /// The texts of a list's items.
    pub fn items(&self) -> Option<&Self> {
        self.items.as_deref()
    }

    /// The texts of the only list among the fields. Some answers are this list without the object around it.
    pub fn only_list(&self) -> Option<&Self> {
        let mut lists = self.fields.values().filter(|field| field.is_list());
        lists.next().filter(|_| lists.next().is_none())
    }

    /// Whether the value is a list.
    pub fn is_list(&self) -> bool {
        self.items.is_some()
    }
}

/// Whether a schema allows any text, as opposed to a few fixed ones.
fn may_be_text(schema: &Value) -> bool {
    const CONSTRAINTS: [&str; 5] = ["type", "anyOf", "oneOf", "allOf", "properties"];
    let is_open = schema.as_bool() == Some(true)
        || schema
            .as_object()
            .is_some_and(|parts| !CONSTRAINTS.iter().any(|it| parts.contains_key(*it)));
    choices(schema).next().is_none() && (is_open || types(schema).any(|kind| kind == "string"))
}

/// The schema without the marks.
pub(crate) fn without_marks(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(parts) => {
            parts.shift_remove(MARK);
            parts.values_mut().for_each(|part| *part = without_marks(part.take()));
        }
        Value::Array(parts) => parts.iter_mut().for_each(|part| *part = without_marks(part.take())),
        _ => {}
    }
    schema
}
