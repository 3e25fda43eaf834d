//! Reading the fields of a call, with the documented refusals.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::id::Id;
use crate::call::{Call, Refusal};

/// The value of a field, or the refusal of the call.
pub(crate) type Read<T> = Result<T, Refusal>;

fn bad<T>(words: impl Into<String>) -> Read<T> {
    Err(Refusal::new(400, words))
}

/// Reads a list of ids that is separated by commas.
pub(crate) fn ids(call: &Call, field: &str, kind: &str) -> Read<Vec<Id>> {
    let texts = call.text(field).unwrap_or_default().split(',').map(str::trim);
    texts
        .filter(|text| !text.is_empty())
        .map(|text| Id::parse(text).map_or_else(|| bad(format!("Invalid {kind} id: {text}")), Ok))
        .collect()
}

/// Refuses unknown ids.
pub(crate) fn known(ids: &[Id], kinds: &str, exists: impl Fn(&Id) -> bool) -> Read<()> {
    let unknown: Vec<_> = ids.iter().filter(|id| !exists(id)).map(Id::to_string).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(404, format!("{kinds} not found by id(s): {}", unknown.join(","))))
}

/// Reads the period from `startTime` to `endTime`.
pub(crate) fn window(call: &Call) -> Read<Option<RangeInclusive<i64>>> {
    let millis = |field: &str| match call.text(field).map(str::parse::<i64>) {
        None => Ok(None),
        Some(Ok(millis)) => Ok(Some(millis)),
        Some(Err(_)) => bad(format!("{field} is invalid")),
    };
    match (millis("startTime")?, millis("endTime")?) {
        (None, None) => Ok(None),
        (Some(start), Some(end)) if start <= end => Ok(Some(start..=end)),
        (Some(_), Some(_)) => bad("endTime is invalid"),
        (None, Some(_)) => bad("startTime is undefined"),
        (Some(_), None) => bad("endTime is undefined"),
    }
}

/// Reads `phrase`, in lower case.
pub(crate) fn phrase(call: &Call) -> Read<String> {
    let phrase = call.text("phrase").unwrap_or_default();
    match phrase.chars().count() {
        ..50 => Ok(phrase.to_lowercase()),
        _ => bad("phrase must be less than 50 characters"),
    }
}

/// The field that users are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Name,
    Role,
    Milestone,
    LastActive,
}

/// The order of users. By default, the order in which they came to the team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) by: Option<Sort>,
    pub(crate) descending: bool,
}

/// Reads `sort` and `sortType`.
pub(crate) fn order(call: &Call) -> Read<Order> {
    let by = match call.text("sort") {
        None => None,
        Some("name") => Some(Sort::Name),
        Some("role") => Some(Sort::Role),
        Some("milestone") => Some(Sort::Milestone),
        Some("lastActive") => Some(Sort::LastActive),
        Some(_) => return bad("sort is invalid"),
    };
    let descending = match call.text("sortType") {
        None | Some("ASC") => false,
        Some("DESC") => true,
        Some(_) => return bad("sortType is invalid"),
    };
    Ok(Order { by, descending })
}

/// Reads a flag, which may be text.
pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A field of a JSON body. Null counts as missing.
pub(crate) fn given<'a>(call: &'a Call, field: &str) -> Option<&'a Value> {
    call.fields.get(field).filter(|value| !value.is_null())
}

/// Reads an optional flag of a JSON body.
pub(crate) fn optional_flag(call: &Call, field: &str, refusal: &str) -> Read<Option<bool>> {
    match given(call, field).map(flag) {
        Some(None) => bad(refusal),
        read => Ok(read.flatten()),
    }
}

/// Reads an optional name of a JSON body, under 25 characters.
pub(crate) fn optional_name(call: &Call) -> Read<Option<String>> {
    match given(call, "name") {
        None => Ok(None),
        Some(Value::String(name)) if name.chars().count() < 25 => Ok(Some(name.clone())),
        Some(_) => bad("Name must be less than 25 characters"),
    }
}

/// Reads an optional list of known ids in a JSON body, without duplicates.
pub(crate) fn optional_ids(
    call: &Call,
    field: &str,
    refusal: &str,
    exists: impl Fn(&Id) -> bool,
) -> Read<Option<Vec<Id>>> {
    let Some(value) = given(call, field) else {
        return Ok(None);
    };
    let Some(items) = value.as_array() else {
        return bad(refusal);
    };
    let mut ids = Vec::new();
    for item in items {
        match item.as_str().and_then(Id::parse).filter(&exists) {
            Some(id) if ids.contains(&id) => {}
            Some(id) => ids.push(id),
            None => return bad(refusal),
        }
    }
    Ok(Some(ids))
}

/// Reads an e-mail address.
pub(crate) fn email(value: Option<&Value>) -> Read<String> {
    let text = value.and_then(Value::as_str).unwrap_or_default().trim();
    let has_form = text.len() <= 254
        && !text.chars().any(|letter| letter.is_whitespace() || letter.is_control())
        && text.split_once('@').is_some_and(|(local, domain)| {
            let labels = || domain.split('.');
            !local.is_empty()
                && !domain.contains('@')
                && labels().count() > 1
                && labels().all(|label| !label.is_empty())
        });
    if has_form { Ok(text.to_owned()) } else { bad("Email is invalid") }
}
