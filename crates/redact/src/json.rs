//! JSON with the position of each text, so that a text can be replaced while everything else stays as it was, including
//! duplicate keys, white space and long numbers. A `serde_json::Value` loses these, and with them it could hide a value.

use std::ops::Range;

use serde_json::Value;

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
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(0)?;
    reader.skip();
    (reader.at == text.len()).then_some(node)
}

/// Whether a value says everything that these bytes say: it has no duplicate keys, and no number lost digits.
pub fn says_all(bytes: &[u8], value: &Value) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut reader = Reader { text, at: 0 };
    reader.value(0).is_some_and(|node| node.says(text, value))
}

impl Node {
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
                let said = own.to_string();
                text[self.span.clone()] == said
            }
            _ => false,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn skip(&mut self) {
        let rest = self.text.as_bytes()[self.at..].iter();
        self.at += rest.take_while(|byte| b" \t\r\n".contains(byte)).count();
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip();
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        let first = self.peek()?;
        let start = self.at;
        let what = match first {
            _ if depth > DEEPEST => return None,
            b'{' => What::Object(self.list(b'}', |reader| {
                let key = reader.key()?;
                reader.take(b':')?;
                Some((key, reader.value(depth + 1)?))
            })?),
            b'[' => What::Array(self.list(b']', |reader| reader.value(depth + 1))?),
            b'"' => What::Text(self.key()?.text),
            _ => self.bare()?,
        };
        Some(Node { span: start..self.at, what })
    }

    fn list<T>(&mut self, close: u8, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(close).is_some() {
            return Some(items);
        }
        loop {
            items.push(item(self)?);
            if self.take(close).is_some() {
                return Some(items);
            }
            self.take(b',')?;
        }
    }

    /// A string.
    fn key(&mut self) -> Option<Key> {
        self.take(b'"')?;
        let start = self.at - 1;
        let bytes = self.text.as_bytes();
        while *bytes.get(self.at)? != b'"' {
            self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        let span = start..self.at;
        let text = serde_json::from_str(self.text.get(span.clone())?).ok()?;
        Some(Key { span, text })
    }

    fn bare(&mut self) -> Option<What> {
        let rest = &self.text[self.at..];
        let end = rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len());
        self.at += end;
        match &rest[..end] {
            "true" | "false" | "null" => Some(What::Word),
            number => serde_json::from_str::<f64>(number).ok().map(|_| What::Number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_keys_know_their_places() {
        let text = r#" {"a\u0062" : ["x", 1e5, null], "ab":"ü"} "#;
        let Some(Node { what: What::Object(fields), .. }) = parse(text) else { panic!() };
        assert_eq!(fields.len(), 2, "a doubled key is there twice");
        assert_eq!((fields[0].0.text.as_str(), fields[1].0.text.as_str()), ("ab", "ab"));
        assert_eq!(&text[fields[0].0.span.clone()], r#""a\u0062""#);
        let What::Array(items) = &fields[0].1.what else { panic!() };
        assert_eq!(&text[items[0].span.clone()], "\"x\"");
        assert!(matches!(items[1].what, What::Number) && matches!(items[2].what, What::Word));
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in
            ["", "{", "[1", "\"a", "\"a\\", "{\"a\"}", "[1,]", "[x]", "{} {}", "17", "[\"\\u00\"]"]
        {
            assert!(parse(text).is_none(), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_none());
    }
}
