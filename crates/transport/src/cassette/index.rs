//! Finding recorded events by what is asked for, without keeping them in memory.
//!
//! ```
//! use drillmaster_transport::cassette::index::{EventIndex, EventKey, Lookup, Slot};
//!
//! let now = EventKey::value("main", "now");
//! let index = EventIndex::new(vec![Slot::new(now, 1, "second"), Slot::new(now, 0, "first")]);
//! let take = || match index.take(now) {
//!     Lookup::Found(slot) => slot.data,
//!     Lookup::Consumed(_) => "consumed",
//!     Lookup::Missing => "missing",
//! };
//! assert_eq!([take(), take(), take()], ["first", "second", "consumed"]);
//! ```

use std::mem;
use std::sync::atomic::{AtomicU32, Ordering};

/// What an event is found by: hashes of its scope and of the request's identity or the value's name. Together they are
/// too long to collide by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventKey {
    scope: u64,
    identity: u64,
}

impl EventKey {
    /// The key of a request with this [identity](super::identity). `None` if that is not a hash.
    pub fn request(scope: &str, identity: &str) -> Option<Self> {
        // The first half of the digits is enough.
        let identity = u64::from_str_radix(identity.get(..16)?, 16).ok()?;
        Some(Self { scope: short_hash(scope), identity })
    }

    /// The key of a value from outside.
    pub fn value(scope: &str, name: &str) -> Self {
        Self { scope: short_hash(scope), identity: short_hash(&format!("value {name}")) }
    }

    /// The hash of the scope.
    pub fn scope(self) -> u64 {
        self.scope
    }

    /// The hash of the request's identity or the value's name.
    pub fn identity(self) -> u64 {
        self.identity
    }
}

/// A hash of a name in 8 bytes.
pub fn short_hash(name: &str) -> u64 {
    let hash = blake3::hash(name.as_bytes());
    u64::from_le_bytes(std::array::from_fn(|index| hash.as_bytes()[index]))
}

/// A recorded event: what it is found by, and what is known about it.
#[derive(Debug)]
pub struct Slot<T> {
    key: EventKey,
    ordinal: u32,
    /// In the first of equal events: how many of them were taken.
    taken: AtomicU32,
    /// What is known about the event, such as its place in a file.
    pub data: T,
}

impl<T> Slot<T> {
    /// An event with this number in its scope.
    pub fn new(key: EventKey, ordinal: u32, data: T) -> Self {
        Self { key, ordinal, taken: AtomicU32::new(0), data }
    }

    /// What it is found by.
    pub fn key(&self) -> EventKey {
        self.key
    }

    /// Its number in its scope.
    pub fn ordinal(&self) -> u32 {
        self.ordinal
    }
}

/// Events by key. Equal ones are handed out in the order of their numbers, each once. Nothing is locked.
#[derive(Debug)]
pub struct EventIndex<T>(Vec<Slot<T>>);

/// What is found for a key.
#[derive(Debug)]
pub enum Lookup<'a, T> {
    /// The next event.
    Found(&'a Slot<T>),
    /// All events with the key, this many, were already taken.
    Consumed(usize),
    /// There never was one.
    Missing,
}

impl<T> Default for EventIndex<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> EventIndex<T> {
    /// An index of these events.
    pub fn new(mut slots: Vec<Slot<T>>) -> Self {
        slots.sort_by_key(|slot| (slot.key, slot.ordinal));
        slots.shrink_to_fit();
        Self(slots)
    }

    /// An index of these events, where the last one of those with the same key and number counts.
    pub fn latest(slots: Vec<Slot<T>>) -> Self {
        let mut index = Self::new(slots);
        index.0.dedup_by(|later, earlier| {
            let is_same = (later.key, later.ordinal) == (earlier.key, earlier.ordinal);
            if is_same {
                mem::swap(later, earlier);
            }
            is_same
        });
        index
    }

    /// Whether it has no events at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All events, taken or not.
    pub fn all(&self) -> impl Iterator<Item = &Slot<T>> {
        self.0.iter()
    }

    /// Takes the next event with a key.
    pub fn take(&self, key: EventKey) -> Lookup<'_, T> {
        let equal = self.equal(key);
        let Some(first) = equal.first() else { return Lookup::Missing };
        let taken = first.taken.fetch_add(1, Ordering::Relaxed) as usize;
        equal.get(taken).map_or(Lookup::Consumed(equal.len()), Lookup::Found)
    }

    /// The event that [`take`](Self::take) would return, if one is left.
    pub fn peek(&self, key: EventKey) -> Option<&Slot<T>> {
        remaining(self.equal(key)).first()
    }

    /// The events of a scope, given by its hash, that were not taken.
    pub fn remaining_in(&self, scope: u64) -> impl Iterator<Item = &Slot<T>> {
        let start = self.0.partition_point(|slot| slot.key.scope < scope);
        let end = self.0.partition_point(|slot| slot.key.scope <= scope);
        all_remaining(&self.0[start..end])
    }

    /// The events that were not taken.
    pub fn remaining(&self) -> impl Iterator<Item = &Slot<T>> {
        all_remaining(&self.0)
    }

    fn equal(&self, key: EventKey) -> &[Slot<T>] {
        let rest = &self.0[self.0.partition_point(|slot| slot.key < key)..];
        &rest[..rest.partition_point(|slot| slot.key == key)]
    }
}

fn all_remaining<T>(slots: &[Slot<T>]) -> impl Iterator<Item = &Slot<T>> {
    slots.chunk_by(|a, b| a.key == b.key).flat_map(remaining)
}

/// Of events with the same key, those that were not taken.
fn remaining<T>(equal: &[Slot<T>]) -> &[Slot<T>] {
    let taken = equal.first().map_or(0, |first| first.taken.load(Ordering::Relaxed) as usize);
    &equal[taken.min(equal.len())..]
}
