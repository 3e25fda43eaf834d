//! Turning a run that was stopped and resumed into one that went straight through.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use drillmaster_models::{endpoint, scope};

use super::{
    ErrorEvent, Event, EventReader, Header, Interaction, Recording, RequestEvent, SealError,
    ValueEvent, decode_outcome, unanswered,
};
use crate::error::Error;
use crate::request::{Response, Scope};

/// The journal of a run as a cassette, as if the run had gone straight through. Nothing is redacted.
///
/// ```
/// use drillmaster_transport::cassette::{Event, Header, linearize, lines};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("run.journal");
/// std::fs::write(&path, lines::line(&Event::Cassette(Header::default()))).unwrap();
/// assert!(linearize(&path).unwrap().interactions.is_empty());
/// ```
pub fn linearize(journal: &Path) -> Result<Recording, SealError> {
    let mut run = LinearRun::read(journal)?;
    let header = std::mem::take(&mut run.header);
    let mut tape = Recording { header, interactions: Vec::new(), values: Vec::new() };
    for step in run.scopes().into_values().flatten() {
        match step {
            Step::Value(value) => tape.values.push(value),
            Step::Call(call) => {
                let outcome = match call.outcome {
                    Some(Ok(response)) => Ok(response),
                    Some(Err(error)) => Err(error.into_error().map_err(SealError::Recording)?),
                    None => Err(unanswered()),
                };
                tape.interactions.push(Interaction { request: call.request, outcome });
            }
        }
    }
    // The run's own requests come first, as in a sealed cassette.
    tape.interactions.sort_by_key(|interaction| interaction.request.scope != scope::MAIN);
    Ok(tape)
}

/// What happened in a scope, in order.
pub(super) enum Step {
    Call(Box<Call>),
    Value(ValueEvent),
}

/// A request and its outcome.
pub(super) struct Call {
    pub(super) request: RequestEvent,
    /// `None`: none was recorded.
    pub(super) outcome: Option<Result<Response, ErrorEvent>>,
    part: usize,
    /// Its failure does not count any more: the row ran again.
    forgotten: bool,
}

/// A run, scope by scope.
///
/// A resumed run numbers its requests anew, and writes down only those that the journal could not answer. So a number
/// that occurs again begins another part of the run, in which a request takes the place of an earlier one that failed.
pub(super) struct LinearRun {
    /// The last header.
    pub(super) header: Header,
    scopes: BTreeMap<String, Steps>,
}

/// The steps of one scope.
#[derive(Default)]
struct Steps {
    /// Each with its position: its part of the run, and its number.
    entries: Vec<((usize, u64), Step)>,
    part: usize,
    /// The numbers of this part.
    numbers: HashSet<u64>,
    /// By number: the request that waits for its outcome.
    open: HashMap<u64, usize>,
    /// By identity: the requests.
    equal: HashMap<String, Vec<usize>>,
}

impl LinearRun {
    pub(super) fn new(header: Header) -> Self {
        Self { header, scopes: BTreeMap::new() }
    }

    /// Reads a journal.
    pub(super) fn read(journal: &Path) -> Result<Self, SealError> {
        let events = EventReader::open(journal)?;
        let mut run = Self::new(events.header().clone());
        for event in events {
            run.push(event?).map_err(SealError::Recording)?;
        }
        Ok(run)
    }

    /// Adds an event.
    pub(super) fn push(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Cassette(header) | Event::Resumed(header) => self.set_header(header),
            // The result of these requests is in the `resolved` event of the write that they checked.
            Event::Request(request) if request.scope == Scope::PROBES => {}
            Event::Response(response) if response.scope == Scope::PROBES => {}
            Event::Error(error) if error.scope == Scope::PROBES => {}
            Event::Request(request) => match request.repeats {
                Some(of) => self.scope(&request.scope).repeat(request.ordinal, of)?,
                None => self.scope(&request.scope).call(request),
            },
            Event::Resolved(response) => {
                let (scope, ordinal) = (response.scope.clone(), response.ordinal);
                let response = response.into_response().map_err(|error| error.to_string())?;
                *self.scope(&scope).latest(ordinal)? = Some(Ok(response));
            }
            Event::Response(response) => {
                let (scope, ordinal) = (response.scope.clone(), response.ordinal);
                let response = response.into_response().map_err(|error| error.to_string())?;
                self.scope(&scope).end(ordinal, Ok(response))?;
            }
            Event::Error(error) => {
                self.scope(&error.scope.clone()).end(error.ordinal, Err(error))?;
            }
            Event::Value(value) => self.scope(&value.scope).value(value),
            Event::Retry { scope } => self.scope(&scope).forget_failures(),
            Event::Row(_) | Event::Rate(_) | Event::End { .. } => {}
        }
        Ok(())
    }

    /// Takes the header of the next part. A key of an earlier part may still be in the recording.
    fn set_header(&mut self, header: Header) {
        let before = std::mem::take(&mut self.header.keys);
        self.header = Header { keys: header.keys.clone().and(before), ..header };
    }

    fn scope(&mut self, name: &str) -> &mut Steps {
        self.scopes.entry(name.to_owned()).or_default()
    }

    /// The steps of each scope. Concurrent requests were recorded as they happened; their numbers give their order.
    pub(super) fn scopes(self) -> BTreeMap<String, Vec<Step>> {
        let scopes = self.scopes.into_iter().map(|(name, mut scope)| {
            // A failed request of an earlier part that no later part repeated is not on the way any more.
            let last = scope.part;
            scope.entries.retain(|(_, step)| match step {
                Step::Call(call) => call.part == last || call.stands(),
                Step::Value(_) => true,
            });
            scope.entries.sort_by_key(|(position, _)| *position);
            let steps: Vec<_> = scope.entries.into_iter().map(|(_, step)| step).collect();
            (name, steps)
        });
        scopes.filter(|(_, steps)| !steps.is_empty()).collect()
    }
}

/// The endpoints of the writes among these steps that may or may not have taken effect.
pub(super) fn in_doubt(steps: &[Step]) -> impl Iterator<Item = &str> {
    let calls = steps.iter().filter_map(|step| match step {
        Step::Call(call) => Some(call),
        Step::Value(_) => None,
    });
    let in_doubt = calls.filter(|call| call.error().is_some_and(|error| error.is_in_doubt()));
    in_doubt.map(|call| call.request.endpoint.as_str())
}

impl Steps {
    /// The position of a step with this number.
    fn position(&mut self, ordinal: u64) -> (usize, u64) {
        if !self.numbers.insert(ordinal) {
            self.part += 1;
            self.numbers = HashSet::from([ordinal]);
        }
        (self.part, ordinal)
    }

    /// Adds a value. The script gets the first one in every later part, too.
    fn value(&mut self, value: ValueEvent) {
        let position = self.position(value.ordinal);
        let is_same = |step: &Step| match step {
            Step::Value(own) => own.name == value.name && own.ordinal == value.ordinal,
            Step::Call(_) => false,
        };
        if !self.entries.iter().any(|(_, step)| is_same(step)) {
            self.entries.push((position, Step::Value(value)));
        }
    }

    /// Adds a request. It takes the place of an equal one that failed in an earlier part.
    fn call(&mut self, request: RequestEvent) {
        let ordinal = request.ordinal;
        let position = self.position(ordinal);
        let (part, _) = position;
        let equal = self.equal.entry(request.hash.clone()).or_default();
        let has_failed = |index: &&usize| match &self.entries[**index].1 {
            Step::Call(call) => call.part < part && !call.stands(),
            Step::Value(_) => false,
        };
        let earlier = if part > 0 { equal.iter().find(has_failed).copied() } else { None };
        let call = Call { request, outcome: None, part, forgotten: false };
        let step = Step::Call(Box::new(call));
        let index = earlier.unwrap_or(self.entries.len());
        if earlier.is_some() {
            self.entries[index].1 = step;
        } else {
            equal.push(index);
            self.entries.push((position, step));
        }
        self.open.insert(ordinal, index);
    }

    /// The index of the latest request with this number.
    fn index_of(&self, ordinal: u64) -> Result<usize, String> {
        let has_it = |(position, step): &((usize, u64), Step)| {
            position.1 == ordinal && matches!(step, Step::Call(_))
        };
        let index = self.entries.iter().rposition(has_it);
        index.ok_or_else(|| format!("there is no request {ordinal} to repeat or resolve"))
    }

    /// The outcome of the latest request with this number.
    fn latest(
        &mut self,
        ordinal: u64,
    ) -> Result<&mut Option<Result<Response, ErrorEvent>>, String> {
        let index = self.index_of(ordinal)?;
        self.outcome(index)
    }

    fn outcome(
        &mut self,
        index: usize,
    ) -> Result<&mut Option<Result<Response, ErrorEvent>>, String> {
        match &mut self.entries[index].1 {
            Step::Call(call) => Ok(&mut call.outcome),
            Step::Value(_) => Err("an answer without a request".to_owned()),
        }
    }

    /// Adds a request that repeats a write in doubt. Its outcome is that of the write.
    fn repeat(&mut self, ordinal: u64, of: u64) -> Result<(), String> {
        let index = self.index_of(of)?;
        let _ = self.position(ordinal);
        self.open.insert(ordinal, index);
        *self.outcome(index)? = None;
        Ok(())
    }

    /// Ends a request.
    fn end(&mut self, ordinal: u64, outcome: Result<Response, ErrorEvent>) -> Result<(), String> {
        let index = self.open.remove(&ordinal).ok_or("an answer without a request")?;
        *self.outcome(index)? = Some(outcome);
        Ok(())
    }

    fn forget_failures(&mut self) {
        for (_, step) in &mut self.entries {
            if let Step::Call(call) = step {
                call.forgotten |= call.may_be_forgotten();
            }
        }
    }
}

impl Call {
    /// Whether it writes. An endpoint of another version may have written.
    fn writes(&self) -> bool {
        !endpoint(&self.request.endpoint).is_ok_and(|endpoint| endpoint.metadata.effect.is_read())
    }

    /// Whether it was refused, or is a read without a clear answer.
    fn may_be_forgotten(&self) -> bool {
        match &self.outcome {
            Some(Ok(response)) if response.status < 400 => false,
            Some(Ok(response)) if response.status < 500 => true,
            _ => !self.writes(),
        }
    }

    /// Whether a resumed run is answered with its outcome, and does not send it again.
    fn stands(&self) -> bool {
        if self.forgotten {
            return false;
        }
        if endpoint(&self.request.endpoint).is_err() {
            return self.writes();
        }
        self.error().is_none_or(|error| error.is_refusal() || error.is_in_doubt())
    }

    /// The error that its sender got, if it got one.
    fn error(&self) -> Option<Error> {
        let endpoint = endpoint(&self.request.endpoint).ok()?;
        let outcome = match &self.outcome {
            None => Err(unanswered()),
            Some(Ok(response)) => Ok(response.clone()),
            Some(Err(error)) => Err(error.clone().into_error().ok()?),
        };
        decode_outcome(&endpoint.metadata, &outcome).err()
    }
}
