//! Texts in an encoding, read as what they mean.
//!
//! What finds something private, what replaces it and what looks once more read texts with the same functions:
//! where they did not, something would be found that nobody could replace.

use std::borrow::Cow;
use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986, as requests are written.
pub(super) const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Bytes as a text: what is UTF-8 as it is, and any other byte as the letter that Latin-1 has for it. Nothing is
/// lost, so that whatever is found in the text stands in the bytes.
pub(super) fn read(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(letters(bytes).map(|(letter, _)| letter).collect()),
    }
}

/// What two ways to write a text have in common: each letter made large, and then small. What a letter becomes does
/// not depend on those beside it.
pub(super) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(folds).collect()
}

fn folds(letter: char) -> impl Iterator<Item = char> {
    // The large sharp s is one letter, the small one made large is two.
    letter.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// The letters of a text, and by how many bytes each is written.
fn letters(bytes: &[u8]) -> impl Iterator<Item = (char, usize)> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let sound = chunk.valid().chars().map(|letter| (letter, letter.len_utf8()));
        sound.chain(chunk.invalid().iter().map(|byte| (char::from(*byte), 1)))
    })
}

/// A text without the escapes of one encoding, and where each byte of it came from.
pub(super) struct View {
    pub(super) plain: Vec<u8>,
    /// Where each byte begins in the text, and where the last one ends.
    starts: Vec<usize>,
    write: fn(&[u8]) -> Vec<u8>,
}

impl View {
    /// Without percent escapes.
    pub(super) fn of_percent(bytes: &[u8]) -> Self {
        Self::of(bytes, percent_encoded, percent)
    }

    /// The same of a form, in which a plus is a space.
    pub(super) fn of_form(bytes: &[u8]) -> Self {
        Self::of(bytes, percent_encoded, |bytes, plain| match bytes {
            [b'+', ..] => push(plain, b' '),
            _ => percent(bytes, plain),
        })
    }

    /// Without the escapes of JSON. What is none stays.
    pub(super) fn of_json(bytes: &[u8]) -> Self {
        Self::of(bytes, json_escaped, escape)
    }

    /// Without the references of HTML to characters.
    pub(super) fn of_html(bytes: &[u8]) -> Self {
        Self::of(bytes, html_escaped, |bytes, plain| match bytes {
            [b'&', ..] => reference(bytes, plain),
            _ => push(plain, bytes[0]),
        })
    }

    /// Without escapes of any of these kinds. What comes in the place of a part is written as it is.
    pub(super) fn of_escapes(bytes: &[u8]) -> Self {
        Self::of(bytes, <[u8]>::to_vec, unescape)
    }

    /// The [letters](read), [folded].
    pub(super) fn of_letters(bytes: &[u8]) -> Self {
        let mut view = Self::empty(bytes.len(), <[u8]>::to_vec);
        let (mut at, mut buffer) = (0, [0; 4]);
        for (letter, length) in letters(bytes) {
            for letter in folds(letter) {
                view.plain.extend_from_slice(letter.encode_utf8(&mut buffer).as_bytes());
            }
            view.starts.resize(view.plain.len(), at);
            at += length;
        }
        view.starts.push(at);
        view
    }

    /// Takes what one or more bytes mean from the beginning of a text; `read` tells how many it took.
    fn of(
        bytes: &[u8],
        write: fn(&[u8]) -> Vec<u8>,
        read: impl Fn(&[u8], &mut Vec<u8>) -> usize,
    ) -> Self {
        let mut view = Self::empty(bytes.len(), write);
        let mut at = 0;
        while at < bytes.len() {
            let length = read(&bytes[at..], &mut view.plain);
            view.starts.resize(view.plain.len(), at);
            at += length;
        }
        view.starts.push(at);
        view
    }

    fn empty(length: usize, write: fn(&[u8]) -> Vec<u8>) -> Self {
        let (plain, starts) = (Vec::with_capacity(length), Vec::with_capacity(length + 1));
        Self { plain, starts, write }
    }

    /// Where in the text a part of the view stands: the whole of each escape that it has a part of.
    pub(super) fn outside(&self, span: &Range<usize>) -> Range<usize> {
        let mut after = span.end;
        while after < self.plain.len() && after > 0 && self.starts[after] == self.starts[after - 1]
        {
            after += 1;
        }
        self.starts[span.start]..self.starts[after]
    }

    /// How the text has what is meant.
    pub(super) fn written(&self, plain: &[u8]) -> Vec<u8> {
        (self.write)(plain)
    }
}

fn percent_encoded(bytes: &[u8]) -> Vec<u8> {
    utf8_percent_encode(&read(bytes), RESERVED).to_string().into_bytes()
}

fn json_escaped(bytes: &[u8]) -> Vec<u8> {
    let quoted = serde_json::Value::from(read(bytes)).to_string().into_bytes();
    quoted[1..quoted.len() - 1].to_vec()
}

fn html_escaped(bytes: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    for letter in read(bytes).chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            letter => text.push(letter),
        }
    }
    text.into_bytes()
}

/// Whether a text may refer to characters as HTML does: a form has the first of these alone.
pub(super) fn has_references(bytes: &[u8]) -> bool {
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

/// The byte that a percent escape at the beginning of a text stands for.
pub(super) fn escaped_byte(bytes: &[u8]) -> Option<u8> {
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

/// Takes what the beginning of a text means, whichever escape it is.
pub(super) fn unescape(bytes: &[u8], plain: &mut Vec<u8>) -> usize {
    match bytes[0] {
        b'%' => percent(bytes, plain),
        b'\\' => escape(bytes, plain),
        b'&' => reference(bytes, plain),
        byte => push(plain, byte),
    }
}

/// Reads `&amp;`, `&#38;` or `&#x26;`.
fn reference(bytes: &[u8], plain: &mut Vec<u8>) -> usize {
    let character = match bytes {
        [b'&', b'#', b'x' | b'X', digits @ ..] => {
            numbered(digits, 16).map(|(c, length)| (c, 3 + length))
        }
        [b'&', b'#', digits @ ..] => numbered(digits, 10).map(|(c, length)| (c, 2 + length)),
        _ => named(&bytes[1..]).map(|(c, length)| (c, 1 + length)),
    };
    match (character, character.and_then(|(_, length)| bytes.get(length))) {
        // More of it may stand there in another escape.
        (None, _) | (_, Some(b'%' | b'\\')) => push(plain, bytes[0]),
        (Some((character, length)), next) => {
            plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            // Browsers do without the semicolon.
            length + usize::from(next == Some(&b';'))
        }
    }
}

/// The character that digits stand for, and how many they are.
fn numbered(bytes: &[u8], base: u32) -> Option<(char, usize)> {
    let length = bytes.iter().take_while(|byte| char::from(**byte).is_digit(base)).count();
    let digits = std::str::from_utf8(&bytes[..length]).ok()?;
    Some((char::from_u32(u32::from_str_radix(digits, base).ok()?)?, length))
}

/// The character that a name stands for, and how long it is.
fn named(bytes: &[u8]) -> Option<(char, usize)> {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    // Without it, it is the next field of a form.
    let name = (bytes.get(length) == Some(&b';')).then_some(&bytes[..length])?;
    let name = std::str::from_utf8(name).ok()?;
    let found = NAMED.iter().find(|(_, names)| names.contains(&name));
    found.map(|(character, _)| (*character, length))
}

/// The names that HTML has for characters of ASCII.
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

/// Reads `\u00eb`, or two such that are one character.
fn unicode(bytes: &[u8], plain: &mut Vec<u8>) -> Option<usize> {
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        // Rust's reader of numbers takes a sign.
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
    fn no_byte_is_lost_in_what_is_no_text() {
        assert_eq!(read(b"Zo\xeb, Zo\xc3\xab \xe2\x82"), "Zoë, Zoë â\u{82}");
        assert_eq!(read("Zoë".as_bytes()), "Zoë");
    }

    #[test]
    fn letters_are_folded_one_by_one() {
        assert_eq!(folded("GROẞ ΟΔΟΣ ſK"), folded("groß οδος Sk"));
        assert_eq!(folded("ΟΔΟΣ") + "α", folded("ΟΔΟΣΑ"));
        for text in ["ADA", "Zoë İß", "x"] {
            assert_eq!(View::of_letters(text.as_bytes()).plain, folded(text).into_bytes());
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        let json = |text: &str| View::of_json(text.as_bytes()).plain;
        assert_eq!(
            json(r"\ud83d\ude00 \ud800 \u+041 \x \"),
            "😀 \\ud800 \\u+041 \\x \\".as_bytes()
        );
        assert_eq!(View::of_percent(b"%4%zz%4a%").plain, b"%4%zzJ%");
        assert_eq!(View::of_form(b"a+%2b").plain, b"a +");
    }

    #[test]
    fn escapes_of_any_kind_are_read_at_once() {
        let plain =
            |text: &str| String::from_utf8(View::of_escapes(text.as_bytes()).plain).unwrap();
        assert_eq!(plain(r"%2f\/&#47;&#x2F;&sol;&#47 &amp;#47;"), "////// &#47;");
        // More of it may stand there in another escape.
        assert_eq!(plain(r"&#4\u0037;"), "&#47;");
        let none = r"a&b=c&d %zz \q &nosuch; &#; &#x110000; &";
        assert_eq!(plain(none), none);
    }

    #[test]
    fn a_part_of_a_view_is_all_of_its_escapes() {
        let view = View::of_percent(b"x%C3%ABy");
        assert_eq!(view.outside(&(1..3)), 1..7);
        let view = View::of_json(br"x\u00eby");
        assert_eq!((view.outside(&(1..2)), view.outside(&(1..3))), (1..7, 1..7));
        assert_eq!(View::of_letters("xßy".as_bytes()).outside(&(1..2)), 1..3);
    }
}
