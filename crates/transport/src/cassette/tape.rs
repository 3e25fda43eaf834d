//! Reading a cassette back.

use std::collections::HashMap;

use serde_json::Value;

use super::{Event, Header, RequestEvent, UNANSWERED, VERSION, ValueEvent, identity};
use crate::error::{Error, Lost};
use crate::journal::unseal;
use crate::request::Response;

/// A request with what became of it.
#[derive(Debug, Clone)]
pub struct Interaction {
    /// The request.
    pub request: RequestEvent,
    /// The answer, or why there is none.
    pub outcome: Result<Response, Error>,
}

/// A cassette that was read.
#[derive(Debug, Clone)]
pub struct Tape {
    /// Its header.
    pub header: Header,
    /// Its interactions, in the order of their requests.
    pub interactions: Vec<Interaction>,
    /// The values from outside, in order.
    pub values: Vec<ValueEvent>,
}

/// A cassette that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It does not begin with a cassette's header.
    #[error("this is no cassette: it does not begin with a `cassette` event")]
    NotACassette,
    /// It is of another version.
    #[error(
        "the cassette has version {0}, and only version {VERSION} is understood; record it again"
    )]
    Version(u64),
    /// An event cannot be read.
    #[error("the cassette is damaged at byte {byte}: {problem}; record it again")]
    At {
        /// Where the event begins.
        byte: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// It has no end.
    #[error("the cassette is cut off at byte {0}; record it again")]
    CutOff(usize),
}

/// Reads a whole cassette. A recording that was not finished, or that was changed by hand so that its parts
/// no longer fit together, is refused.
pub fn parse(text: &str) -> Result<Tape, Damage> {
    let mut events = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let header = match events.next() {
        Some(Ok(event)) => {
            let sound = is_sound(&event, text[..events.byte_offset()].trim_start());
            // Another version may have other checksums, so that the version is told first.
            match header(without_sum(event)) {
                Ok(_) if !sound => {
                    return Err(Damage::At { byte: 0, problem: WRONG_SUM.to_owned() });
                }
                header => header?,
            }
        }
        Some(Err(error)) if error.is_eof() => return Err(Damage::CutOff(text.len())),
        _ => return Err(Damage::NotACassette),
    };
    let mut reading = Reading::after(header);
    while !reading.ended {
        let byte = next_event(text, events.byte_offset());
        let damaged = |problem: String| Damage::At { byte, problem };
        let event = match events.next() {
            None => return Err(Damage::CutOff(text.len())),
            Some(Err(error)) if error.is_eof() => return Err(Damage::CutOff(text.len())),
            Some(event) => event.map_err(|error| damaged(error.to_string()))?,
        };
        // Checked here, because serde would take an array of an event's fields for the event.
        if !event.is_object() {
            return Err(damaged("an event is a JSON object".to_owned()));
        }
        if !is_sound(&event, &text[byte..events.byte_offset()]) {
            return Err(damaged(WRONG_SUM.to_owned()));
        }
        let event = serde_json::from_value(without_sum(event))
            .map_err(|error| damaged(error.to_string()))?;
        reading.take(event).map_err(damaged)?;
    }
    let byte = next_event(text, events.byte_offset());
    if byte < text.len() {
        let problem = "something follows the end".to_owned();
        return Err(Damage::At { byte, problem });
    }
    Ok(reading.tape)
}

/// Reads the first event. Its version is looked at before its fields: another version has others.
pub(crate) fn header(event: Value) -> Result<Header, Damage> {
    let damaged = |problem: &str| Damage::At { byte: 0, problem: problem.to_owned() };
    if event["event"] != "cassette" {
        return Err(Damage::NotACassette);
    }
    match event["version"].as_u64() {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) => return Err(Damage::Version(version)),
        None => return Err(damaged("its version is missing")),
    }
    match serde_json::from_value(event) {
        Ok(Event::Cassette(header)) => Ok(header),
        Ok(_) => Err(Damage::NotACassette),
        Err(error) => Err(damaged(&error.to_string())),
    }
}

const WRONG_SUM: &str = "its checksum is not that of the event";

/// Whether an event has the checksum that it claims, if it claims one: as it is written, or else as it was
/// before somebody laid it out anew.
fn is_sound(event: &Value, text: &str) -> bool {
    event.get("sum").is_none()
        || unseal(&mut text.as_bytes().to_vec())
        || unseal(&mut event.to_string().into_bytes())
}

fn without_sum(mut event: Value) -> Value {
    if let Some(fields) = event.as_object_mut() {
        fields.shift_remove("sum");
    }
    event
}

fn next_event(text: &str, from: usize) -> usize {
    text.len() - text[from..].trim_start().len()
}

/// A tape while its events come in.
struct Reading {
    tape: Tape,
    /// By scope and number: the interaction that waits for its answer, `None` once it came.
    open: HashMap<(String, u64), Option<usize>>,
    ended: bool,
}

impl Reading {
    fn after(header: Header) -> Self {
        let tape = Tape { header, interactions: Vec::new(), values: Vec::new() };
        Self { tape, open: HashMap::new(), ended: false }
    }

    fn take(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Cassette(_) => return Err("a second header".to_owned()),
            Event::Value(value) => self.tape.values.push(value),
            Event::Again { .. } | Event::Order(_) | Event::Row(_) | Event::Pace(_) => {}
            Event::Request(request) => self.ask(request)?,
            Event::Response(answer) => {
                let place = (answer.scope.clone(), answer.ordinal);
                let answer = answer.into_response().map_err(|error| error.to_string())?;
                self.settle(&place, Ok(answer))?;
            }
            Event::Error(lost) => {
                let place = (lost.scope.clone(), lost.ordinal);
                self.settle(&place, Err(lost.into_error()?))?;
            }
            Event::End { interactions } => {
                let found = self.tape.interactions.len();
                if interactions != found {
                    return Err(format!("{interactions} interactions are due, {found} are here"));
                }
                if let Some((scope, ordinal)) = self.first_open() {
                    return Err(format!("request {ordinal} of `{scope}` has no outcome"));
                }
                self.ended = true;
            }
        }
        Ok(())
    }

    fn ask(&mut self, request: RequestEvent) -> Result<(), String> {
        if identity(&request.wire()?) != request.hash {
            return Err("the hash is not that of the request".to_owned());
        }
        let place = (request.scope.clone(), request.ordinal);
        let index = self.tape.interactions.len();
        if self.open.insert(place, Some(index)).is_some() {
            return Err("a request with the scope and number of another".to_owned());
        }
        // Stands until the outcome comes; a tape is not handed out before each request has one.
        let outcome = Err(Error::lost(Lost::Reset, UNANSWERED));
        self.tape.interactions.push(Interaction { request, outcome });
        Ok(())
    }

    /// The first request that has no outcome.
    fn first_open(&self) -> Option<&(String, u64)> {
        let open = self.open.iter().filter_map(|(place, index)| Some((index.as_ref()?, place)));
        open.min().map(|(_, place)| place)
    }

    fn settle(
        &mut self,
        place: &(String, u64),
        outcome: Result<Response, Error>,
    ) -> Result<(), String> {
        let waiting = self.open.get_mut(place);
        let waiting = waiting.ok_or_else(|| "an answer without a request".to_owned())?;
        let index = waiting.take();
        let index = index.ok_or_else(|| "a second answer to a request".to_owned())?;
        self.tape.interactions[index].outcome = outcome;
        Ok(())
    }
}
