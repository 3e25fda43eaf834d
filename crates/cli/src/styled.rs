//! Text with colors.

use drillmaster_runner::output::visible::visible;

/// Text with colors that drillmaster added. All other control characters are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Styled(String);

impl Styled {
    /// Text without colors.
    pub(crate) fn plain(text: &str) -> Self {
        Self(visible(text).into_owned())
    }

    /// Text colored by our own code, made of parts that were escaped before: the color sequences left in it are ours.
    /// Any others are escaped here.
    pub(crate) fn colored(text: &str) -> Self {
        let (mut styled, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find('\x1b') {
            let (before, from) = rest.split_at(at);
            let length = color_length(from).unwrap_or(0);
            styled.push_str(&visible(before));
            if length == 0 {
                styled.push_str(&visible("\x1b"));
            }
            styled.push_str(&from[..length]);
            rest = &from[length.max(1)..];
        }
        styled.push_str(&visible(rest));
        Self(styled)
    }

    /// Colors a diff: removed lines red, added lines green.
    pub(crate) fn diff(self) -> Self {
        let paint = |line: &str| {
            // Within a diagnostic, its frame comes first.
            let text = line.split_once("\u{2502} ").map_or(line, |(_, text)| text);
            match text.as_bytes().first() {
                Some(b'+') => format!("\x1b[32m{line}\x1b[0m"),
                Some(b'-') => format!("\x1b[31m{line}\x1b[0m"),
                _ => line.to_owned(),
            }
        };
        Self(self.0.lines().map(paint).collect::<Vec<_>>().join("\n"))
    }

    /// Removes the line break at the end.
    pub(crate) fn trimmed(self) -> Self {
        Self(self.0.strip_suffix('\n').map(str::to_owned).unwrap_or(self.0))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The length of the color or weight sequence that a text starts with, such as `ESC [ 1 ; 31 m`.
fn color_length(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\x1b[")?;
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    numbers[end..].starts_with('m').then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_sequences_are_the_only_escapes_that_get_through() {
        let ours = "\x1b[1;31mwrong\x1b[0m and \x1b[mplain";
        assert_eq!(Styled::colored(ours).as_str(), ours);
        for (text, expected) in [
            ("\x1b[2J", "\\u001b[2J"),
            ("\x1b]8;;x\x07", "\\u001b]8;;x\\u0007"),
            ("\x1b[31", "\\u001b[31"),
            ("\x1b", "\\u001b"),
            ("\x1b[?25l\x1b[0m", "\\u001b[?25l\x1b[0m"),
        ] {
            assert_eq!(Styled::colored(text).as_str(), expected);
        }
    }
}
