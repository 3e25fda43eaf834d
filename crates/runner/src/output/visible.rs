//! Makes control characters visible, so that text cannot take over a terminal.
//!
//! Answers, rosters, scripts and file names come from others. A control character in them could move the cursor, change
//! the terminal's title or clipboard, or reverse the order of letters, and so fake what happened. [`visible`] shows it as
//! its JSON escape, `\u001b`: it can be searched for, needs no special font, and means the same in JSON and in a script,
//! so that text copied from a terminal is still the same.
//!
//! ```
//! use drillmaster_runner::output::visible::visible;
//!
//! assert_eq!(visible("Ada\x1b[2J"), "Ada\\u001b[2J");
//! ```

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character is invisible but has an effect: control characters (C0, DEL, C1) except line feed and tab, line
/// and paragraph separators, and marks that change the direction of text.
fn is_control(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => {
            true
        }
        c => c.is_control(),
    }
}

/// Shows control characters as escapes such as `\u001b`. A Windows line break becomes a plain one.
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

/// The same on one line, for a name or a cell of a table.
pub fn visible_line(text: &str) -> Cow<'_, str> {
    match visible(text) {
        text if text.contains(['\n', '\t']) => text.replace(['\n', '\t'], " ").into(),
        text => text,
    }
}

fn push_escape(out: &mut String, c: char) {
    // All of them have four hex digits.
    let _ = write!(out, "\\u{:04x}", u32::from(c));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_control_character_is_shown_as_its_json_escape() {
        for (text, expected) in [
            ("\x1b[31mred", "\\u001b[31mred"),
            ("\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
            ("\u{9b}2J", "\\u009b2J"),
            ("a\0b\x08c\x7fd", "a\\u0000b\\u0008c\\u007fd"),
            ("over\rwritten", "over\\u000dwritten"),
            ("txt.\u{202e}exe", "txt.\\u202eexe"),
            ("a\u{2028}b\u{2029}c", "a\\u2028b\\u2029c"),
            ("\u{61c}\u{200e}\u{200f}\u{2066}\u{2069}", "\\u061c\\u200e\\u200f\\u2066\\u2069"),
        ] {
            assert_eq!(visible(text), expected);
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
    fn no_control_character_of_unicode_gets_through() {
        for c in ('\0'..=char::MAX).filter(|c| is_control(*c)) {
            let shown = visible(c.encode_utf8(&mut [0; 4])).into_owned();
            let json: String = serde_json::from_str(&format!("\"{shown}\"")).unwrap();
            assert_eq!(json, c.to_string());
        }
    }
}
