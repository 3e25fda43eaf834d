//! Pages of lists, in both formats of the service.

use std::ops::Range;

use drillmaster_models::veracode::Pages;
use drillmaster_models::{Endpoint, Extra, wire};
use serde_json::Value;

use super::reading::Read;
use crate::call::{Call, Refusal};

/// A requested page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    number: u32,
    limit: u32,
}

/// The maximum number of items per page.
pub(crate) const FULL: u32 = 50;

/// The default number of items per page of lists with `pages`, as in the documentation's example.
pub(crate) const USUAL: u32 = 10;

impl Page {
    /// Reads `page` and `limit`.
    pub(crate) fn new(call: &Call, usual_limit: u32) -> Read<Self> {
        let number = |field: &str, usual: u32| match call.text(field) {
            None => Ok(usual),
            Some(text) => {
                text.parse().map_err(|_| Refusal::new(400, format!("{field} is invalid")))
            }
        };
        let (number, limit) = (number("page", 0)?, number("limit", usual_limit)?);
        if (1..=FULL).contains(&limit) {
            Ok(Self { number, limit })
        } else {
            Err(Refusal::new(400, "limit is invalid"))
        }
    }

    /// The positions of this page's items; empty past the end.
    pub(crate) fn places(self, total: usize) -> Range<usize> {
        let limit = self.limit as usize;
        let start = limit.saturating_mul(self.number as usize).min(total);
        start..start.saturating_add(limit).min(total)
    }

    /// The number of the page after this one, if it has items.
    fn next(self, total: usize) -> Option<u32> {
        let next = self.number.checked_add(1)?;
        (self.places(total).end < total).then_some(next)
    }

    /// `nextPage`, with the requested limit.
    pub(crate) fn next_page<E: Endpoint>(self, call: &Call, total: usize) -> Option<String> {
        self.next(total).map(|next| address::<E>(call, next, None))
    }

    /// `pages`.
    pub(crate) fn pages<E: Endpoint>(self, call: &Call, total: usize) -> Pages {
        let (next, previous) = (self.next(total), self.number.checked_sub(1));
        let address = |number| address::<E>(call, number, Some(self.limit));
        Pages {
            current: Some(self.number.into()),
            previous: previous.map(i64::from),
            next: next.map(i64::from),
            limit: Some(self.limit.into()),
            total: i64::try_from(total).ok(),
            current_url: Some(address(self.number)),
            next_url: next.map(address),
            previous_url: previous.map(address),
            extra: Extra::new(),
        }
    }
}

/// The URL of another page of the same list, with the call's filters.
fn address<E: Endpoint>(call: &Call, number: u32, limit: Option<u32>) -> String {
    let mut fields = call.fields.clone();
    for (name, value) in &mut fields {
        // Lists keep their commas, as in the documentation's samples.
        if let (true, Some(text)) = (name.ends_with("Ids"), value.as_str()) {
            *value = text.split(',').map(Value::from).collect();
        }
    }
    if let Some(limit) = limit {
        fields.insert("limit".to_owned(), limit.into());
    }
    fields.shift_remove("page");
    fields.insert("page".to_owned(), number.into());
    wire::encode(&E::METADATA, Value::Object(fields))
        .map(|request| request.target)
        .unwrap_or_default()
}
