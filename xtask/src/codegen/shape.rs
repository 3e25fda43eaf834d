//! JSON schemas in words for people.

use serde_json::{Map, Value};

/// The type of a value: `text`, `list of texts`, `whole number, or null`.
pub(crate) fn kind(schema: &Value) -> String {
    let null = if is_nullable(schema) { ", or null" } else { "" };
    format!("{}{null}", plain_kind(schema))
}

/// The type of a value without null, since null fields of a request are not sent.
pub(crate) fn plain_kind(schema: &Value) -> String {
    let schema = present(schema);
    if let Some(words) = words(schema) {
        return words;
    }
    let kinds = types(schema).into_iter().filter(|kind| *kind != "null");
    let kinds: Vec<String> = kinds.map(|kind| in_words(kind, schema)).collect();
    if kinds.is_empty() { "anything".to_owned() } else { kinds.join(" or ") }
}

/// The fields of an object, of a list's items, or of a map's values.
pub(crate) fn fields(schema: &Value) -> Option<&Map<String, Value>> {
    let schema = present(schema);
    match schema["properties"].as_object() {
        Some(fields) => Some(fields),
        None if schema["items"].is_object() => fields(&schema["items"]),
        None if schema["additionalProperties"].is_object() => {
            fields(&schema["additionalProperties"])
        }
        None => None,
    }
}

/// The fields as a nested list in Markdown.
pub(crate) fn bullets(schema: &Value) -> String {
    let mut text = String::new();
    nest(schema, 0, &mut text);
    text
}

fn nest(schema: &Value, depth: usize, text: &mut String) {
    for (name, field) in fields(schema).into_iter().flatten() {
        let doc = one_line(field["description"].as_str().unwrap_or_default());
        let line = format!("{}- `{name}` ({}): {doc}", "  ".repeat(depth), kind(field));
        text.push_str(line.trim_end_matches([' ', ':']));
        text.push('\n');
        nest(field, depth + 1, text);
    }
}

/// A text on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The schema without null, since null fields of a request are not sent.
pub(crate) fn without_null(schema: &Value) -> Value {
    let mut own = present(schema).clone();
    if let Some(kinds) = own["type"].as_array() {
        let kinds: Vec<Value> = kinds.iter().filter(|kind| *kind != "null").cloned().collect();
        own["type"] = match kinds.as_slice() {
            [one] => one.clone(),
            several => several.to_vec().into(),
        };
    }
    // The field's description says more than that of its type.
    if let Some(doc) = schema.get("description") {
        own["description"] = doc.clone();
    }
    own
}

/// The only alternative besides null, if there is just one.
fn present(schema: &Value) -> &Value {
    let forms: Vec<&Value> = forms(schema).filter(|form| form["type"] != "null").collect();
    match forms.as_slice() {
        [one] => present(one),
        _ => schema,
    }
}

fn is_nullable(schema: &Value) -> bool {
    types(schema).contains(&"null") || forms(schema).any(|form| form["type"] == "null")
}

fn forms(schema: &Value) -> impl Iterator<Item = &Value> {
    let forms = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    forms.into_iter().flatten()
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// The fixed texts that a value can be, if the schema lists them.
fn words(schema: &Value) -> Option<String> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let constant = forms(schema).chain([schema]).filter_map(|form| form.get("const"));
    let words: Vec<String> =
        listed.chain(constant).filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
    if words.is_empty() {
        return None;
    }
    let open = forms(schema).any(|form| form.get("const").is_none() && form["type"] == "string");
    let rest = if open { " or another text" } else { "" };
    let joint = if open { ", " } else { " or " };
    Some(format!("{}{rest}", words.join(joint)))
}

fn in_words(kind: &str, schema: &Value) -> String {
    match kind {
        "string" if schema["format"] == "date-time" => "time as ISO 8601".to_owned(),
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => match plain_kind(&schema["items"]).as_str() {
            "anything" => "list".to_owned(),
            items @ ("text" | "whole number" | "number" | "object") => format!("list of {items}s"),
            items => format!("list of {items}"),
        },
        "object" if schema["additionalProperties"].is_object() => {
            format!("object; each field is a {}", kind_of_values(schema))
        }
        other => other.to_owned(),
    }
}

fn kind_of_values(schema: &Value) -> String {
    kind(&schema["additionalProperties"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(words: &str, schema: &Value) {
        assert_eq!(kind(schema), words);
    }

    #[test]
    fn types_are_named_in_words() {
        says("text", &json!({ "type": "string" }));
        says("whole number, or null", &json!({ "type": ["integer", "null"] }));
        says("number or text, or null", &json!({ "type": ["number", "string", "null"] }));
        says("list of texts", &json!({ "type": "array", "items": { "type": "string" } }));
        says("list", &json!({ "type": "array", "items": true }));
        says("anything", &json!(true));
    }

    #[test]
    fn fixed_texts_are_listed() {
        let closed = json!({ "oneOf": [{ "const": "ASC" }, { "const": "DESC" }] });
        says("`ASC` or `DESC`", &closed);
        says("`ASC` or `DESC`, or null", &json!({ "anyOf": [closed, { "type": "null" }] }));
        let open = json!({ "anyOf": [{ "const": "a" }, { "const": "b" }, { "type": "string" }] });
        says("`a`, `b` or another text", &open);
    }

    #[test]
    fn a_request_has_no_null() {
        let field = json!({ "type": ["string", "null"], "description": "A name." });
        let plain = json!({ "type": "string", "description": "A name." });
        assert_eq!(without_null(&field), plain);
        let wrapped = json!({
            "anyOf": [{ "const": "a", "description": "Of the type." }, { "type": "null" }],
            "description": "Of the field.",
        });
        let plain = json!({ "const": "a", "description": "Of the field." });
        assert_eq!(without_null(&wrapped), plain);
    }

    #[test]
    fn fields_are_found_in_lists_and_maps() {
        let item = json!({ "type": "object", "properties": { "id": { "type": "string" } } });
        let list = json!({ "type": "array", "items": item });
        let map = json!({ "type": "object", "additionalProperties": list });
        let users = json!({ "properties": { "users": map } });
        let expected = "- `users` (object; each field is a list of objects)\n  - `id` (text)\n";
        assert_eq!(bullets(&users), expected);
    }
}
