//! What the texts of a message hold, for whoever shares one: whether they tell of a person or let somebody in.
//!
//! A field says it in its declaration, by `#[schemars(extend("x-sensitivity" = "email"))]`; a law over the endpoints
//! keeps any text from being forgotten. Documents that are made from the schemas do not show it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The mark in a schema.
const MARK: &str = "x-sensitivity";

/// What a text holds.
///
/// ```
/// use drillmaster_models::Sensitivity;
/// assert!(Sensitivity::Email.is_of_a_person());
/// assert_eq!("username".parse(), Ok(Sensitivity::Username));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sensitivity {
    /// Nothing that tells of a person or lets somebody in.
    Harmless,
    /// An address within a service. Only the values in its query may be secret.
    Address,
    /// What a person wrote, or part of a name.
    Words,
    /// The right answer to a question.
    Answer,
    /// The address of a person's picture.
    Avatar,
    /// A person's name.
    Name,
    /// An id of somebody else than whom the object around it is about.
    Other,
    /// An id of a person.
    Id,
    /// A public name that a person chose.
    Username,
    /// The address of a person's mailbox.
    Email,
    /// An address that lets in whoever opens it.
    Link,
    /// A key, a token, a password.
    Secret,
}

impl Sensitivity {
    /// All of them, the most harmless first.
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

    /// Whether it tells who somebody is.
    pub const fn is_of_a_person(self) -> bool {
        matches!(
            self,
            Self::Avatar | Self::Name | Self::Other | Self::Id | Self::Username | Self::Email
        )
    }

    /// Whether no two people have the same.
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
            format!("`{text}` is nothing that a text holds; use one of {}", names.join(", "))
        })
    }
}

/// What the texts of a value hold, in the value's own shape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// What the text holds, where the value is one. Of a map it is what its keys hold.
    pub sensitivity: Option<Sensitivity>,
    fields: BTreeMap<String, Texts>,
    items: Option<Box<Texts>>,
    values: Option<Box<Texts>>,
}

impl Texts {
    /// Reads it from a schema that bears the marks.
    pub(crate) fn of(schema: &Value) -> Self {
        let mark = schema[MARK].as_str().and_then(|mark| mark.parse().ok());
        let inherits = |mut texts: Self| {
            texts.sensitivity = texts.sensitivity.or(mark);
            Box::new(texts)
        };
        let properties = schema["properties"].as_object().into_iter().flatten();
        let mut own = Self {
            sensitivity: mark,
            fields: properties.map(|(name, schema)| (name.clone(), Self::of(schema))).collect(),
            items: schema.get("items").map(|items| inherits(Self::of(items))),
            values: schema
                .get("additionalProperties")
                .filter(|values| values.is_object())
                .map(|values| inherits(Self::of(values))),
        };
        for forms in ["anyOf", "oneOf", "allOf"] {
            for form in schema[forms].as_array().into_iter().flatten() {
                own.add(Self::of(form));
            }
        }
        own
    }

    /// Adds what the same value holds in another form of it. The more secret counts.
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

    /// The texts of a field, or of a map's value; `None` where the declarations do not know it.
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.fields.get(name).or(self.values.as_deref())
    }

    /// The declared fields.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.fields.iter().map(|(name, texts)| (name.as_str(), texts))
    }

    /// The texts of a list's items.
    pub fn items(&self) -> Option<&Self> {
        self.items.as_deref()
    }

    /// The texts of the only list among the fields, which some answers are without the object around it.
    pub fn only_list(&self) -> Option<&Self> {
        let mut lists = self.fields.values().filter(|field| field.is_list());
        lists.next().filter(|_| lists.next().is_none())
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        self.items.is_some()
    }
}

/// The schema without the marks.
pub(crate) fn without(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(parts) => {
            parts.shift_remove(MARK);
            parts.values_mut().for_each(|part| *part = without(part.take()));
        }
        Value::Array(parts) => parts.iter_mut().for_each(|part| *part = without(part.take())),
        _ => {}
    }
    schema
}
