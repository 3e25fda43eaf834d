//! Declared types: their schemas, and reading and writing their values.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::field_error::FieldError;
use crate::mismatch::Mismatch;

/// The schema of a type, without references to other schemas.
pub(crate) fn schema_of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>()
}

/// Reads `T`. An error names the value that does not fit by its path, such as `users[3].joined`.
pub(crate) fn read<T: DeserializeOwned>(
    endpoint: &'static str,
    value: &Value,
) -> Result<T, FieldError> {
    Mismatch::read(value)
        .map_err(|Mismatch { path, misfit }| FieldError::new(endpoint, &path, &misfit.to_string()))
}

/// Writes a declared type as JSON.
pub(crate) fn write<T: Serialize>(endpoint: &'static str, value: &T) -> Result<Value, FieldError> {
    serde_json::to_value(value).map_err(|error| FieldError::new(endpoint, ".", &error.to_string()))
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
    fn a_number_that_is_too_large_is_named_with_the_largest() {
        let users = json!({ "users": [], "limit": 5_000_000_000_u64 });
        let error = read::<Users>("thm.any", &users).unwrap_err();
        assert_eq!(error.problem, "must be 4294967295 or less, not `5000000000`");
    }
}
