//! The fields of a request: their names, kinds and documentation, and what can be wrong with them.

use serde_json::{Map, Value};

use crate::metadata::Metadata;

/// A field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The service's own spelling.
    pub name: String,
    /// What it means.
    pub doc: String,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether a request without it is refused.
    pub required: bool,
    /// Whether it travels in the path.
    pub in_path: bool,
}

/// What a field holds.
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
    /// The kind in a word, for help texts.
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

/// A request that is wrong by itself. It was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{endpoint}: field `{field}` {problem}")]
pub struct FieldError {
    /// The endpoint that was called.
    pub endpoint: &'static str,
    /// The field that is wrong.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

impl FieldError {
    /// A field that is wrong.
    pub fn new(endpoint: &'static str, field: &str, problem: &str) -> Self {
        Self { endpoint, field: field.to_owned(), problem: problem.to_owned() }
    }

    /// A field that the endpoint does not have, with the one that was probably meant.
    pub fn unknown<'a>(
        endpoint: &'static str,
        field: &str,
        declared: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        Self::new(endpoint, field, &not_among(field, declared))
    }
}

impl Field {
    pub(crate) fn of_schema(schema: &Value, metadata: &Metadata) -> Vec<Self> {
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

    /// Refuses unknown and missing fields by name, before any type is looked at.
    pub(crate) fn check_names(
        endpoint: &'static str,
        declared: &[Self],
        fields: &Value,
    ) -> Result<(), FieldError> {
        let Some(given) = fields.as_object() else {
            return Err(FieldError::new(
                endpoint,
                ".",
                "must be an object of the request's fields",
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

    /// Reads the field from text, as a command line or a roster has it.
    ///
    /// ```
    /// use drillmaster_models::endpoint;
    /// let roles = endpoint("veracode.invite").unwrap();
    /// let field = roles.fields().iter().find(|field| field.name == "roleIds").unwrap();
    /// assert_eq!(field.read_text("a,b").unwrap(), serde_json::json!(["a", "b"]));
    /// ```
    pub fn read_text(&self, text: &str) -> Result<Value, String> {
        let misfit = || Err(format!("`{text}` is not a {}", self.kind.name()));
        match &self.kind {
            FieldKind::Text => Ok(text.into()),
            FieldKind::Choice(words) => one_of(text, words),
            FieldKind::Whole => text.parse::<i64>().map_or_else(|_| misfit(), |n| Ok(n.into())),
            FieldKind::Number => text.parse::<f64>().map_or_else(|_| misfit(), |n| Ok(n.into())),
            FieldKind::Flag => match text {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err(format!("`{text}` is neither true nor false")),
            },
            FieldKind::Texts => Ok(parts(text).map(Value::from).collect()),
            FieldKind::Choices(words) => parts(text).map(|part| one_of(part, words)).collect(),
        }
    }
}

/// The parts of a list that is written with commas.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn one_of(text: &str, words: &[String]) -> Result<Value, String> {
    match words.iter().find(|word| *word == text) {
        Some(word) => Ok(word.as_str().into()),
        None => Err(format!("`{text}` is not one of {}", words.join(", "))),
    }
}

/// The declared name that was probably meant.
///
/// ```
/// assert_eq!(drillmaster_models::nearest("roomcode", ["roomCode", "email"]), Some("roomCode"));
/// assert_eq!(drillmaster_models::nearest("zzz", ["roomCode", "email"]), None);
/// ```
pub fn nearest<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-', '.', ':', ' '], "");
    let wanted = plain(name);
    let length = wanted.chars().count();
    // What is that much longer or shorter cannot be as like as is asked for below, and takes long to compare.
    let may_be_near = |candidate: &str| {
        let other = candidate.chars().count();
        length.max(other) * 6 <= length.min(other) * 10
    };
    among
        .into_iter()
        .filter_map(|candidate| {
            let plain = plain(candidate);
            let likeness = may_be_near(&plain)
                .then(|| strsim::normalized_damerau_levenshtein(&wanted, &plain));
            likeness.map(|likeness| (likeness, candidate))
        })
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn not_among<'a>(name: &str, among: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(meant) = nearest(name, among.clone()) {
        return format!("is unknown; did you mean `{meant}`?");
    }
    let names: Vec<_> = among.collect();
    if names.is_empty() {
        return "is unknown; the entry has no fields".to_owned();
    }
    format!("is unknown; its fields are {}", names.join(", "))
}

/// A deserialiser's complaint as the second half of "field `x` …", in words that ask for no Rust.
pub(crate) fn shape_of(error: &serde_json::Error) -> String {
    let text = error.to_string().replace(" at line 0 column 0", "");
    let misfit = ["invalid type: ", "invalid value: ", "unknown variant "]
        .into_iter()
        .find_map(|kind| text.strip_prefix(kind)?.split_once(", expected "));
    match misfit {
        Some((found, due)) => {
            format!("is {}, where {} is due", found_in_words(found), in_words(due))
        }
        None => text,
    }
}

/// What was found, without the name of its type: the value tells that.
fn found_in_words(found: &str) -> &str {
    ["integer ", "floating point ", "boolean ", "string "]
        .into_iter()
        .find_map(|kind| found.strip_prefix(kind))
        .unwrap_or(match found {
            "map" => "an object",
            "sequence" => "a list",
            other => other,
        })
}

/// What is due, where a deserialiser says it by the name of a type or as a list of words.
fn in_words(due: &str) -> String {
    let words = match due {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "string or map" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        _ if due.starts_with("struct ") || due == "a map" => "an object",
        _ if due.starts_with('`') || due.starts_with("one of `") => {
            let choices = due.trim_start_matches("one of ").replace("` or `", "`, `");
            return format!("one of {}", choices.replace('`', ""));
        }
        other => other,
    };
    words.to_owned()
}

fn kind_of(schema: &Value) -> FieldKind {
    let choices = |schema: &Value| {
        let words = schema["enum"].as_array()?;
        Some(words.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    };
    if let Some(words) = choices(schema) {
        return FieldKind::Choice(words);
    }
    if let Some(forms) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        if forms.iter().all(|form| form["const"].is_string()) {
            let words = forms.iter().filter_map(|form| form["const"].as_str());
            return FieldKind::Choice(words.map(str::to_owned).collect());
        }
        let own = forms.iter().find(|form| form["type"] != "null");
        return own.map_or(FieldKind::Text, kind_of);
    }
    let is = |kind: &str| match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => false,
    };
    match () {
        () if is("array") => match kind_of(&schema["items"]) {
            FieldKind::Choice(words) => FieldKind::Choices(words),
            _ => FieldKind::Texts,
        },
        () if is("integer") => FieldKind::Whole,
        () if is("number") => FieldKind::Number,
        () if is("boolean") => FieldKind::Flag,
        () => FieldKind::Text,
    }
}

/// Fields that are absent or null do not travel.
pub(crate) fn present(fields: Value) -> Map<String, Value> {
    let Value::Object(mut fields) = fields else { return Map::new() };
    fields.retain(|_, value| !value.is_null());
    fields
}
