//! Decoding text: percent encoding, forms, JSON escapes and HTML references.
//!
//! Collecting, replacing and the leak check decode with the same functions. Otherwise one of them could find a value
//! that another cannot replace.

use std::borrow::Cow;
use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986. Requests are encoded like this.
pub(crate) const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Bytes as text: UTF-8 where they are UTF-8, and any other byte as its Latin-1 character. Nothing is lost, so
/// whatever is found in the text is also in the bytes.
pub(crate) fn to_text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(characters(bytes).map(|(character, _)| character).collect()),
    }
}

/// A text for comparison without case: each character in upper case and then in lower case. The result for one
/// character does not depend on its neighbours.
pub(crate) fn fold_case(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(fold_char).collect()
}

fn fold_char(character: char) -> impl Iterator<Item = char> {
    // `ẞ` is one character, but `ß` in upper case is two.
    character.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// The characters of a text, each with the number of bytes that it takes.
fn characters(bytes: &[u8]) -> impl Iterator<Item = (char, usize)> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(|character| (character, character.len_utf8()));
        valid.chain(chunk.invalid().iter().map(|byte| (char::from(*byte), 1)))
    })
}

/// A decoded text that remembers where each of its bytes came from.
pub(crate) struct Decoded {
    pub(crate) plain: Vec<u8>,
    /// Where each byte begins in the source, and where the last one ends.
    starts: Vec<usize>,
    encode: fn(&[u8]) -> Vec<u8>,
}

impl Decoded {
    /// Decodes percent escapes.
    pub(crate) fn percent(bytes: &[u8]) -> Self {
        Self::new(bytes, percent_encode, percent)
    }

    /// Decodes percent escapes and, as in a form, `+` as a space.
    pub(crate) fn form(bytes: &[u8]) -> Self {
        Self::new(bytes, percent_encode, |bytes, plain| match bytes {
            [b'+', ..] => push(plain, b' '),
            _ => percent(bytes, plain),
        })
    }

    /// Decodes JSON escapes. Anything else stays, invalid escapes included.
    pub(crate) fn json(bytes: &[u8]) -> Self {
        Self::new(bytes, json_escape, escape)
    }

    /// Decodes HTML character references.
    pub(crate) fn html(bytes: &[u8]) -> Self {
        Self::new(bytes, html_escape, |bytes, plain| match bytes {
            [b'&', ..] => reference(bytes, plain),
            _ => push(plain, bytes[0]),
        })
    }

    /// Decodes escapes of any of these kinds. It cannot encode: [`encode`](Self::encode) returns its argument.
    pub(crate) fn any_escape(bytes: &[u8]) -> Self {
        Self::new(bytes, <[u8]>::to_vec, unescape)
    }

    /// The [text](to_text) with its [case folded](fold_case).
    pub(crate) fn case_folded(bytes: &[u8]) -> Self {
        let mut decoded = Self::empty(bytes.len(), <[u8]>::to_vec);
        let (mut at, mut buffer) = (0, [0; 4]);
        for (character, length) in characters(bytes) {
            for character in fold_char(character) {
                decoded.plain.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
            }
            decoded.starts.resize(decoded.plain.len(), at);
            at += length;
        }
        decoded.starts.push(at);
        decoded
    }

    /// Decodes with `decode`, which appends the meaning of the first bytes and returns how many it took.
    fn new(
        bytes: &[u8],
        encode: fn(&[u8]) -> Vec<u8>,
        decode: impl Fn(&[u8], &mut Vec<u8>) -> usize,
    ) -> Self {
        let mut decoded = Self::empty(bytes.len(), encode);
        let mut at = 0;
        while at < bytes.len() {
            let length = decode(&bytes[at..], &mut decoded.plain);
            decoded.starts.resize(decoded.plain.len(), at);
            at += length;
        }
        decoded.starts.push(at);
        decoded
    }

    fn empty(length: usize, encode: fn(&[u8]) -> Vec<u8>) -> Self {
        let (plain, starts) = (Vec::with_capacity(length), Vec::with_capacity(length + 1));
        Self { plain, starts, encode }
    }

    /// Where a part of the decoded text is in the source. An escape is included as a whole.
    pub(crate) fn source_span(&self, span: &Range<usize>) -> Range<usize> {
        let mut after = span.end;
        while after < self.plain.len() && after > 0 && self.starts[after] == self.starts[after - 1]
        {
            after += 1;
        }
        self.starts[span.start]..self.starts[after]
    }

    /// Encodes in the encoding of the source.
    pub(crate) fn encode(&self, plain: &[u8]) -> Vec<u8> {
        (self.encode)(plain)
    }
}

fn percent_encode(bytes: &[u8]) -> Vec<u8> {
    utf8_percent_encode(&to_text(bytes), RESERVED).to_string().into_bytes()
}

fn json_escape(bytes: &[u8]) -> Vec<u8> {
    let quoted = serde_json::Value::from(to_text(bytes)).to_string().into_bytes();
    quoted[1..quoted.len() - 1].to_vec()
}

fn html_escape(bytes: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    for character in to_text(bytes).chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            character => text.push(character),
        }
    }
    text.into_bytes()
}

/// Whether a text may have HTML character references. A form has `&` alone.
pub(crate) fn has_references(bytes: &[u8]) -> bool {
    bytes.contains(&b'&') && bytes.contains(&b';')
}

fn push(plain: &mut Vec<u8>, byte: u8) -> usize {
    plain.push(byte);
    1
}

fn percent(bytes: &[u8], plain: &mut Vec<u8>) -> usize {
    match escaped_byte(bytes) {
        Some(byte) => {
            plain.push(byte);
            3
        }
        None => push(plain, bytes[0]),
    }
}

/// The byte of the percent escape that a text begins with.
pub(crate) fn escaped_byte(bytes: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let [b'%', high, low, ..] = *bytes else { return None };
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn escape(bytes: &[u8], plain: &mut Vec<u8>) -> usize {
    let character = match bytes {
        [b'\\', b'n', ..] => b'\n',
        [b'\\', b'r', ..] => b'\r',
        [b'\\', b't', ..] => b'\t',
        [b'\\', b'b', ..] => 8,
        [b'\\', b'f', ..] => 12,
        [b'\\', other @ (b'"' | b'\\' | b'/'), ..] => *other,
        [b'\\', b'u', ..] => return unicode(bytes, plain).unwrap_or_else(|| push(plain, b'\\')),
        _ => return push(plain, bytes[0]),
    };
    plain.push(character);
    2
}

/// Decodes the first byte or escape of any kind. Returns how many bytes it took.
pub(crate) fn unescape(bytes: &[u8], plain: &mut Vec<u8>) -> usize {
    match bytes[0] {
        b'%' => percent(bytes, plain),
        b'\\' => escape(bytes, plain),
        b'&' => reference(bytes, plain),
        byte => push(plain, byte),
    }
}

/// Decodes `&amp;`, `&#38;` or `&#x26;`.
fn reference(bytes: &[u8], plain: &mut Vec<u8>) -> usize {
    let character = match bytes {
        [b'&', b'#', b'x' | b'X', digits @ ..] => {
            numbered(digits, 16).map(|(c, length)| (c, 3 + length))
        }
        [b'&', b'#', digits @ ..] => numbered(digits, 10).map(|(c, length)| (c, 2 + length)),
        _ => named(&bytes[1..]).map(|(c, length)| (c, 1 + length)),
    };
    match (character, character.and_then(|(_, length)| bytes.get(length))) {
        // The rest of it may be in another escape.
        (None, _) | (_, Some(b'%' | b'\\')) => push(plain, bytes[0]),
        (Some((character, length)), next) => {
            plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            // Browsers accept references without a semicolon.
            length + usize::from(next == Some(&b';'))
        }
    }
}

/// The character of a numeric reference, and the number of its digits.
fn numbered(bytes: &[u8], base: u32) -> Option<(char, usize)> {
    let length = bytes.iter().take_while(|byte| char::from(**byte).is_digit(base)).count();
    let digits = std::str::from_utf8(&bytes[..length]).ok()?;
    Some((char::from_u32(u32::from_str_radix(digits, base).ok()?)?, length))
}

/// The character of a named reference, and the length of the name.
fn named(bytes: &[u8]) -> Option<(char, usize)> {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    // Without the semicolon, this is the next field of a form.
    let name = (bytes.get(length) == Some(&b';')).then_some(&bytes[..length])?;
    let name = std::str::from_utf8(name).ok()?;
    let found = NAMED.iter().find(|(_, names)| names.contains(&name));
    found.map(|(character, _)| (*character, length))
}

/// The named references for ASCII characters.
const NAMED: [(char, &[&str]); 32] = [
    ('\t', &["Tab"]),
    ('\n', &["NewLine"]),
    ('!', &["excl"]),
    ('"', &["quot", "QUOT"]),
    ('#', &["num"]),
    ('$', &["dollar"]),
    ('%', &["percnt"]),
    ('&', &["amp", "AMP"]),
    ('\'', &["apos"]),
    ('(', &["lpar"]),
    (')', &["rpar"]),
    ('*', &["ast", "midast"]),
    ('+', &["plus"]),
    (',', &["comma"]),
    ('.', &["period"]),
    ('/', &["sol"]),
    (':', &["colon"]),
    (';', &["semi"]),
    ('<', &["lt", "LT"]),
    ('=', &["equals"]),
    ('>', &["gt", "GT"]),
    ('?', &["quest"]),
    ('@', &["commat"]),
    ('[', &["lsqb", "lbrack"]),
    ('\\', &["bsol"]),
    (']', &["rsqb", "rbrack"]),
    ('^', &["Hat"]),
    ('_', &["lowbar", "UnderBar"]),
    ('`', &["grave", "DiacriticalGrave"]),
    ('{', &["lcub", "lbrace"]),
    ('|', &["vert", "verbar", "VerticalLine"]),
    ('}', &["rcub", "rbrace"]),
];

/// Decodes `\u00eb`, or a surrogate pair of two such escapes.
fn unicode(bytes: &[u8], plain: &mut Vec<u8>) -> Option<usize> {
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        // `from_str_radix` accepts a sign.
        let all_digits = digits.iter().all(u8::is_ascii_hexdigit);
        u16::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| all_digits)?, 16).ok()
    };
    let units = [unit(0), unit(6)].into_iter().map_while(|unit| unit);
    let character = char::decode_utf16(units).next()?.ok()?;
    plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Some(6 * character.len_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_lost_in_invalid_utf8() {
        assert_eq!(to_text(b"Zo\xeb, Zo\xc3\xab \xe2\x82"), "Zoë, Zoë â\u{82}");
        assert_eq!(to_text("Zoë".as_bytes()), "Zoë");
    }

    #[test]
    fn characters_are_folded_one_by_one() {
        assert_eq!(fold_case("GROẞ ΟΔΟΣ ſK"), fold_case("groß οδος Sk"));
        assert_eq!(fold_case("ΟΔΟΣ") + "α", fold_case("ΟΔΟΣΑ"));
        for text in ["ADA", "Zoë İß", "x"] {
            assert_eq!(Decoded::case_folded(text.as_bytes()).plain, fold_case(text).into_bytes());
        }
    }

    #[test]
    fn invalid_escapes_stay() {
        let json = |text: &str| Decoded::json(text.as_bytes()).plain;
        assert_eq!(
            json(r"\ud83d\ude00 \ud800 \u+041 \x \"),
            "😀 \\ud800 \\u+041 \\x \\".as_bytes()
        );
        assert_eq!(Decoded::percent(b"%4%zz%4a%").plain, b"%4%zzJ%");
        assert_eq!(Decoded::form(b"a+%2b").plain, b"a +");
    }

    #[test]
    fn escapes_of_any_kind_are_decoded_at_once() {
        let plain =
            |text: &str| String::from_utf8(Decoded::any_escape(text.as_bytes()).plain).unwrap();
        assert_eq!(plain(r"%2f\/&#47;&#x2F;&sol;&#47 &amp;#47;"), "////// &#47;");
        // The rest of it is in another escape.
        assert_eq!(plain(r"&#4\u0037;"), "&#47;");
        let none = r"a&b=c&d %zz \q &nosuch; &#; &#x110000; &";
        assert_eq!(plain(none), none);
    }

    #[test]
    fn a_source_span_covers_whole_escapes() {
        let decoded = Decoded::percent(b"x%C3%ABy");
        assert_eq!(decoded.source_span(&(1..3)), 1..7);
        let decoded = Decoded::json(br"x\u00eby");
        assert_eq!((decoded.source_span(&(1..2)), decoded.source_span(&(1..3))), (1..7, 1..7));
        assert_eq!(Decoded::case_folded("xßy".as_bytes()).source_span(&(1..2)), 1..3);
    }
}
