//! Reading lists that come in pages.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::endpoint_def::EndpointDef;
use crate::failure::Failure;
use crate::field_error::FieldError;
use crate::metadata::{List, Paging};

/// Reads a list page by page, as a pure state machine: [`Pager::request`] gives the fields to send, and
/// [`Pager::accept`] takes the answer and returns the new items.
///
/// The services' own "next" links point at other endpoints and drop filters (see both examples in the Security
/// Labs documentation), so they only show *that* there is another page. The pager counts pages itself and sends
/// the caller's filters again. A page without new items is the end.
///
/// ```
/// use drillmaster_models::{Pager, endpoint};
/// use serde_json::json;
///
/// let mut pager = Pager::new(endpoint("veracode.users").unwrap(), &json!({})).unwrap();
/// assert_eq!(pager.request(), Some(json!({ "page": 0, "limit": 50 })));
/// let fresh = pager.accept(json!({ "nextPage": "/api/users?page=1", "users": [{ "id": "a" }] })).unwrap();
/// assert_eq!(fresh.len(), 1);
/// assert_eq!(pager.request(), Some(json!({ "page": 1, "limit": 50 })));
/// let fresh = pager.accept(json!({ "nextPage": null, "users": [{ "id": "b" }] })).unwrap();
/// assert_eq!(fresh, [json!({ "id": "b" })]);
/// assert_eq!(pager.request(), None);
/// assert!(pager.is_complete());
/// ```
#[derive(Debug)]
pub struct Pager {
    list: List,
    fields: Map<String, Value>,
    page: u64,
    done: bool,
    asked: u64,
    seen: HashSet<String>,
    remembered: usize,
    last: Vec<Value>,
    /// How many new items there were.
    items: u64,
    /// How many items there are according to the service.
    total: Option<u64>,
    /// Whether some items may have been missed.
    may_have_missed: bool,
    thorough: bool,
}

/// The maximum number of items in a page of Security Labs (seen on the live service).
const FULL_PAGE: u64 = 50;

/// The maximum number of pages: 500,000 people if the pages are full. Without it, a service that always announces
/// another page would be asked forever.
const MAX_PAGES: u64 = 10_000;

/// The maximum size of the remembered ids in bytes: ten times the ids of 500,000 people.
const MAX_REMEMBERED: usize = 256 << 20;

impl Pager {
    /// Starts at the `page` in `fields`, or at 0. Asks for full pages unless `fields` has a `limit`. An `Err`
    /// says that a field is invalid, or that the endpoint has no list.
    pub fn new(endpoint: &EndpointDef, fields: &Value) -> Result<Self, FieldError> {
        let Some(list) = endpoint.metadata.list else {
            return Err(FieldError::new(endpoint.metadata.name, ".", "has no list in its answer"));
        };
        let checked = endpoint.check(fields)?;
        let mut fields = checked.as_object().cloned().unwrap_or_default();
        let page = fields.get("page").and_then(Value::as_u64).unwrap_or(0);
        let takes_limit = endpoint.fields().iter().any(|field| field.name == "limit");
        if list.paging != Paging::Whole {
            fields.insert("page".to_owned(), page.into());
            if takes_limit && fields.get("limit").is_none_or(Value::is_null) {
                fields.insert("limit".to_owned(), FULL_PAGE.into());
            }
        }
        Ok(Self {
            list,
            fields,
            page,
            done: false,
            asked: 0,
            seen: HashSet::new(),
            remembered: 0,
            last: Vec::new(),
            items: 0,
            total: None,
            // It does not see the pages before its first one.
            may_have_missed: page > 0,
            thorough: false,
        })
    }

    /// Also asks for the page after a full page that claims to be the last. This finds items that a service
    /// hides by forgetting to announce the next page.
    #[must_use]
    pub fn thorough(self) -> Self {
        Self { thorough: true, ..self }
    }

    /// The fields of the next request; `None` at the end.
    pub fn request(&self) -> Option<Value> {
        (!self.done).then(|| Value::Object(self.fields.clone()))
    }

    /// Takes the answer with a page and returns the items that no earlier page had. An answer without the list,
    /// or a list with more than 10,000 pages, is a [`Failure::Shape`].
    pub fn accept(&mut self, mut answer: Value) -> Result<Vec<Value>, Failure> {
        let items = take_items(&mut answer, self.list.items)?;
        let more = match self.list.paging {
            Paging::Whole => false,
            Paging::NextPage => !answer["nextPage"].is_null(),
            Paging::Pages => {
                let pages = &answer["pages"];
                self.total = pages["total"].as_u64().or(self.total);
                !pages["next"].is_null() || !pages["nextUrl"].is_null()
            }
        };
        let all = items.len();
        let fresh = if self.list.paging == Paging::Whole {
            items
        } else if self.list.id.is_empty() {
            let repeated = items == self.last;
            self.last.clone_from(&items);
            if repeated { Vec::new() } else { items }
        } else {
            let id = self.list.id;
            let (seen, remembered) = (&mut self.seen, &mut self.remembered);
            let is_new = |item: &Value| {
                item[id].as_str().is_none_or(|id| {
                    let is_new = seen.insert(id.to_owned());
                    *remembered += if is_new { id.len() } else { 0 };
                    is_new
                })
            };
            items.into_iter().filter(is_new).collect()
        };
        self.items += fresh.len() as u64;
        let limit = self.fields.get("limit").and_then(Value::as_u64).unwrap_or(1);
        let is_full = self.list.paging != Paging::Whole && all as u64 >= limit;
        // If the list changed meanwhile, an item may have moved from a later page to an earlier one.
        self.may_have_missed |= fresh.len() < all || (more && fresh.is_empty());
        self.done = fresh.is_empty() || !(more || (self.thorough && is_full));
        self.page += 1;
        self.asked += 1;
        self.fields.insert("page".to_owned(), self.page.into());
        if !self.done && (self.asked >= MAX_PAGES || self.remembered > MAX_REMEMBERED) {
            self.done = true;
            return Err(Failure::Shape(format!(
                "the list has no end: there is another page after {}, the maximum",
                self.asked
            )));
        }
        Ok(fresh)
    }

    /// Whether the whole list was read: from the first page to one that the service marks as the last, without
    /// repeated items, with as many items as the service counts, and the endpoint declares that its list leaves
    /// nobody out. Only then does a missing item prove that it is not in the list.
    pub fn is_complete(&self) -> bool {
        let counted = self.total.is_none_or(|total| self.items >= total);
        self.done && !self.may_have_missed && counted && self.list.complete
    }
}

fn take_items(answer: &mut Value, items: &str) -> Result<Vec<Value>, Failure> {
    // Both forms are read: the bare list, and the object with the list in it.
    let list = if items.is_empty() || answer.is_array() { answer } else { &mut answer[items] };
    match list.take() {
        Value::Array(items) => Ok(items),
        _ => Err(Failure::Shape("the list is missing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint;

    /// Reads a list that always announces another page.
    fn endless(page: impl Fn(u64) -> Value) -> (u64, Failure) {
        let mut pager = Pager::new(endpoint("veracode.users").unwrap(), &json!({})).unwrap();
        for asked in 1.. {
            let Some(request) = pager.request() else { break };
            let users = page(request["page"].as_u64().unwrap());
            if let Err(failure) = pager.accept(json!({ "nextPage": "more", "users": users })) {
                assert_eq!(pager.request(), None);
                return (asked, failure);
            }
        }
        unreachable!("the list ended")
    }

    #[test]
    fn a_list_without_end_is_an_error() {
        let (asked, failure) = endless(|page| json!([{ "id": page.to_string() }]));
        assert_eq!(asked, MAX_PAGES);
        assert!(failure.to_string().contains("another page after 10000"), "{failure}");
    }

    #[test]
    fn ids_are_remembered_up_to_a_limit() {
        let id = "x".repeat(32 << 20);
        let (asked, _) = endless(|page| json!([{ "id": format!("{id}{page}") }]));
        assert_eq!(asked, 8);
    }
}
