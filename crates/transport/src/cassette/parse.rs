//! Reading cassettes.

use std::collections::HashMap;

use drillmaster_models::json;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::header::{HeaderError, read_header, without_sum};
use super::lines::{ChainHash, LineFormat, strip_chain_hash, strip_checksum};
use super::{Body, Event, Header, RequestEvent, ResponseEvent, VERSION, ValueEvent, unanswered};
use crate::error::Error;
use crate::request::Response;

/// A request and its outcome.
#[derive(Debug, Clone)]
pub struct Interaction {
    /// The request.
    pub request: RequestEvent,
    /// The response, or why there is none.
    pub outcome: Result<Response, Error>,
}

/// A cassette in memory.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Its header.
    pub header: Header,
    /// Its interactions, in the order of their requests.
    pub interactions: Vec<Interaction>,
    /// The values from outside, in order.
    pub values: Vec<ValueEvent>,
}

/// Why a cassette cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It does not begin with a header.
    #[error("this is not a cassette: it does not begin with a `cassette` event")]
    NotACassette,
    /// It has another version.
    #[error(
        "the cassette has version {0}, and this release reads version {VERSION}; record it again"
    )]
    Version(u64),
    /// An event cannot be read.
    #[error("the cassette is damaged at byte {byte} (line {line}): {problem}; record it again")]
    Damaged {
        /// Where the event begins.
        byte: usize,
        /// The line in which it begins, or in which its JSON is invalid, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// It has no end.
    #[error("the cassette is cut off at byte {0}; record it again")]
    CutOff(usize),
}

impl ParseError {
    /// A problem with the event that begins at this byte of the text.
    fn damaged(text: &str, byte: usize, problem: String) -> Self {
        let before = text.get(..byte).unwrap_or_default();
        Self::Damaged { byte, line: 1 + before.matches('\n').count(), problem }
    }
}

/// Reads a cassette. Refuses one that was not finished, or that was edited so that its parts no longer fit together.
pub fn parse(text: &str) -> Result<Recording, ParseError> {
    let (mut interactions, mut values) = (Vec::<Interaction>::new(), Vec::new());
    let header = read(text, |_, part| match part {
        Part::Request(request) => {
            // A placeholder: `read` refuses a cassette in which a request has no outcome.
            interactions.push(Interaction { request, outcome: Err(unanswered()) });
        }
        Part::Answer(index, answer) => {
            let answer = answer.into_response().map_err(|error| Error::setup(error.to_string()));
            interactions[index].outcome = answer;
        }
        Part::Loss(index, lost) => interactions[index].outcome = Err(lost),
        Part::Value(value) => values.push(value),
    })?;
    Ok(Recording { header, interactions, values })
}

/// A part of a cassette.
pub(crate) enum Part {
    Request(RequestEvent),
    /// The response to the request with this index. Its body can be decoded.
    Answer(usize, ResponseEvent),
    /// The error of the request with this index.
    Loss(usize, Error),
    Value(ValueEvent),
}

/// Reads a cassette without keeping it in memory: `keep` gets each part with the byte at which its event begins. The
/// parts are valid only if the result is `Ok`.
pub(crate) fn read(text: &str, mut keep: impl FnMut(usize, Part)) -> Result<Header, ParseError> {
    let mut events = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let (header, mut sums) = match events.next() {
        Some(Ok(event)) => first(event.get())?,
        Some(Err(_)) if is_cut_off(text) => return Err(ParseError::CutOff(text.len())),
        _ => return Err(ParseError::NotACassette),
    };
    let mut checker = Checker::default();
    while !checker.ended {
        let byte = next_event(text, events.byte_offset());
        let damaged = |problem: String| ParseError::damaged(text, byte, problem);
        let event = match events.next() {
            None => return Err(ParseError::CutOff(text.len())),
            Some(Err(_)) if is_cut_off(&text[byte..]) => {
                return Err(ParseError::CutOff(text.len()));
            }
            Some(event) => event.map_err(|error| ParseError::Damaged {
                byte,
                line: error.line(),
                problem: without_position(&error),
            })?,
        };
        let event = event_of(event.get(), &mut sums).map_err(damaged)?;
        if let Some(part) = checker.take(event).map_err(damaged)? {
            keep(byte, part);
        }
    }
    let byte = next_event(text, events.byte_offset());
    if byte < text.len() {
        let problem = "something follows the end".to_owned();
        return Err(ParseError::damaged(text, byte, problem));
    }
    Ok(header)
}

/// Reads the event that begins at this byte of a cassette that was already read.
pub(crate) fn event_at(text: &str, byte: usize) -> Result<Event, String> {
    let changed = || "it was changed since it was read".to_owned();
    let text = text.get(byte..).ok_or_else(changed)?;
    let event = serde_json::Deserializer::from_str(text).into_iter::<Value>().next();
    let event = event.ok_or_else(changed)?.map_err(|error| error.to_string())?;
    serde_json::from_value(without_sum(event)).map_err(|error| error.to_string())
}

/// A response event without the fields that say which request it belongs to.
#[derive(Deserialize)]
struct BareResponse {
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<Body>,
}

/// Reads the response that begins at this byte of a cassette that was already read: a fast path. `None` for another
/// event, or if the layout is not the one that this program writes; use [`event_at`] then.
pub(crate) fn answer_at(text: &str, byte: usize) -> Option<Response> {
    let text = text.get(byte..)?;
    after_kind(text.as_bytes(), b"\"response\"")?;
    let mut event = serde_json::Deserializer::from_str(text);
    let BareResponse { status, headers, body } = BareResponse::deserialize(&mut event).ok()?;
    let body = body.map_or(Some(Vec::new()), |body| body.bytes().ok())?;
    Some(Response { status, headers, body })
}

/// An error message without the position at its end.
fn without_position(error: &serde_json::Error) -> String {
    error.to_string().split(" at line ").next().unwrap_or_default().to_owned()
}

/// Verifies the sums of events.
struct Sums {
    format: LineFormat,
    /// The hash of the previous event.
    hash: ChainHash,
}

impl Sums {
    /// Removes the sum from an event whose layout was not changed; `false` if it is wrong or missing.
    fn strip(&mut self, line: &mut Vec<u8>) -> bool {
        match self.format {
            LineFormat::Checksum => strip_checksum(line),
            LineFormat::Chained => strip_chain_hash(line, &mut self.hash),
        }
    }

    /// Whether an event whose layout was changed still has the right sum, if it needs one.
    fn verify(&mut self, event: &Value) -> bool {
        let is_needed = self.format == LineFormat::Chained || event.get("sum").is_some();
        !is_needed || self.strip(&mut event.to_string().into_bytes())
    }
}

/// Reads an event and verifies its sum.
fn event_of(text: &str, sums: &mut Sums) -> Result<Event, String> {
    // Serde would accept an array of the fields.
    if !text.starts_with('{') {
        return Err("an event is a JSON object".to_owned());
    }
    json::check(text.as_bytes()).map_err(|error| error.to_string())?;
    let mut line = text.as_bytes().to_vec();
    // The position would be that within the event.
    let message = |error: serde_json::Error| without_position(&error);
    // Unless events are chained, an event may have no sum.
    let is_needed = sums.format == LineFormat::Chained || text.contains("\"sum\"");
    if sums.strip(&mut line) || !is_needed {
        return parse_common(&mut line)
            .unwrap_or_else(|| serde_json::from_slice(&line))
            .map_err(message);
    }
    let event: Value = serde_json::from_slice(&line).map_err(message)?;
    if !sums.verify(&event) {
        return Err(WRONG_SUM.to_owned());
    }
    serde_json::from_value(without_sum(event)).map_err(message)
}

/// Reads a request or a response whose first field is its kind. Most events are like that, and serde buffers all
/// fields of an event until it knows the kind, which took most of the time of opening a cassette.
fn parse_common(event: &mut [u8]) -> Option<serde_json::Result<Event>> {
    let (request, response) =
        (after_kind(event, b"\"request\""), after_kind(event, b"\"response\""));
    let start = request.or(response)?;
    event[start] = b'{';
    let fields = &event[start..];
    Some(if request.is_some() {
        serde_json::from_slice(fields).map(Event::Request)
    } else {
        serde_json::from_slice(fields).map(Event::Response)
    })
}

/// The position of the comma after the kind of an event, if that is the first field and has this value.
fn after_kind(event: &[u8], kind: &[u8]) -> Option<usize> {
    let after = |start: usize, what: &[u8]| {
        let at = start + event[start..].iter().position(|byte| !byte.is_ascii_whitespace())?;
        event[at..].starts_with(what).then_some(at + what.len())
    };
    let kind = after(after(after(0, b"{")?, b"\"event\":")?, kind)?;
    Some(after(kind, b",")? - 1)
}

/// Reads the first event. Another version may have other checksums, so the version is reported first.
fn first(text: &str) -> Result<(Header, Sums), ParseError> {
    let damaged = |problem: String| ParseError::damaged(text, 0, problem);
    let event: Value = json::read(text.as_bytes()).map_err(|error| damaged(error.to_string()))?;
    let mut sums = Sums { format: LineFormat::from_header(&event), hash: ChainHash::default() };
    let is_sound = sums.strip(&mut text.as_bytes().to_vec()) || sums.verify(&event);
    match read_header(without_sum(event)) {
        Ok(_) if !is_sound => Err(damaged(WRONG_SUM.to_owned())),
        Ok(header) => Ok((header, sums)),
        Err(HeaderError::Missing) => Err(ParseError::NotACassette),
        Err(HeaderError::Version(version)) => Err(ParseError::Version(version)),
        Err(HeaderError::Invalid(problem)) => Err(damaged(problem)),
    }
}

const WRONG_SUM: &str = "its checksum is wrong";

/// Whether an event is invalid only because the text ends.
fn is_cut_off(text: &str) -> bool {
    // The deserializer of raw values reports a number that is cut off as invalid.
    let event = serde_json::Deserializer::from_str(text).into_iter::<Value>().next();
    event.is_some_and(|event| event.is_err_and(|error| error.is_eof()))
}

fn next_event(text: &str, from: usize) -> usize {
    text.len() - text[from..].trim_start().len()
}

/// Checks that the events of a cassette fit together.
#[derive(Default)]
struct Checker {
    requests: usize,
    /// By scope and number: the request whose outcome is missing, `None` once that was read.
    open: HashMap<(String, u64), Option<usize>>,
    ended: bool,
}

impl Checker {
    fn take(&mut self, event: Event) -> Result<Option<Part>, String> {
        Ok(match event {
            Event::Cassette(_) => return Err("a second header".to_owned()),
            Event::Value(value) => Some(Part::Value(value)),
            Event::Retry { .. } | Event::Resumed(_) | Event::Row(_) | Event::Rate(_) => None,
            Event::Resolved(_) => {
                return Err("only a journal has such an event; seal the journal first".to_owned());
            }
            Event::Request(request) if request.repeats.is_some() => {
                return Err(
                    "only a journal has repeated requests; seal the journal first".to_owned()
                );
            }
            Event::Request(request) => {
                self.open(&request)?;
                Some(Part::Request(request))
            }
            Event::Response(answer) => {
                answer.check().map_err(|error| error.to_string())?;
                Some(Part::Answer(self.close(&answer.scope, answer.ordinal)?, answer))
            }
            Event::Error(lost) => {
                let index = self.close(&lost.scope, lost.ordinal);
                let lost = lost.into_error()?;
                Some(Part::Loss(index?, lost))
            }
            Event::End { interactions } => {
                let found = self.requests;
                if interactions != found {
                    return Err(format!(
                        "it should have {interactions} interactions, and has {found}"
                    ));
                }
                if let Some((scope, ordinal)) = self.first_open() {
                    return Err(format!("request {ordinal} of `{scope}` has no outcome"));
                }
                self.ended = true;
                None
            }
        })
    }

    fn open(&mut self, request: &RequestEvent) -> Result<(), String> {
        if !request.has_its_hash()? {
            return Err("the hash does not match the request".to_owned());
        }
        let place = (request.scope.clone(), request.ordinal);
        if self.open.insert(place, Some(self.requests)).is_some() {
            return Err("two requests have the same scope and number".to_owned());
        }
        self.requests += 1;
        Ok(())
    }

    /// The first request without an outcome.
    fn first_open(&self) -> Option<&(String, u64)> {
        let open = self.open.iter().filter_map(|(place, index)| Some((index.as_ref()?, place)));
        open.min().map(|(_, place)| place)
    }

    /// The index of the request whose outcome was read.
    fn close(&mut self, scope: &str, ordinal: u64) -> Result<usize, String> {
        let waiting = self.open.get_mut(&(scope.to_owned(), ordinal));
        let waiting = waiting.ok_or_else(|| "an outcome without a request".to_owned())?;
        waiting.take().ok_or_else(|| "a second outcome of a request".to_owned())
    }
}
