//! The codec between an endpoint's fields and HTTP messages. A client [encodes](encode) requests and
//! [decodes](decode) answers; a server [reads fields](read_fields) and [responds](respond). Credentials are not
//! part of it: they are added when a request is sent over HTTP.
//!
//! ```
//! use drillmaster_models::{Dialect, endpoint};
//! let request = endpoint("thm.add_seat").unwrap()
//!     .request(&serde_json::json!({ "email": "ada@example.com" }), Dialect::Current)
//!     .unwrap();
//! assert_eq!(request.to_string(), "PUT /api/v2/external/seats/users\n\
//!     accept: application/json\ncontent-type: application/json\n\n{\"email\":\"ada@example.com\"}");
//! ```

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_decode_str, utf8_percent_encode,
};
use serde_json::{Map, Value, json};

use crate::error_spec::{ErrorSpec, Means};
use crate::failure::Failure;
use crate::field_error::FieldError;
use crate::json;
use crate::metadata::{Metadata, Method, Payload, Reply, braced};

/// An HTTP request without its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// Path and query, below the service's base URL.
    pub target: String,
    /// Lower-case header names with their values, in order.
    pub headers: Vec<(String, String)>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Lower-case header names with their values, in order.
    pub headers: Vec<(String, String)>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl Response {
    /// A response with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into_bytes(),
        }
    }

    /// The first header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

/// The message as text: request line, headers, an empty line, body.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.target)?;
        write_rest(f, &self.headers, &self.body)
    }
}

/// The message as text: status, headers, an empty line, body.
impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        write_rest(f, &self.headers, &self.body)
    }
}

fn write_rest(
    f: &mut fmt::Formatter<'_>,
    headers: &[(String, String)],
    body: &[u8],
) -> fmt::Result {
    for (name, value) in headers {
        write!(f, "\n{name}: {value}")?;
    }
    if !body.is_empty() {
        write!(f, "\n\n{}", String::from_utf8_lossy(body))?;
    }
    Ok(())
}

/// The capacity to reserve for a target, in bytes. Most are shorter.
const TARGET_CAPACITY: usize = 96;

/// All characters except the unreserved ones of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The fields that are sent: those that are neither absent nor null.
fn present(fields: Value) -> Map<String, Value> {
    let Value::Object(mut fields) = fields else { return Map::new() };
    fields.retain(|_, value| !value.is_null());
    fields
}

fn escape(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.into(),
        other => other.to_string().into(),
    }
}

/// Encodes a request. `fields` have been checked and are in the dialect of `metadata`. An `Err` says that a
/// field cannot be part of a path.
pub fn encode(metadata: &Metadata, fields: Value) -> Result<Request, FieldError> {
    let mut fields = present(fields);
    let mut target = String::with_capacity(TARGET_CAPACITY);
    for segment in metadata.path.split('/').skip(1) {
        target.push('/');
        match braced(segment) {
            None => target.push_str(segment),
            Some(name) => {
                let value = fields.shift_remove(name).unwrap_or_default();
                let text = text_of(&value);
                if value.is_null() || matches!(text.as_ref(), "" | "." | "..") {
                    let problem = "is part of the path, so it must not be empty, `.` or `..`";
                    return Err(FieldError::new(metadata.name, name, problem));
                }
                target.extend(escape(&text));
            }
        }
    }
    let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
    let mut body = Vec::new();
    let mut has_type = |kind: &str| headers.push(("content-type".to_owned(), kind.to_owned()));
    match metadata.payload {
        Payload::Query if !fields.is_empty() => {
            target.push('?');
            push_pairs(&mut target, &fields);
        }
        Payload::Query => {}
        Payload::Json => {
            has_type("application/json");
            body = Value::Object(fields).to_string().into_bytes();
        }
        Payload::Form => {
            has_type("application/x-www-form-urlencoded");
            let mut pairs = String::new();
            push_pairs(&mut pairs, &fields);
            body = pairs.into_bytes();
        }
    }
    Ok(Request { method: metadata.method, target, headers, body })
}

/// Writes `name=value&…`. Lists are joined by commas, as in the samples of the Security Labs documentation.
fn push_pairs(pairs: &mut String, fields: &Map<String, Value>) {
    for (nth, (name, value)) in fields.iter().enumerate() {
        let separator = if nth == 0 { "" } else { "&" };
        pairs.extend([separator].into_iter().chain(escape(name)).chain(["="]));
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    pairs.push_str(if index == 0 { "" } else { "," });
                    pairs.extend(escape(&text_of(item)));
                }
            }
            other => pairs.extend(escape(&text_of(other))),
        }
    }
}

/// Decodes an answer and unwraps it, in the dialect of `metadata`. A 2xx whose body has the status `"error"` is a
/// failure too.
pub fn decode(
    metadata: &Metadata,
    errors: impl Iterator<Item = &'static ErrorSpec>,
    answer: &Response,
) -> Result<Value, Failure> {
    let status = answer.status;
    if (300..400).contains(&status) {
        return match (metadata.reply, answer.header("location")) {
            (Reply::Location, Some(location)) => Ok(json!({ "location": location })),
            _ => Err(Failure::NotAnApi { status, what: "a redirect".to_owned() }),
        };
    }
    let text = String::from_utf8_lossy(&answer.body);
    let text = text.trim();
    if is_html(answer, text) {
        return Err(match status {
            500.. => Failure::Broken { status, words: "an HTML page".to_owned() },
            429 => Failure::Throttled { status, words: "an HTML page".to_owned() },
            _ => Failure::NotAnApi { status, what: "an HTML page".to_owned() },
        });
    }
    let body: Option<Value> =
        if text.is_empty() { Some(json!({})) } else { json::read(text.as_bytes()).ok() };
    let says_error = body.as_ref().is_some_and(|body| body["status"] == "error");
    if !(200..300).contains(&status) || says_error {
        return failure(status, words(status, body.as_ref(), text), errors);
    }
    if metadata.reply == Reply::Location {
        return Err(Failure::Shape("it must be a redirect".to_owned()));
    }
    let Some(mut body) = body else {
        json::check(text.as_bytes()).map_err(|error| Failure::Shape(error.to_string()))?;
        return Err(Failure::Shape(format!("it is not JSON: {}", shorten(text))));
    };
    match (metadata.reply, &mut body) {
        (Reply::Data, Value::Object(envelope)) => match envelope.shift_remove("data") {
            Some(data) => Ok(data),
            None => Err(Failure::Shape("it has no `data`".to_owned())),
        },
        (Reply::Data, _) => Err(Failure::Shape("it must be an object with `data`".to_owned())),
        (Reply::One, Value::Array(items)) if items.len() == 1 => Ok(items.remove(0)),
        (Reply::One, Value::Array(items)) => {
            Err(Failure::Shape(format!("it must be a list of one item, not of {}", items.len())))
        }
        _ => Ok(body),
    }
}

/// Whether the service limits the rate of requests: a 429, or a 403 whose text says so (seen).
///
/// ```
/// use drillmaster_models::wire::{Response, is_throttled};
/// use serde_json::json;
///
/// assert!(is_throttled(&Response::json(429, &json!({}))));
/// assert!(is_throttled(&Response::json(403, &json!({ "message": "Request throttled." }))));
/// assert!(!is_throttled(&Response::json(403, &json!({ "message": "ApiCredential invalid" }))));
/// ```
pub fn is_throttled(answer: &Response) -> bool {
    // Only a 403 has to be read.
    if answer.status != 403 {
        return answer.status == 429;
    }
    let text = String::from_utf8_lossy(&answer.body);
    let text = text.trim();
    let body: Option<Value> = json::read(text.as_bytes()).ok();
    !is_html(answer, text) && says_throttled(403, &words(403, body.as_ref(), text))
}

fn says_throttled(status: u16, words: &str) -> bool {
    let plain = words.to_lowercase();
    let says_so = ["throttl", "rate limit", "too many requests"];
    status == 429 || (status == 403 && says_so.iter().any(|word| plain.contains(word)))
}

/// The message in a failed answer.
fn words(status: u16, body: Option<&Value>, text: &str) -> String {
    match body.and_then(|body| body["message"].as_str()) {
        Some(words) => words.to_owned(),
        None if text.is_empty() || text == "{}" => {
            format!("HTTP status {status} without a message")
        }
        None => shorten(text),
    }
}

fn failure(
    status: u16,
    words: String,
    mut errors: impl Iterator<Item = &'static ErrorSpec>,
) -> Result<Value, Failure> {
    if says_throttled(status, &words) {
        return Err(Failure::Throttled { status, words });
    }
    if status >= 500 {
        return Err(Failure::Broken { status, words });
    }
    match errors.find(|spec| spec.matches(&words)).map(|spec| spec.means) {
        Some(Means::Answer(json)) => {
            serde_json::from_str(json).map_err(|error| Failure::Shape(error.to_string()))
        }
        Some(means) => Err(Failure::Refused { status, words, means }),
        None if status == 401 => Err(Failure::Refused { status, words, means: Means::Credential }),
        None => Err(Failure::Refused { status, words, means: Means::Refused }),
    }
}

fn is_html(answer: &Response, text: &str) -> bool {
    let typed = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    typed || (text.starts_with('<') && !text.is_empty())
}

/// The beginning of a body that is not an API answer.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The names and values of a template's `{fields}` in a path; `None` if the path does not match.
///
/// ```
/// use drillmaster_models::wire::match_path;
/// let found = match_path("/api/users/{id}/progress", "/api/users/5%2Fa/progress").unwrap();
/// assert_eq!(found, [("id".to_owned(), "5/a".to_owned())]);
/// assert!(match_path("/api/users/{id}", "/api/roles/5").is_none());
/// ```
pub fn match_path(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let (mut names, mut own) = (template.split('/'), path.split('/'));
    let mut found = Vec::new();
    loop {
        match (names.next(), own.next()) {
            (None, None) => return Some(found),
            (Some(name), Some(segment)) => match braced(name) {
                Some(name) if !segment.is_empty() => {
                    let value = percent_decode_str(segment).decode_utf8_lossy().into_owned();
                    found.push((name.to_owned(), value));
                }
                _ if name == segment => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

/// Reads the fields of a request, unchecked, for servers. Fields from the path, the query or a form are texts;
/// fields from JSON keep their types. A credential in a form is among them. An `Err` says why the body cannot
/// be read.
pub fn read_fields(
    metadata: &Metadata,
    target: &str,
    body: &[u8],
) -> Result<Map<String, Value>, String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut fields = match metadata.payload {
        Payload::Query => from_pairs(query.as_bytes()),
        Payload::Form if std::str::from_utf8(body).is_err() => {
            return Err("the form is not UTF-8".to_owned());
        }
        Payload::Form => from_pairs(body),
        Payload::Json if body.iter().all(u8::is_ascii_whitespace) => Map::new(),
        Payload::Json => match json::read(body) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err("the body must be a JSON object".to_owned()),
            Err(error) => return Err(format!("the body is not JSON: {error}")),
        },
    };
    for (name, value) in match_path(metadata.path, path).unwrap_or_default() {
        fields.insert(name, value.into());
    }
    Ok(fields)
}

fn from_pairs(text: &[u8]) -> Map<String, Value> {
    let pairs = form_urlencoded::parse(text);
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect()
}

/// Encodes an answer and wraps it as `metadata` declares, for servers.
pub fn respond(metadata: &Metadata, answer: &Value) -> Response {
    match metadata.reply {
        Reply::Bare => Response::json(200, answer),
        Reply::Data => Response::json(200, &json!({ "status": "success", "data": answer })),
        Reply::One => Response::json(200, &json!([answer])),
        Reply::Location => Response {
            status: 302,
            headers: vec![(
                "location".to_owned(),
                answer["location"].as_str().unwrap_or_default().to_owned(),
            )],
            body: Vec::new(),
        },
    }
}
