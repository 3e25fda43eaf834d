//! Declared types and JSON values: reading, writing, and saying where a value does not fit its schema.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::field_error::FieldError;

/// The schema of a type, without references to other schemas.
pub(crate) fn schema_of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>()
}

/// Reads `T`. An error names the value that does not fit by its path, such as `users[3].joined`.
pub(crate) fn read<T: DeserializeOwned + JsonSchema>(
    endpoint: &'static str,
    value: &Value,
) -> Result<T, FieldError> {
    // Keeping track of the path takes as long as reading, and most values fit.
    T::deserialize(value).or_else(|_| {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let schema = schema_of::<T>().to_value();
            let problem = mismatch_at(&schema, value, error.path())
                .unwrap_or_else(|| error.inner().to_string());
            FieldError::new(endpoint, &error.path().to_string(), &problem)
        })
    })
}

/// Writes a declared type as JSON.
pub(crate) fn write<T: Serialize>(endpoint: &'static str, value: &T) -> Result<Value, FieldError> {
    serde_json::to_value(value).map_err(|error| FieldError::new(endpoint, ".", &error.to_string()))
}

/// How the value at a path differs from its schema; `None` if the schema does not say.
fn mismatch_at(schema: &Value, value: &Value, path: &Path) -> Option<String> {
    let (mut schema, mut value) = (schema, value);
    for segment in path {
        (schema, value) = match segment {
            Segment::Map { key } => (property(schema, key)?, value.get(key)?),
            Segment::Seq { index } => {
                (forms(schema).find_map(|form| form.get("items"))?, value.get(index)?)
            }
            Segment::Enum { .. } | Segment::Unknown => return None,
        };
    }
    mismatch(schema, value)
}

fn property<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    forms(schema)
        .find_map(|form| form["properties"].get(name).or_else(|| form.get("additionalProperties")))
}

/// The schema itself, and the alternatives it lists.
fn forms(schema: &Value) -> impl Iterator<Item = &Value> {
    let alternatives = ["anyOf", "oneOf"].into_iter().filter_map(|name| schema[name].as_array());
    std::iter::once(schema).chain(alternatives.flatten())
}

fn mismatch(schema: &Value, value: &Value) -> Option<String> {
    let forms: Vec<&Value> = forms(schema).collect();
    if let Some(object) = value.as_object()
        && let Some(form) = forms.iter().find(|form| form["required"].is_array())
    {
        let mut required = form["required"].as_array()?.iter().filter_map(Value::as_str);
        return Some(format!("has no `{}`", required.find(|name| !object.contains_key(*name))?));
    }
    let choices: Vec<&str> = forms.iter().flat_map(|form| choices(form)).collect();
    let mut kinds: Vec<&str> =
        forms.iter().flat_map(|form| types(form)).filter(|kind| *kind != "null").collect();
    kinds.dedup();
    let wanted = match (choices.as_slice(), kinds.as_slice()) {
        ([], []) => return None,
        ([], kinds) => {
            let minimum = forms.iter().find_map(|form| form["minimum"].as_i64());
            if kinds.iter().any(|kind| fits(kind, minimum, value)) {
                return None;
            }
            let kinds: Vec<_> = kinds.iter().map(|kind| in_words(kind, minimum)).collect();
            kinds.join(" or ")
        }
        (choices, _) if choices.iter().any(|choice| value == choice) => return None,
        ([choice], _) => format!("`{choice}`"),
        (choices, _) => format!("one of {}", choices.join(", ")),
    };
    let given = match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => format!("`{other}`"),
    };
    Some(format!("must be {wanted}, not {given}"))
}

/// The fixed texts that a schema allows.
pub(crate) fn choices(schema: &Value) -> impl Iterator<Item = &str> {
    let several = schema["enum"].as_array().into_iter().flatten();
    several.chain(schema.get("const")).filter_map(Value::as_str)
}

/// The JSON types that a schema names.
pub(crate) fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let several = schema["type"].as_array().into_iter().flatten();
    several.chain(schema.get("type")).filter_map(Value::as_str)
}

fn fits(kind: &str, minimum: Option<i64>, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => {
            let is_small = value.as_i64().is_some_and(|number| Some(number) < minimum);
            (value.is_i64() || value.is_u64()) && !is_small
        }
        _ => true,
    }
}

fn in_words(kind: &str, minimum: Option<i64>) -> String {
    match (kind, minimum) {
        ("string", _) => "text".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        ("array", _) => "a list".to_owned(),
        ("object", _) => "an object".to_owned(),
        ("integer", Some(minimum)) => format!("a whole number of {minimum} or more"),
        ("integer", None) => "a whole number".to_owned(),
        (other, _) => format!("a {other}"),
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::Moment;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only read to be refused")]
    struct Users {
        users: Vec<User>,
        limit: Option<u32>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only read to be refused")]
    struct User {
        joined: bool,
        seen: Option<Moment>,
        order: Option<Order>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Order {
        Asc,
        Desc,
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_with_what_it_must_be() {
        let problem = |value: Value| {
            let error = read::<Users>("thm.any", &value).unwrap_err();
            format!("{} {}", error.field, error.problem)
        };
        let user = |user: Value| problem(json!({ "users": [user] }));
        assert_eq!(problem(json!([])), ". must be an object, not a list");
        assert_eq!(problem(json!({})), ". has no `users`");
        assert_eq!(problem(json!({ "users": 3 })), "users must be a list, not `3`");
        assert_eq!(user(json!({})), "users[0] has no `joined`");
        assert_eq!(user(json!("x")), "users[0] must be an object, not `\"x\"`");
        assert_eq!(
            user(json!({ "joined": "yes" })),
            "users[0].joined must be true or false, not `\"yes\"`"
        );
        assert_eq!(
            user(json!({ "joined": true, "order": "up" })),
            "users[0].order must be one of asc, desc, not `\"up\"`"
        );
        for (limit, given) in [(json!(-1), "`-1`"), (json!(1.5), "`1.5`"), (json!([]), "a list")] {
            let wanted = format!("limit must be a whole number of 0 or more, not {given}");
            assert_eq!(problem(json!({ "users": [], "limit": limit })), wanted);
        }
    }

    #[test]
    fn where_the_schema_says_nothing_the_readers_own_message_stays() {
        let users = json!({ "users": [], "limit": 5_000_000_000_u64 });
        let error = read::<Users>("thm.any", &users).unwrap_err();
        assert!(error.problem.contains("5000000000"), "{error}");
    }
}
