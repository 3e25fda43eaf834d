//! Texts from other tools' files, for messages.

/// Shortens a text of a file, which may be long, and removes control characters, which a terminal would obey.
pub(super) fn shorten(text: &str) -> String {
    const MOST: usize = 200;
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = text.chars().take(MOST).map(plain).collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    short
}
