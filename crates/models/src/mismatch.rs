//! Where a JSON value does not fit the type that it is read as.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, Expected, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;
use serde_path_to_error::Segment;

/// A value that does not fit the type that it is read as.
///
/// ```
/// use drillmaster_models::{Misfit, Mismatch};
/// use serde_json::json;
///
/// let mismatch = Mismatch::read::<Vec<u8>>(&json!([1, -2])).unwrap_err();
/// assert_eq!(mismatch.path, "[1]");
/// assert_eq!(mismatch.misfit.to_string(), "must be a whole number of 0 or more, not `-2`");
/// assert!(matches!(mismatch.misfit, Misfit::Value { .. }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The path of the value, such as `users[3].joined`; `.` is the whole value.
    pub path: String,
    /// What is wrong with it.
    pub misfit: Misfit,
}

/// Why a value does not fit a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// An object has no such field.
    #[error("has no `{0}`")]
    MissingField(&'static str),
    /// An object has a field that its type does not declare.
    #[error("has a field `{field}`, but only {} are allowed", known.join(", "))]
    UnknownField {
        /// The name of the field.
        field: String,
        /// The fields that the type declares.
        known: &'static [&'static str],
    },
    /// A value is not of the type, or out of its range.
    #[error("must be {expected}, not {given}")]
    Value {
        /// What is allowed, such as `a list`.
        expected: String,
        /// The value: lists and objects by their type only.
        given: String,
    },
    /// A rule of the type's own.
    #[error("{0}")]
    Other(String),
}

impl Mismatch {
    /// Reads a `T`. Only if that fails, the value is read a second time to find out why.
    pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Self> {
        T::deserialize(value).map_err(|error| {
            let Err(found) = serde_path_to_error::deserialize::<_, T>(Reader(value)) else {
                return Self { path: ".".to_owned(), misfit: Misfit::Other(error.to_string()) };
            };
            let mut path: Vec<Segment> = found.path().iter().cloned().collect();
            let misfit = found.into_inner();
            // The path of an unknown field is that of its object.
            if let (Misfit::UnknownField { field, .. }, Some(Segment::Map { key })) =
                (&misfit, path.last())
                && field == key
            {
                path.pop();
            }
            Self { path: to_text(&path), misfit }
        })
    }
}

fn to_text(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.extend(["[", &index.to_string(), "]"]),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                text.extend([if text.is_empty() { "" } else { "." }, key]);
            }
            Segment::Unknown => {}
        }
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

impl Misfit {
    fn value(expected: impl fmt::Display, given: &Value) -> Self {
        let given = match given {
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
            other => format!("`{other}`"),
        };
        Self::Value { expected: expected.to_string(), given }
    }
}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn invalid_type(given: de::Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Value { expected: expected.to_string(), given: given.to_string() }
    }

    fn invalid_value(given: de::Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(given, expected)
    }

    fn unknown_variant(given: &str, known: &'static [&'static str]) -> Self {
        let expected = match known {
            [only] => format!("`{only}`"),
            known => format!("one of {}", known.join(", ")),
        };
        Self::Value { expected, given: format!("`{}`", Value::from(given)) }
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::UnknownField { field: field.to_owned(), known }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::MissingField(field)
    }
}

/// Reads a value as `serde_json` does, with an error that has variants.
#[derive(Clone, Copy)]
struct Reader<'de>(&'de Value);

impl Reader<'_> {
    /// Fails unless the value has the type that is asked for.
    fn require(self, fits: bool, expected: impl fmt::Display) -> Result<Self, Misfit> {
        if fits { Ok(self) } else { Err(Misfit::value(expected, self.0)) }
    }

    fn whole(self, min: i64, max: u64) -> Result<Self, Misfit> {
        let number = self.0.as_i64().map(i128::from).or_else(|| self.0.as_u64().map(i128::from));
        let is_too_large = number.is_some_and(|number| number > max.into());
        let fits = !is_too_large && number.is_some_and(|number| number >= min.into());
        match min {
            _ if is_too_large => self.require(fits, format_args!("{max} or less")),
            i64::MIN => self.require(fits, "a whole number"),
            min => self.require(fits, format_args!("a whole number of {min} or more")),
        }
    }
}

/// Methods that check the type of a value before they read it.
macro_rules! read {
    ($($method:ident($($argument:ty),*): $reader:ident => $check:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $argument,)* visitor: V) -> Result<V::Value, Misfit> {
            let $reader = self;
            $check?.deserialize_any(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (None, Some(number), _) => visitor.visit_i64(number),
                (None, None, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => {
                visitor.visit_seq(SeqDeserializer::new(items.iter().map(Reader)))
            }
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.as_str(), Reader(value)));
                visitor.visit_map(MapDeserializer::new(fields))
            }
        }
    }

    read! {
        deserialize_bool(): reader => reader.require(reader.0.is_boolean(), "true or false");
        deserialize_u8(): reader => reader.whole(0, u8::MAX.into());
        deserialize_u16(): reader => reader.whole(0, u16::MAX.into());
        deserialize_u32(): reader => reader.whole(0, u32::MAX.into());
        deserialize_u64(): reader => reader.whole(0, u64::MAX);
        deserialize_i64(): reader => reader.whole(i64::MIN, i64::MAX.unsigned_abs());
        deserialize_f32(): reader => reader.require(reader.0.is_number(), "a number");
        deserialize_f64(): reader => reader.require(reader.0.is_number(), "a number");
        deserialize_str(): reader => reader.require(reader.0.is_string(), "text");
        deserialize_string(): reader => reader.require(reader.0.is_string(), "text");
        deserialize_seq(): reader => reader.require(reader.0.is_array(), "a list");
        deserialize_tuple(usize): reader => reader.require(reader.0.is_array(), "a list");
        deserialize_map(): reader => reader.require(reader.0.is_object(), "an object");
        deserialize_struct(&'static str, &'static [&'static str]): reader =>
            reader.require(reader.0.is_object(), "an object");
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(StrDeserializer::new(name)),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.as_str(), Reader(value)));
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(fields)))
            }
            other => Err(Misfit::value(format_args!("one of {}", variants.join(", ")), other)),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 char bytes byte_buf unit unit_struct tuple_struct identifier
        ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Misfit> for Reader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Parcel {
        to: Vec<Person>,
        weight: Option<f64>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Person {
        name: String,
        size: Option<Size>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "only read")]
    enum Size {
        Small,
        Custom(u8),
        Box { depth: u16 },
    }

    #[track_caller]
    fn mismatch(value: &Value) -> (String, Misfit) {
        let Mismatch { path, misfit } = Mismatch::read::<Parcel>(value).unwrap_err();
        (path, misfit)
    }

    #[test]
    fn an_unknown_field_is_at_the_path_of_its_object() {
        let misfit = Misfit::UnknownField { field: "nam".to_owned(), known: &["name", "size"] };
        assert_eq!(mismatch(&json!({ "to": [{ "nam": 1 }] })), ("to[0]".to_owned(), misfit));
        let misfit = Misfit::UnknownField { field: "from".to_owned(), known: &["to", "weight"] };
        assert_eq!(mismatch(&json!({ "from": 1 })), (".".to_owned(), misfit));
    }

    #[test]
    fn a_missing_field_is_at_the_path_of_its_object() {
        let found = mismatch(&json!({ "to": [{}] }));
        assert_eq!(found, ("to[0]".to_owned(), Misfit::MissingField("name")));
    }

    #[test]
    fn values_of_another_type_are_named() {
        for (size, path, problem) in [
            (json!("huge"), "", "must be one of small, custom, box, not `\"huge\"`"),
            (json!(3), "", "must be one of small, custom, box, not `3`"),
            (json!({ "custom": 256 }), ".custom", "must be 255 or less, not `256`"),
            (
                json!({ "box": { "depth": "x" } }),
                ".box.depth",
                "must be a whole number of 0 or more, not `\"x\"`",
            ),
            (json!({ "box": {} }), ".box", "has no `depth`"),
        ] {
            let (at, misfit) = mismatch(&json!({ "to": [{ "name": "ada", "size": size }] }));
            assert_eq!((at, misfit.to_string()), (format!("to[0].size{path}"), problem.to_owned()));
        }
        let (at, misfit) = mismatch(&json!({ "to": [], "weight": [] }));
        assert_eq!(
            (at.as_str(), misfit.to_string().as_str()),
            ("weight", "must be a number, not a list")
        );
    }

    #[test]
    fn both_readers_accept_the_same_values() {
        for size in
            [json!("small"), json!({ "custom": 3 }), json!({ "box": { "depth": 3 } }), json!(null)]
        {
            let value = json!({ "to": [{ "name": "ada", "size": size }], "weight": 3 });
            Mismatch::read::<Parcel>(&value).unwrap();
            Parcel::deserialize(Reader(&value)).unwrap();
        }
    }
}
