//! Ids in the format of Security Labs.

use std::fmt;

use rand::RngExt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::population::rng;

/// 24 letters and digits. Most are hexadecimal, but some in the documentation end in `z`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id([u8; 24]);

impl Id {
    /// Reads an id; `None` for any other text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 24] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes))
    }

    /// The id for a name. It depends on nothing else, so that invites in another order create the same users.
    pub(crate) fn from_name(seed: u64, kind: &str, name: &str) -> Self {
        let mut rng = rng(seed, &format!("veracode.{kind}:{name}"));
        Self(std::array::from_fn(|_| b"0123456789abcdef"[rng.random_range(0..16)]))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| fmt::Write::write_char(f, char::from(*byte)))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is not an id of 24 letters and digits"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_24_letters_and_digits() {
        assert!(Id::parse("4bd68695e165af6ced227afz").is_some());
        assert!(Id::parse("4bd68695e165af6ced227af").is_none());
        assert!(Id::parse("4bd68695e165af6ced227a-z").is_none());
    }

    #[test]
    fn an_id_follows_from_seed_and_name() {
        assert_eq!(
            Id::from_name(1, "user", "ada@example.com"),
            Id::from_name(1, "user", "ada@example.com")
        );
        assert_ne!(
            Id::from_name(1, "user", "ada@example.com"),
            Id::from_name(2, "user", "ada@example.com")
        );
        assert_ne!(
            Id::from_name(1, "user", "ada@example.com"),
            Id::from_name(1, "role", "ada@example.com")
        );
    }
}
