//! Which streams are written to in colours.

use std::ffi::OsStr;

use anstream::ColorChoice;
use clap::ValueEnum;

use drillmaster_runner::console::Stream;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set or `CLICOLOR` is 0; elsewhere where `CLICOLOR_FORCE` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Which streams get colours.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Coloured {
    /// Standard output.
    pub(crate) data: bool,
    /// Standard error.
    pub(crate) people: bool,
}

impl Colour {
    /// Makes this the choice for all that the process writes, and tells what comes of it.
    pub(crate) fn choose(self) -> Coloured {
        match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
        .write_global();
        Coloured { data: Stream::Data.has_colours(), people: Stream::People.has_colours() }
    }

    /// What a command line chooses that was not parsed yet, and may not be one.
    pub(crate) fn of(arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        let mut chosen = Self::Auto;
        let mut is_due = false;
        for argument in arguments {
            let Some(text) = argument.as_ref().to_str() else { continue };
            let word = text.strip_prefix("--color=").or(is_due.then_some(text));
            chosen = word.and_then(|word| Self::from_str(word, false).ok()).unwrap_or(chosen);
            is_due = text == "--color";
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_found_on_a_line_that_has_mistakes() {
        for (line, due) in [
            ("run --wrong", Colour::Auto),
            ("--color never run --wrong", Colour::Never),
            ("run --wrong --color=always", Colour::Always),
            ("run --color", Colour::Auto),
            ("run --color=never --color always x", Colour::Always),
            ("run --color sometimes", Colour::Auto),
            ("run never", Colour::Auto),
        ] {
            assert_eq!(Colour::of(line.split(' ')), due, "{line}");
        }
    }
}
