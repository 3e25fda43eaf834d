//! Shapes of answers, written as the documents write them.
//!
//! A text names a type, or several with `|` between them; what names no type stands for itself. A field with
//! `?` after its name may be absent, `*` stands for fields of any name. Fields that the shape lacks are
//! allowed, as they are on the live services.

use std::collections::BTreeSet;

use serde_json::Value;

/// Fails where a value does not have the shape. Lists may be empty.
#[track_caller]
pub(crate) fn fits(value: &Value, shape: &Value) {
    let looked = Looked::at_all(value, shape);
    assert!(looked.wrong.is_empty(), "{}", looked.wrong.join("\n"));
}

/// The same, and of every list there is one at least with something in it: what is empty fits all shapes.
#[track_caller]
pub(crate) fn fits_and_is_full(value: &Value, shape: &Value) {
    fits(value, shape);
    let looked = Looked::at_all(value, shape);
    let empty: Vec<_> = looked.empty.difference(&looked.full).cloned().collect();
    assert!(empty.is_empty(), "nothing in {}", empty.join(", "));
}

#[derive(Default)]
struct Looked {
    wrong: Vec<String>,
    /// The places of lists, those in all items of a list as one.
    empty: BTreeSet<String>,
    full: BTreeSet<String>,
}

impl Looked {
    fn at_all(value: &Value, shape: &Value) -> Self {
        let mut looked = Self::default();
        looked.at("", value, shape);
        looked
    }

    fn at(&mut self, place: &str, value: &Value, shape: &Value) {
        match (shape, value) {
            (Value::Object(shapes), Value::Object(fields)) => {
                for (name, shape) in shapes {
                    let (plain, optional) = match name.strip_suffix('?') {
                        Some(plain) => (plain, true),
                        None => (name.as_str(), false),
                    };
                    match fields.get(plain) {
                        _ if name == "*" => {
                            for value in fields.values() {
                                self.at(&format!("{place}.*"), value, shape);
                            }
                        }
                        Some(value) => self.at(&format!("{place}.{plain}"), value, shape),
                        None if optional => {}
                        None => self.wrong.push(format!("{place}.{plain} is absent")),
                    }
                }
            }
            (Value::Array(shapes), Value::Array(items)) => {
                let found = if items.is_empty() { &mut self.empty } else { &mut self.full };
                found.insert(place.to_owned());
                for item in items {
                    self.at(&format!("{place}[]"), item, &shapes[0]);
                }
            }
            (Value::String(names), value) => {
                if !names.split('|').any(|name| is(value, name)) {
                    self.wrong.push(format!("{place} is {value}, and {names} is due"));
                }
            }
            (same, value) if same == value => {}
            (shape, value) => self.wrong.push(format!("{place} is {value}, and {shape} is due")),
        }
    }
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "String" => value.is_string(),
        "Number" => value.is_number(),
        "Integer" => value.is_i64(),
        "Boolean" => value.is_boolean(),
        "Null" | "null" => value.is_null(),
        "Array" => value.is_array(),
        "Date" => value.as_str().is_some_and(|text| text.len() >= 20 && text.ends_with('Z')),
        other => value.as_str() == Some(other),
    }
}
