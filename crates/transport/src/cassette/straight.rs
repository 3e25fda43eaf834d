//! Many parts of a run as one that went straight through.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use drillmaster_models::endpoint;

use super::{
    ErrorEvent, Event, Header, Interaction, RequestEvent, Tape, UNANSWERED, Unsealed, ValueEvent,
};
use crate::error::{Error, NetworkError};
use crate::journal::Events;
use crate::journal::read;
use crate::request::{Response, Scope as Scopes};

const LOOKS: &str = Scopes::PROBES;

/// What happened in a scope, in order.
pub(super) enum Step {
    Asked(Box<Asked>),
    Given(ValueEvent),
}

/// A request and what became of it.
pub(super) struct Asked {
    pub(super) request: RequestEvent,
    /// `None`: nothing was written down.
    pub(super) outcome: Option<Result<Response, ErrorEvent>>,
    part: usize,
    /// Its failure does not count any more.
    forgotten: bool,
}

/// A recording, scope by scope.
pub(super) struct Straight {
    /// The last header.
    pub(super) header: Header,
    scopes: BTreeMap<String, Scope>,
}

#[derive(Default)]
struct Scope {
    /// Each with its part and number, which is its place.
    steps: Vec<((usize, u64), Step)>,
    part: usize,
    /// The numbers of this part.
    numbers: HashSet<u64>,
    /// By number: the request that waits for its outcome.
    open: HashMap<u64, usize>,
    /// By identity: the requests.
    equal: HashMap<String, Vec<usize>>,
}

/// The journal of a run as a cassette: as if it had gone straight through, nothing redacted.
///
/// ```
/// use drillmaster_transport::cassette::{Header, straight};
/// use drillmaster_transport::journal::Journal;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("run.journal");
/// drop(Journal::create(&path, Header::default()).unwrap());
/// assert!(straight(&path).unwrap().interactions.is_empty());
/// ```
pub fn straight(journal: &Path) -> Result<Tape, Unsealed> {
    let mut straight = Straight::read(journal)?;
    let header = std::mem::take(&mut straight.header);
    let mut tape = Tape { header, interactions: Vec::new(), values: Vec::new() };
    for step in straight.scopes().into_values().flatten() {
        match step {
            Step::Given(value) => tape.values.push(value),
            Step::Asked(asked) => {
                let outcome = match asked.outcome {
                    Some(Ok(answer)) => Ok(answer),
                    Some(Err(lost)) => Err(lost.into_error().map_err(Unsealed::Recording)?),
                    None => Err(Error::network(NetworkError::ConnectionLost, UNANSWERED)),
                };
                tape.interactions.push(Interaction { request: asked.request, outcome });
            }
        }
    }
    // The run's own requests come first, as in a sealed cassette.
    tape.interactions.sort_by_key(|interaction| interaction.request.scope != crate::Scope::MAIN);
    Ok(tape)
}

impl Straight {
    pub(super) fn of(header: Header) -> Self {
        Self { header, scopes: BTreeMap::new() }
    }

    /// Reads a journal.
    pub(super) fn read(journal: &Path) -> Result<Self, Unsealed> {
        let events = Events::open(journal)?;
        let mut straight = Self::of(events.header().clone());
        for event in events {
            straight.take(event?).map_err(Unsealed::Recording)?;
        }
        Ok(straight)
    }

    pub(super) fn take(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Cassette(header) | Event::Order(header) => self.go_on(header),
            // What they showed stands at the writes that they were for.
            Event::Request(request) if request.scope == LOOKS => {}
            Event::Response(answer) if answer.scope == LOOKS => {}
            Event::Error(lost) if lost.scope == LOOKS => {}
            Event::Request(request) => match request.repeats {
                Some(of) => self.scope(&request.scope).repeat(request.ordinal, of)?,
                None => self.scope(&request.scope).ask(request),
            },
            Event::Resolved(answer) => {
                let (scope, ordinal) = (answer.scope.clone(), answer.ordinal);
                let answer = answer.into_response().map_err(|error| error.to_string())?;
                self.scope(&scope).resolve(ordinal, answer)?;
            }
            Event::Response(answer) => {
                let (scope, ordinal) = (answer.scope.clone(), answer.ordinal);
                let answer = answer.into_response().map_err(|error| error.to_string())?;
                self.scope(&scope).settle(ordinal, Ok(answer))?;
            }
            Event::Error(lost) => {
                self.scope(&lost.scope.clone()).settle(lost.ordinal, Err(lost))?;
            }
            Event::Value(value) => self.scope(&value.scope).give(value),
            Event::Again { scope } => self.scope(&scope).forget(),
            Event::Row(_) | Event::RateLimit(_) | Event::End { .. } => {}
        }
        Ok(())
    }

    /// From here on the run is another. A key of the part before may stand in it still.
    fn go_on(&mut self, header: Header) {
        let before = std::mem::take(&mut self.header.keys);
        self.header = Header { keys: header.keys.clone().and(before), ..header };
    }

    fn scope(&mut self, name: &str) -> &mut Scope {
        self.scopes.entry(name.to_owned()).or_default()
    }

    /// The scopes with what happened in each. Requests that travelled at the same time were written down as
    /// it happened; their numbers tell their order.
    pub(super) fn scopes(self) -> BTreeMap<String, Vec<Step>> {
        let scopes = self.scopes.into_iter().map(|(name, mut scope)| {
            // What an earlier part asked for in vain, and no later one again, is not on the way any more.
            let last = scope.part;
            scope.steps.retain(|(_, step)| match step {
                Step::Asked(asked) => asked.part == last || asked.stands(),
                Step::Given(_) => true,
            });
            scope.steps.sort_by_key(|(place, _)| *place);
            let steps: Vec<_> = scope.steps.into_iter().map(|(_, step)| step).collect();
            (name, steps)
        });
        scopes.filter(|(_, steps)| !steps.is_empty()).collect()
    }
}

/// The endpoints of the writes among these steps of which it is not known whether they took effect.
pub(super) fn in_doubt(steps: &[Step]) -> impl Iterator<Item = &str> {
    let asked = steps.iter().filter_map(|step| match step {
        Step::Asked(asked) => Some(asked),
        Step::Given(_) => None,
    });
    let in_doubt = asked.filter(|asked| asked.trouble().is_some_and(|error| error.is_in_doubt()));
    in_doubt.map(|asked| asked.request.endpoint.as_str())
}

impl Scope {
    /// A number that was there already begins another part of the run.
    fn place(&mut self, ordinal: u64) -> (usize, u64) {
        if !self.numbers.insert(ordinal) {
            self.part += 1;
            self.numbers = HashSet::from([ordinal]);
        }
        (self.part, ordinal)
    }

    /// What an earlier part was given is what the script got, in every later part too.
    fn give(&mut self, value: ValueEvent) {
        let place = self.place(value.ordinal);
        let is_same = |step: &Step| match step {
            Step::Given(given) => given.name == value.name && given.ordinal == value.ordinal,
            Step::Asked(_) => false,
        };
        if !self.steps.iter().any(|(_, step)| is_same(step)) {
            self.steps.push((place, Step::Given(value)));
        }
    }

    /// A request that an earlier part sent in vain takes the place of that one.
    fn ask(&mut self, request: RequestEvent) {
        let ordinal = request.ordinal;
        let place = self.place(ordinal);
        let equal = self.equal.entry(request.hash.clone()).or_default();
        let in_vain = |index: &&usize| match &self.steps[**index].1 {
            Step::Asked(asked) => asked.part < place.0 && !asked.stands(),
            Step::Given(_) => false,
        };
        let earlier = if place.0 > 0 { equal.iter().find(in_vain).copied() } else { None };
        let asked = Asked { request, outcome: None, part: place.0, forgotten: false };
        let step = Step::Asked(Box::new(asked));
        let index = earlier.unwrap_or(self.steps.len());
        if earlier.is_some() {
            self.steps[index].1 = step;
        } else {
            equal.push(index);
            self.steps.push((place, step));
        }
        self.open.insert(ordinal, index);
    }

    /// The request with a number, the latest that has it.
    fn latest(&mut self, ordinal: u64) -> Result<usize, String> {
        let has_it = |(place, step): &((usize, u64), Step)| {
            place.1 == ordinal && matches!(step, Step::Asked(_))
        };
        self.steps.iter().rposition(has_it).ok_or_else(|| "a repeat without a request".to_owned())
    }

    /// Sends a write in doubt once more: what comes of that is what became of the write.
    fn repeat(&mut self, ordinal: u64, of: u64) -> Result<(), String> {
        let index = self.latest(of)?;
        let _ = self.place(ordinal);
        self.open.insert(ordinal, index);
        if let Step::Asked(asked) = &mut self.steps[index].1 {
            asked.outcome = None;
        }
        Ok(())
    }

    /// A write in doubt has taken effect.
    fn resolve(&mut self, ordinal: u64, answer: Response) -> Result<(), String> {
        let index = self.latest(ordinal)?;
        if let Step::Asked(asked) = &mut self.steps[index].1 {
            asked.outcome = Some(Ok(answer));
        }
        Ok(())
    }

    fn settle(
        &mut self,
        ordinal: u64,
        outcome: Result<Response, ErrorEvent>,
    ) -> Result<(), String> {
        let index = self.open.remove(&ordinal).ok_or("an answer without a request")?;
        if let Step::Asked(asked) = &mut self.steps[index].1 {
            asked.outcome = Some(outcome);
        }
        Ok(())
    }

    fn forget(&mut self) {
        for (_, step) in &mut self.steps {
            if let Step::Asked(asked) = step {
                asked.forgotten |= asked.is_forgettable();
            }
        }
    }
}

impl Asked {
    /// Whether it writes. What an endpoint of another version did is not known: it may have written.
    fn writes(&self) -> bool {
        !endpoint(&self.request.endpoint).is_ok_and(|endpoint| endpoint.metadata.effect.is_read())
    }

    /// Refusals, and reads that got no clear answer.
    fn is_forgettable(&self) -> bool {
        match &self.outcome {
            Some(Ok(answer)) if answer.status < 400 => false,
            Some(Ok(answer)) if answer.status < 500 => true,
            _ => !self.writes(),
        }
    }

    fn stands(&self) -> bool {
        if self.forgotten {
            return false;
        }
        if endpoint(&self.request.endpoint).is_err() {
            return self.writes();
        }
        let Some(trouble) = self.trouble() else { return true };
        trouble.is_refusal() || trouble.is_in_doubt()
    }

    /// The error that its sender got, if it got one.
    fn trouble(&self) -> Option<Error> {
        let endpoint = endpoint(&self.request.endpoint).ok()?;
        let told = match &self.outcome {
            None => Err(Error::network(NetworkError::ConnectionLost, UNANSWERED)),
            Some(Ok(answer)) => Ok(answer.clone()),
            Some(Err(lost)) => Err(lost.clone().into_error().ok()?),
        };
        let told = told.map_err(|error| error.about(&endpoint.metadata));
        read(&endpoint.metadata, &told).err()
    }
}
