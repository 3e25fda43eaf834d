//! What makes two requests the same.

use std::borrow::Cow;

use drillmaster_models::{Method, wire};
use serde::Serialize;
use serde_json::Value;

/// A hash by which equal requests are found: of the method, the path, the query's pairs in any order, and the body, in
/// which the order of JSON keys and of form fields does not matter. It has 32 hex digits.
///
/// ```
/// use drillmaster_models::{Method, wire};
/// use drillmaster_transport::cassette::identity;
///
/// let get = |target: &str| wire::Request {
///     method: Method::Get,
///     target: target.to_owned(),
///     headers: Vec::new(),
///     body: Vec::new(),
/// };
/// assert_eq!(identity(&get("/rooms?a=1&b=2")), identity(&get("/rooms?b=2&a=1")));
/// assert_ne!(identity(&get("/rooms?a=1&b=2")), identity(&get("/rooms?a=2&b=1")));
/// ```
pub fn identity(request: &wire::Request) -> String {
    let body = if is_form(request.header("content-type")) {
        sorted_pairs(&String::from_utf8_lossy(&request.body)).into_owned().into_bytes()
    } else {
        // Most requests have none.
        let json = (!request.body.is_empty()).then(|| serde_json::from_slice(&request.body));
        match json {
            Some(Ok(json)) => in_order(&json),
            Some(Err(_)) | None => request.body.clone(),
        }
    };
    hash(request.method, &request.target, &body)
}

pub(super) fn hash(method: Method, target: &str, body: &[u8]) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (method, query) = (method.as_str(), sorted_pairs(query));
    let mut parts = Vec::with_capacity(256);
    for part in [method.as_bytes(), path.as_bytes(), query.as_bytes(), body] {
        // The length keeps `a` + `bc` apart from `ab` + `c`.
        parts.extend_from_slice(&(part.len() as u64).to_le_bytes());
        parts.extend_from_slice(part);
    }
    blake3::hash(&parts).to_hex()[..32].to_owned()
}

pub(super) fn is_form(content_type: Option<&str>) -> bool {
    content_type == Some("application/x-www-form-urlencoded")
}

pub(super) fn content_type(headers: &[(String, String)]) -> Option<&str> {
    headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str())
}

fn sorted_pairs(text: &str) -> Cow<'_, str> {
    // Most have one pair.
    if !text.contains('&') {
        return text.into();
    }
    let mut pairs: Vec<_> = text.split('&').collect();
    pairs.sort_unstable();
    pairs.join("&").into()
}

/// The same JSON with sorted keys.
pub(crate) fn sorted(json: &Value) -> Value {
    match json {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> =
                fields.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().collect())
        }
        other => other.clone(),
    }
}

/// JSON text with sorted keys.
pub(super) fn in_order(json: &Value) -> Vec<u8> {
    fn write(json: &Value, text: &mut Vec<u8>) {
        match json {
            Value::Array(items) => {
                text.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        text.push(b',');
                    }
                    write(item, text);
                }
                text.push(b']');
            }
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_unstable_by_key(|(name, _)| *name);
                text.push(b'{');
                for (index, (name, value)) in fields.into_iter().enumerate() {
                    if index > 0 {
                        text.push(b',');
                    }
                    plain(name, text);
                    text.push(b':');
                    write(value, text);
                }
                text.push(b'}');
            }
            other => plain(other, text),
        }
    }
    /// Text and numbers can always be written to memory.
    fn plain<T: Serialize + ?Sized>(value: &T, text: &mut Vec<u8>) {
        let _ = serde_json::to_writer(text, value);
    }
    let mut text = Vec::new();
    write(json, &mut text);
    text
}
