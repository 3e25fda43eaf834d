//! Reading the first event of a recording.

use serde_json::Value;

use super::{Event, Header, JOURNAL_VERSION, VERSION};

/// Why a header cannot be read.
pub(super) enum HeaderError {
    /// It is another event.
    Missing,
    /// It has another version.
    Version(u64),
    Invalid(String),
}

/// Reads the first event. Its version is checked before its fields, because other versions have other fields. The header
/// of a journal is read as that of a cassette.
pub(super) fn read_header(mut event: Value) -> Result<Header, HeaderError> {
    if event["event"] != "cassette" {
        return Err(HeaderError::Missing);
    }
    match event["version"].as_u64() {
        Some(version) if [VERSION, JOURNAL_VERSION].map(u64::from).contains(&version) => {
            event["version"] = VERSION.into();
        }
        Some(version) => return Err(HeaderError::Version(version)),
        None => return Err(HeaderError::Invalid("its version is missing".to_owned())),
    }
    match serde_json::from_value(event) {
        Ok(Event::Cassette(header)) => Ok(header),
        Ok(_) => Err(HeaderError::Missing),
        Err(error) => Err(HeaderError::Invalid(error.to_string())),
    }
}

/// The event without its sum.
pub(super) fn without_sum(mut event: Value) -> Value {
    if let Some(fields) = event.as_object_mut() {
        fields.shift_remove("sum");
    }
    event
}
