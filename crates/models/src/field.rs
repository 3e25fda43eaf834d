//! The fields of a request: their names, kinds and documentation, and the errors about them.

use serde_json::Value;

use crate::field_error::FieldError;
use crate::metadata::Metadata;
use crate::schema::{choices, types};

/// A field of a request.
///
/// ```
/// use drillmaster_models::{FieldKind, endpoint};
/// let email = &endpoint("thm.add_seat").unwrap().fields()[0];
/// assert_eq!((email.name.as_str(), &email.kind, email.required), ("email", &FieldKind::Text, true));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name, in the service's spelling.
    pub name: String,
    /// What it means.
    pub doc: String,
    /// The kind of value that it takes.
    pub kind: FieldKind,
    /// Whether a request without it is refused.
    pub required: bool,
    /// Whether it is sent in the path.
    pub in_path: bool,
}

/// The kind of value that a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// One of these words.
    Choice(Vec<String>),
    /// A whole number.
    Whole,
    /// Any number.
    Number,
    /// True or false.
    Flag,
    /// A list of texts.
    Texts,
    /// A list of some of these words.
    Choices(Vec<String>),
}

impl FieldKind {
    /// The kind in a few words, for help texts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text | Self::Choice(_) => "text",
            Self::Whole => "whole number",
            Self::Number => "number",
            Self::Flag => "true or false",
            Self::Texts | Self::Choices(_) => "list of texts",
        }
    }
}

impl Field {
    pub(crate) fn from_schema(schema: &Value, metadata: &Metadata) -> Vec<Self> {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = schema["properties"].as_object().into_iter().flatten();
        properties
            .map(|(name, schema)| Self {
                name: name.clone(),
                doc: schema["description"].as_str().unwrap_or_default().replace('\n', " "),
                kind: kind_of(schema),
                required: required.contains(&name.as_str()),
                in_path: metadata.path_fields().any(|field| field == name),
            })
            .collect()
    }

    /// Refuses unknown and missing fields by name, before the types are checked.
    pub(crate) fn check_names(
        endpoint: &'static str,
        declared: &[Self],
        fields: &Value,
    ) -> Result<(), FieldError> {
        let Some(given) = fields.as_object() else {
            return Err(FieldError::new(
                endpoint,
                ".",
                "must be an object with the request's fields",
            ));
        };
        let names = || declared.iter().map(|field| field.name.as_str());
        for name in given.keys() {
            if !names().any(|declared| declared == name) {
                return Err(FieldError::unknown(endpoint, name, names()));
            }
        }
        let absent = |field: &&Self| given.get(&field.name).is_none_or(Value::is_null);
        match declared.iter().filter(|field| field.required).find(absent) {
            Some(field) => {
                let problem = match field.doc.as_str() {
                    "" => "is missing".to_owned(),
                    doc => format!("is missing: {doc}"),
                };
                Err(FieldError::new(endpoint, &field.name, &problem))
            }
            None => Ok(()),
        }
    }

    /// Reads the field from text, as in a command line or a roster. An `Err` says what the field must be.
    ///
    /// ```
    /// use drillmaster_models::endpoint;
    /// let roles = endpoint("veracode.invite").unwrap();
    /// let field = roles.fields().iter().find(|field| field.name == "roleIds").unwrap();
    /// assert_eq!(field.read_text("a,b").unwrap(), serde_json::json!(["a", "b"]));
    /// ```
    pub fn read_text(&self, text: &str) -> Result<Value, String> {
        let mismatch = || Err(format!("must be a {}", self.kind.name()));
        match &self.kind {
            FieldKind::Text => Ok(text.into()),
            FieldKind::Choice(words) => one_of(text, words),
            FieldKind::Whole => text.parse::<i64>().map_or_else(|_| mismatch(), |n| Ok(n.into())),
            FieldKind::Number => text.parse::<f64>().map_or_else(|_| mismatch(), |n| Ok(n.into())),
            FieldKind::Flag => match text {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err("must be true or false".to_owned()),
            },
            FieldKind::Texts => Ok(parts(text).map(Value::from).collect()),
            FieldKind::Choices(words) => parts(text).map(|part| one_of(part, words)).collect(),
        }
    }
}

/// The items of a list that is separated by commas.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn one_of(text: &str, words: &[String]) -> Result<Value, String> {
    match words.iter().find(|word| *word == text) {
        Some(word) => Ok(word.as_str().into()),
        None => Err(format!("must be one of {}, not `{text}`", words.join(", "))),
    }
}

fn kind_of(schema: &Value) -> FieldKind {
    let words: Vec<String> = choices(schema).map(str::to_owned).collect();
    if !words.is_empty() {
        return FieldKind::Choice(words);
    }
    if let Some(forms) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        if forms.iter().all(|form| form["const"].is_string()) {
            return FieldKind::Choice(forms.iter().flat_map(choices).map(str::to_owned).collect());
        }
        let own = forms.iter().find(|form| form["type"] != "null");
        return own.map_or(FieldKind::Text, kind_of);
    }
    match types(schema).find(|kind| *kind != "null") {
        Some("array") => match kind_of(&schema["items"]) {
            FieldKind::Choice(words) => FieldKind::Choices(words),
            _ => FieldKind::Texts,
        },
        Some("integer") => FieldKind::Whole,
        Some("number") => FieldKind::Number,
        Some("boolean") => FieldKind::Flag,
        _ => FieldKind::Text,
    }
}
