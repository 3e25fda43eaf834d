//! What the document fixes about a request and the types do not say. Each check names the field.

use crate::field_error::FieldError;

type Checked = Result<(), FieldError>;

/// The live service hands out at most 50 in a page (seen) and the document calls other limits invalid.
pub(super) fn limit(endpoint: &'static str, limit: Option<u32>) -> Checked {
    match limit {
        Some(limit) if !(1..=50).contains(&limit) => {
            Err(FieldError::new(endpoint, "limit", "must be from 1 to 50"))
        }
        _ => Ok(()),
    }
}

/// A span of time has both of its ends or none, and does not run backwards.
pub(super) fn span(endpoint: &'static str, start: Option<i64>, end: Option<i64>) -> Checked {
    let fail = |field, problem| Err(FieldError::new(endpoint, field, problem));
    match (start, end) {
        (Some(_), None) => fail("endTime", "is missing: it belongs to `startTime`"),
        (None, Some(_)) => fail("startTime", "is missing: it belongs to `endTime`"),
        (Some(start), Some(end)) if end < start => fail("endTime", "is before `startTime`"),
        _ => Ok(()),
    }
}

/// Assignments and campaigns are two ways to narrow the same thing.
pub(super) fn one_narrowing(
    endpoint: &'static str,
    assignment_ids: &[String],
    campaign_ids: &[String],
) -> Checked {
    if assignment_ids.is_empty() || campaign_ids.is_empty() {
        return Ok(());
    }
    let problem = "excludes `campaignIds`: give one of them";
    Err(FieldError::new(endpoint, "assignmentIds", problem))
}

/// The phrase of the summaries; a name or a part of one.
pub(super) fn phrase(endpoint: &'static str, phrase: Option<&str>) -> Checked {
    at_most(49, endpoint, "phrase", phrase)
}

/// Counts characters, not bytes.
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
    let problem = format!("has {length} characters; at most {most} are allowed");
    Err(FieldError::new(endpoint, field, &problem))
}
