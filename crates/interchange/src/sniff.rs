//! What a file seems to be, from its beginning.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};

use super::{Format, Options, Refused};

/// What a file seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// A file that can be read.
    Like(Format),
    /// Something else.
    Other(&'static str),
}

/// What is due where no format was named.
pub(super) const ANY: &str = "HAR file and no vcr cassette";

/// The keys that tell a JSON file.
const KEYS: [(&str, Looks); 9] = [
    ("log", Looks::Like(Format::Har)),
    ("interactions", Looks::Like(Format::Vcr)),
    ("http_interactions", Looks::Like(Format::Vcr)),
    ("event", Looks::Other("a cassette; it need not be imported")),
    ("item", Looks::Other("a Postman collection, which has no answers; export a HAR file")),
    ("__export_format", Looks::Other("an Insomnia workspace; export a HAR file")),
    ("openapi", Looks::Other("an OpenAPI document")),
    ("swagger", Looks::Other("an OpenAPI document")),
    ("entries", Looks::Other("the inside of a HAR file, without its `log`")),
];

/// The first bytes that tell a file which is not text.
const MAGIC: [(&[u8], &str); 6] = [
    (b"\x1f\x8b", "a gzip file; unpack it first"),
    (b"PK\x03\x04", "a zip file; unpack it first"),
    (b"\xff\xfe", "text in UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16; save it as UTF-8"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture; export a HAR file"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture; export a HAR file"),
];

/// The text of a file, without its byte-order mark.
pub(super) fn text_of<'a>(bytes: &'a [u8], options: &Options) -> Result<&'a str, Refused> {
    if bytes.len() > options.largest {
        return Err(Refused::TooLarge(options.largest));
    }
    let wanted = options.format.map_or(ANY, Format::title);
    if let Some((_, looks)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(Refused::Other { wanted, looks });
    }
    let marked = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(marked).map_err(|error| Refused::NotUtf8 {
        byte: bytes.len() - marked.len() + error.valid_up_to(),
    });
    // A proxy's own dump is a length and a list of flows, some of them not text.
    let digits = marked.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > 0 && marked[digits..].starts_with(b":") && marked.ends_with(b"}") {
        let looks = "a dump of mitmproxy's flows; export a HAR file";
        return Err(Refused::Other { wanted, looks });
    }
    let text = text?;
    if text.trim().is_empty() {
        return Err(Refused::Empty);
    }
    Ok(text)
}

/// What a text seems to be. A text that is cut off looks like what it was.
pub(super) fn looks_like(text: &str) -> Looks {
    match text.trim_start().as_bytes() {
        [b'{', ..] => by_keys(text),
        [b'[', ..] => Looks::Other("a JSON list"),
        [b'<', ..] => Looks::Other("a web page, or XML"),
        _ if has_interactions(text) => Looks::Like(Format::Vcr),
        _ => Looks::Other("text of another kind"),
    }
}

fn has_interactions(text: &str) -> bool {
    let mut keys = text.lines().filter_map(|line| line.split_once(':')).map(|(key, _)| key);
    keys.any(|key| matches!(key.trim_matches(['"', '\'']), "interactions" | "http_interactions"))
}

fn by_keys(text: &str) -> Looks {
    let mut found = None;
    // Stops at the key that tells; whatever is wrong behind it is for the reader to say.
    let _ = serde_json::Deserializer::from_str(text).deserialize_map(Telling(&mut found));
    found.unwrap_or(Looks::Other("JSON of another kind"))
}

struct Telling<'a>(&'a mut Option<Looks>);

impl<'de> Visitor<'de> for Telling<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if let Some((_, looks)) = KEYS.iter().find(|(known, _)| *known == key) {
                *self.0 = Some(*looks);
                return Err(A::Error::custom("told"));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
