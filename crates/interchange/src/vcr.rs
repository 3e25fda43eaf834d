//! Cassettes of vcrpy, version 1, and of VCR for Ruby: YAML, or JSON, which is YAML too.
//!
//! Tags of plain values, such as `!!binary`, are supported. Any other tag is an error: no objects are created.

use std::fmt;

use drillmaster_transport::Response;
use drillmaster_transport::cassette::is_status;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{DefaultMessageFormatter, Error as YamlError, MessageFormatter, Tagged};

use super::ImportError;
use super::bodies::from_base64;
use super::call::{is_imported_header, network_error};
use super::importer::Importer;
use super::text::shorten;

/// A cassette of either tool.
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
    response: Option<RecordedResponse>,
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
struct RecordedResponse {
    status: Option<Status>,
    /// Instead of `status` in older cassettes of vcrpy with httpx.
    status_code: Option<u16>,
    headers: Option<Headers>,
    #[serde(alias = "content")]
    body: Option<Body>,
}

/// Bytes: a text, `!!binary`, or a mapping with one of them.
struct Body(Vec<u8>);

/// In order; a name with several values is repeated.
struct Headers(Vec<(String, String)>);

/// A number, or a mapping with a code and a message.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a status must be a number, or a mapping with a number as `code`")]
enum Status {
    Number(u16),
    WithMessage { code: u16 },
}

/// Imports the requests of a vcr cassette.
pub(super) fn import(text: &str, importer: &mut Importer<'_>) -> Result<(), ImportError> {
    let document = parse(text)?;
    if let Some(version) = document.version.filter(|version| *version != 1) {
        let problem =
            format!("is {version}, which is not supported; record it again with vcrpy 1 or later");
        return Err(ImportError::value("version", problem));
    }
    for (index, recorded) in document.interactions.unwrap_or_default().into_iter().enumerate() {
        import_interaction(recorded, &format!("interactions[{index}]"), importer)?;
    }
    Ok(())
}

fn import_interaction(
    recorded: Recorded,
    path: &str,
    importer: &mut Importer<'_>,
) -> Result<(), ImportError> {
    let Recorded { request, response } = recorded;
    let Some(call) = importer.recognise(&request.method, &request.uri) else { return Ok(()) };
    let mut decompress = |headers: &[(String, String)], body: Option<Body>, part: &str| {
        let coding = header(headers, "content-encoding").unwrap_or_default();
        let body = body.map(|Body(bytes)| bytes).unwrap_or_default();
        let bytes = importer.decompressor.decompress(coding, body);
        bytes.map_err(|problem| ImportError::value(format!("{path}.{part}.body"), problem))
    };
    let request_headers = request.headers.map(|Headers(all)| all).unwrap_or_default();
    let body = decompress(&request_headers, request.body, "request")?;
    let outcome = match response {
        None => Err(network_error("")),
        Some(response) => {
            let status = response.status.map(Status::code).or(response.status_code);
            let missing = || ImportError::value(format!("{path}.response.status"), "is missing");
            let status = status.ok_or_else(missing)?;
            if !is_status(status) {
                return Err(ImportError::value(
                    format!("{path}.response.status"),
                    format!("is {status}, which is not an HTTP status"),
                ));
            }
            let mut headers = response.headers.map(|Headers(all)| all).unwrap_or_default();
            let body = decompress(&headers, response.body, "response")?;
            headers.retain(|(name, _)| is_imported_header(name));
            Ok(Response { status, headers, body })
        }
    };
    importer.add_next(path, &call, &request_headers, &body, outcome)
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

fn parse(text: &str) -> Result<Document, ImportError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_depth: 32,
            flow_nesting_limit: 32,
            enforce_alias_anchor_ratio: false,
            // Escapes and tags count as more bytes than they have in the file, and aliases count as what they refer to.
            max_total_scalar_bytes: text.len().saturating_mul(4).saturating_add(1 << 24),
            max_events: 20_000_000,
            max_nodes: 10_000_000,
        },
        // Decoded by `Body`, because the bytes may not be text.
        ignore_binary_tag_for_string: true,
        reject_unsupported_tags: true,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        ImportError::Line { line, column, problem: shorten(&problem(&error)) }
    })
}

fn problem(error: &YamlError) -> String {
    match error {
        YamlError::WithSnippet { error, .. } | YamlError::AliasError { error, .. } => {
            problem(error)
        }
        YamlError::MultipleDocuments { .. }
        | YamlError::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            "the file has several documents; save each to a file of its own".to_owned()
        }
        YamlError::Budget { .. }
        | YamlError::AliasReplayLimitExceeded { .. }
        | YamlError::AliasExpansionLimitExceeded { .. } => {
            "the file has too many or too deeply nested values; save fewer requests to a file"
                .to_owned()
        }
        YamlError::InvalidScalar { .. } => "must be a whole number".to_owned(),
        YamlError::UnsupportedTag { tag, .. } => {
            format!("the tag `{tag}` is not supported; record plain values")
        }
        YamlError::SerdeMissingField { field, .. } => format!("has no `{field}`"),
        YamlError::SerdeInvalidType { unexpected, expected, .. }
        | YamlError::SerdeInvalidValue { unexpected, expected, .. } => {
            format!("must be {expected}, not {unexpected}")
        }
        other => DefaultMessageFormatter.format_message(other).into_owned(),
    }
}

impl Status {
    fn code(self) -> u16 {
        match self {
            Self::Number(code) | Self::WithMessage { code } => code,
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
        struct HeadersVisitor;

        impl<'de> Visitor<'de> for HeadersVisitor {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of header names to values")
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

        deserializer.deserialize_map(HeadersVisitor)
    }
}

/// A body in YAML.
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
            Self::Many(_) => Err("must be text, not a list".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
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
