//! JSON with the position of each text, so that a text can be replaced while everything else stays as it was, including
//! duplicate keys, white space and long numbers. A `serde_json::Value` loses these, and with them it could hide a value.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// JSON that is nested more deeply is treated as plain text.
const DEEPEST: usize = 128;

/// A value and its position.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Object(Vec<(Key, Node)>),
    Array(Vec<Node>),
    Text(String),
    Number,
    /// `true`, `false` or `null`.
    Word,
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) span: Range<usize>,
    pub(crate) text: String,
}

/// Parses a text that is an object, a list or a string in JSON, and nothing else.
pub(crate) fn parse(text: &str) -> Option<Node> {
    if !text.trim_start().starts_with(['{', '[', '"']) {
        return None;
    }
    Node::new(text, serde_json::from_str(text).ok()?, 0)
}

/// Whether a value says everything that these bytes say: it has no duplicate keys, and no number lost digits.
pub fn says_all(bytes: &[u8], value: &Value) -> bool {
    let node = std::str::from_utf8(bytes).ok().and_then(|text| {
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        Some((text, Node::new(text, raw, 0)?))
    });
    node.is_some_and(|(text, node)| node.says(text, value))
}

impl Node {
    fn new(text: &str, raw: &RawValue, depth: usize) -> Option<Self> {
        if depth > DEEPEST {
            return None;
        }
        let json = raw.get();
        let what = match json.as_bytes().first()? {
            b'{' => {
                let Fields(fields) = serde_json::from_str(json).ok()?;
                let fields = fields.into_iter().map(|(key, value)| {
                    let name = serde_json::from_str(key.get()).ok()?;
                    let key = Key { span: span(text, key), text: name };
                    Some((key, Self::new(text, value, depth + 1)?))
                });
                What::Object(fields.collect::<Option<_>>()?)
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
                What::Array(
                    items
                        .into_iter()
                        .map(|item| Self::new(text, item, depth + 1))
                        .collect::<Option<_>>()?,
                )
            }
            b'"' => What::Text(serde_json::from_str(json).ok()?),
            b't' | b'f' | b'n' => What::Word,
            _ => What::Number,
        };
        Some(Self { span: span(text, raw), what })
    }

    fn says(&self, text: &str, value: &Value) -> bool {
        match (&self.what, value) {
            (What::Object(fields), Value::Object(own)) => {
                fields.len() == own.len()
                    && fields.iter().all(|(key, node)| {
                        own.get(&key.text).is_some_and(|value| node.says(text, value))
                    })
            }
            (What::Array(items), Value::Array(own)) => {
                items.len() == own.len()
                    && items.iter().zip(own).all(|(node, value)| node.says(text, value))
            }
            (What::Text(text), Value::String(own)) => text == own,
            (What::Number | What::Word, own) => {
                let written = own.to_string();
                text[self.span.clone()] == written
            }
            _ => false,
        }
    }
}

/// Where a part is in its text.
fn span(text: &str, part: &RawValue) -> Range<usize> {
    let start = part.get().as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.get().len()
}

/// The fields of an object, duplicates included.
struct Fields<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        input.deserialize_map(All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_keys_have_positions() {
        let text = r#" {"a\u0062" : ["x", 1e5, null], "ab":"ü"} "#;
        let Some(Node { what: What::Object(fields), .. }) = parse(text) else { panic!() };
        assert_eq!(fields.len(), 2, "a duplicate key is kept");
        assert_eq!((fields[0].0.text.as_str(), fields[1].0.text.as_str()), ("ab", "ab"));
        assert_eq!(&text[fields[0].0.span.clone()], r#""a\u0062""#);
        let What::Array(items) = &fields[0].1.what else { panic!() };
        assert_eq!(&text[items[0].span.clone()], "\"x\"");
        assert!(matches!(items[1].what, What::Number) && matches!(items[2].what, What::Word));
    }

    #[test]
    fn anything_but_json_is_refused() {
        for text in
            ["", "{", "[1", "\"a", "\"a\\", "{\"a\"}", "[1,]", "[x]", "{} {}", "17", "[\"\\u00\"]"]
        {
            assert!(parse(text).is_none(), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_none());
        assert!(parse(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))).is_none());
    }

    #[test]
    fn a_value_does_not_say_all_of_lossy_json() {
        let says_all = |text: &str| says_all(text.as_bytes(), &serde_json::from_str(text).unwrap());
        assert!(says_all(r#" {"a": [1, "\u00e9", 1.5, null], "b": {}} "#));
        assert!(!says_all(r#"{"a": 1, "a": 1}"#), "a duplicate key");
        assert!(!says_all("[12345678901234567890123]"), "a long number");
    }
}
