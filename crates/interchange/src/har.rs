//! HAR 1.2: a JSON document of requests and responses.
//!
//! The format allows custom fields. `_drillmaster` of the log has the header and the recorded values; that of an
//! entry has its scope, number, endpoint and network error. Cassettes have no times, so every entry starts at the
//! epoch and takes no time.
//!
//! ```
//! use drillmaster_interchange::{self as interchange, Options, har};
//! use drillmaster_transport::cassette;
//!
//! let text = "{\"event\":\"cassette\",\"version\":1,\"program\":\"by hand\"}{\"event\":\"end\",\"interactions\":0}";
//! let mut out = Vec::new();
//! har::write(&cassette::parse(text).unwrap(), &mut out).unwrap();
//! let imported = interchange::read(&out, &Options::default()).unwrap();
//! assert_eq!(imported.recording.header.program, "by hand");
//! ```

mod reading;

pub(super) use reading::import;

use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use drillmaster_models::{SERVICES, endpoint};
use drillmaster_transport::Response;
use drillmaster_transport::cassette::{Header, Interaction, Recording, RequestEvent, ValueEvent};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

/// The custom field of a log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(expecting = "an object")]
struct LogMark {
    header: Header,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<ValueEvent>,
}

/// The custom field of an entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(expecting = "an object")]
struct Mark {
    scope: String,
    ordinal: u64,
    #[serde(rename = "entry")]
    endpoint: String,
    #[serde(default, rename = "lost", skip_serializing_if = "Option::is_none")]
    error: Option<ErrorMark>,
}

/// The network error of a request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(expecting = "an object")]
struct ErrorMark {
    kind: String,
    detail: String,
}

/// The base URL of requests to endpoints that no service has.
const NO_SERVICE: &str = "https://drillmaster.invalid";

/// Writes a recording as HAR. Fails if the writer fails, or if a request of the recording is not valid.
pub fn write(recording: &Recording, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &Document { log: Log(recording) })?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Document<'a> {
    log: Log<'a>,
}

/// Creates each entry when it is written, so that a long recording is not in memory twice.
struct Log<'a>(&'a Recording);

struct Entries<'a>(&'a [Interaction]);

impl Serialize for Log<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Recording { header, interactions, values } = self.0;
        let creator = json!({ "name": "drillmaster", "version": env!("CARGO_PKG_VERSION") });
        let mark = LogMark { header: header.clone(), values: values.clone() };
        let mut log = serializer.serialize_map(None)?;
        log.serialize_entry("version", "1.2")?;
        log.serialize_entry("creator", &creator)?;
        log.serialize_entry("entries", &Entries(interactions))?;
        log.serialize_entry("_drillmaster", &mark)?;
        log.end()
    }
}

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Entry))
    }
}

struct Entry<'a>(&'a Interaction);

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = entry(self.0).map_err(serde::ser::Error::custom)?;
        entry.serialize(serializer)
    }
}

fn entry(interaction: &Interaction) -> Result<Value, String> {
    let Interaction { request, outcome } = interaction;
    let with_request =
        |problem: String| format!("request {} of `{}`: {problem}", request.ordinal, request.scope);
    let error = outcome.as_ref().err().map(|error| {
        let event = super::error_event(&request.scope, request.ordinal, error);
        ErrorMark { kind: event.kind, detail: event.detail }
    });
    let response = match outcome {
        Ok(response) => response_of(response),
        Err(_) => no_response(error.as_ref()),
    };
    let mark = Mark {
        scope: request.scope.clone(),
        ordinal: request.ordinal,
        endpoint: request.endpoint.clone(),
        error,
    };
    Ok(json!({
        "startedDateTime": "1970-01-01T00:00:00.000Z",
        "time": 0,
        "request": request_of(request).map_err(with_request)?,
        "response": response,
        "cache": {},
        "timings": {
            "blocked": -1, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": 0, "receive": 0
        },
        "_drillmaster": mark,
    }))
}

fn request_of(request: &RequestEvent) -> Result<Value, String> {
    let body = request.wire()?.body;
    let base =
        endpoint(&request.endpoint).map_or(NO_SERVICE, |endpoint| endpoint.service().base_url);
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let pairs: Vec<_> =
        pairs.map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut written = json!({
        "method": request.method,
        "url": format!("{base}{}", request.target),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": pairs_of(&request.headers),
        "queryString": pairs,
        "headersSize": -1,
        "bodySize": body.len(),
    });
    if !body.is_empty() {
        // HAR has a field for the encoding of responses only.
        written["postData"] = content_of(&request.headers, &body, "_encoding");
    }
    Ok(written)
}

fn response_of(response: &Response) -> Value {
    let mut content = content_of(&response.headers, &response.body, "encoding");
    content["size"] = response.body.len().into();
    json!({
        "status": response.status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": pairs_of(&response.headers),
        "content": content,
        "redirectURL": response.header("location").unwrap_or_default(),
        "headersSize": -1,
        "bodySize": response.body.len(),
    })
}

/// A request without a response, as browsers write it.
fn no_response(error: Option<&ErrorMark>) -> Value {
    json!({
        "status": 0,
        "statusText": "",
        "httpVersion": "",
        "cookies": [],
        "headers": [],
        "content": { "size": 0, "mimeType": "" },
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
        "_error": error.map(|error| format!("{}: {}", error.kind, error.detail)),
    })
}

fn pairs_of(headers: &[(String, String)]) -> Value {
    headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn content_of(headers: &[(String, String)], body: &[u8], encoding: &str) -> Value {
    let content_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let mut content = Map::new();
    content.insert("mimeType".to_owned(), content_type.map_or("", |(_, value)| value).into());
    match std::str::from_utf8(body) {
        Ok(text) => content.insert("text".to_owned(), text.into()),
        Err(_) => {
            content.insert("text".to_owned(), BASE64_STANDARD.encode(body).into());
            content.insert(encoding.to_owned(), "base64".into())
        }
    };
    Value::Object(content)
}

/// The target of an exported URL, unchanged.
fn target_of(url: &str) -> Option<&str> {
    let bases = SERVICES.into_iter().map(|service| service.base_url).chain([NO_SERVICE]);
    bases.into_iter().find_map(|base| url.strip_prefix(base))
}
