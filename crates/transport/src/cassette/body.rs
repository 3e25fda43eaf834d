//! Bodies of recorded messages.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use drillmaster_models::json;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::identity::sorted;
use crate::redact;

/// A body in its most readable form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// JSON, inline.
    Json(Value),
    /// UTF-8 text.
    Text(String),
    /// Anything else, as base64.
    Base64(String),
}

impl Body {
    /// Picks the most readable form that reproduces the same bytes.
    pub fn new(bytes: &[u8]) -> Self {
        match (json::read(bytes), std::str::from_utf8(bytes)) {
            (Ok(json), _) if is_kept_by_json(&json, bytes) => Self::Json(json),
            (_, Ok(text)) => Self::Text(text.to_owned()),
            _ => Self::Base64(BASE64_STANDARD.encode(bytes)),
        }
    }

    /// Picks the most readable form with the same meaning: whitespace and the order of keys may differ.
    pub(crate) fn sealed(bytes: &[u8]) -> Self {
        match json::read(bytes) {
            Ok(json) if redact::says_all(bytes, &json) && depth(&json) <= DEEPEST => {
                Self::Json(sorted(&json))
            }
            _ => Self::new(bytes),
        }
    }

    /// The bytes of the body.
    pub fn bytes(&self) -> Result<Vec<u8>, base64::DecodeError> {
        match self {
            Self::Json(json) => Ok(json.to_string().into_bytes()),
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Base64(text) => BASE64_STANDARD.decode(text),
        }
    }

    pub(super) fn of_message(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty()).then(|| Self::new(bytes))
    }

    pub(super) fn into_message(body: Option<Self>) -> Result<Vec<u8>, base64::DecodeError> {
        body.map_or(Ok(Vec::new()), |body| body.bytes())
    }
}

/// JSON that is nested more deeply could not be read back from inside an event.
const DEEPEST: usize = 100;

/// Whether these bytes survive being read as JSON and written again. Long numbers, duplicate keys and whitespace do
/// not.
fn is_kept_by_json(json: &Value, bytes: &[u8]) -> bool {
    let mut rest = Expected(bytes);
    depth(json) <= DEEPEST && serde_json::to_writer(&mut rest, json).is_ok() && rest.0.is_empty()
}

/// A writer that accepts these bytes and no others.
struct Expected<'a>(&'a [u8]);

impl io::Write for Expected<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn depth(json: &Value) -> usize {
    match json {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
