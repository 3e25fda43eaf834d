//! Reading JSON from other programs without letting it exhaust the memory.
//!
//! A limit on bytes is not enough: a value can take a hundred times the memory of its text. 250 MB of `[],[],…`,
//! a few hundred kilobytes when compressed, become 11 GB of values. So values are counted before any is built.
//! `serde_json` limits their nesting to a depth of 128.

use serde::de::{DeserializeOwned, Error as _};
use serde_json::Value;

/// The maximum number of values in one text: an answer, a file of another tool, or an event of a recording.
///
/// 100,000 users with twenty fields each are 2,000,000 values. At the limit the values take about 300 MB, or
/// 600 MB if each has a name.
pub const MOST_VALUES: usize = 4_000_000;

/// A text has more than [`MOST_VALUES`] values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has more than 4,000,000 JSON values, the maximum")]
pub struct TooManyValues;

/// Refuses a text with more than [`MOST_VALUES`] values. Does not check that it is JSON.
///
/// ```
/// use drillmaster_models::json;
/// assert!(json::check(b"[1, 2, 3]").is_ok());
/// let many = format!("[{}0]", "0,".repeat(json::MOST_VALUES));
/// assert!(json::check(many.as_bytes()).is_err());
/// ```
pub fn check(text: &[u8]) -> Result<(), TooManyValues> {
    // A value and its separator take at least two bytes, so most texts need not be counted.
    if text.len() / 2 < MOST_VALUES || count(text) <= MOST_VALUES {
        return Ok(());
    }
    Err(TooManyValues)
}

/// Estimates how many bytes of memory a value takes.
pub fn weight(value: &Value) -> usize {
    let own = size_of::<Value>();
    match value {
        Value::String(text) => own + text.len(),
        Value::Array(items) => items.iter().map(weight).fold(own, usize::saturating_add),
        Value::Object(fields) => {
            // The name, its position and its hash.
            let field =
                |(name, value): (&String, _)| 2 * size_of::<String>() + name.len() + weight(value);
            fields.iter().map(field).fold(own, usize::saturating_add)
        }
        _ => own,
    }
}

/// Reads a value. An `Err` says that it is not JSON, does not fit the type, or has too many values.
///
/// ```
/// use drillmaster_models::json;
/// let codes: Vec<String> = json::read(br#"["linux1", "nmap"]"#).unwrap();
/// assert_eq!(codes, ["linux1", "nmap"]);
/// ```
pub fn read<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    check(text).map_err(serde_json::Error::custom)?;
    serde_json::from_slice(text)
}

/// An upper bound for the number of values: one, plus one after each comma, plus one in each list or object.
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
        fn the_count_is_at_least_the_number_of_values_and_at_most_twice_that(json in any_json()) {
            for text in [json.to_string(), format!("{json:#}")] {
                let (count, values) = (count(text.as_bytes()), values(&json));
                prop_assert!(values <= count && count <= 2 * values, "{count} for {values}: {text}");
            }
        }

        #[test]
        fn any_text_is_counted(text in prop::collection::vec(any::<u8>(), 0..64)) {
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
    fn too_many_values_are_refused_before_any_is_built() {
        for value in ["[]", "0", "{\"\":0}"] {
            let list = format!("[{value}{}]", format!(",{value}").repeat(MOST_VALUES));
            let error = read::<Value>(list.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("more than 4,000,000 JSON values"), "{value}: {error}");
        }
        let deep = "[".repeat(1_000_000);
        assert!(
            read::<Value>(deep.as_bytes()).unwrap_err().to_string().contains("recursion limit")
        );
    }
}
