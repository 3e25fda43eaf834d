//! The dialects of TryHackMe's API.

use std::fmt;
use std::str::FromStr;

/// A dialect of TryHackMe's API. Security Labs has one API for both.
///
/// The dialect is a setting: nothing falls back from one to the other.
///
/// ```
/// use drillmaster_models::Dialect;
/// assert_eq!("legacy".parse(), Ok(Dialect::Legacy));
/// assert_eq!(Dialect::default().to_string(), "current");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// The current API. Callers and scripts always use its names, whatever is sent.
    #[default]
    Current,
    /// The older API: the key in form bodies, `userId`, room codes in paths.
    Legacy,
}

impl Dialect {
    /// Both dialects, the current one first.
    pub const ALL: [Self; 2] = [Self::Current, Self::Legacy];

    /// The name in flags, recordings and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Legacy => "legacy",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.name() == text)
            .ok_or_else(|| format!("unknown dialect `{text}`; use current or legacy"))
    }
}
