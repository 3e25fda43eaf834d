//! Detects the format of a file from its beginning.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};

use super::{Format, ImportError, Options};

/// The format that a file seems to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sniffed {
    /// One that can be imported.
    Format(Format),
    /// Another one, and what to do about it.
    Other(&'static str),
}

/// What is expected if no format is given.
pub(super) const ANY: &str = "HAR file or vcr cassette";

/// The keys that identify a JSON file.
const KEYS: [(&str, Sniffed); 9] = [
    ("log", Sniffed::Format(Format::Har)),
    ("interactions", Sniffed::Format(Format::Vcr)),
    ("http_interactions", Sniffed::Format(Format::Vcr)),
    ("event", Sniffed::Other("a cassette, which does not have to be imported")),
    ("item", Sniffed::Other("a Postman collection, which has no responses; export a HAR file")),
    ("__export_format", Sniffed::Other("an Insomnia workspace; export a HAR file")),
    ("openapi", Sniffed::Other("an OpenAPI document")),
    ("swagger", Sniffed::Other("an OpenAPI document")),
    ("entries", Sniffed::Other("the inside of a HAR file, without its `log`")),
];

/// The first bytes that identify a binary file.
const MAGIC: [(&[u8], &str); 6] = [
    (b"\x1f\x8b", "a gzip file; unpack it first"),
    (b"PK\x03\x04", "a zip file; unpack it first"),
    (b"\xff\xfe", "text in UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16; save it as UTF-8"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture; export a HAR file"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture; export a HAR file"),
];

/// The text of a file, without its byte order mark.
pub(super) fn text_of<'a>(bytes: &'a [u8], options: &Options) -> Result<&'a str, ImportError> {
    if bytes.len() > options.max_bytes {
        return Err(ImportError::TooLarge(options.max_bytes));
    }
    let expected = options.format.map_or(ANY, Format::title);
    if let Some((_, found)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(ImportError::OtherFormat { expected, found });
    }
    let marked = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(marked).map_err(|error| ImportError::NotUtf8 {
        byte: bytes.len() - marked.len() + error.valid_up_to(),
    });
    // mitmproxy's own format is a length and a list of flows, which may be binary.
    let digits = marked.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > 0 && marked[digits..].starts_with(b":") && marked.ends_with(b"}") {
        let found = "a dump of mitmproxy's flows; export a HAR file";
        return Err(ImportError::OtherFormat { expected, found });
    }
    let text = text?;
    if text.trim().is_empty() {
        return Err(ImportError::Empty);
    }
    Ok(text)
}

/// Detects the format of a text, which may be cut off.
pub(super) fn sniff(text: &str) -> Sniffed {
    match text.trim_start().as_bytes() {
        [b'{', ..] => by_keys(text),
        [b'[', ..] => Sniffed::Other("a JSON list"),
        [b'<', ..] => Sniffed::Other("a web page, or XML"),
        _ if has_interactions(text) => Sniffed::Format(Format::Vcr),
        _ => Sniffed::Other("text of another kind"),
    }
}

fn has_interactions(text: &str) -> bool {
    let mut keys = text.lines().filter_map(|line| line.split_once(':')).map(|(key, _)| key);
    keys.any(|key| matches!(key.trim_matches(['"', '\'']), "interactions" | "http_interactions"))
}

fn by_keys(text: &str) -> Sniffed {
    let mut found = None;
    // Stops at the first key that identifies the format; the reader of the format reports errors after it.
    let _ = serde_json::Deserializer::from_str(text).deserialize_map(KeyVisitor(&mut found));
    found.unwrap_or(Sniffed::Other("JSON of another kind"))
}

struct KeyVisitor<'a>(&'a mut Option<Sniffed>);

impl<'de> Visitor<'de> for KeyVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if let Some((_, sniffed)) = KEYS.iter().find(|(known, _)| *known == key) {
                *self.0 = Some(*sniffed);
                return Err(A::Error::custom("identified"));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
