//! Recordings of other tools: [HAR 1.2](har), which browsers, proxies and API tools write, and the YAML of
//! vcrpy and VCR. Fields that a tool may leave out are optional, but a file of another format, one that is cut
//! off, or one without requests to the two services is an error.
//!
//! Requests are matched to endpoints by method and path, and written again from their fields, so that a script
//! that makes the same call sends the same request. Credentials and cookies are not imported. Requests that
//! cannot be imported are [counted by reason](Skipped).
//!
//! Exporting a cassette as HAR and importing it again gives the same cassette: fields of our own hold what HAR
//! has no field for.
//!
//! ```
//! use drillmaster_interchange::{self as interchange, ImportError, Options};
//!
//! let har = r#"{ "log": { "entries": [{
//!     "request": { "method": "GET", "url": "https://tryhackme.com/external/api/roomExists?roomCode=a",
//!                  "headers": [{ "name": "THM-API-KEY", "value": "secret" }] },
//!     "response": { "status": 200, "content": { "text": "{\"roomExists\":true}" } }
//! }] } }"#;
//! let imported = interchange::read(har.as_bytes(), &Options::default()).unwrap();
//! let [interaction] = &imported.recording.interactions[..] else { panic!() };
//! assert_eq!(interaction.request.endpoint, "thm.room_exists");
//! assert_eq!(interaction.request.headers.len(), 1, "the API key is not imported");
//!
//! let error = interchange::read(b"<html>", &Options::default()).unwrap_err();
//! assert!(matches!(error, ImportError::OtherFormat { .. }));
//! ```
mod bodies;
mod call;
mod error;
pub mod har;
mod importer;
mod skipped;
mod sniff;
mod text;
mod vcr;

use std::io::{self, Write};

use drillmaster_models::json;
use drillmaster_transport::cassette::lines::line;
use drillmaster_transport::cassette::{ErrorEvent, Event, Interaction, Recording, ResponseEvent};
use drillmaster_transport::{Error, NetworkError};

pub use error::ImportError;
pub use skipped::Skipped;

use importer::Importer;
use sniff::Sniffed;

/// A format of other tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// HAR 1.2, of browsers, proxies and API tools
    Har,
    /// YAML or JSON of vcrpy, or of VCR for Ruby
    Vcr,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 2] = [Self::Har, Self::Vcr];

    /// The name in messages.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Har => "HAR file",
            Self::Vcr => "vcr cassette",
        }
    }

    const fn with_article(self) -> &'static str {
        match self {
            Self::Har => "a HAR file",
            Self::Vcr => "a vcr cassette",
        }
    }
}

/// How to import a file of another tool.
///
/// ```
/// use drillmaster_interchange::Options;
/// let options = Options { hosts: vec!["gateway.example.com".to_owned()], ..Options::default() };
/// assert!(options.format.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The format; detected from the content if `None`.
    pub format: Option<Format>,
    /// Hosts to import requests to, in addition to those of the services and of the local network.
    pub hosts: Vec<String>,
    /// The largest size of the file, in bytes.
    pub max_bytes: usize,
    /// The largest size of all compressed bodies together once they are decompressed, in bytes.
    pub max_decompressed_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            format: None,
            hosts: Vec::new(),
            max_bytes: 256 * MIB,
            max_decompressed_bytes: 256 * MIB,
        }
    }
}

/// The content of an imported file.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The requests to the two services and their responses.
    pub recording: Recording,
    /// The requests that were not imported.
    pub skipped: Skipped,
}

/// Imports a file of another tool.
pub fn read(bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let text = sniff::text_of(bytes, options)?;
    if text.trim_start().starts_with('{') {
        json::check(text.as_bytes())?;
    }
    let expected = options.format.map_or(sniff::ANY, Format::title);
    let format = match sniff::sniff(text) {
        Sniffed::Format(format) if options.format.is_none_or(|wanted| wanted == format) => format,
        Sniffed::Format(format) => {
            return Err(ImportError::OtherFormat { expected, found: format.with_article() });
        }
        Sniffed::Other(found) => return Err(ImportError::OtherFormat { expected, found }),
    };
    let mut importer = Importer::new(options);
    let result = match format {
        Format::Har => har::import(text, &mut importer),
        Format::Vcr => vcr::import(text, &mut importer),
    };
    // The text does not include the byte order mark, but errors count it.
    result.map_err(|error| error.after(bytes.len() - text.len()))?;
    importer.finish()
}

/// Writes a recording as a cassette.
///
/// ```
/// use drillmaster_interchange::write_cassette;
/// use drillmaster_transport::cassette;
///
/// let text = "{\"event\":\"cassette\",\"version\":1,\"program\":\"by hand\"}{\"event\":\"end\",\"interactions\":0}";
/// let mut out = Vec::new();
/// write_cassette(&cassette::parse(text).unwrap(), &mut out).unwrap();
/// assert!(cassette::parse(&String::from_utf8(out).unwrap()).is_ok());
/// ```
pub fn write_cassette(recording: &Recording, mut out: impl Write) -> io::Result<()> {
    let mut write = |event: &Event| out.write_all(&line(event));
    write(&Event::Cassette(recording.header.clone()))?;
    for Interaction { request, outcome } in &recording.interactions {
        let (scope, ordinal) = (&request.scope, request.ordinal);
        write(&Event::Request(request.clone()))?;
        write(&match outcome {
            Ok(response) => Event::Response(ResponseEvent::from_response(scope, ordinal, response)),
            Err(error) => Event::Error(error_event(scope, ordinal, error)),
        })?;
    }
    for value in &recording.values {
        write(&Event::Value(value.clone()))?;
    }
    write(&Event::End { interactions: recording.interactions.len() })
}

/// The event of an error. Only recordings that are written by hand have errors other than network errors.
fn error_event(scope: &str, ordinal: u64, error: &Error) -> ErrorEvent {
    ErrorEvent::from_error(scope, ordinal, error).unwrap_or_else(|| ErrorEvent {
        scope: scope.to_owned(),
        ordinal,
        kind: NetworkError::ConnectionLost.name().to_owned(),
        detail: error.to_string(),
        in_doubt_since: None,
    })
}
