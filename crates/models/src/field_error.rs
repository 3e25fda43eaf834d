//! Errors about a request's fields.

use crate::nearest::nearest;

/// A request is invalid and was not sent.
///
/// ```
/// use drillmaster_models::endpoint;
/// let error = endpoint("thm.rooms").unwrap().check(&serde_json::json!({ "page": 2 })).unwrap_err();
/// assert_eq!(error.to_string(), "thm.rooms: field `page` is unknown; the endpoint has no fields");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{endpoint}: field `{field}` {problem}")]
pub struct FieldError {
    /// The endpoint that was called.
    pub endpoint: &'static str,
    /// The field that is wrong.
    pub field: String,
    /// What is wrong with it and how to fix it, as the rest of a sentence that starts with the field.
    pub problem: String,
}

impl FieldError {
    /// An error about one field.
    pub fn new(endpoint: &'static str, field: &str, problem: &str) -> Self {
        Self { endpoint, field: field.to_owned(), problem: problem.to_owned() }
    }

    /// An error about a field that the endpoint does not have; suggests the one that was probably meant.
    pub fn unknown<'a>(
        endpoint: &'static str,
        field: &str,
        declared: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        Self::new(endpoint, field, &not_among(field, declared))
    }
}

fn not_among<'a>(name: &str, among: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(meant) = nearest(name, among.clone()) {
        return format!("is unknown; did you mean `{meant}`?");
    }
    let names: Vec<_> = among.collect();
    if names.is_empty() {
        return "is unknown; the endpoint has no fields".to_owned();
    }
    format!("is unknown; its fields are {}", names.join(", "))
}
