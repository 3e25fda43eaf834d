//! Text that cannot take over a terminal.
//!
//! Answers, rosters, scripts and file names are written by others. A control character in one of them could move the
//! cursor over what stands there, change the terminal's title or clipboard, or turn the order of letters around, so
//! that a person reads something else than what happened. [`visible`] shows such a character as its JSON escape,
//! `\u001b`: this says which one it was, can be searched for, needs no special font, and means the same in JSON and
//! in a script, so that what was copied from a terminal is still the same text.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character is not shown but does something: control characters (C0, DEL, C1) except for line feed and
/// tab, line and paragraph separators, and the marks that change the direction of writing.
fn is_control(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => {
            true
        }
        c => c.is_control(),
    }
}

/// Text in which each control character is shown as `\u001b`. A line break of Windows becomes a plain one.
pub fn visible(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| matches!(byte, b'\n' | b'\t' | b' '..=b'~');
    if text.bytes().all(is_plain) || !text.contains(is_control) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            c if is_control(c) => push_escape(&mut shown, c),
            c => shown.push(c),
        }
    }
    shown.into()
}

/// The same in one line, for a cell of a table or a name.
pub fn visible_line(text: &str) -> Cow<'_, str> {
    match visible(text) {
        text if text.contains(['\n', '\t']) => text.replace(['\n', '\t'], " ").into(),
        text => text,
    }
}

fn push_escape(out: &mut String, c: char) {
    // All of them have four digits.
    let _ = write!(out, "\\u{:04x}", u32::from(c));
}

/// Text with colours that this program put in. Anything else that a terminal would obey is visible in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Styled(String);

impl Styled {
    /// Text without colours.
    pub fn plain(text: &str) -> Self {
        Self(visible(text).into_owned())
    }

    /// Takes text that was coloured by our own code, out of parts that were [`visible`] before: what is left of
    /// escape sequences are our colours. Others are made visible here, too.
    pub fn coloured(text: &str) -> Self {
        let (mut styled, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find('\x1b') {
            let (before, from) = rest.split_at(at);
            let length = colour_length(from).unwrap_or(0);
            styled.push_str(&visible(before));
            if length == 0 {
                push_escape(&mut styled, '\x1b');
            }
            styled.push_str(&from[..length]);
            rest = &from[length.max(1)..];
        }
        styled.push_str(&visible(rest));
        Self(styled)
    }

    /// A diff by lines with what is gone in red and what is new in green.
    pub fn diff(self) -> Self {
        let paint = |line: &str| {
            // Where it is part of a problem, the problem's own bar comes first.
            let text = line.split_once("\u{2502} ").map_or(line, |(_, text)| text);
            match text.as_bytes().first() {
                Some(b'+') => format!("\x1b[32m{line}\x1b[0m"),
                Some(b'-') => format!("\x1b[31m{line}\x1b[0m"),
                _ => line.to_owned(),
            }
        };
        Self(self.0.lines().map(paint).collect::<Vec<_>>().join("\n"))
    }

    /// Without the line break at its end.
    pub fn trimmed(self) -> Self {
        Self(self.0.strip_suffix('\n').map(str::to_owned).unwrap_or(self.0))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long the sequence is that sets a colour or weight, where the text begins with one: `ESC [ 1 ; 31 m`.
fn colour_length(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\x1b[")?;
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    numbers[end..].starts_with('m').then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_control_character_is_shown_as_its_json_escape() {
        for (text, due) in [
            ("\x1b[31mred", "\\u001b[31mred"),
            ("\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
            ("\u{9b}2J", "\\u009b2J"),
            ("a\0b\x08c\x7fd", "a\\u0000b\\u0008c\\u007fd"),
            ("over\rwritten", "over\\u000dwritten"),
            ("txt.\u{202e}exe", "txt.\\u202eexe"),
            ("a\u{2028}b\u{2029}c", "a\\u2028b\\u2029c"),
            ("\u{61c}\u{200e}\u{200f}\u{2066}\u{2069}", "\\u061c\\u200e\\u200f\\u2066\\u2069"),
        ] {
            assert_eq!(visible(text), due);
        }
    }

    #[test]
    fn text_of_any_language_stays_as_it_is() {
        for text in ["", "a\n\tb", "Dögan 张伟 مرحبا שלום", "👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "می‌خواهم", "\\u001b"]
        {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text));
        }
        assert_eq!(visible("a\r\nb"), "a\nb");
    }

    #[test]
    fn no_character_of_unicode_gets_through_that_does_something() {
        for c in ('\0'..=char::MAX).filter(|c| is_control(*c)) {
            let shown = visible(c.encode_utf8(&mut [0; 4])).into_owned();
            let json: String = serde_json::from_str(&format!("\"{shown}\"")).unwrap();
            assert_eq!(json, c.to_string());
        }
    }

    #[test]
    fn of_escape_sequences_only_colours_are_let_through() {
        let ours = "\x1b[1;31mwrong\x1b[0m and \x1b[mplain";
        assert_eq!(Styled::coloured(ours).as_str(), ours);
        for (text, due) in [
            ("\x1b[2J", "\\u001b[2J"),
            ("\x1b]8;;x\x07", "\\u001b]8;;x\\u0007"),
            ("\x1b[31", "\\u001b[31"),
            ("\x1b", "\\u001b"),
            ("\x1b[?25l\x1b[0m", "\\u001b[?25l\x1b[0m"),
        ] {
            assert_eq!(Styled::coloured(text).as_str(), due);
        }
    }
}
