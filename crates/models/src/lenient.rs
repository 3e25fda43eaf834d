//! Readers for values that the services write in several ways.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Extra;

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

/// Reads a list that may be in the field `name` of an object, and the object's other fields. Unlike an untagged
/// enum, it lets an error name the item that does not fit.
///
/// ```
/// use drillmaster_models::lenient::list_in;
/// use serde_json::json;
/// for answer in [json!([1, 2]), json!({ "ids": [1, 2], "page": 0 })] {
///     let (ids, _): (Vec<u8>, _) = list_in("ids", &answer).unwrap();
///     assert_eq!(ids, [1, 2]);
/// }
/// ```
pub fn list_in<'de, D, T>(name: &'static str, deserializer: D) -> Result<(Vec<T>, Extra), D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(ListIn { name, items: PhantomData })
}

struct ListIn<T> {
    name: &'static str,
    items: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListIn<T> {
    type Value = (Vec<T>, Extra);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list, or an object with one in `{}`", self.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        Ok((Vec::deserialize(SeqAccessDeserializer::new(items))?, Extra::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let (mut list, mut extra) = (None, Extra::new());
        while let Some(name) = object.next_key::<String>()? {
            if name == self.name {
                list = Some(object.next_value::<Option<Vec<T>>>()?.unwrap_or_default());
            } else {
                extra.insert(name, object.next_value()?);
            }
        }
        Ok((list.ok_or_else(|| A::Error::missing_field(self.name))?, extra))
    }
}
