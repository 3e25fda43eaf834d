//! Where in a cassette each recorded request stands, and which of them were asked for.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::cassette::{
    Damage, Event, Header, Part, RequestEvent, answer_at, event_at, identity, read,
};
use crate::error::Error;
use crate::journal::{identity_key, scope_key, value_key};
use crate::request::{Request, Response};

/// A cassette's text with an index over it. Answers are decoded when they are asked for, and nothing is locked
/// meanwhile.
pub(super) struct Index {
    text: String,
    pub(super) header: Header,
    pub(super) requests: Shelf,
    pub(super) values: Shelf,
}

/// Places of events, those of equals beside each other in the order of their numbers.
#[derive(Default)]
pub(super) struct Shelf(Vec<Slot>);

/// An event that can be asked for. Scope, identity and endpoint are hashes: scope and identity together are too
/// long to meet by chance.
pub(super) struct Slot {
    scope: u64,
    identity: u64,
    ordinal: u64,
    endpoint: u64,
    /// The byte of the request, or of the value.
    at: usize,
    /// The byte of the request's outcome.
    outcome: usize,
    /// Of the first among equals: how often they were asked for.
    asked: AtomicUsize,
}

/// What is there for a request.
pub(super) enum Found<'a> {
    Next(&'a Slot),
    /// All that were recorded, so many, were asked for before.
    Consumed(usize),
    Missing,
}

impl Index {
    pub(super) fn of(text: String) -> Result<Self, Damage> {
        let (mut requests, mut values) = (Vec::new(), Vec::new());
        let header = read(&text, |at, part| match part {
            Part::Request(request) => requests.push(Slot {
                scope: scope_key(&request.scope),
                // Reading has compared the hash with the request's.
                identity: identity_key(&request.hash).unwrap_or_default(),
                ordinal: request.ordinal,
                endpoint: scope_key(&request.endpoint),
                at,
                outcome: at,
                asked: AtomicUsize::new(0),
            }),
            Part::Answer(index, _) | Part::Loss(index, _) => requests[index].outcome = at,
            Part::Value(value) => values.push(Slot {
                scope: scope_key(&value.scope),
                identity: value_key(&value.name),
                ordinal: value.ordinal,
                endpoint: 0,
                at,
                outcome: at,
                asked: AtomicUsize::new(0),
            }),
        })?;
        let (requests, values) = (Shelf::of(requests), Shelf::of(values));
        Ok(Self { text, header, requests, values })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Takes what is next for a request.
    pub(super) fn take(&self, request: &Request) -> Found<'_> {
        let identity = identity_key(&identity(&request.wire)).unwrap_or_default();
        self.requests.take((scope_key(&request.scope), identity))
    }

    /// Whether something is left for a request.
    pub(super) fn holds(&self, request: &Request) -> bool {
        let identity = identity_key(&identity(&request.wire)).unwrap_or_default();
        self.requests.holds((scope_key(&request.scope), identity))
    }

    /// The requests of a scope and an endpoint that were not asked for yet, in their order.
    pub(super) fn waiting(&self, request: &Request) -> Vec<RequestEvent> {
        let (scope, endpoint) = (scope_key(&request.scope), scope_key(request.metadata.name));
        let mut slots: Vec<_> =
            self.requests.unused_of(scope).filter(|slot| slot.endpoint == endpoint).collect();
        slots.sort_by_key(|slot| slot.ordinal);
        slots.into_iter().filter_map(|slot| self.request(slot).ok()).collect()
    }

    /// Takes the next value of this name.
    pub(super) fn take_value(&self, scope: &str, name: &str) -> Found<'_> {
        self.values.take((scope_key(scope), value_key(name)))
    }

    /// Reads the outcome of a request: its answer, or why there is none.
    pub(super) fn outcome(&self, slot: &Slot) -> Result<Result<Response, Error>, Error> {
        if let Some(answer) = answer_at(&self.text, slot.outcome) {
            return Ok(Ok(answer));
        }
        match self.event(slot.outcome)? {
            Event::Response(answer) => {
                Ok(Ok(answer.into_response().map_err(|error| Error::setup(error.to_string()))?))
            }
            Event::Error(lost) => Ok(Err(lost.into_error().map_err(Error::setup)?)),
            _ => Err(unreadable()),
        }
    }

    pub(super) fn value(&self, slot: &Slot) -> Result<Value, Error> {
        match self.event(slot.at)? {
            Event::Value(event) => Ok(event.value),
            _ => Err(unreadable()),
        }
    }

    pub(super) fn request(&self, slot: &Slot) -> Result<RequestEvent, Error> {
        match self.event(slot.at)? {
            Event::Request(request) => Ok(request),
            _ => Err(unreadable()),
        }
    }

    fn event(&self, at: usize) -> Result<Event, Error> {
        event_at(&self.text, at).map_err(Error::setup)
    }

    /// What of a shelf was not asked for, as `told` makes something of it.
    pub(super) fn unused<T>(&self, of: &Shelf, told: impl Fn(Event) -> Option<T>) -> Vec<T> {
        let events = of.unused().filter_map(|slot| self.event(slot.at).ok());
        events.filter_map(told).collect()
    }

    /// The requests that are nearest by their endpoint, then by their scope, then by being the same in another
    /// scope; which of them is the most alike is not looked at. At most so many.
    pub(super) fn near(&self, request: &Request, most: usize) -> Vec<RequestEvent> {
        let endpoint = scope_key(request.metadata.name);
        let scope = scope_key(&request.scope);
        let identity = identity_key(&identity(&request.wire)).unwrap_or_default();
        let nearness = |slot: &Slot| {
            (slot.endpoint == endpoint, slot.scope == scope, slot.identity == identity)
        };
        let Some(nearest) = self.requests.0.iter().map(nearness).max() else {
            return Vec::new();
        };
        let near = self.requests.0.iter().filter(|slot| nearness(slot) == nearest);
        near.take(most).filter_map(|slot| self.request(slot).ok()).collect()
    }
}

/// The text was read as a whole before, so that this is a mistake of ours.
fn unreadable() -> Error {
    Error::setup("the cassette cannot be read again where it was read before")
}

impl Shelf {
    fn of(mut slots: Vec<Slot>) -> Self {
        slots.sort_by_key(|slot| (slot.key(), slot.ordinal));
        slots.shrink_to_fit();
        Self(slots)
    }

    fn take(&self, key: (u64, u64)) -> Found<'_> {
        let first = self.0.partition_point(|slot| slot.key() < key);
        let equals = || self.0[first..].iter().take_while(move |slot| slot.key() == key);
        let Some(head) = equals().next() else {
            return Found::Missing;
        };
        let asked = head.asked.fetch_add(1, Ordering::Relaxed);
        match first.checked_add(asked).and_then(|place| self.0.get(place)) {
            Some(slot) if slot.key() == key => Found::Next(slot),
            _ => Found::Consumed(equals().count()),
        }
    }

    fn holds(&self, key: (u64, u64)) -> bool {
        let first = self.0.partition_point(|slot| slot.key() < key);
        self.0.get(first).is_some_and(|head| {
            let next = first.saturating_add(head.asked.load(Ordering::Relaxed));
            self.0.get(next).is_some_and(|slot| slot.key() == key)
        })
    }

    fn unused_of(&self, scope: u64) -> impl Iterator<Item = &Slot> {
        let first = self.0.partition_point(|slot| slot.scope < scope);
        let end = self.0.partition_point(|slot| slot.scope <= scope);
        left_of(&self.0[first..end])
    }

    fn unused(&self) -> impl Iterator<Item = &Slot> {
        left_of(&self.0)
    }
}

/// What was not asked for.
fn left_of(slots: &[Slot]) -> impl Iterator<Item = &Slot> {
    slots.chunk_by(|a, b| a.key() == b.key()).flat_map(|equals| {
        let asked = equals[0].asked.load(Ordering::Relaxed);
        &equals[asked.min(equals.len())..]
    })
}

impl Slot {
    fn key(&self) -> (u64, u64) {
        (self.scope, self.identity)
    }
}
