//! What an earlier part of a run left.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use drillmaster_models::endpoint;
use drillmaster_models::scope::row_of;
use serde::Deserialize;
use serde_json::Value;

use super::lines::{Layout, Lines, Link, event_at};
use super::unusable::{Problem, Unusable};
use crate::cassette::{Event, Header, PaceEvent, RowEvent, identity};
use crate::error::{Error, NetworkError};
use crate::files;
use crate::request::{Request, Response};

/// An index over a journal. Bodies stay in the file until they are asked for, so that a million rows
/// fit into memory.
///
/// A row's last `row` event counts. An `again` event opens its row anew: earlier `row` events of that scope
/// do not count any more, nor do its refusals and its reads that got no answer. Its good answers and its
/// values still do, and so do its writes in doubt: whether one took effect is for a
/// [`Resolver`](crate::Resolver) to find out. A repeat of such a write, and a `resolved` event, take the place of
/// what became of it before.
#[derive(Debug, Default)]
pub struct History {
    header: Header,
    path: PathBuf,
    file: Option<File>,
    /// When it was read: a request without an outcome may have been on its way until then.
    read_at: Option<SystemTime>,
    /// Rows that are run again in this process, and what was written of them meanwhile.
    again: RwLock<Option<Again>>,
    is_again: AtomicBool,
    /// Sorted by scope, identity and number.
    slots: Vec<Slot>,
    /// Sorted by scope.
    rows: Vec<Row>,
    /// The names of states, in the order of their first appearance.
    states: Vec<String>,
    /// Where it is told how fast services were called.
    paces: Vec<u64>,
    requests: usize,
    finished: bool,
    /// Where the next line goes.
    end: u64,
    layout: Layout,
    /// What closes the line before that.
    link: Link,
}

/// Rows that are run again.
#[derive(Debug)]
struct Again {
    rows: HashSet<String>,
    history: Box<History>,
}

/// What became of a request in an earlier part.
pub(super) struct Told {
    pub(super) outcome: Result<Response, Error>,
    pub(super) ordinal: u64,
    /// Since when it has been in doubt, if it is a write and is.
    pub(super) since: Option<SystemTime>,
}

/// A request or a value. Scope and identity are hashes: together they are too long to meet by chance.
#[derive(Debug)]
struct Slot {
    scope: u64,
    identity: u64,
    /// The line with the answer, the loss or the value.
    at: u64,
    ordinal: u32,
    /// Where it leaves a write in doubt: since when, in milliseconds since the epoch; 0 where that is not known.
    unclear_at: u64,
    /// Of the first among equals: how many of them were taken.
    taken: AtomicU32,
    writes: bool,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// None was written down.
    Unknown,
    Good,
    Refused,
    /// NetworkError, or answered by a breakdown.
    Unclear,
}

#[derive(Debug)]
struct Row {
    scope: u64,
    at: u64,
    /// Its place among the names.
    state: u32,
}

impl History {
    /// Reads a journal that may be in use, to look at it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Unusable> {
        let path = path.as_ref();
        let file = files::open(path).map_err(Problem::from);
        file.and_then(|file| Self::of(path, file)).map_err(|problem| Unusable::new(path, problem))
    }

    pub(super) fn of(path: &Path, file: File) -> Result<Self, Problem> {
        let mut lines = Lines::of(BufReader::with_capacity(1 << 16, file.try_clone()?));
        let header = lines.header()?;
        let mut reading = Reading::default();
        let mut link = lines.link();
        while let Some((at, event)) = lines.read()? {
            reading.take(at, event).map_err(|problem| Problem::damaged(at, problem))?;
            // What comes next takes the place of the `end`.
            if !reading.finished {
                link = lines.link();
            }
        }
        if !reading.finished {
            reading.end = lines.next_at();
        }
        let (header, layout) = (reading.order.take().unwrap_or(header), lines.layout());
        let (path, file) = (path.to_owned(), Some(file));
        let read_at = Some(SystemTime::now());
        Ok(Self { header, path, file, read_at, layout, link, ..reading.sorted() })
    }

    /// What the run is made from: as it began, or as it was last gone on with.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the run came to its end.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// How many requests were written down, those of every part of the run.
    pub fn requests(&self) -> usize {
        self.requests
    }

    /// Whether nothing came of the run: no request, and no row.
    pub fn is_blank(&self) -> bool {
        self.requests == 0 && self.rows.is_empty()
    }

    /// Whether each line answers for those before it. Those of an earlier version of this program do not.
    pub fn is_chained(&self) -> bool {
        self.layout == Layout::Chained
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    pub(super) fn link(&self) -> Link {
        self.link
    }

    /// How many rows ended in each state, in the order in which the states first appeared.
    pub fn counts(&self) -> Vec<(&str, usize)> {
        let mut counts: Vec<_> = self.states.iter().map(|state| (state.as_str(), 0)).collect();
        for row in &self.rows {
            counts[row.state as usize].1 += 1;
        }
        counts.retain(|(_, rows)| *rows > 0);
        counts
    }

    /// How the row of a scope ended, if it did.
    pub fn row(&self, scope: &str) -> Result<Option<RowEvent>, Unusable> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        let row = self.rows.binary_search_by_key(&scope_key(scope), |row| row.scope);
        row.ok().map(|index| self.row_at(self.rows[index].at)).transpose()
    }

    /// How each row ended, in the order in which they did.
    pub fn rows(&self) -> impl Iterator<Item = Result<RowEvent, Unusable>> {
        let mut places: Vec<_> = self.rows.iter().map(|row| row.at).collect();
        places.sort_unstable();
        places.into_iter().map(|at| self.row_at(at))
    }

    /// How fast services were called, part by part of the run.
    pub fn paces(&self) -> impl Iterator<Item = Result<PaceEvent, Unusable>> {
        self.paces.iter().map(|at| match self.event(*at)? {
            Event::RateLimit(pace) => Ok(pace),
            _ => Err(self.changed(*at)),
        })
    }

    fn row_at(&self, at: u64) -> Result<RowEvent, Unusable> {
        match self.event(at)? {
            Event::Row(row) => Ok(row),
            _ => Err(self.changed(at)),
        }
    }

    /// What became of a request that was not taken yet: its answer, or that it has none.
    pub(super) fn take(&self, request: &Request) -> Result<Option<Told>, Error> {
        if let Some(told) = self.of_again(&request.scope, |again| again.take(request)) {
            return told;
        }
        if self.slots.is_empty() {
            return Ok(None);
        }
        let identity = identity_key(&identity(&request.wire)).unwrap_or_default();
        let Some(slot) = self.take_slot(&request.scope, identity) else {
            return Ok(None);
        };
        let told = self.told(slot, request).map_err(|error| Error::setup(error.to_string()));
        told.map(Some).map_err(|error| error.for_request(request))
    }

    /// What [`take`](Self::take) would give for a request; what cannot be read is nothing.
    pub(super) fn peek(&self, request: &Request) -> Option<Told> {
        if let Some(told) = self.of_again(&request.scope, |again| again.peek(request)) {
            return told;
        }
        if self.slots.is_empty() {
            return None;
        }
        let identity = identity_key(&identity(&request.wire)).unwrap_or_default();
        let key = (scope_key(&request.scope), identity);
        let (head, first) = self.head_of(key)?;
        let taken = head.taken.load(Ordering::Relaxed) as usize;
        let slot = self.slots.get(first + taken).filter(|slot| slot.key() == key)?;
        self.told(slot, request).ok()
    }

    fn told(&self, slot: &Slot, request: &Request) -> Result<Told, Unusable> {
        let outcome = self.outcome(slot)?.map_err(|lost| lost.for_request(request));
        let at = |millis: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let known = (slot.unclear_at > 0).then(|| at(slot.unclear_at));
        Ok(Told { outcome, ordinal: slot.ordinal.into(), since: known.or(self.read_at) })
    }

    /// Answers the requests of these rows, each of which is run again from its beginning, from what the journal
    /// has by now. All that was added to the journal must be written.
    pub fn run_again(&self, path: &Path, rows: HashSet<String>) -> Result<(), Unusable> {
        let history = Box::new(Self::read(path)?);
        *self.again.write().unwrap_or_else(PoisonError::into_inner) = Some(Again { rows, history });
        self.is_again.store(true, Ordering::Release);
        Ok(())
    }

    /// What the rows that are run again have, where the scope belongs to one of them.
    fn of_again<T>(&self, scope: &str, get: impl FnOnce(&Self) -> T) -> Option<T> {
        if !self.is_again.load(Ordering::Acquire) {
            return None;
        }
        let again = self.again.read().unwrap_or_else(PoisonError::into_inner);
        let again = again.as_ref().filter(|again| again.rows.contains(row_of(scope)))?;
        Some(get(&again.history))
    }

    fn outcome(&self, slot: &Slot) -> Result<Result<Response, Error>, Unusable> {
        if slot.outcome == Outcome::Unknown {
            let detail = "the run was stopped before an answer was written down";
            return Ok(Err(Error::network(NetworkError::ConnectionLost, detail)));
        }
        let damaged = |problem| Unusable::new(&self.path, Problem::damaged(slot.at, problem));
        match self.event(slot.at)? {
            Event::Response(answer) | Event::Resolved(answer) => {
                Ok(Ok(answer.into_response().map_err(|error| damaged(error.to_string()))?))
            }
            Event::Error(lost) => Ok(Err(lost.into_error().map_err(damaged)?)),
            _ => Err(self.changed(slot.at)),
        }
    }

    /// The value that was given for this name, if it was not taken yet.
    pub(super) fn take_value(&self, scope: &str, name: &str) -> Result<Option<Value>, Error> {
        if let Some(value) = self.of_again(scope, |again| again.take_value(scope, name)) {
            return value;
        }
        let Some(slot) = self.take_slot(scope, value_key(name)) else {
            return Ok(None);
        };
        match self.event(slot.at) {
            Ok(Event::Value(event)) => Ok(Some(event.value)),
            Ok(_) => Err(Error::setup(self.changed(slot.at).to_string())),
            Err(error) => Err(Error::setup(error.to_string())),
        }
    }

    /// The first of equals that was not taken yet.
    fn take_slot(&self, scope: &str, identity: u64) -> Option<&Slot> {
        let key = (scope_key(scope), identity);
        let (head, first) = self.head_of(key)?;
        let taken = head.taken.fetch_add(1, Ordering::Relaxed) as usize;
        self.slots.get(first + taken).filter(|slot| slot.key() == key)
    }

    /// The first among equals and its place.
    fn head_of(&self, key: (u64, u64)) -> Option<(&Slot, usize)> {
        let first = self.slots.partition_point(|slot| slot.key() < key);
        self.slots.get(first).filter(|slot| slot.key() == key).map(|head| (head, first))
    }

    fn event(&self, at: u64) -> Result<Event, Unusable> {
        match &self.file {
            Some(file) => event_at(file, at, self.layout)
                .map_err(|problem| Unusable::new(&self.path, problem)),
            None => Err(self.changed(at)),
        }
    }

    fn changed(&self, at: u64) -> Unusable {
        let problem = "another event stands there than when it was opened";
        Unusable::new(&self.path, Problem::damaged(at, problem))
    }
}

impl Slot {
    fn key(&self) -> (u64, u64) {
        (self.scope, self.identity)
    }
}

/// As much of an event as the index needs.
#[derive(Deserialize)]
struct Gist<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    scope: Cow<'a, str>,
    #[serde(default)]
    ordinal: u64,
    #[serde(borrow, default)]
    #[serde(rename = "entry")]
    endpoint: Cow<'a, str>,
    #[serde(borrow, default)]
    hash: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    state: Cow<'a, str>,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    interactions: usize,
    #[serde(default)]
    repeats: Option<u64>,
    #[serde(default)]
    unclear_at: Option<u64>,
}

/// A history while its events come in, in the order of the file.
#[derive(Default)]
struct Reading {
    slots: Vec<Slot>,
    rows: Vec<Row>,
    states: Vec<String>,
    paces: Vec<u64>,
    /// The last one.
    order: Option<Header>,
    /// By scope and number: the request that waits for its outcome.
    open: HashMap<(u64, u64), usize>,
    /// By scope and number: the write that is in doubt.
    unclear: HashMap<(u64, u64), usize>,
    /// By scope: how many slots and rows there were at its last `again`.
    again: HashMap<u64, (usize, usize)>,
    requests: usize,
    finished: bool,
    end: u64,
}

impl Reading {
    fn take(&mut self, at: u64, event: &[u8]) -> Result<(), String> {
        let gist: Gist = serde_json::from_slice(event).map_err(|error| error.to_string())?;
        if self.finished {
            return Err("something follows the end".to_owned());
        }
        let scope = scope_key(&gist.scope);
        match &*gist.event {
            "request" if gist.repeats.is_some() => {
                let of = (scope, gist.repeats.unwrap_or_default());
                let index = self.unclear.get(&of).or(self.open.get(&of)).copied();
                let index = index.ok_or("it repeats no write in doubt")?;
                self.open.insert((scope, gist.ordinal), index);
                self.unclear.insert(of, index);
                let slot = &mut self.slots[index];
                (slot.outcome, slot.at, slot.unclear_at) = (Outcome::Unknown, 0, 0);
                self.requests += 1;
            }
            "resolved" => {
                let place = (scope, gist.ordinal);
                let index = self.unclear.get(&place).or(self.open.get(&place)).copied();
                let slot = &mut self.slots[index.ok_or("it resolves no write in doubt")?];
                (slot.outcome, slot.at, slot.unclear_at) = (Outcome::Good, at, 0);
            }
            "request" => {
                let identity = identity_key(&gist.hash).ok_or("its hash is none")?;
                // One of an earlier part that has no outcome never gets one.
                self.open.insert((scope, gist.ordinal), self.slots.len());
                self.push(scope, identity, &gist, 0, Outcome::Unknown)?;
                self.requests += 1;
            }
            "response" => {
                let outcome = match gist.status {
                    ..400 => Outcome::Good,
                    400..500 => Outcome::Refused,
                    500.. => Outcome::Unclear,
                };
                self.settle(scope, &gist, at, outcome)?;
            }
            "error" => self.settle(scope, &gist, at, Outcome::Unclear)?,
            "value" => self.push(scope, value_key(&gist.name), &gist, at, Outcome::Good)?,
            "again" => {
                self.again.insert(scope, (self.slots.len(), self.rows.len()));
            }
            "row" => {
                let state = self.state(&gist.state)?;
                self.rows.push(Row { scope, at, state });
            }
            "pace" => self.paces.push(at),
            "order" => {
                let order = serde_json::from_slice(event).map_err(|error| error.to_string())?;
                if let Event::Order(header) = order {
                    self.order = Some(header);
                }
            }
            "end" if gist.interactions == self.requests => {
                self.finished = true;
                self.end = at;
            }
            "end" => {
                let (due, found) = (gist.interactions, self.requests);
                return Err(format!("{due} requests are due, {found} are here"));
            }
            other => return Err(format!("`{other}` is no event of a journal")),
        }
        Ok(())
    }

    fn push(
        &mut self,
        scope: u64,
        identity: u64,
        gist: &Gist,
        at: u64,
        outcome: Outcome,
    ) -> Result<(), String> {
        let ordinal = u32::try_from(gist.ordinal).map_err(|error| error.to_string())?;
        let taken = AtomicU32::new(0);
        // What an endpoint of another version did is not known: it may have written.
        let writes =
            !endpoint(&gist.endpoint).is_ok_and(|endpoint| endpoint.metadata.effect.is_read());
        self.slots.push(Slot {
            scope,
            identity,
            at,
            ordinal,
            unclear_at: 0,
            taken,
            writes,
            outcome,
        });
        Ok(())
    }

    fn settle(&mut self, scope: u64, gist: &Gist, at: u64, outcome: Outcome) -> Result<(), String> {
        let place = (scope, gist.ordinal);
        let index = self.open.remove(&place).ok_or("an answer without a request")?;
        let slot = &mut self.slots[index];
        // The journal knows better than the status what the answer was to its sender.
        let is_unclear = gist.unclear_at.is_some() || (slot.writes && outcome == Outcome::Unclear);
        slot.at = at;
        slot.outcome = if is_unclear { Outcome::Unclear } else { outcome };
        slot.unclear_at = gist.unclear_at.unwrap_or_default();
        if is_unclear {
            self.unclear.insert((scope, slot.ordinal.into()), index);
        }
        Ok(())
    }

    fn state(&mut self, name: &str) -> Result<u32, String> {
        let known = self.states.iter().position(|state| state == name);
        let index = known.unwrap_or_else(|| {
            self.states.push(name.to_owned());
            self.states.len() - 1
        });
        u32::try_from(index).map_err(|error| error.to_string())
    }

    fn sorted(self) -> History {
        let Self { mut slots, mut rows, again, .. } = self;
        let before = |scope: u64| again.get(&scope).copied().unwrap_or_default();
        let mut index = 0;
        slots.retain(|slot| {
            index += 1;
            let counts = match slot.outcome {
                Outcome::Good => true,
                Outcome::Refused => false,
                Outcome::Unclear | Outcome::Unknown => slot.writes,
            };
            counts || index > before(slot.scope).0
        });
        let mut index = 0;
        rows.retain(|row| {
            index += 1;
            index > before(row.scope).1
        });
        // A request that was sent anew stands behind the one that it replaces, and the sort keeps it there.
        slots.sort_by_key(|slot| (slot.scope, slot.identity, slot.ordinal));
        keep_last(&mut slots, |slot| (slot.scope, slot.identity, slot.ordinal));
        rows.sort_by_key(|row| row.scope);
        keep_last(&mut rows, |row| row.scope);
        History {
            slots,
            rows,
            states: self.states,
            paces: self.paces,
            requests: self.requests,
            finished: self.finished,
            end: self.end,
            ..History::default()
        }
    }
}

/// Of neighbours with the same key, the last one stays.
fn keep_last<T, K: PartialEq>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    items.dedup_by(|later, earlier| {
        let same = key(later) == key(earlier);
        if same {
            mem::swap(later, earlier);
        }
        same
    });
}

pub(crate) fn scope_key(scope: &str) -> u64 {
    first_bytes(&blake3::hash(scope.as_bytes()))
}

pub(crate) fn value_key(name: &str) -> u64 {
    first_bytes(&blake3::hash(format!("value {name}").as_bytes()))
}

fn first_bytes(hash: &blake3::Hash) -> u64 {
    let bytes = hash.as_bytes();
    u64::from_le_bytes(std::array::from_fn(|index| bytes[index]))
}

/// The first half of an identity's digits.
pub(crate) fn identity_key(identity: &str) -> Option<u64> {
    u64::from_str_radix(identity.get(..16)?, 16).ok()
}
