//! Reading a cassette back.

use std::collections::HashMap;

use drillmaster_models::json;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Body, Event, Header, RequestEvent, ResponseEvent, UNANSWERED, VERSION, ValueEvent};
use crate::error::{Error, NetworkError};
use crate::journal::{self, Layout, Link, unlink, unseal};
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
    #[error("the cassette is damaged at byte {byte} (line {line}): {problem}; record it again")]
    At {
        /// Where the event begins.
        byte: usize,
        /// The line in which it begins or cannot be read on, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// It has no end.
    #[error("the cassette is cut off at byte {0}; record it again")]
    CutOff(usize),
}

impl Damage {
    /// Of the event that begins at this byte of the text.
    fn at(text: &str, byte: usize, problem: String) -> Self {
        let before = text.get(..byte).unwrap_or_default();
        Self::At { byte, line: 1 + before.matches('\n').count(), problem }
    }
}

/// Reads a whole cassette. A recording that was not finished, or that was changed by hand so that its parts
/// no longer fit together, is refused.
pub fn parse(text: &str) -> Result<Tape, Damage> {
    let (mut interactions, mut values) = (Vec::<Interaction>::new(), Vec::new());
    let header = read(text, |_, part| match part {
        Part::Request(request) => {
            // Stands until the outcome comes; no cassette is whole before each request has one.
            let outcome = Err(Error::network(NetworkError::ConnectionLost, UNANSWERED));
            interactions.push(Interaction { request, outcome });
        }
        Part::Answer(index, answer) => {
            let answer = answer.into_response().map_err(|error| Error::setup(error.to_string()));
            interactions[index].outcome = answer;
        }
        Part::Loss(index, lost) => interactions[index].outcome = Err(lost),
        Part::Value(value) => values.push(value),
    })?;
    Ok(Tape { header, interactions, values })
}

/// What a cassette says of a run, part by part.
pub(crate) enum Part {
    Request(RequestEvent),
    /// The answer to the request that was the so manieth, from 0. Its body can be decoded.
    Answer(usize, ResponseEvent),
    /// The loss of that request.
    Loss(usize, Error),
    Value(ValueEvent),
}

/// Reads a whole cassette without keeping it: each part is handed on with the byte at which its event begins.
/// They mean something only where all of it was read.
pub(crate) fn read(text: &str, mut keep: impl FnMut(usize, Part)) -> Result<Header, Damage> {
    let mut events = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let (header, mut sums) = match events.next() {
        Some(Ok(event)) => first(event.get())?,
        Some(Err(_)) if is_cut_off(text) => return Err(Damage::CutOff(text.len())),
        _ => return Err(Damage::NotACassette),
    };
    let mut reading = Reading::default();
    while !reading.ended {
        let byte = next_event(text, events.byte_offset());
        let damaged = |problem: String| Damage::at(text, byte, problem);
        let event = match events.next() {
            None => return Err(Damage::CutOff(text.len())),
            Some(Err(_)) if is_cut_off(&text[byte..]) => return Err(Damage::CutOff(text.len())),
            Some(event) => event.map_err(|error| Damage::At {
                byte,
                line: error.line(),
                problem: without_place(&error),
            })?,
        };
        let event = event_of(event.get(), &mut sums).map_err(damaged)?;
        if let Some(part) = reading.take(event).map_err(damaged)? {
            keep(byte, part);
        }
    }
    let byte = next_event(text, events.byte_offset());
    if byte < text.len() {
        let problem = "something follows the end".to_owned();
        return Err(Damage::at(text, byte, problem));
    }
    Ok(header)
}

/// Reads again the event that begins at this byte of a cassette that was read before.
pub(crate) fn event_at(text: &str, byte: usize) -> Result<Event, String> {
    let changed = || "it was changed since it was read".to_owned();
    let text = text.get(byte..).ok_or_else(changed)?;
    let event = serde_json::Deserializer::from_str(text).into_iter::<Value>().next();
    let event = event.ok_or_else(changed)?.map_err(|error| error.to_string())?;
    serde_json::from_value(without_sum(event)).map_err(|error| error.to_string())
}

/// An answer without what tells whose it is.
#[derive(Deserialize)]
struct Answered {
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<Body>,
}

/// Reads again the answer that begins at this byte of a cassette that was read before, as quickly as it can be.
/// `None` where it is something else, or laid out in another way than this program does: [`event_at`] reads it.
pub(crate) fn answer_at(text: &str, byte: usize) -> Option<Response> {
    let text = text.get(byte..)?;
    tagged(text.as_bytes(), b"\"response\"")?;
    let mut event = serde_json::Deserializer::from_str(text);
    let Answered { status, headers, body } = Answered::deserialize(&mut event).ok()?;
    let body = body.map_or(Some(Vec::new()), |body| body.bytes().ok())?;
    Some(Response { status, headers, body })
}

/// What a reader says, without the place that it tells last.
fn without_place(error: &serde_json::Error) -> String {
    let told = error.to_string();
    told.split(" at line ").next().unwrap_or_default().to_owned()
}

/// What the sums of events are compared with.
struct Sums {
    layout: Layout,
    /// Of the event before.
    link: Link,
}

impl Sums {
    /// Takes the sum off an event that is laid out as it was written; `false` where it has another, or none.
    fn take(&mut self, line: &mut Vec<u8>) -> bool {
        match self.layout {
            Layout::Single => unseal(line),
            Layout::Chained => unlink(line, &mut self.link),
        }
    }

    /// Whether an event that was laid out anew has the sum that it had before, if it has to have one.
    fn fit(&mut self, event: &Value) -> bool {
        let need_be = self.layout == Layout::Chained || event.get("sum").is_some();
        !need_be || self.take(&mut event.to_string().into_bytes())
    }
}

/// Reads an event, and compares it with its sum.
fn event_of(text: &str, sums: &mut Sums) -> Result<Event, String> {
    // Checked here, because serde would take an array of an event's fields for the event.
    if !text.starts_with('{') {
        return Err("an event is a JSON object".to_owned());
    }
    json::check(text.as_bytes()).map_err(|error| error.to_string())?;
    let mut line = text.as_bytes().to_vec();
    // It would be the place within the event.
    let told = |error: serde_json::Error| without_place(&error);
    // Where events stand by themselves, one that has no sum is as sound as one that has the right one.
    let need_be = sums.layout == Layout::Chained || text.contains("\"sum\"");
    if sums.take(&mut line) || !need_be {
        return untagged(&mut line).unwrap_or_else(|| serde_json::from_slice(&line)).map_err(told);
    }
    let event: Value = serde_json::from_slice(&line).map_err(told)?;
    if !sums.fit(&event) {
        return Err(WRONG_SUM.to_owned());
    }
    serde_json::from_value(without_sum(event)).map_err(told)
}

/// Reads an event of the two kinds that a cassette is full of, where its kind comes first: a reader that does not
/// know the kind puts aside all that it reads until it does, which takes most of the time of opening a cassette.
fn untagged(event: &mut [u8]) -> Option<serde_json::Result<Event>> {
    let (request, response) = (tagged(event, b"\"request\""), tagged(event, b"\"response\""));
    let start = request.or(response)?;
    event[start] = b'{';
    let fields = &event[start..];
    Some(if request.is_some() {
        serde_json::from_slice(fields).map(Event::Request)
    } else {
        serde_json::from_slice(fields).map(Event::Response)
    })
}

/// Where the comma behind the kind of an event is, if it comes first and is this one.
fn tagged(event: &[u8], kind: &[u8]) -> Option<usize> {
    let after = |start: usize, what: &[u8]| {
        let at = start + event[start..].iter().position(|byte| !byte.is_ascii_whitespace())?;
        event[at..].starts_with(what).then_some(at + what.len())
    };
    let kind = after(after(after(0, b"{")?, b"\"event\":")?, kind)?;
    Some(after(kind, b",")? - 1)
}

/// Reads the first event. Another version may have other checksums, so that the version is told before them.
fn first(text: &str) -> Result<(Header, Sums), Damage> {
    let damaged = |problem: String| Damage::at(text, 0, problem);
    let event: Value = json::read(text.as_bytes()).map_err(|error| damaged(error.to_string()))?;
    let mut sums = Sums { layout: layout(&event), link: Link::default() };
    let is_sound = sums.take(&mut text.as_bytes().to_vec()) || sums.fit(&event);
    match header(without_sum(event)) {
        Ok(_) if !is_sound => Err(damaged(WRONG_SUM.to_owned())),
        header => Ok((header?, sums)),
    }
}

/// How the lines close of a file that begins with this event.
pub(crate) fn layout(first: &Value) -> Layout {
    match first["version"].as_u64() {
        Some(version) if version == u64::from(journal::VERSION) => Layout::Chained,
        _ => Layout::Single,
    }
}

/// Reads the first event. Its version is looked at before its fields: another version has others. That of a journal
/// tells how its lines close, and no more.
pub(crate) fn header(mut event: Value) -> Result<Header, Damage> {
    let damaged = |problem: &str| Damage::at("", 0, problem.to_owned());
    if event["event"] != "cassette" {
        return Err(Damage::NotACassette);
    }
    match event["version"].as_u64() {
        Some(version) if [VERSION, journal::VERSION].map(u64::from).contains(&version) => {
            event["version"] = VERSION.into();
        }
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

pub(crate) fn without_sum(mut event: Value) -> Value {
    if let Some(fields) = event.as_object_mut() {
        fields.shift_remove("sum");
    }
    event
}

/// Whether an event that cannot be read could be if the text went on.
fn is_cut_off(text: &str) -> bool {
    // Finding an event's end takes a number without its last digits for a wrong one.
    let event = serde_json::Deserializer::from_str(text).into_iter::<Value>().next();
    event.is_some_and(|event| event.is_err_and(|error| error.is_eof()))
}

fn next_event(text: &str, from: usize) -> usize {
    text.len() - text[from..].trim_start().len()
}

/// What must be remembered of a cassette to know whether its events fit together.
#[derive(Default)]
struct Reading {
    requests: usize,
    /// By scope and number: the request that waits for its outcome, `None` once it came.
    open: HashMap<(String, u64), Option<usize>>,
    ended: bool,
}

impl Reading {
    fn take(&mut self, event: Event) -> Result<Option<Part>, String> {
        Ok(match event {
            Event::Cassette(_) => return Err("a second header".to_owned()),
            Event::Value(value) => Some(Part::Value(value)),
            Event::Again { .. } | Event::Order(_) | Event::Row(_) | Event::RateLimit(_) => None,
            Event::Resolved(_) => {
                return Err("a journal's event; seal the journal first".to_owned());
            }
            Event::Request(request) if request.repeats.is_some() => {
                return Err("a journal's repeat; seal the journal first".to_owned());
            }
            Event::Request(request) => {
                self.ask(&request)?;
                Some(Part::Request(request))
            }
            Event::Response(answer) => {
                answer.check().map_err(|error| error.to_string())?;
                Some(Part::Answer(self.settle(&answer.scope, answer.ordinal)?, answer))
            }
            Event::Error(lost) => {
                let index = self.settle(&lost.scope, lost.ordinal);
                let lost = lost.into_error()?;
                Some(Part::Loss(index?, lost))
            }
            Event::End { interactions } => {
                let found = self.requests;
                if interactions != found {
                    return Err(format!("{interactions} interactions are due, {found} are here"));
                }
                if let Some((scope, ordinal)) = self.first_open() {
                    return Err(format!("request {ordinal} of `{scope}` has no outcome"));
                }
                self.ended = true;
                None
            }
        })
    }

    fn ask(&mut self, request: &RequestEvent) -> Result<(), String> {
        if !request.has_its_hash()? {
            return Err("the hash is not that of the request".to_owned());
        }
        let place = (request.scope.clone(), request.ordinal);
        if self.open.insert(place, Some(self.requests)).is_some() {
            return Err("a request with the scope and number of another".to_owned());
        }
        self.requests += 1;
        Ok(())
    }

    /// The first request that has no outcome.
    fn first_open(&self) -> Option<&(String, u64)> {
        let open = self.open.iter().filter_map(|(place, index)| Some((index.as_ref()?, place)));
        open.min().map(|(_, place)| place)
    }

    /// Which request it is that has its outcome now.
    fn settle(&mut self, scope: &str, ordinal: u64) -> Result<usize, String> {
        let waiting = self.open.get_mut(&(scope.to_owned(), ordinal));
        let waiting = waiting.ok_or_else(|| "an answer without a request".to_owned())?;
        waiting.take().ok_or_else(|| "a second answer to a request".to_owned())
    }
}
