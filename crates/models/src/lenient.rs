//! Readers for values that the services write in several ways.

use serde::{Deserialize, Deserializer};

/// Reads null as the default value. With `#[serde(default, deserialize_with = …)]`, a missing field is the
/// default value too.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Role {
///     #[serde(default, deserialize_with = "drillmaster_models::lenient::or_default")]
///     users: Vec<String>,
/// }
/// assert!(serde_json::from_str::<Role>(r#"{"users": null}"#).unwrap().users.is_empty());
/// assert!(serde_json::from_str::<Role>("{}").unwrap().users.is_empty());
/// ```
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
