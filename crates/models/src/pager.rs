//! Walking a list that comes in pages.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::endpoint_def::EndpointDef;
use crate::failure::Failure;
use crate::field::FieldError;
use crate::metadata::{List, Paging};

/// Asks for one page after the other, as a pure state machine: [`Pager::request`] gives the fields to send,
/// [`Pager::accept`] takes the answer and hands out the items that are new.
///
/// The services' own "next" links point at other endpoints and drop filters (see both examples of the
/// Security Labs document), so they only say *that* there is more: pages are counted here and the caller's
/// filters sent again. A page that repeats what is known already ends the walk.
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
    /// How many items there were.
    items: u64,
    /// How many there are, as the service counts.
    total: Option<u64>,
    /// Whether something speaks against having seen all.
    doubtful: bool,
    thorough: bool,
}

/// The most that Security Labs hands out in a page (seen on the live service).
const FULL_PAGE: u64 = 50;

/// The most pages of a list: 500,000 people, where they are full. A service that always has one more would be asked
/// without end.
const MAX_PAGES: u64 = 10_000;

/// The most bytes of ids that are remembered to know what is new, ten times those of as many people.
const MAX_REMEMBERED: usize = 256 << 20;

impl Pager {
    /// Starts at the page in `fields`, or at 0. Asks for full pages unless `fields` has a `limit`.
    pub fn new(endpoint: &EndpointDef, fields: &Value) -> Result<Self, FieldError> {
        let Some(list) = endpoint.metadata.list else {
            return Err(FieldError::new(
                endpoint.metadata.name,
                ".",
                "answers no list to walk through",
            ));
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
            // What is before the first page that it asks for is not seen.
            doubtful: page > 0,
            thorough: false,
        })
    }

    /// The same, and not content with a full page that says it is the last: only a page that is not full is the
    /// end, for a service that forgets to say that there are more ends every list early.
    #[must_use]
    pub fn thorough(self) -> Self {
        Self { thorough: true, ..self }
    }

    /// The fields of the next request, or `None` at the end.
    pub fn request(&self) -> Option<Value> {
        (!self.done).then(|| Value::Object(self.fields.clone()))
    }

    /// Takes a page's answer and gives the items that no earlier page had. An answer without its list is a
    /// [`Failure::Shape`], never the end of the walk, and so is a list with more pages than are read.
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
        // A list that moved on under the walk may have carried somebody past it.
        self.doubtful |= fresh.len() < all || (more && fresh.is_empty());
        self.done = fresh.is_empty() || !(more || (self.thorough && is_full));
        self.page += 1;
        self.asked += 1;
        self.fields.insert("page".to_owned(), self.page.into());
        if !self.done && (self.asked >= MAX_PAGES || self.remembered > MAX_REMEMBERED) {
            self.done = true;
            return Err(Failure::Shape(format!(
                "the list has no end: after {} pages, the most that are read, there is one more",
                self.asked
            )));
        }
        Ok(fresh)
    }

    /// Whether the walk has seen the whole list: it came to an end that the service told, no page repeated what
    /// another had, and none that was counted is missing. Whoever is absent from such a walk was not in the list.
    pub fn is_complete(&self) -> bool {
        let counted = self.total.is_none_or(|total| self.items >= total);
        self.done && !self.doubtful && counted && self.list.complete
    }
}

fn take_items(answer: &mut Value, items: &str) -> Result<Vec<Value>, Failure> {
    // Either form is read where a document has both.
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

    /// Walks through a list of which each page has one more behind it.
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
        unreachable!("the walk ended without a word")
    }

    #[test]
    fn a_list_without_end_is_an_error_and_no_end() {
        let (asked, failure) = endless(|page| json!([{ "id": page.to_string() }]));
        assert_eq!(asked, MAX_PAGES);
        assert!(
            failure.to_string().contains("the list has no end: after 10000 pages"),
            "{failure}"
        );
    }

    #[test]
    fn ids_are_remembered_up_to_a_limit() {
        let id = "x".repeat(32 << 20);
        let (asked, _) = endless(|page| json!([{ "id": format!("{id}{page}") }]));
        assert_eq!(asked, 8);
    }
}
