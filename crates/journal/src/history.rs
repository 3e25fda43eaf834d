//! What earlier parts of a run recorded.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use drillmaster_models::endpoint;
use drillmaster_transport::cassette::index::{EventIndex, EventKey, Lookup, Slot, short_hash};
use drillmaster_transport::cassette::lines::{
    ChainHash, LineError, LineFormat, Lines, read_event_at,
};
use drillmaster_transport::cassette::{Event, Header, RateEvent, RowEvent, identity};
use drillmaster_transport::{Error, NetworkError, Request, Response, Scope, files};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{JournalError, Problem};

/// An index of a journal. Events stay in the file until they are asked for, so that a million rows fit into memory.
///
/// The last `row` event of a row counts. After an `again` event, earlier `row` events of that scope no longer count, nor
/// do its refusals and its reads without a response. Its other responses and its values still count, and so do its
/// in-doubt writes: a [`Resolver`](drillmaster_transport::Resolver) finds out whether they took effect. A repeat of
/// such a write, or a `resolved` event, replaces its outcome.
#[derive(Debug, Default)]
pub struct History {
    header: Header,
    path: PathBuf,
    file: Option<File>,
    /// When the journal was read. Requests without an outcome may have been in flight until then.
    read_at: Option<SystemTime>,
    /// Rows that this process runs again, and what it recorded of them in the meantime.
    rerun: RwLock<Option<Rerun>>,
    has_rerun: AtomicBool,
    events: EventIndex<Place>,
    /// Sorted by scope.
    rows: Vec<Row>,
    /// The names of states, in the order of their first appearance.
    states: Vec<String>,
    /// The lines of the `pace` events.
    rates: Vec<u64>,
    requests: usize,
    finished: bool,
    /// Where the next line goes.
    end: u64,
    format: LineFormat,
    /// The hash of the line before that.
    last_hash: ChainHash,
}

/// Rows that are run again.
#[derive(Debug)]
struct Rerun {
    rows: HashSet<String>,
    history: Box<History>,
}

/// The outcome of a request in an earlier part of the run.
pub(super) struct Recorded {
    pub(super) outcome: Result<Response, Error>,
    pub(super) ordinal: u64,
    /// Since when it has been in doubt, if it is an in-doubt write.
    pub(super) since: Option<SystemTime>,
}

/// A request or a value.
#[derive(Debug)]
struct Place {
    /// The line with the outcome or the value.
    at: u64,
    /// Since when a write is in doubt, in milliseconds since the epoch; 0 if unknown.
    in_doubt_since: u64,
    writes: bool,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// None was recorded.
    Unknown,
    Good,
    Refused,
    /// An error of the network or of the server.
    Unclear,
}

#[derive(Debug)]
struct Row {
    scope: u64,
    at: u64,
    /// The index of its state's name.
    state: u32,
}

impl History {
    /// Reads a journal, which another process may be writing.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = path.as_ref();
        let file = files::open(path).map_err(Problem::from);
        file.and_then(|file| Self::from_file(path, file))
            .map_err(|problem| JournalError::new(path, problem))
    }

    pub(super) fn from_file(path: &Path, file: File) -> Result<Self, Problem> {
        let mut lines = Lines::new(BufReader::with_capacity(1 << 16, file.try_clone()?));
        let header = lines.read_header()?;
        let mut builder = Builder::default();
        let mut last_hash = lines.hash();
        while let Some((at, event)) = lines.read_line()? {
            builder.add(at, event).map_err(|problem| LineError::damaged(at, problem))?;
            // The next line will replace the `end`.
            if !builder.finished {
                last_hash = lines.hash();
            }
        }
        if !builder.finished {
            builder.end = lines.position();
        }
        let (header, format) = (builder.resumed.take().unwrap_or(header), lines.format());
        let (path, file) = (path.to_owned(), Some(file));
        let read_at = Some(SystemTime::now());
        Ok(Self { header, path, file, read_at, format, last_hash, ..builder.build() })
    }

    /// What the run is made from, as it was started or last resumed.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the run ended.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// How many requests all parts of the run recorded.
    pub fn requests(&self) -> usize {
        self.requests
    }

    /// Whether nothing was recorded: no request, and no row.
    pub fn is_blank(&self) -> bool {
        self.requests == 0 && self.rows.is_empty()
    }

    /// Whether each line vouches for those before it. Those of early versions of this program do not.
    pub fn is_chained(&self) -> bool {
        self.format == LineFormat::Chained
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn format(&self) -> LineFormat {
        self.format
    }

    pub(super) fn last_hash(&self) -> ChainHash {
        self.last_hash
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

    /// How the row with this scope ended, if it did.
    pub fn row(&self, scope: &str) -> Result<Option<RowEvent>, JournalError> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        let row = self.rows.binary_search_by_key(&short_hash(scope), |row| row.scope);
        row.ok().map(|index| self.row_at(self.rows[index].at)).transpose()
    }

    /// How each row ended, in the order in which they did.
    pub fn rows(&self) -> impl Iterator<Item = Result<RowEvent, JournalError>> {
        let mut places: Vec<_> = self.rows.iter().map(|row| row.at).collect();
        places.sort_unstable();
        places.into_iter().map(|at| self.row_at(at))
    }

    /// How fast services were called in each part of the run.
    pub fn rates(&self) -> impl Iterator<Item = Result<RateEvent, JournalError>> {
        self.rates.iter().map(|at| match self.event(*at)? {
            Event::Rate(rate) => Ok(rate),
            _ => Err(self.changed(*at)),
        })
    }

    fn row_at(&self, at: u64) -> Result<RowEvent, JournalError> {
        match self.event(at)? {
            Event::Row(row) => Ok(row),
            _ => Err(self.changed(at)),
        }
    }

    /// Takes the outcome of the next recorded request that equals this one.
    pub(super) fn take(&self, request: &Request) -> Result<Option<Recorded>, Error> {
        if let Some(recorded) = self.in_rerun(&request.scope, |rerun| rerun.take(request)) {
            return recorded;
        }
        match self.key(request).map(|key| self.events.take(key)) {
            Some(Lookup::Found(slot)) => self
                .recorded(slot, request)
                .map(Some)
                .map_err(|error| Error::setup(error.to_string()).for_request(request)),
            _ => Ok(None),
        }
    }

    /// What [`take`](Self::take) would return; nothing if it cannot be read.
    pub(super) fn peek(&self, request: &Request) -> Option<Recorded> {
        if let Some(recorded) = self.in_rerun(&request.scope, |rerun| rerun.peek(request)) {
            return recorded;
        }
        self.recorded(self.events.peek(self.key(request)?)?, request).ok()
    }

    /// The key of a request, if there is anything to find.
    fn key(&self, request: &Request) -> Option<EventKey> {
        // Spares the first part of a run the hash.
        if self.events.is_empty() {
            return None;
        }
        EventKey::request(&request.scope, &identity(&request.wire))
    }

    fn recorded(&self, slot: &Slot<Place>, request: &Request) -> Result<Recorded, JournalError> {
        let outcome = self.outcome(&slot.data)?.map_err(|lost| lost.for_request(request));
        let since = Some(slot.data.in_doubt_since).filter(|since| *since > 0);
        let since = since.map(|since| SystemTime::UNIX_EPOCH + Duration::from_millis(since));
        Ok(Recorded { outcome, ordinal: slot.ordinal().into(), since: since.or(self.read_at) })
    }

    /// Runs these rows again from their beginning: their requests are answered from what the journal holds now.
    /// Everything that was added to the journal must have been written.
    pub fn rerun(&self, path: &Path, rows: HashSet<String>) -> Result<(), JournalError> {
        let history = Box::new(Self::read(path)?);
        let rerun = Rerun { rows, history };
        *self.rerun.write().unwrap_or_else(PoisonError::into_inner) = Some(rerun);
        self.has_rerun.store(true, Ordering::Release);
        Ok(())
    }

    /// Looks something up in the history of the rows that are run again, if the scope belongs to one of them.
    fn in_rerun<T>(&self, scope: &str, get: impl FnOnce(&Self) -> T) -> Option<T> {
        if !self.has_rerun.load(Ordering::Acquire) {
            return None;
        }
        let rerun = self.rerun.read().unwrap_or_else(PoisonError::into_inner);
        let rerun = rerun.as_ref().filter(|rerun| rerun.rows.contains(Scope::row_of(scope)))?;
        Some(get(&rerun.history))
    }

    fn outcome(&self, place: &Place) -> Result<Result<Response, Error>, JournalError> {
        if place.outcome == Outcome::Unknown {
            let detail = "the run was stopped before a response was recorded";
            return Ok(Err(Error::network(NetworkError::ConnectionLost, detail)));
        }
        let damaged = |problem: String| self.damaged(place.at, problem);
        match self.event(place.at)? {
            Event::Response(answer) | Event::Resolved(answer) => {
                Ok(Ok(answer.into_response().map_err(|error| damaged(error.to_string()))?))
            }
            Event::Error(lost) => Ok(Err(lost.into_error().map_err(damaged)?)),
            _ => Err(self.changed(place.at)),
        }
    }

    /// Takes the next recorded value with this name.
    pub(super) fn take_value(&self, scope: &str, name: &str) -> Result<Option<Value>, Error> {
        if let Some(value) = self.in_rerun(scope, |rerun| rerun.take_value(scope, name)) {
            return value;
        }
        let Lookup::Found(slot) = self.events.take(EventKey::value(scope, name)) else {
            return Ok(None);
        };
        match self.event(slot.data.at) {
            Ok(Event::Value(event)) => Ok(Some(event.value)),
            Ok(_) => Err(Error::setup(self.changed(slot.data.at).to_string())),
            Err(error) => Err(Error::setup(error.to_string())),
        }
    }

    fn event(&self, at: u64) -> Result<Event, JournalError> {
        match &self.file {
            Some(file) => read_event_at(file, at, self.format)
                .map_err(|problem| JournalError::new(&self.path, problem)),
            None => Err(self.changed(at)),
        }
    }

    fn changed(&self, at: u64) -> JournalError {
        self.damaged(at, "another event is there than when it was opened")
    }

    fn damaged(&self, at: u64, problem: impl Into<String>) -> JournalError {
        JournalError::new(&self.path, LineError::damaged(at, problem))
    }
}

/// The fields of an event that the index needs.
#[derive(Deserialize)]
struct Fields<'a> {
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
    #[serde(rename = "unclear_at", default)]
    in_doubt_since: Option<u64>,
}

/// Builds a history from events, in the order of the file.
#[derive(Default)]
struct Builder {
    slots: Vec<Slot<Place>>,
    rows: Vec<Row>,
    states: Vec<String>,
    rates: Vec<u64>,
    /// The header of the last part.
    resumed: Option<Header>,
    /// By scope and number: the requests without an outcome.
    open: HashMap<(u64, u64), usize>,
    /// By scope and number: the in-doubt writes.
    in_doubt: HashMap<(u64, u64), usize>,
    /// By scope: how many slots and rows there were at its last `again`.
    retried: HashMap<u64, (usize, usize)>,
    requests: usize,
    finished: bool,
    end: u64,
}

impl Builder {
    fn add(&mut self, at: u64, event: &[u8]) -> Result<(), String> {
        let fields: Fields = serde_json::from_slice(event).map_err(|error| error.to_string())?;
        if self.finished {
            return Err("something follows the end".to_owned());
        }
        let scope = short_hash(&fields.scope);
        match &*fields.event {
            "request" => self.add_request(scope, &fields)?,
            "resolved" => {
                let index = self.in_doubt(scope, fields.ordinal);
                let place = &mut self.slots[index.ok_or("it resolves no in-doubt write")?].data;
                *place = Place { at, outcome: Outcome::Good, in_doubt_since: 0, ..*place };
            }
            "response" => {
                let outcome = match fields.status {
                    ..400 => Outcome::Good,
                    400..500 => Outcome::Refused,
                    500.. => Outcome::Unclear,
                };
                self.set_outcome(scope, &fields, at, outcome)?;
            }
            "error" => self.set_outcome(scope, &fields, at, Outcome::Unclear)?,
            "value" => {
                let key = EventKey::value(&fields.scope, &fields.name);
                self.push(key, &fields, at, Outcome::Good)?;
            }
            "again" => {
                self.retried.insert(scope, (self.slots.len(), self.rows.len()));
            }
            "row" => {
                let state = self.state(&fields.state)?;
                self.rows.push(Row { scope, at, state });
            }
            "pace" => self.rates.push(at),
            "order" => {
                let event = serde_json::from_slice(event).map_err(|error| error.to_string())?;
                if let Event::Resumed(header) = event {
                    self.resumed = Some(header);
                }
            }
            "end" if fields.interactions == self.requests => {
                self.finished = true;
                self.end = at;
            }
            "end" => {
                let (expected, found) = (fields.interactions, self.requests);
                return Err(format!("it should have {expected} requests, and has {found}"));
            }
            other => return Err(format!("`{other}` is not an event of a journal")),
        }
        Ok(())
    }

    fn add_request(&mut self, scope: u64, fields: &Fields) -> Result<(), String> {
        self.requests += 1;
        if let Some(of) = fields.repeats {
            let index = self.in_doubt(scope, of).ok_or("it repeats no in-doubt write")?;
            self.open.insert((scope, fields.ordinal), index);
            self.in_doubt.insert((scope, of), index);
            let place = &mut self.slots[index].data;
            *place = Place { at: 0, outcome: Outcome::Unknown, in_doubt_since: 0, ..*place };
            return Ok(());
        }
        let key = EventKey::request(&fields.scope, &fields.hash).ok_or("its hash is invalid")?;
        // A request of an earlier part that has no outcome never gets one.
        self.open.insert((scope, fields.ordinal), self.slots.len());
        self.push(key, fields, 0, Outcome::Unknown)
    }

    /// The in-doubt write with this number, or the write without an outcome.
    fn in_doubt(&self, scope: u64, ordinal: u64) -> Option<usize> {
        let place = (scope, ordinal);
        self.in_doubt.get(&place).or(self.open.get(&place)).copied()
    }

    fn push(
        &mut self,
        key: EventKey,
        fields: &Fields,
        at: u64,
        outcome: Outcome,
    ) -> Result<(), String> {
        let ordinal = u32::try_from(fields.ordinal).map_err(|error| error.to_string())?;
        // An endpoint of another version may have written something.
        let writes =
            !endpoint(&fields.endpoint).is_ok_and(|endpoint| endpoint.metadata.effect.is_read());
        let place = Place { at, in_doubt_since: 0, writes, outcome };
        self.slots.push(Slot::new(key, ordinal, place));
        Ok(())
    }

    fn set_outcome(
        &mut self,
        scope: u64,
        fields: &Fields,
        at: u64,
        outcome: Outcome,
    ) -> Result<(), String> {
        let request = (scope, fields.ordinal);
        let index = self.open.remove(&request).ok_or("an outcome without a request")?;
        let slot = &mut self.slots[index];
        let place = &mut slot.data;
        // The recorded time says more than the status: the response may have been unreadable.
        let is_unclear =
            fields.in_doubt_since.is_some() || (place.writes && outcome == Outcome::Unclear);
        place.at = at;
        place.outcome = if is_unclear { Outcome::Unclear } else { outcome };
        place.in_doubt_since = fields.in_doubt_since.unwrap_or_default();
        if is_unclear {
            self.in_doubt.insert((scope, slot.ordinal().into()), index);
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

    fn build(self) -> History {
        let Self { mut slots, mut rows, retried, .. } = self;
        let retried = |scope: u64| retried.get(&scope).copied().unwrap_or_default();
        let mut index = 0;
        slots.retain(|slot| {
            index += 1;
            let counts = match slot.data.outcome {
                Outcome::Good => true,
                Outcome::Refused => false,
                Outcome::Unclear | Outcome::Unknown => slot.data.writes,
            };
            counts || index > retried(slot.key().scope()).0
        });
        let mut index = 0;
        rows.retain(|row| {
            index += 1;
            index > retried(row.scope).1
        });
        rows.sort_by_key(|row| row.scope);
        keep_last(&mut rows, |row| row.scope);
        History {
            // A request that was sent again has the number of the one that it replaces.
            events: EventIndex::latest(slots),
            rows,
            states: self.states,
            rates: self.rates,
            requests: self.requests,
            finished: self.finished,
            end: self.end,
            ..History::default()
        }
    }
}

/// Keeps the last of neighbors with the same key.
fn keep_last<T, K: PartialEq>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    items.dedup_by(|later, earlier| {
        let is_same = key(later) == key(earlier);
        if is_same {
            mem::swap(later, earlier);
        }
        is_same
    });
}
