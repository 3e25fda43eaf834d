//! Reads a list to see whether writes in doubt took effect.

use std::collections::HashSet;
use std::sync::Arc;

use drillmaster_models::{Pager, Resolve, endpoint, same_address};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::attempt::Attempt;
use super::{InDoubtWrite, WriteId};
use crate::error::Error;
use crate::request::{Purpose, Request, Scope};

/// How many of the probes in a recording of an older release are followed.
const RECORDED_ROUNDS: u32 = 5;

/// The endpoint of the list that shows a write, and the field to compare.
pub(super) type Target = (&'static str, &'static str);

/// What a list showed about some writes.
pub(super) struct Probe {
    pub(super) began: Instant,
    pub(super) found: HashSet<WriteId>,
    /// Whether a write that was not found is certain to be absent from the list.
    pub(super) complete: bool,
    /// Whether no further probe can help.
    pub(super) hopeless: bool,
}

/// Where to look for a write, if its endpoint declares a list.
pub(super) fn target_of(write: &InDoubtWrite) -> Option<Target> {
    match write.write.resolve {
        Resolve::Probe { endpoint, field, .. } => Some((endpoint, field)),
        Resolve::Repeat | Resolve::Refusal => None,
    }
}

pub(super) fn list_of(write: &InDoubtWrite) -> Option<&'static str> {
    target_of(write).map(|(list, _)| list)
}

/// Reads a list from its first page to its last.
pub(super) async fn probe(
    scope: &Arc<Scope>,
    (list, field): Target,
    writes: &[&InDoubtWrite],
) -> Probe {
    let began = Instant::now();
    let mut probe = Probe { began, found: HashSet::new(), complete: true, hopeless: false };
    let Some(first) = writes.first() else { return probe };
    let connection = first.connection.within(scope.clone());
    let read = async {
        let list = endpoint(list).map_err(|error| Error::setup(error.to_string()))?;
        let failed = |failure| Error::answer(failure).about(&list.metadata);
        let pager = Pager::new(list, &json!({})).map_err(|error| failed(error.into()))?;
        let mut pager = pager.thorough();
        let mut is_empty = true;
        while let Some(page) = pager.request() {
            let draft = connection.draft(list, &page)?;
            let request = Request { purpose: Purpose::Probe, ..draft };
            let items = pager.accept(connection.send_draft(list, request).await?);
            for item in items.map_err(failed)? {
                // An item without a name may be anybody.
                probe.complete &= item[field].as_str().is_some_and(|name| !name.trim().is_empty());
                is_empty = false;
                let own = writes.iter().filter(|write| same(&item[field], &write.fields[field]));
                probe.found.extend(own.map(|write| write.id()));
            }
            if probe.found.len() == writes.len() {
                break;
            }
        }
        // An empty list is more likely a failure than a team without people.
        probe.complete &= pager.is_complete() && !is_empty;
        Ok::<(), Error>(())
    };
    if let Err(error) = read.await {
        probe.complete = false;
        probe.hopeless =
            error.is_credential() || error.is_setup() || error.is_unwritten() || error.is_stopped();
    }
    probe
}

/// Follows the probes and repeats that an older release recorded among the requests of the row. Sends nothing.
pub(super) async fn follow_recording(write: &InDoubtWrite) -> Option<Result<Value, Error>> {
    let connection = &write.connection;
    for _ in 0..RECORDED_ROUNDS {
        if let Resolve::Probe { endpoint: list, field, .. } = write.write.resolve {
            let list = endpoint(list).ok()?;
            let mut pager = Pager::new(list, &json!({})).ok()?;
            let mut found = false;
            while let Some(page) = pager.request().filter(|_| !found) {
                match connection.call(list, &page).await {
                    Ok(answer) => {
                        let items = pager.accept(answer).ok()?;
                        found = items.iter().any(|item| same(&item[field], &write.fields[field]));
                    }
                    Err(error) if error.is_replay_mismatch() => return Some(Err(error)),
                    Err(_) => break,
                }
            }
            if found {
                return Some(write.took_effect());
            }
        }
        let repeated = connection.call(write.endpoint, &write.fields).await;
        if let Attempt::Resolved(answer) = Attempt::from_repeat(repeated) {
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
