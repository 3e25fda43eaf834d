//! Readers for values that the services write in more than one way.

use serde::{Deserialize, Deserializer};

/// A value that may be null, which then is the empty one. With `#[serde(default, deserialize_with = …)]` an
/// absent one is empty too.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Role {
///     #[serde(default, deserialize_with = "drillmaster_models::lenient::or_empty")]
///     users: Vec<String>,
/// }
/// assert!(serde_json::from_str::<Role>(r#"{"users": null}"#).unwrap().users.is_empty());
/// assert!(serde_json::from_str::<Role>("{}").unwrap().users.is_empty());
/// ```
pub fn or_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
