//! A cassette's text with an index of its events.

use serde_json::Value;

use crate::cassette::index::{EventIndex, EventKey, Lookup, Slot, short_hash};
use crate::cassette::{
    Event, Header, ParseError, Part, RequestEvent, ValueEvent, answer_at, event_at, identity, read,
};
use crate::error::Error;
use crate::request::{Request, Response};

/// A cassette's text with an index of its events. Events are parsed when they are asked for.
pub(super) struct Index {
    text: String,
    pub(super) header: Header,
    pub(super) requests: EventIndex<RequestPlace>,
    pub(super) values: EventIndex<ValuePlace>,
}

/// Where a request and its outcome begin in the text.
pub(super) struct RequestPlace {
    /// The hash of its endpoint's name.
    endpoint: u64,
    request: usize,
    outcome: usize,
}

/// Where a value begins in the text.
pub(super) struct ValuePlace(usize);

impl Index {
    pub(super) fn new(text: String) -> Result<Self, ParseError> {
        let (mut requests, mut values) = (Vec::new(), Vec::new());
        let header = read(&text, |at, part| match part {
            Part::Request(request) => {
                let place = RequestPlace {
                    endpoint: short_hash(&request.endpoint),
                    request: at,
                    outcome: at,
                };
                // Reading has verified the hash.
                let key = EventKey::request(&request.scope, &request.hash).unwrap_or_default();
                requests.push(Slot::new(key, number(request.ordinal), place));
            }
            Part::Answer(index, _) | Part::Loss(index, _) => requests[index].data.outcome = at,
            Part::Value(value) => {
                let key = EventKey::value(&value.scope, &value.name);
                values.push(Slot::new(key, number(value.ordinal), ValuePlace(at)));
            }
        })?;
        Ok(Self {
            text,
            header,
            requests: EventIndex::new(requests),
            values: EventIndex::new(values),
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Takes the next recorded request that equals this one.
    pub(super) fn take(&self, request: &Request) -> Lookup<'_, RequestPlace> {
        key(request).map_or(Lookup::Missing, |key| self.requests.take(key))
    }

    /// Whether a recorded request that equals this one is left.
    pub(super) fn has_next(&self, request: &Request) -> bool {
        key(request).is_some_and(|key| self.requests.peek(key).is_some())
    }

    /// The requests with the same scope and endpoint that were not asked for yet, in order.
    pub(super) fn remaining(&self, request: &Request) -> Vec<RequestEvent> {
        let (scope, endpoint) = (short_hash(&request.scope), short_hash(request.metadata.name));
        let remaining = self.requests.remaining_in(scope);
        let mut slots: Vec<_> = remaining.filter(|slot| slot.data.endpoint == endpoint).collect();
        slots.sort_by_key(|slot| slot.ordinal());
        slots.into_iter().filter_map(|slot| self.request(&slot.data).ok()).collect()
    }

    /// Takes the next value with this name.
    pub(super) fn take_value(&self, scope: &str, name: &str) -> Lookup<'_, ValuePlace> {
        self.values.take(EventKey::value(scope, name))
    }

    /// The outcome of a request: its response, or why there is none.
    pub(super) fn outcome(&self, place: &RequestPlace) -> Result<Result<Response, Error>, Error> {
        if let Some(answer) = answer_at(&self.text, place.outcome) {
            return Ok(Ok(answer));
        }
        match self.event(place.outcome)? {
            Event::Response(answer) => {
                Ok(Ok(answer.into_response().map_err(|error| Error::setup(error.to_string()))?))
            }
            Event::Error(lost) => Ok(Err(lost.into_error().map_err(Error::setup)?)),
            _ => Err(unreadable()),
        }
    }

    pub(super) fn value(&self, place: &ValuePlace) -> Result<Value, Error> {
        match self.event(place.0)? {
            Event::Value(event) => Ok(event.value),
            _ => Err(unreadable()),
        }
    }

    fn request(&self, place: &RequestPlace) -> Result<RequestEvent, Error> {
        match self.event(place.request)? {
            Event::Request(request) => Ok(request),
            _ => Err(unreadable()),
        }
    }

    fn event(&self, at: usize) -> Result<Event, Error> {
        event_at(&self.text, at).map_err(Error::setup)
    }

    /// The requests that were not asked for.
    pub(super) fn unused_requests(&self) -> impl Iterator<Item = RequestEvent> {
        self.requests.remaining().filter_map(|slot| match self.event(slot.data.request) {
            Ok(Event::Request(request)) => Some(request),
            _ => None,
        })
    }

    /// The values that were not asked for.
    pub(super) fn unused_values(&self) -> impl Iterator<Item = ValueEvent> {
        self.values.remaining().filter_map(|slot| match self.event(slot.data.0) {
            Ok(Event::Value(value)) => Some(value),
            _ => None,
        })
    }

    /// The requests that are nearest: with the same endpoint if possible, then in the same scope, then equal in another
    /// scope. Returns at most this many, in no particular order.
    pub(super) fn nearest(&self, request: &Request, most: usize) -> Vec<RequestEvent> {
        let endpoint = short_hash(request.metadata.name);
        let Some(key) = key(request) else { return Vec::new() };
        let nearness = |slot: &Slot<RequestPlace>| {
            let own = slot.key();
            (
                slot.data.endpoint == endpoint,
                own.scope() == key.scope(),
                own.identity() == key.identity(),
            )
        };
        let Some(best) = self.requests.all().map(nearness).max() else {
            return Vec::new();
        };
        let nearest = self.requests.all().filter(|slot| nearness(slot) == best);
        nearest.take(most).filter_map(|slot| self.request(&slot.data).ok()).collect()
    }
}

fn key(request: &Request) -> Option<EventKey> {
    EventKey::request(&request.scope, &identity(&request.wire))
}

/// Only the order of numbers matters.
fn number(ordinal: u64) -> u32 {
    u32::try_from(ordinal).unwrap_or(u32::MAX)
}

/// The whole text was read before, so this is a bug.
fn unreadable() -> Error {
    Error::setup(
        "this is a bug in drillmaster: a part of the cassette that was read cannot be read again",
    )
}
