//! Reading a list for the sake of writes in doubt.

use std::collections::HashSet;
use std::sync::Arc;

use drillmaster_models::{Pager, Resolve, endpoint, same_address};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Doubt;
use super::pending::Attempt;
use crate::error::Error;
use crate::request::{Purpose, Request, Scope};

/// How often the looks of a recording made by an older release are followed.
const RECORDED_ROUNDS: u32 = 5;

/// The list that a write is looked for in, and the field that tells.
pub(super) type Place = (&'static str, &'static str);

/// What a look saw.
pub(super) struct Look {
    pub(super) began: Instant,
    pub(super) found: HashSet<(Arc<str>, u64)>,
    /// Whether who was not seen was not there.
    pub(super) complete: bool,
    pub(super) hopeless: bool,
}

/// The list that a write is looked for in, and the field.
pub(super) fn place_of(doubt: &Doubt) -> Option<Place> {
    match doubt.write.resolve {
        Resolve::Probe { endpoint, field, .. } => Some((endpoint, field)),
        Resolve::Repeat | Resolve::Refusal => None,
    }
}

pub(super) fn list_of(doubt: &Doubt) -> Option<&'static str> {
    place_of(doubt).map(|(list, _)| list)
}

/// Reads a list from its first page to its last.
pub(super) async fn look(looks: &Arc<Scope>, (list, field): Place, about: &[&Doubt]) -> Look {
    let began = Instant::now();
    let mut look = Look { began, found: HashSet::new(), complete: true, hopeless: false };
    let Some(first) = about.first() else { return look };
    let connection = first.connection.within(looks.clone());
    let read = async {
        let list = endpoint(list).map_err(|error| Error::setup(error.to_string()))?;
        let told = |failure| Error::answer(failure).about(&list.metadata);
        let pager = Pager::new(list, &json!({})).map_err(|error| told(error.into()))?;
        let mut pager = pager.thorough();
        let mut has_somebody = false;
        while let Some(page) = pager.request() {
            let draft = connection.draft(list, &page)?;
            let request = Request { purpose: Purpose::Look, ..draft };
            let items = pager.accept(connection.send_draft(list, request).await?);
            for item in items.map_err(told)? {
                // Whoever has no name there may be anybody.
                look.complete &= item[field].as_str().is_some_and(|name| !name.trim().is_empty());
                has_somebody = true;
                let own = about.iter().filter(|doubt| same(&item[field], &doubt.fields[field]));
                look.found.extend(own.map(|doubt| doubt.place()));
            }
            if look.found.len() == about.len() {
                break;
            }
        }
        // A list of nobody is more likely to be broken than to be a team.
        look.complete &= pager.is_complete() && has_somebody;
        Ok::<(), Error>(())
    };
    if let Err(error) = read.await {
        look.complete = false;
        look.hopeless =
            error.is_credential() || error.is_setup() || error.is_unwritten() || error.is_stopped();
    }
    look
}

/// Follows the looks and repeats that an older release recorded among the requests of the row. Nothing is sent.
pub(super) async fn from_recording(doubt: &Doubt) -> Option<Result<Value, Error>> {
    let connection = &doubt.connection;
    for _ in 0..RECORDED_ROUNDS {
        if let Resolve::Probe { endpoint: list, field, .. } = doubt.write.resolve {
            let list = endpoint(list).ok()?;
            let mut pager = Pager::new(list, &json!({})).ok()?;
            let mut found = false;
            while let Some(page) = pager.request().filter(|_| !found) {
                match connection.call(list, &page).await {
                    Ok(answer) => {
                        let items = pager.accept(answer).ok()?;
                        found = items.iter().any(|item| same(&item[field], &doubt.fields[field]));
                    }
                    Err(error) if error.is_replay_mismatch() => return Some(Err(error)),
                    Err(_) => break,
                }
            }
            if found {
                return Some(doubt.done());
            }
        }
        if let Attempt::Resolved(answer) =
            Attempt::of(connection.call(doubt.endpoint, &doubt.fields).await)
        {
            return Some(answer);
        }
    }
    None
}

/// Whether two values name the same person.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => same_address(a, b),
        _ => a == b,
    }
}
