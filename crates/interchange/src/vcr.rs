//! Cassettes of vcrpy, version 1, and of its elder VCR for Ruby: YAML, or JSON, which is YAML too.
//!
//! No tag makes an object here. Those of plain values are understood, `!!binary` among them; any other is
//! refused with its line.

use std::fmt;

use drillmaster_transport::Response;
use drillmaster_transport::cassette::is_status;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Tagged;

use super::bodies::from_base64;
use super::call::{lost, means_something};
use super::messages::{limit, plain, shorten};
use super::{Gathering, Refused};

/// A file of either.
#[derive(Deserialize)]
#[serde(expecting = "a mapping")]
struct Document {
    #[serde(alias = "http_interactions")]
    interactions: Option<Vec<Recorded>>,
    version: Option<u64>,
}

#[derive(Deserialize)]
#[serde(expecting = "a mapping")]
struct Recorded {
    request: Request,
    response: Option<Answer>,
}

#[derive(Deserialize)]
#[serde(expecting = "a mapping")]
struct Request {
    method: String,
    uri: String,
    headers: Option<Headers>,
    body: Option<Body>,
}

#[derive(Deserialize)]
#[serde(expecting = "a mapping")]
struct Answer {
    status: Option<Status>,
    /// As vcrpy once wrote what httpx got.
    status_code: Option<u16>,
    headers: Option<Headers>,
    #[serde(alias = "content")]
    body: Option<Body>,
}

/// Bytes: a text, `!!binary`, or either of them in a field.
struct Body(Vec<u8>);

/// In order, a name once for each of its values.
struct Headers(Vec<(String, String)>);

/// A number, or a number with its words.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a status is a number, or has one as `code`")]
enum Status {
    Number(u16),
    WithWords { code: u16 },
}

/// Gathers the requests of a vcr cassette.
pub(super) fn gather<'a>(
    text: &str,
    mut gathering: Gathering<'a>,
) -> Result<Gathering<'a>, Refused> {
    let document = parse(text)?;
    if let Some(version) = document.version.filter(|version| *version != 1) {
        let problem =
            format!("version {version} is not understood; record it again with vcrpy 1 or later");
        return Err(Refused::wrong("version", problem));
    }
    for (index, recorded) in document.interactions.unwrap_or_default().into_iter().enumerate() {
        take(recorded, &format!("interactions[{index}]"), &mut gathering)?;
    }
    Ok(gathering)
}

fn take(recorded: Recorded, place: &str, gathering: &mut Gathering<'_>) -> Result<(), Refused> {
    let Recorded { request, response } = recorded;
    let Some(call) = gathering.recognise(&request.method, &request.uri) else { return Ok(()) };
    let mut unpack = |headers: &[(String, String)], body: Option<Body>, of: &str| {
        let coding = header(headers, "content-encoding").unwrap_or_default();
        let body = body.map(|Body(bytes)| bytes).unwrap_or_default();
        let unpacked = gathering.unpacking.unpack(coding, body);
        unpacked.map_err(|problem| Refused::wrong(format!("{place}.{of}.body"), problem))
    };
    let asked = request.headers.map(|Headers(all)| all).unwrap_or_default();
    let body = unpack(&asked, request.body, "request")?;
    let outcome = match response {
        None => Err(lost("")),
        Some(answer) => {
            let status = answer.status.map(Status::code).or(answer.status_code);
            let missing = || Refused::wrong(format!("{place}.response.status"), "is missing");
            let status = status.ok_or_else(missing)?;
            if !is_status(status) {
                return Err(Refused::wrong(
                    format!("{place}.response.status"),
                    format!("is {status}, which is no HTTP status"),
                ));
            }
            let all = answer.headers.map(|Headers(all)| all).unwrap_or_default();
            let body = unpack(&all, answer.body, "response")?;
            let mut headers = all;
            headers.retain(|(name, _)| means_something(name));
            Ok(Response { status, headers, body })
        }
    };
    gathering.add_next(place, &call, &asked, &body, outcome)
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

fn parse(text: &str) -> Result<Document, Refused> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_depth: 32,
            flow_nesting_limit: 32,
            enforce_alias_anchor_ratio: false,
            // Escapes and tags are longer than they are written; what aliases stand for is counted, too.
            max_total_scalar_bytes: text.len().saturating_mul(4).saturating_add(1 << 24),
            max_events: 20_000_000,
            max_nodes: 10_000_000,
        },
        // Bytes need not be text; they are decoded here.
        ignore_binary_tag_for_string: true,
        reject_unsupported_tags: true,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        let told = error.without_snippet().to_string();
        let told = told.split(" at line ").next().unwrap_or_default().trim_end_matches(" (defined");
        let problem = match told.strip_prefix("budget breached: ") {
            Some(what) => format!("this is more than is read of a file ({})", limit(what)),
            None if told.starts_with("unsupported tag") => {
                format!("{}; no object is made from a tag, record plain values", shorten(told))
            }
            None => shorten(&plain(told)),
        };
        Refused::Line { line, column, problem }
    })
}

impl Status {
    fn code(self) -> u16 {
        match self {
            Self::Number(code) | Self::WithWords { code } => code,
        }
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tagged(node, tag) = Tagged::<Node>::deserialize(deserializer)?;
        node.bytes(tag.as_deref()).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of header names to their values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = Vec::new();
                while let Some((name, values)) = map.next_entry::<String, Tagged<Node>>()? {
                    let values = match values {
                        Tagged(Node::Many(values), _) => values,
                        Tagged(one, tag) => {
                            vec![Body(one.bytes(tag.as_deref()).map_err(A::Error::custom)?)]
                        }
                    };
                    let name = name.to_lowercase();
                    headers.extend(values.into_iter().map(|Body(value)| {
                        (name.clone(), String::from_utf8_lossy(&value).into_owned())
                    }));
                }
                Ok(Headers(headers))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

/// What YAML may have where bytes are due.
enum Node {
    Nothing,
    Text(String),
    Fields { string: Option<Body>, base64_string: Option<String> },
    Many(Vec<Body>),
}

impl Node {
    fn bytes(self, tag: Option<&str>) -> Result<Vec<u8>, String> {
        const BINARY: &str = "tag:yaml.org,2002:binary";
        match self {
            Self::Text(text) if tag == Some(BINARY) => from_base64(&text),
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Fields { base64_string: Some(text), .. } => from_base64(&text),
            Self::Fields { string: Some(Body(bytes)), .. } => Ok(bytes),
            Self::Nothing | Self::Fields { .. } => Ok(Vec::new()),
            Self::Many(_) => Err("a text is due, not a list".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, bytes, or a mapping with `string`")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Node::Many(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let (mut string, mut base64_string) = (None, None);
        let mut known = false;
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "string" => string = map.next_value()?,
                "base64_string" => base64_string = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            }
            known = true;
        }
        if !known {
            return Err(A::Error::missing_field("string"));
        }
        Ok(Node::Fields { string, base64_string })
    }
}
