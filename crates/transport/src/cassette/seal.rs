//! Making of a recording what can be shared.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use drillmaster_models::Dialect;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use super::straight::{Asked, Step, Straight, in_doubt};
use super::{
    Body, Damage, ErrorEvent, Event, Header, RequestEvent, ResponseEvent, Tape, identity, parse,
    sorted,
};
use crate::journal::Unusable;
use crate::redact::{
    Findings, Found, Keys, Leak, Policy, Redactor, Remarks, Rows, Sealing, faceless, fold,
};
use crate::request::{Response, Scope};
use drillmaster_models::scope::key_of;

/// What of a run's order a replay of its script needs.
const KEPT: [&str; 6] = ["dialect", "key", "max_rows", "roster", "script", "set"];

/// Where in it the inputs of the run are: pairs of a name and a value.
const INPUTS: &str = "set";

/// How a recording is sealed: in an order that does not depend on which row was faster, laid out for people,
/// and with pseudonyms in the place of people and secrets. The same recording gives the same bytes.
///
/// ```
/// use drillmaster_transport::cassette::{Event, Header, Seal, ValueEvent};
///
/// let scope = "ada@corp.example".to_owned();
/// let value = ValueEvent { scope, ordinal: 0, name: "now".to_owned(), value: 17.into() };
/// let sealed = Seal::default().events(Header::default(), [Event::Value(value)]).unwrap();
/// assert!(sealed.text().contains("learner-0001@example.com"));
/// assert_eq!(sealed.tape().unwrap().values.len(), 1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Seal {
    policy: Policy,
    roster: Option<Rows>,
    /// The text of the cassette that is sealed anew.
    before: Option<String>,
}

/// A recording that was sealed.
#[derive(Debug, Clone)]
pub struct Sealed {
    text: String,
    roster: Option<Rows>,
    remarks: Remarks,
    in_doubt: Vec<String>,
}

/// Why a recording could not be sealed. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unsealed {
    /// Something private would have been left in it.
    #[error(
        "{0}; no cassette was written: seal again and name what stands there, as it is written there, as a \
         private value, or the field that it stands in as private"
    )]
    Leak(#[from] Leak),
    /// The key of a service is in it: something brought it there past [`Http`](crate::Http), which masks it.
    #[error(
        "{0}: the key of a service stands in it; no cassette was written: have the key replaced by a new one, and \
         delete what was recorded with it"
    )]
    Key(String),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] Unusable),
    /// The recording does not make sense.
    #[error("{0}")]
    Recording(String),
    /// What was sealed cannot be read back.
    #[error("what was sealed cannot be read back, which is a mistake of this program: {0}")]
    Unreadable(#[from] Damage),
}

impl Seal {
    /// Takes more for private than the declarations do.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The roster of the run: its people have the numbers of its rows.
    #[must_use]
    pub fn roster(mut self, roster: Rows) -> Self {
        self.roster = Some(roster);
        self
    }

    /// Seals what was sealed before, of which this is the text, together with what is new: with no less taken for
    /// private, and with the order of the run as it was.
    pub(crate) fn again(mut self, before: &str, sealing: Option<&Sealing>) -> Self {
        if let Some(sealing) = sealing {
            let fields = sealing.fields.iter();
            self.policy =
                fields.fold(self.policy, |policy, (name, holds)| policy.field(name, *holds));
            self.before = Some(before.to_owned());
        }
        self
    }

    /// Seals the journal of a run, whether it came to its end, was stopped, or was gone on with.
    pub fn journal(&self, path: &Path) -> Result<Sealed, Unsealed> {
        let straight = Straight::read(path)?;
        self.straight(straight)
    }

    /// Seals a cassette.
    pub fn tape(&self, tape: Tape) -> Result<Sealed, Unsealed> {
        let interactions = tape.interactions.into_iter().flat_map(|interaction| {
            let request = interaction.request;
            let outcome = Event::outcome(&request.scope, request.ordinal, &interaction.outcome);
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
    ) -> Result<Sealed, Unsealed> {
        let mut straight = Straight::of(header);
        for event in events {
            straight.take(event).map_err(Unsealed::Recording)?;
        }
        self.straight(straight)
    }

    fn straight(&self, mut straight: Straight) -> Result<Sealed, Unsealed> {
        let header = std::mem::take(&mut straight.header);
        let scopes: Vec<_> = straight.scopes().into_iter().collect();
        let in_doubt = scopes.iter().flat_map(|(_, steps)| in_doubt(steps));
        let in_doubt = in_doubt.map(str::to_owned).collect();
        let (found, order) = self.find(&header, &scopes)?;
        let Findings { redactor, sealing, roster, inputs, mut remarks } = found.done();
        let mut run = kept(&header.run, &redactor);
        if let Some(own) = run.get_mut(INPUTS).filter(|_| !inputs.is_empty()) {
            *own = serde_json::json!(inputs);
        }
        let keys = Keys::known().and(header.keys);
        let header =
            Header { roster: None, sealed: Some(sealing), keys: Keys::default(), run, ..header };
        let mut events = vec![Event::Cassette(header)];
        // Scopes that differ in case alone have one pseudonym.
        let mut numbers: HashMap<String, u64> = HashMap::new();
        for index in order {
            let (scope, steps) = &scopes[index];
            let scope = redactor.scope(scope);
            let next = numbers.entry(scope.clone()).or_default();
            for step in steps {
                step.written(&scope, *next, &redactor, &mut events)?;
                *next += 1;
            }
        }
        let requests = events.iter().filter(|event| matches!(event, Event::Request(_)));
        let interactions = requests.count();
        events.push(Event::End { interactions });
        let text = laid_out(&events);
        let beside = roster.as_ref().map(Rows::to_csv).unwrap_or_default();
        remarks.absent_values = redactor.absent(&self.policy, &[&text, &beside]);
        let sealed = Sealed { text, roster, remarks, in_doubt };
        sealed.check(&redactor, &keys)?;
        Ok(sealed)
    }

    /// Finds all that is private, scope by scope, and the order of the scopes. People are numbered as they
    /// are found. `main` is looked at first; then always the scope of the person with the lowest number, and
    /// where nobody's is left, the first by its name. In the end they stand in the order of their numbers.
    fn find(
        &self,
        header: &Header,
        scopes: &[(String, Vec<Step>)],
    ) -> Result<(Found, Vec<usize>), Unsealed> {
        let mut found = Found::new(self.policy.clone());
        let inputs = header.run.get(INPUTS).and_then(pairs);
        found.asked_with(inputs.as_deref().unwrap_or_default());
        for (scope, steps) in scopes {
            for asked in steps.iter().filter_map(Step::asked) {
                let request = asked.request.wire().map_err(Unsealed::Recording)?;
                found.glance(scope, &asked.request.endpoint, &request);
            }
        }
        if let Some(roster) = &self.roster {
            found.join(roster.clone());
        }
        found.named();
        if let Some(before) = &self.before {
            let mut events = serde_json::Deserializer::from_str(before).into_iter::<IgnoredAny>();
            events.next();
            let answers = before.get(events.byte_offset()..).unwrap_or_default();
            found.keep(|probe| of_run(header, probe), answers);
        }
        let rank = |found: &Found, index: usize| {
            let name = &scopes[index].0;
            (name != Scope::MAIN, found.number(name).unwrap_or(u32::MAX), index)
        };
        let by_name: HashMap<_, Vec<usize>> =
            scopes.iter().enumerate().fold(HashMap::new(), |mut names, (index, (name, _))| {
                names.entry(fold(&key_of(name))).or_insert_with(Vec::new).push(index);
                names
            });
        let mut left: BTreeSet<_> = (0..scopes.len()).map(|index| rank(&found, index)).collect();
        let mut order = Vec::new();
        let mut known = 0;
        while let Some((.., index)) = left.pop_first() {
            order.push(index);
            let (scope, steps) = &scopes[index];
            found.scope(scope);
            for step in steps {
                step.found(scope, &mut found)?;
            }
            // Whoever was found just now may be the one of a scope that waits.
            for name in found.known_since(known) {
                for index in by_name.get(name).into_iter().flatten() {
                    let scope = &scopes[*index].0;
                    if left.remove(&(*scope != Scope::MAIN, u32::MAX, *index)) {
                        left.insert(rank(&found, *index));
                    }
                }
            }
            known = found.count();
        }
        of_run(header, &mut found);
        order.sort_by_key(|index| {
            let (row, number, _) = rank(&found, *index);
            (row, number)
        });
        Ok((found, order))
    }
}

/// What the run was made from, as far as it is kept.
fn of_run(header: &Header, found: &mut Found) {
    for (name, value) in header.run.iter().filter(|(name, _)| KEPT.contains(&name.as_str())) {
        match pairs(value).filter(|_| name == INPUTS) {
            Some(inputs) => inputs.iter().for_each(|(name, value)| found.input(name, value)),
            None => found.json(value),
        }
    }
}

impl Step {
    fn asked(&self) -> Option<&Asked> {
        match self {
            Self::Asked(asked) => Some(asked),
            Self::Given(_) => None,
        }
    }

    fn found(&self, scope: &str, found: &mut Found) -> Result<(), Unsealed> {
        match self {
            Self::Given(value) => match value.rows() {
                Some(keys) => keys.for_each(|key| found.key(key)),
                None => found.json(&value.value),
            },
            Self::Asked(asked) => {
                let name = &asked.request.endpoint;
                let request = asked.request.wire().map_err(Unsealed::Recording)?;
                found.request(scope, name, &needed_of_request(request));
                match &asked.outcome {
                    Some(Ok(answer)) => found.response(name, &needed(answer)),
                    Some(Err(lost)) => found.prose(&lost.detail),
                    None => {}
                }
            }
        }
        Ok(())
    }

    fn written(
        &self,
        scope: &str,
        ordinal: u64,
        redactor: &Redactor,
        events: &mut Vec<Event>,
    ) -> Result<(), Unsealed> {
        let scope = scope.to_owned();
        let asked = match self {
            Self::Given(value) => {
                let given = match value.rows() {
                    Some(keys) => keys.map(|key| redactor.key(key)).collect(),
                    None => sorted(&redactor.json(&value.value)),
                };
                let name = value.name.clone();
                events.push(Event::Value(super::ValueEvent { scope, ordinal, name, value: given }));
                return Ok(());
            }
            Self::Asked(asked) => asked,
        };
        let name = &asked.request.endpoint;
        let request = asked.request.wire().map_err(Unsealed::Recording)?;
        let request = redactor.wire(name, &needed_of_request(request));
        let body = (!request.body.is_empty()).then(|| Body::sealed(&request.body));
        let mut event = RequestEvent {
            scope: scope.clone(),
            ordinal,
            endpoint: name.clone(),
            hash: String::new(),
            method: request.method.to_string(),
            target: request.target,
            headers: request.headers,
            body,
            repeats: None,
        };
        event.hash = identity(&event.wire().map_err(Unsealed::Recording)?);
        events.push(Event::Request(event));
        events.push(match &asked.outcome {
            Some(Ok(answer)) => {
                let answer = redactor.response(name, &needed(answer));
                let body = (!answer.body.is_empty()).then(|| Body::sealed(&answer.body));
                let (status, headers) = (answer.status, answer.headers);
                Event::Response(ResponseEvent {
                    scope,
                    ordinal,
                    status,
                    headers,
                    body,
                    unclear_at: None,
                })
            }
            Some(Err(lost)) => {
                let (kind, detail) = (lost.kind.clone(), redactor.text(&lost.detail));
                Event::Error(ErrorEvent { scope, ordinal, kind, detail, unclear_at: None })
            }
            None => Event::Error(ErrorEvent::unanswered(&scope, ordinal)),
        });
        Ok(())
    }
}

/// An answer as a sealed cassette has it, with the same in the place of all people and secrets.
pub(crate) fn sealed_answer(name: &str, answer: &Response, sealing: &Sealing) -> Response {
    faceless(name, &needed(answer), sealing)
}

/// What else a header says depends on when and how fast it was sent.
fn needed_of_request(
    mut request: drillmaster_models::wire::Request,
) -> drillmaster_models::wire::Request {
    request.headers.retain(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    request
}

fn needed(answer: &Response) -> Response {
    let is_needed = |name: &str| match name.to_ascii_lowercase().as_str() {
        "content-type" | "location" => true,
        "retry-after" => answer.status == 429,
        _ => false,
    };
    let headers = answer.headers.iter().filter(|(name, _)| is_needed(name)).cloned().collect();
    Response { status: answer.status, headers, body: answer.body.clone() }
}

/// The inputs of a run as its order has them. `None` for what is nothing of the kind.
fn pairs(value: &Value) -> Option<Vec<(String, String)>> {
    serde_json::from_value(value.clone()).ok()
}

/// What is kept of a run's order. Of files the names are, not where they lie.
fn kept(run: &Map<String, Value>, redactor: &Redactor) -> Map<String, Value> {
    let file = |value: &Value| {
        let name = Path::new(value.as_str()?).file_name()?;
        Some(Value::from(name.to_string_lossy()))
    };
    KEPT.iter()
        .filter_map(|name| Some((*name, run.get(*name)?)))
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            // A word of the format, whoever is called so.
            if name == "dialect"
                && value.as_str().is_some_and(|word| word.parse::<Dialect>().is_ok())
            {
                return (name.to_owned(), value.clone());
            }
            let value = match name {
                "roster" | "script" => file(value).unwrap_or_default(),
                _ => value.clone(),
            };
            (name.to_owned(), sorted(&redactor.json(&value)))
        })
        .collect()
}

/// One event after the other, for people.
fn laid_out(events: &[Event]) -> String {
    let mut text = String::new();
    for event in events {
        // Events are made of what JSON can say.
        text.push_str(&serde_json::to_string_pretty(event).unwrap_or_default());
        text.push('\n');
    }
    text
}

impl Sealed {
    /// The cassette as its file holds it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The roster with pseudonyms, where a roster was given.
    pub fn roster(&self) -> Option<&Rows> {
        self.roster.as_ref()
    }

    /// The endpoints of the writes that are in doubt because the journal does not say what became of them: an earlier
    /// release wrote it.
    pub fn in_doubt(&self) -> &[String] {
        &self.in_doubt
    }

    /// What whoever sealed it should know.
    pub fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    /// The cassette as a reader has it.
    pub fn tape(&self) -> Result<Tape, Damage> {
        parse(&self.text)
    }

    /// Looks once more for all that is private, in what is to be written.
    fn check(&self, redactor: &Redactor, keys: &Keys) -> Result<(), Unsealed> {
        let scan = redactor.scan().map_err(Unsealed::Recording)?;
        let is_key = |text: &str| keys.stand_in_cassette(text.as_bytes());
        let mut events = serde_json::Deserializer::from_str(&self.text).into_iter::<Value>();
        let mut start = 0;
        while let Some(event) = events.next() {
            let event = event.map_err(|error| Unsealed::Recording(error.to_string()))?;
            let place = place(&event);
            if is_key(&self.text[start..events.byte_offset()]) {
                return Err(Unsealed::Key(place));
            }
            scan.event(&place, &event)?;
            start = events.byte_offset();
        }
        for (index, row) in self.roster.iter().flat_map(|roster| roster.cells.iter().enumerate()) {
            let place = format!("row {} of the roster", index + 1);
            if row.iter().any(|cell| is_key(cell)) {
                return Err(Unsealed::Key(place));
            }
            row.iter().try_for_each(|cell| scan.text(&place, cell))?;
        }
        self.tape()?;
        Ok(())
    }

    /// Puts the cassette in its place, and beside it the roster with pseudonyms: `class.roster.csv` beside
    /// `class.cassette`. Both are complete when they appear. Gives the place of the roster.
    pub fn write(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let beside = path.with_extension("roster.csv");
        let roster =
            self.roster.as_ref().map(|rows| written(&beside, &rows.to_csv())).transpose()?;
        let cassette = written(path, &self.text)?;
        cassette.persist(path).map_err(|error| error.error)?;
        let Some(roster) = roster else { return Ok(None) };
        roster.persist(&beside).map_err(|error| error.error)?;
        Ok(Some(beside))
    }
}

fn place(event: &Value) -> String {
    let kind = event["event"].as_str().unwrap_or_default();
    match (event["ordinal"].as_u64(), event["scope"].as_str()) {
        // A scope that was not redacted must not be told.
        (Some(ordinal), Some(Scope::MAIN)) => format!("the {kind} {ordinal} of `main`"),
        (Some(ordinal), _) => format!("a row's {kind} {ordinal}"),
        _ => format!("the {kind} event"),
    }
}

/// A file beside its place. It may be read by whom the system lets read new files.
fn written(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut file = beside(path)?;
    file.as_file_mut().write_all(text.as_bytes())?;
    File::sync_all(file.as_file())?;
    Ok(file)
}

/// An empty file beside a place.
pub(crate) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".recording-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder.unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{Sealing, Sensitivity};

    /// The scan stands on its own: a text that was never redacted does not get past it.
    #[test]
    fn what_was_not_redacted_is_not_written() {
        let columns = vec![("email".to_owned(), Sensitivity::Email)];
        let sealing = Sealing { columns, ..Sealing::default() };
        let cells = vec![vec!["zoë@corp.example".to_owned()]];
        let rows = Rows { columns: vec!["email".to_owned()], cells };
        let redactor = Redactor::of(&sealing, Some(&rows));
        let lost = |detail: &str| {
            let (scope, detail) = (Scope::MAIN.to_owned(), detail.to_owned());
            Event::Error(ErrorEvent {
                scope,
                ordinal: 3,
                kind: "reset".to_owned(),
                detail,
                unclear_at: None,
            })
        };
        let check = |detail: &str, roster: Option<&Rows>| {
            let text = laid_out(&[lost(detail)]);
            let remarks = Remarks::default();
            let in_doubt = Vec::new();
            Sealed { text, roster: roster.cloned(), remarks, in_doubt }
                .check(&redactor, &Keys::default())
                .unwrap_err()
                .to_string()
        };
        let told = check("at zo%C3%AB%40corp.example", None);
        let start = "the error 3 of `main`, detail: something private (email) is left in it, \
                     percent-encoded; no cassette was written";
        assert!(told.starts_with(start), "{told}");
        assert!(!told.contains("corp"), "{told}");
        let told = check("nothing", Some(&rows));
        assert!(told.starts_with("row 1 of the roster: something private"), "{told}");
    }
}
