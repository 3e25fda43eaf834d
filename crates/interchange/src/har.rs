//! HAR 1.2: a JSON document of requests and answers.
//!
//! What HAR has no place for stands in fields of our own, as the format allows: `_drillmaster` of the log has
//! the header and the values from outside, that of an entry has its scope, number and name, and how it was
//! lost. There are no times in a cassette: every entry begins at the epoch and takes none.
//!
//! ```
//! use drillmaster_interchange::{self, Options, har};
//! use drillmaster_transport::cassette;
//!
//! let text = "{\"event\":\"cassette\",\"version\":1,\"program\":\"by hand\"}{\"event\":\"end\",\"interactions\":0}";
//! let mut out = Vec::new();
//! har::write(&cassette::parse(text).unwrap(), &mut out).unwrap();
//! let imported = interchange::read(&out, &Options::default()).unwrap();
//! assert_eq!(imported.tape.header.program, "by hand");
//! ```

mod reading;

pub(super) use reading::gather;

use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use drillmaster_models::{SERVICES, endpoint};
use drillmaster_transport::Response;
use drillmaster_transport::cassette::{Header, Interaction, Recording, RequestEvent, ValueEvent};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

/// What HAR has no place for, of a whole log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(expecting = "an object")]
struct LogMark {
    header: Header,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<ValueEvent>,
}

/// What HAR has no place for, of an entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(expecting = "an object")]
struct Mark {
    scope: String,
    ordinal: u64,
    #[serde(rename = "entry")]
    endpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost: Option<LostMark>,
}

/// How a request or its answer was lost.
#[derive(Debug, Serialize, Deserialize)]
#[serde(expecting = "an object")]
struct LostMark {
    kind: String,
    detail: String,
}

/// Where what belongs to no service seems to have been sent.
const NOWHERE: &str = "https://drillmaster.invalid";

/// Writes a tape as HAR. An `Err` is one of the writer, or says which request cannot be read.
pub fn write(tape: &Recording, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &Document { log: Log(tape) })?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Document<'a> {
    log: Log<'a>,
}

/// An entry is made when it is written, so that a long tape is not in memory twice.
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
        serializer.collect_seq(self.0.iter().map(Written))
    }
}

struct Written<'a>(&'a Interaction);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = entry_of(self.0).map_err(serde::ser::Error::custom)?;
        entry.serialize(serializer)
    }
}

fn entry_of(interaction: &Interaction) -> Result<Value, String> {
    let Interaction { request, outcome } = interaction;
    let place =
        |problem: String| format!("request {} of `{}`: {problem}", request.ordinal, request.scope);
    let lost = outcome.as_ref().err().map(|error| {
        let event = super::lost(&request.scope, request.ordinal, error);
        LostMark { kind: event.kind, detail: event.detail }
    });
    let answer = match (outcome, &lost) {
        (Ok(answer), _) => response_of(answer),
        (Err(_), lost) => lost_response(lost.as_ref()),
    };
    let mark = Mark {
        scope: request.scope.clone(),
        ordinal: request.ordinal,
        endpoint: request.endpoint.clone(),
        lost,
    };
    Ok(json!({
        "startedDateTime": "1970-01-01T00:00:00.000Z",
        "time": 0,
        "request": request_of(request).map_err(place)?,
        "response": answer,
        "cache": {},
        "timings": {
            "blocked": -1, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": 0, "receive": 0
        },
        "_drillmaster": mark,
    }))
}

fn request_of(request: &RequestEvent) -> Result<Value, String> {
    let body = request.wire()?.body;
    let base = endpoint(&request.endpoint).map_or(NOWHERE, |endpoint| endpoint.service().base_url);
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
        // HAR knows encodings of answers only.
        written["postData"] = content_of(&request.headers, &body, "_encoding");
    }
    Ok(written)
}

fn response_of(answer: &Response) -> Value {
    let mut content = content_of(&answer.headers, &answer.body, "encoding");
    content["size"] = answer.body.len().into();
    json!({
        "status": answer.status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": pairs_of(&answer.headers),
        "content": content,
        "redirectURL": answer.header("location").unwrap_or_default(),
        "headersSize": -1,
        "bodySize": answer.body.len(),
    })
}

/// As browsers write it.
fn lost_response(lost: Option<&LostMark>) -> Value {
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
        "_error": lost.map(|lost| format!("{}: {}", lost.kind, lost.detail)),
    })
}

fn pairs_of(headers: &[(String, String)]) -> Value {
    headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn content_of(headers: &[(String, String)], body: &[u8], encoding: &str) -> Value {
    let kind = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let mut content = Map::new();
    content.insert("mimeType".to_owned(), kind.map_or("", |(_, kind)| kind).into());
    match std::str::from_utf8(body) {
        Ok(text) => content.insert("text".to_owned(), text.into()),
        Err(_) => {
            content.insert("text".to_owned(), BASE64_STANDARD.encode(body).into());
            content.insert(encoding.to_owned(), "base64".into())
        }
    };
    Value::Object(content)
}

/// What stood behind the service's address, to the letter.
fn target_of(url: &str) -> Option<&str> {
    let bases = SERVICES.into_iter().map(|service| service.base_url).chain([NOWHERE]);
    bases.into_iter().find_map(|base| url.strip_prefix(base))
}
