//! A sealed cassette, and the check that it has nothing private.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use drillmaster_models::{Dialect, endpoint, scope};
use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use super::{Body, Event, ParseError, ReadError, Recording, parse};
use crate::redact::{ApiKeys, Leak, LeakCheck, Redactor, Rows, Warnings};

/// A cassette that can be shared.
#[derive(Debug, Clone)]
pub struct SealedCassette {
    pub(super) text: String,
    pub(super) roster: Option<Rows>,
    pub(super) warnings: Warnings,
    pub(super) in_doubt: Vec<String>,
}

/// Why a recording could not be sealed. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Something private would have been left in it.
    #[error(
        "{0}; no cassette was written: seal again and add the value, spelled as it is there, as a private value, \
         or its field as a private field"
    )]
    Leak(#[from] Leak),
    /// It contains the API key of a service, which [`Http`](crate::Http) masks: something else recorded it.
    #[error(
        "{0}: it contains the API key of a service; no cassette was written: replace the key with a new one, and \
         delete what was recorded with it"
    )]
    Key(String),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] ReadError),
    /// The recording does not make sense.
    #[error("{0}")]
    Recording(String),
    /// The sealed text cannot be read back.
    #[error("the sealed cassette cannot be read back, which is a bug: {0}")]
    Unreadable(#[from] ParseError),
}

impl SealedCassette {
    /// The text of the cassette's file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The roster of pseudonyms, if a roster was given.
    pub fn roster(&self) -> Option<&Rows> {
        self.roster.as_ref()
    }

    /// The endpoints of writes that may or may not have taken effect. Only journals of earlier versions have such
    /// writes.
    pub fn in_doubt(&self) -> &[String] {
        &self.in_doubt
    }

    /// What a person should check.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Parses the cassette.
    pub fn tape(&self) -> Result<Recording, ParseError> {
        parse(&self.text)
    }

    /// Checks the text that is written, rather than what it was made from.
    pub(super) fn check(&self, redactor: &Redactor, keys: &ApiKeys) -> Result<(), SealError> {
        let check = redactor.leak_check();
        let check = check.map_err(|error| SealError::Recording(error.to_string()))?;
        let mut events = serde_json::Deserializer::from_str(&self.text).into_iter::<Value>();
        let mut start = 0;
        while let Some(event) = events.next() {
            let event = event.map_err(|error| SealError::Recording(error.to_string()))?;
            let place = place(&event);
            if keys.are_in_cassette(&self.text[start..events.byte_offset()]) {
                return Err(SealError::Key(place));
            }
            check_event(&check, &place, &event)?;
            start = events.byte_offset();
        }
        for (index, row) in self.roster.iter().flat_map(|roster| roster.cells.iter().enumerate()) {
            let place = format!("row {} of the roster", index + 1);
            if row.iter().any(|cell| keys.are_in_cassette(cell)) {
                return Err(SealError::Key(place));
            }
            row.iter().try_for_each(|cell| check.text(&place, cell))?;
        }
        self.tape()?;
        Ok(())
    }

    /// Writes the cassette, and next to it the roster of pseudonyms: `class.roster.csv` next to `class.cassette`. Both
    /// files are complete when they appear. Returns the path of the roster.
    pub fn write(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let beside = path.with_extension("roster.csv");
        let roster =
            self.roster.as_ref().map(|rows| written(&beside, &rows.to_csv())).transpose()?;
        let cassette = written(path, &self.text)?;
        cassette.persist(path).map_err(|error| error.error)?;
        let Some(roster) = roster else { return Ok(None) };
        roster.persist(&beside).map_err(|error| error.error)?;
        Ok(Some(beside))
    }
}

/// Checks the fields of an event that come from outside, and not the format's own words.
fn check_event(check: &LeakCheck, place: &str, event: &Value) -> Result<(), Leak> {
    let declared = event["entry"].as_str().and_then(|name| endpoint(name).ok());
    for (name, part) in event.as_object().into_iter().flatten() {
        let place = format!("{place}, {name}");
        match (name.as_str(), part) {
            ("scope" | "detail", Value::String(text)) => check.text(&place, text)?,
            ("target", Value::String(text)) => check.target(&place, text, declared)?,
            ("headers", Value::Array(headers)) => {
                let text = |header: &Value, index: usize| {
                    header[index].as_str().unwrap_or_default().to_owned()
                };
                headers.iter().try_for_each(|header| {
                    check.header(&place, &text(header, 0), &text(header, 1))
                })?;
            }
            ("value", part) => check.json(&place, part)?,
            ("body", Value::Object(parts)) => {
                for (kind, part) in parts {
                    match part.as_str().filter(|_| kind == "text") {
                        Some(text) => check.body(&place, text, declared)?,
                        None => check.json(&place, part)?,
                    }
                    if kind == "base64"
                        && let Some(bytes) = part.as_str().and_then(decode_base64)
                    {
                        check.bytes(&place, &bytes)?;
                    }
                }
            }
            ("run", Value::Object(parts)) => check_run(check, &place, parts)?,
            _ => {}
        }
    }
    Ok(())
}

/// Checks the description of a run. The names of its inputs are the script's.
fn check_run(check: &LeakCheck, place: &str, parts: &Map<String, Value>) -> Result<(), Leak> {
    for (name, part) in parts {
        match part {
            Value::String(word) if name == "dialect" && word.parse::<Dialect>().is_ok() => {}
            Value::Array(inputs) => {
                let mut values = inputs.iter().map(|pair| pair.get(1).unwrap_or(pair));
                values.try_for_each(|value| check.json(place, value))?;
            }
            part => check.json(place, part)?,
        }
    }
    Ok(())
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    Body::Base64(text.to_owned()).bytes().ok()
}

/// An event, for an error. The name of a row's scope may not be redacted, so it is left out.
fn place(event: &Value) -> String {
    let kind = event["event"].as_str().unwrap_or_default();
    match (event["ordinal"].as_u64(), event["scope"].as_str()) {
        (Some(ordinal), Some(scope::MAIN)) => format!("the {kind} {ordinal} of `main`"),
        (Some(ordinal), _) => format!("a row's {kind} {ordinal}"),
        _ => format!("the {kind} event"),
    }
}

/// One event after the other, formatted for people.
pub(super) fn pretty(events: &[Event]) -> String {
    let mut text = String::new();
    for event in events {
        // An event can always be written as JSON.
        text.push_str(&serde_json::to_string_pretty(event).unwrap_or_default());
        text.push('\n');
    }
    text
}

/// A complete file next to its place. New files are readable by whoever the system's defaults say.
fn written(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut file = beside(path)?;
    file.as_file_mut().write_all(text.as_bytes())?;
    File::sync_all(file.as_file())?;
    Ok(file)
}

/// An empty file next to a path.
pub(crate) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".recording-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder.unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::ErrorEvent;
    use crate::redact::{Scheme, Sensitivity};

    /// The check does not depend on redaction: it refuses text that was never redacted.
    #[test]
    fn text_that_was_not_redacted_is_refused() {
        let columns = vec![("email".to_owned(), Sensitivity::Email)];
        let scheme = Scheme { columns, ..Scheme::default() };
        let cells = vec![vec!["zoë@corp.example".to_owned()]];
        let rows = Rows { columns: vec!["email".to_owned()], cells };
        let redactor = Redactor::new(&scheme, Some(&rows));
        let lost = |detail: &str| {
            let (scope, detail) = (scope::MAIN.to_owned(), detail.to_owned());
            let kind = "reset".to_owned();
            Event::Error(ErrorEvent { scope, ordinal: 3, kind, detail, in_doubt_since: None })
        };
        let check = |detail: &str, roster: Option<&Rows>| {
            let text = pretty(&[lost(detail)]);
            let (roster, warnings) = (roster.cloned(), Warnings::default());
            SealedCassette { text, roster, warnings, in_doubt: Vec::new() }
                .check(&redactor, &ApiKeys::default())
                .unwrap_err()
                .to_string()
        };
        let message = check("at zo%C3%AB%40corp.example", None);
        let start = "the error 3 of `main`, detail: something private (email) is left in it, \
                     percent-encoded; no cassette was written";
        assert!(message.starts_with(start), "{message}");
        assert!(!message.contains("corp"), "{message}");
        let message = check("nothing", Some(&rows));
        assert!(message.starts_with("row 1 of the roster: something private"), "{message}");
    }
}
