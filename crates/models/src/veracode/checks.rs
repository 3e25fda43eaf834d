//! Checks of requests that the types cannot express. Each error names the field.

use crate::field_error::FieldError;

type Checked = Result<(), FieldError>;

/// Checks a `limit`. The live service returns at most 50 items per page (seen), and the documentation calls other limits
/// invalid.
pub(super) fn limit(endpoint: &'static str, limit: Option<u32>) -> Checked {
    match limit {
        Some(limit) if !(1..=50).contains(&limit) => {
            Err(FieldError::new(endpoint, "limit", "must be from 1 to 50"))
        }
        _ => Ok(()),
    }
}

/// Checks that a period has both a start and an end or neither, in this order.
pub(super) fn span(endpoint: &'static str, start: Option<i64>, end: Option<i64>) -> Checked {
    let fail = |field, problem| Err(FieldError::new(endpoint, field, problem));
    match (start, end) {
        (Some(_), None) => fail("endTime", "is missing: `startTime` requires it"),
        (None, Some(_)) => fail("startTime", "is missing: `endTime` requires it"),
        (Some(start), Some(end)) if end < start => fail("endTime", "is before `startTime`"),
        _ => Ok(()),
    }
}

/// Checks that assignments and campaigns are not combined.
pub(super) fn one_narrowing(
    endpoint: &'static str,
    assignment_ids: &[String],
    campaign_ids: &[String],
) -> Checked {
    if assignment_ids.is_empty() || campaign_ids.is_empty() {
        return Ok(());
    }
    let problem = "cannot be combined with `campaignIds`";
    Err(FieldError::new(endpoint, "assignmentIds", problem))
}

/// Checks the `phrase` of a summary.
pub(super) fn phrase(endpoint: &'static str, phrase: Option<&str>) -> Checked {
    at_most(49, endpoint, "phrase", phrase)
}

/// Checks the length of a text in characters.
pub(super) fn at_most(
    most: usize,
    endpoint: &'static str,
    field: &str,
    text: Option<&str>,
) -> Checked {
    let length = text.map_or(0, |text| text.chars().count());
    if length <= most {
        return Ok(());
    }
    let problem = format!("has {length} characters, but at most {most} are allowed");
    Err(FieldError::new(endpoint, field, &problem))
}
