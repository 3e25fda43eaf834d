//! Answering from a cassette.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::cassette::{Header, Interaction, RequestEvent, Tape, identity, parse};
use crate::error::Error;
use crate::request::{Request, Response, Scope, Source, Transport, is_open};

/// Answers each request with what was recorded for it, and refuses anything else. A request is the same
/// when its scope and its [identity] are; equal requests of a scope are answered in the
/// order of their numbers.
///
/// [`finish`](Replay::finish) fails when something that was recorded was not asked for.
///
/// ```
/// use drillmaster_transport::{Replay, cassette};
///
/// let tape = "{\"event\":\"cassette\",\"version\":1,\"program\":\"by hand\"}\n\
///             {\"event\":\"end\",\"interactions\":0}";
/// let replay = Replay::of(cassette::parse(tape).unwrap());
/// assert!(replay.finish().is_ok());
/// ```
pub struct Replay {
    header: Header,
    state: Mutex<State>,
}

struct State {
    interactions: Vec<Interaction>,
    used: Vec<bool>,
    /// Interactions that were not asked for yet, by scope and identity, in order.
    waiting: HashMap<(String, String), VecDeque<usize>>,
    values: HashMap<(String, String), VecDeque<Value>>,
}

impl Replay {
    /// Reads a cassette from a file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let refuse = |problem: String| Error::setup(format!("{}: {problem}", path.display()));
        let bytes = std::fs::read(path).map_err(|error| {
            Error::setup(format!("cannot read the cassette {}: {error}", path.display()))
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let byte = error.utf8_error().valid_up_to();
            refuse(format!("the cassette is damaged at byte {byte}: not UTF-8; record it again"))
        })?;
        Ok(Self::of(parse(&text).map_err(|damage| refuse(damage.to_string()))?))
    }

    /// Replays a cassette that was read before.
    pub fn of(tape: Tape) -> Self {
        let mut order: Vec<usize> = (0..tape.interactions.len()).collect();
        order.sort_by_key(|index| tape.interactions[*index].request.ordinal);
        let mut waiting: HashMap<_, VecDeque<usize>> = HashMap::new();
        for index in order {
            let request = &tape.interactions[index].request;
            let key = (request.scope.clone(), request.hash.clone());
            waiting.entry(key).or_default().push_back(index);
        }
        let mut recorded = tape.values;
        recorded.sort_by_key(|value| value.ordinal);
        let mut values: HashMap<_, VecDeque<Value>> = HashMap::new();
        for event in recorded {
            values.entry((event.scope, event.name)).or_default().push_back(event.value);
        }
        let used = vec![false; tape.interactions.len()];
        let state = State { interactions: tape.interactions, used, waiting, values };
        Self { header: tape.header, state: Mutex::new(state) }
    }

    /// What the recorded run was made from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Fails when a recorded interaction was not asked for.
    pub fn finish(&self) -> Result<(), Error> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let unused: Vec<_> = state
            .used
            .iter()
            .zip(&state.interactions)
            .filter(|(used, _)| !**used)
            .map(|(_, interaction)| &interaction.request)
            .collect();
        if unused.is_empty() {
            return Ok(());
        }
        let mut text = format!("{} recorded interactions were not asked for:", unused.len());
        for request in unused.iter().take(5) {
            let _ = write!(text, "\n  {} ({})", request.line(), request.scope);
        }
        if unused.len() > 5 {
            let _ = write!(text, "\n  and {} more", unused.len() - 5);
        }
        Err(Error::replay(text))
    }
}

impl State {
    fn explain(&self, request: &Request, hash: &str) -> String {
        let line = request.line();
        let scope = &request.scope;
        let known = |interaction: &&Interaction| interaction.request.hash == hash;
        let here = |interaction: &&Interaction| *interaction.request.scope == **scope;
        let asked = self.interactions.iter().filter(known).filter(here).count();
        if asked > 0 {
            let times = if asked == 1 { "once".to_owned() } else { format!("{asked} times") };
            return format!("{line} in `{scope}` was recorded {times} and is asked for once more");
        }
        let likeness = |recorded: &RequestEvent| {
            let pairs = recorded.target.bytes().zip(request.wire.target.bytes());
            let same_method = recorded.method == request.wire.method.as_str();
            let same_prefix = pairs.take_while(|(a, b)| same_method && a == b).count();
            (recorded.entry == request.spec.name, *recorded.scope == **scope, same_prefix)
        };
        let mut text = format!("{line} in `{scope}` was not recorded");
        if is_open(request.spec) && !request.wire.body.is_empty() {
            let _ = write!(text, "\n  asked:    {}", String::from_utf8_lossy(&request.wire.body));
        }
        let recorded = self.interactions.iter().map(|interaction| &interaction.request);
        // Among equals always the same one, in whatever order they were recorded.
        let first =
            |a: &RequestEvent, b: &RequestEvent| (&b.scope, b.ordinal).cmp(&(&a.scope, a.ordinal));
        let nearest =
            recorded.max_by(|a, b| likeness(a).cmp(&likeness(b)).then_with(|| first(a, b)));
        if let Some(recorded) = nearest {
            let _ = write!(text, "\n  nearest:  {} in `{}`", recorded.line(), recorded.scope);
            if let Some(body) = recorded.body.as_ref().filter(|_| recorded.is_open()) {
                let body = body.bytes().unwrap_or_default();
                let _ = write!(text, "\n  recorded: {}", String::from_utf8_lossy(&body));
            }
        }
        text
    }
}

#[async_trait]
impl Transport for Replay {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let hash = identity(&request.wire);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (request.scope.to_string(), hash);
        let found = state.waiting.get_mut(&key).and_then(VecDeque::pop_front);
        let Some(index) = found else {
            return Err(Error::replay(state.explain(&request, &key.1)).for_request(&request));
        };
        state.used[index] = true;
        match &state.interactions[index].outcome {
            Ok(answer) => Ok(answer.clone()),
            Err(error) => Err(error.clone().for_request(&request)),
        }
    }

    fn value(&self, scope: &Scope, name: &str, _fresh: Value) -> Result<Value, Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = scope.next();
        let key = (scope.name().to_string(), name.to_owned());
        let recorded = state.values.get_mut(&key).and_then(VecDeque::pop_front);
        recorded.ok_or_else(|| {
            Error::replay(format!("`{name}()` in `{}` was not recorded", scope.name()))
        })
    }

    fn source(&self, _request: &Request) -> Source {
        Source::Recording
    }
}
