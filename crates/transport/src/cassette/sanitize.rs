//! Making a recording fit to be shared.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use drillmaster_models::{Dialect, Message, scope, wire};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::linearize::{Call, LinearRun, Step, in_doubt};
use super::sealed::{SealError, SealedCassette, pretty};
use super::{
    Body, ErrorEvent, Event, Header, Recording, RequestEvent, ResponseEvent, ValueEvent, identity,
    sorted,
};
use crate::redact::{self, ApiKeys, Collected, Collector, Policy, Redactor, Rows, Scheme, fold};
use crate::request::Response;

/// The parts of a run's description that a replay of its script needs.
const KEPT: [&str; 6] = ["dialect", "key", "max_rows", "roster", "script", "set"];

/// The part with the inputs of the run: pairs of a name and a value.
const INPUTS: &str = "set";

/// Seals recordings: in an order that does not depend on which row was faster, formatted for people, and with
/// pseudonyms in place of people and secrets. The same recording always gives the same bytes.
///
/// ```
/// use drillmaster_transport::cassette::{Event, Header, Sanitizer, ValueEvent};
///
/// let scope = "ada@corp.example".to_owned();
/// let value = ValueEvent { scope, ordinal: 0, name: "now".to_owned(), value: 17.into() };
/// let sealed = Sanitizer::default().events(Header::default(), [Event::Value(value)]).unwrap();
/// assert!(sealed.text().contains("learner-0001@example.com"));
/// assert_eq!(sealed.tape().unwrap().values.len(), 1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Sanitizer {
    policy: Policy,
    roster: Option<Rows>,
    /// The text of the cassette that is sealed again.
    before: Option<String>,
}

impl Sanitizer {
    /// Takes more for private than the declarations do.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Gives the people in the roster of the run the numbers of its rows.
    #[must_use]
    pub fn roster(mut self, roster: Rows) -> Self {
        self.roster = Some(roster);
        self
    }

    /// Seals a sealed cassette, of which this is the text, again together with new events. Whatever its scheme takes
    /// for private stays so.
    pub(crate) fn again(mut self, before: &str, scheme: Option<&Scheme>) -> Self {
        if let Some(scheme) = scheme {
            let fields = scheme.fields.iter();
            self.policy = fields.fold(self.policy, |policy, (name, own)| policy.field(name, *own));
            self.before = Some(before.to_owned());
        }
        self
    }

    /// Seals the journal of a run, whether the run ended, was stopped, or was resumed.
    pub fn journal(&self, path: &Path) -> Result<SealedCassette, SealError> {
        self.seal(LinearRun::read(path)?)
    }

    /// Seals a cassette.
    pub fn tape(&self, tape: Recording) -> Result<SealedCassette, SealError> {
        let interactions = tape.interactions.into_iter().flat_map(|interaction| {
            let request = interaction.request;
            let outcome =
                Event::from_outcome(&request.scope, request.ordinal, &interaction.outcome);
            [Some(Event::Request(request)), outcome].into_iter().flatten()
        });
        let values = tape.values.into_iter().map(Event::Value);
        self.events(tape.header, interactions.chain(values))
    }

    /// Seals events in the order in which they happened.
    pub fn events(
        &self,
        header: Header,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<SealedCassette, SealError> {
        let mut run = LinearRun::new(header);
        for event in events {
            run.push(event).map_err(SealError::Recording)?;
        }
        self.seal(run)
    }

    fn seal(&self, mut run: LinearRun) -> Result<SealedCassette, SealError> {
        let header = std::mem::take(&mut run.header);
        let scopes: Vec<_> = run.scopes().into_iter().collect();
        let in_doubt = scopes.iter().flat_map(|(_, steps)| in_doubt(steps));
        let in_doubt = in_doubt.map(str::to_owned).collect();
        let (collector, order) = self.collect(&header, &scopes)?;
        let Collected { redactor, scheme, roster, inputs, mut warnings } = collector.finish();
        let mut run = kept(&header.run, &redactor);
        if let Some(own) = run.get_mut(INPUTS).filter(|_| !inputs.is_empty()) {
            *own = serde_json::json!(inputs);
        }
        let keys = ApiKeys::known().and(header.keys);
        let header =
            Header { roster: None, sealed: Some(scheme), keys: ApiKeys::default(), run, ..header };
        let mut events = vec![Event::Cassette(header)];
        // Scopes that differ in case alone have one pseudonym.
        let mut numbers: HashMap<String, u64> = HashMap::new();
        for index in order {
            let (name, steps) = &scopes[index];
            let scope = redactor.scope(name);
            let next = numbers.entry(scope.clone()).or_default();
            for step in steps {
                step.write(name, &scope, *next, &redactor, &mut events)?;
                *next += 1;
            }
        }
        let requests = events.iter().filter(|event| matches!(event, Event::Request(_)));
        let interactions = requests.count();
        events.push(Event::End { interactions });
        let text = pretty(&events);
        let csv = roster.as_ref().map(Rows::to_csv).unwrap_or_default();
        warnings.absent_values = redactor.absent_values(&self.policy, &[&text, &csv]);
        let sealed = SealedCassette { text, roster, warnings, in_doubt };
        sealed.check(&redactor, &keys)?;
        Ok(sealed)
    }

    /// Collects everything private, scope by scope, and decides the order of the scopes.
    ///
    /// People are numbered as they are found. `main` comes first. Then always the scope of the person with the lowest
    /// number, or else the first by name. In the end, the scopes are ordered by the numbers of their people.
    fn collect(
        &self,
        header: &Header,
        scopes: &[(String, Vec<Step>)],
    ) -> Result<(Collector, Vec<usize>), SealError> {
        let mut collector = Collector::new(self.policy.clone());
        let inputs = header.run.get(INPUTS).and_then(pairs);
        collector.preview_inputs(inputs.as_deref().unwrap_or_default());
        for (scope, steps) in scopes {
            for call in steps.iter().filter_map(Step::call) {
                let wire = call.request.wire().map_err(SealError::Recording)?;
                collector.preview(message(call, scope, &wire));
            }
        }
        if let Some(roster) = &self.roster {
            collector.add_roster(roster.clone());
        }
        collector.add_policy_values();
        if let Some(before) = &self.before {
            let mut events = serde_json::Deserializer::from_str(before).into_iter::<IgnoredAny>();
            events.next();
            let after_header = before.get(events.byte_offset()..).unwrap_or_default();
            collector.keep_pseudonyms(|probe| collect_from_run(header, probe), after_header);
        }
        let rank = |collector: &Collector, index: usize| {
            let name = &scopes[index].0;
            (name != scope::MAIN, collector.person_of(name).unwrap_or(u32::MAX), index)
        };
        let by_key: HashMap<_, Vec<usize>> =
            scopes.iter().enumerate().fold(HashMap::new(), |mut keys, (index, (name, _))| {
                keys.entry(fold(&scope::key_of(name))).or_insert_with(Vec::new).push(index);
                keys
            });
        let mut left: BTreeSet<_> =
            (0..scopes.len()).map(|index| rank(&collector, index)).collect();
        let mut order = Vec::new();
        let mut known = 0;
        while let Some((.., index)) = left.pop_first() {
            order.push(index);
            let (name, steps) = &scopes[index];
            collector.scope(name);
            for step in steps {
                step.collect(name, &mut collector)?;
            }
            // A person who was found just now may be the one of a scope that waits.
            for key in collector.values_since(known) {
                for index in by_key.get(key).into_iter().flatten() {
                    let name = &scopes[*index].0;
                    if left.remove(&(*name != scope::MAIN, u32::MAX, *index)) {
                        left.insert(rank(&collector, *index));
                    }
                }
            }
            known = collector.count();
        }
        collect_from_run(header, &mut collector);
        order.sort_by_key(|index| {
            let (is_row, number, _) = rank(&collector, *index);
            (is_row, number)
        });
        Ok((collector, order))
    }
}

/// Collects from the parts of a run's description that are kept.
fn collect_from_run(header: &Header, collector: &mut Collector) {
    for (name, value) in header.run.iter().filter(|(name, _)| KEPT.contains(&name.as_str())) {
        match pairs(value).filter(|_| name == INPUTS) {
            Some(inputs) => inputs.iter().for_each(|(name, value)| collector.input(name, value)),
            None => collector.json(value),
        }
    }
}

fn message<'a, T>(call: &'a Call, scope: &'a str, wire: &'a T) -> Message<'a, T> {
    Message { endpoint: &call.request.endpoint, scope, wire }
}

impl Step {
    fn call(&self) -> Option<&Call> {
        match self {
            Self::Call(call) => Some(call),
            Self::Value(_) => None,
        }
    }

    fn collect(&self, scope: &str, collector: &mut Collector) -> Result<(), SealError> {
        match self {
            Self::Value(value) => match value.rows() {
                Some(keys) => keys.for_each(|key| collector.row_key(key)),
                None => collector.json(&value.value),
            },
            Self::Call(call) => {
                let wire = call.request.wire().map_err(SealError::Recording)?;
                collector.request(message(call, scope, &needed_of_request(wire)));
                match &call.outcome {
                    Some(Ok(answer)) => collector.response(message(call, scope, &needed(answer))),
                    Some(Err(error)) => collector.text(&error.detail),
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// Writes the step under the redacted name of its scope.
    fn write(
        &self,
        name: &str,
        redacted: &str,
        ordinal: u64,
        redactor: &Redactor,
        events: &mut Vec<Event>,
    ) -> Result<(), SealError> {
        let scope = redacted.to_owned();
        let call = match self {
            Self::Value(value) => {
                let given = match value.rows() {
                    Some(keys) => keys.map(|key| redactor.row_key(key)).collect(),
                    None => sorted(&redactor.json(&value.value)),
                };
                let name = value.name.clone();
                events.push(Event::Value(ValueEvent { scope, ordinal, name, value: given }));
                return Ok(());
            }
            Self::Call(call) => call,
        };
        let wire = call.request.wire().map_err(SealError::Recording)?;
        let request = redactor.request(message(call, name, &needed_of_request(wire)));
        let body = (!request.body.is_empty()).then(|| Body::sealed(&request.body));
        let mut event = RequestEvent {
            scope: scope.clone(),
            ordinal,
            endpoint: call.request.endpoint.clone(),
            hash: String::new(),
            method: request.method.to_string(),
            target: request.target,
            headers: request.headers,
            body,
            repeats: None,
        };
        event.hash = identity(&event.wire().map_err(SealError::Recording)?);
        events.push(Event::Request(event));
        events.push(match &call.outcome {
            Some(Ok(answer)) => {
                let answer = redactor.response(message(call, name, &needed(answer)));
                let body = (!answer.body.is_empty()).then(|| Body::sealed(&answer.body));
                let (status, headers) = (answer.status, answer.headers);
                Event::Response(ResponseEvent {
                    scope,
                    ordinal,
                    status,
                    headers,
                    body,
                    in_doubt_since: None,
                })
            }
            Some(Err(error)) => {
                let (kind, detail) = (error.kind.clone(), redactor.text(&error.detail));
                Event::Error(ErrorEvent { scope, ordinal, kind, detail, in_doubt_since: None })
            }
            None => Event::Error(ErrorEvent::unanswered(&scope, ordinal)),
        });
        Ok(())
    }
}

/// A response as a sealed cassette has it, with the same placeholder for all private values.
pub(crate) fn masked_response(message: Message<'_, Response>, scheme: &Scheme) -> Response {
    let wire = needed(message.wire);
    redact::mask_response(Message { wire: &wire, ..message }, scheme)
}

/// The request without headers that depend on when and how fast it was sent.
fn needed_of_request(mut request: wire::Request) -> wire::Request {
    request.headers.retain(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    request
}

/// The response without such headers.
fn needed(answer: &Response) -> Response {
    let is_needed = |name: &str| match name.to_ascii_lowercase().as_str() {
        "content-type" | "location" => true,
        "retry-after" => answer.status == 429,
        _ => false,
    };
    let headers = answer.headers.iter().filter(|(name, _)| is_needed(name)).cloned().collect();
    Response { status: answer.status, headers, body: answer.body.clone() }
}

/// The inputs in the description of a run, if it has any.
fn pairs(value: &Value) -> Option<Vec<(String, String)>> {
    serde_json::from_value(value.clone()).ok()
}

/// The parts of a run's description that are kept. Files are kept by name, without their folder.
fn kept(run: &Map<String, Value>, redactor: &Redactor) -> Map<String, Value> {
    let file_name = |value: &Value| {
        let name = Path::new(value.as_str()?).file_name()?;
        Some(Value::from(name.to_string_lossy()))
    };
    KEPT.iter()
        .filter_map(|name| Some((*name, run.get(*name)?)))
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            // A word of the format is kept even if it is also somebody's name.
            if name == "dialect"
                && value.as_str().is_some_and(|word| word.parse::<Dialect>().is_ok())
            {
                return (name.to_owned(), value.clone());
            }
            let value = match name {
                "roster" | "script" => file_name(value).unwrap_or_default(),
                _ => value.clone(),
            };
            (name.to_owned(), sorted(&redactor.json(&value)))
        })
        .collect()
}
