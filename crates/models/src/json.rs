//! Reading JSON that somebody else wrote, without letting it take all memory.
//!
//! A value takes a hundred times the memory of the two bytes that it can be written in, so that a limit on bytes says
//! little: 250 MB of `[],[],…`, which is a few hundred kilobytes when compressed, become 11 GB of values. Values are
//! counted before the first of them is made. How deep they may nest is limited by `serde_json`, to 128.

use serde::de::{DeserializeOwned, Error as _};
use serde_json::Value;

/// The most values that are read of one text: one answer, one file of another tool, or one event of a recording.
///
/// A list of 100,000 users has 2,000,000, where each has twenty fields. What is read takes some 300 MB at the limit,
/// and 600 MB where every value has a name.
pub const MOST_VALUES: usize = 4_000_000;

/// A text has more values than are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are more than 4,000,000 JSON values in it, and no more are read")]
pub struct TooManyValues;

/// Refuses a text that has more than [`MOST_VALUES`] values. Says nothing about whether it is JSON.
///
/// ```
/// use drillmaster_models::json;
/// assert!(json::check(b"[1, 2, 3]").is_ok());
/// let many = format!("[{}0]", "0,".repeat(json::MOST_VALUES));
/// assert!(json::check(many.as_bytes()).is_err());
/// ```
pub fn check(text: &[u8]) -> Result<(), TooManyValues> {
    // A value and what sets it apart from the next take two bytes at least: most texts need not be looked at.
    if text.len() / 2 < MOST_VALUES || count(text) <= MOST_VALUES {
        return Ok(());
    }
    Err(TooManyValues)
}

/// About how many bytes of memory a value takes.
pub fn weight(value: &Value) -> usize {
    let own = size_of::<Value>();
    match value {
        Value::String(text) => own + text.len(),
        Value::Array(items) => items.iter().map(weight).fold(own, usize::saturating_add),
        Value::Object(fields) => {
            // A name, its place in the order, and its hash.
            let field =
                |(name, value): (&String, _)| 2 * size_of::<String>() + name.len() + weight(value);
            fields.iter().map(field).fold(own, usize::saturating_add)
        }
        _ => own,
    }
}

/// Reads a value, unless there are too many in it.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    check(text).map_err(serde_json::Error::custom)?;
    serde_json::from_slice(text)
}

/// How many values there can be: one, one behind each comma, and one in each list or object, which may be empty.
fn count(text: &[u8]) -> usize {
    let (mut count, mut rest) = (1, text.iter());
    while let Some(byte) = rest.next() {
        match byte {
            b',' | b'[' | b'{' => count += 1,
            b'"' => {
                while let Some(byte) = rest.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            rest.next();
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn values(json: &Value) -> usize {
        match json {
            Value::Array(items) => 1 + items.iter().map(values).sum::<usize>(),
            Value::Object(fields) => 1 + fields.values().map(values).sum::<usize>(),
            _ => 1,
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<i64>().prop_map(Value::from),
            "[a\"\\\\,{\\[]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map("[a\",{\\[]{0,3}", inner, 0..6)
                    .prop_map(|fields| fields.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_value_is_missed_and_at_most_one_in_two_is_not_there(json in any_json()) {
            for text in [json.to_string(), format!("{json:#}")] {
                let (count, values) = (count(text.as_bytes()), values(&json));
                prop_assert!(values <= count && count <= 2 * values, "{count} for {values}: {text}");
            }
        }

        #[test]
        fn whatever_the_text_it_is_counted(text in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(count(&text) <= text.len() + 1);
        }
    }

    #[test]
    fn a_list_of_a_hundred_thousand_users_is_read() {
        let user = r#"{"id":"a","email":"ada@example.com","roles":["a","b"],"team":{"id":1,"name":"x"},"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0}"#;
        let list = format!("[{}]", vec![user; 100_000].join(","));
        check(list.as_bytes()).unwrap();
    }

    #[test]
    fn more_values_than_the_limit_are_refused_before_they_are_made() {
        for value in ["[]", "0", "{\"\":0}"] {
            let list = format!("[{value}{}]", format!(",{value}").repeat(MOST_VALUES));
            let told = read::<Value>(list.as_bytes()).unwrap_err().to_string();
            assert!(told.contains("more than 4,000,000 JSON values"), "{value}: {told}");
        }
        let deep = "[".repeat(1_000_000);
        assert!(
            read::<Value>(deep.as_bytes()).unwrap_err().to_string().contains("recursion limit")
        );
    }
}
