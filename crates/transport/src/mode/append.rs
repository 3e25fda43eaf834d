//! Adding to a cassette.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use super::{Service, connected, pseudonym_error};
use crate::cassette::{
    Header, Interaction, Recording, RequestEvent, Sanitizer, ValueEvent, parse, unanswered,
};
use crate::error::Error;
use crate::files;
use crate::redact::Warnings;
use crate::replay::Replay;
use crate::request::{Purpose, Request, Response, Scope, Source, Transport};

pub(super) struct Append {
    old: Replay,
    file: FileState,
    seal: Sanitizer,
    service: Service,
    added: Mutex<Added>,
}

/// Whether the file existed when the cassette was opened.
enum FileState {
    Existed,
    Missing,
}

#[derive(Default)]
struct Added {
    interactions: Vec<Interaction>,
    values: Vec<ValueEvent>,
}

impl Append {
    pub(super) fn new(old: Replay, seal: Sanitizer, service: Service) -> Self {
        Self { old, file: FileState::Existed, seal, service, added: Mutex::default() }
    }

    pub(super) fn create(header: Header, seal: Sanitizer, service: Service) -> Result<Self, Error> {
        let empty = Sanitizer::default().events(header, []);
        let empty = empty.map_err(|error| Error::setup(error.to_string()))?;
        let old = Replay::parse(empty.text());
        let old = old.map_err(|damage| Error::setup(damage.to_string()))?;
        Ok(Self { file: FileState::Missing, ..Self::new(old, seal, service) })
    }

    fn added(&self) -> MutexGuard<'_, Added> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the old and the new interactions, if there are new ones.
    pub(super) fn finish(&self, path: &Path) -> Result<Warnings, Error> {
        let added = std::mem::take(&mut *self.added());
        if added.interactions.is_empty() && added.values.is_empty() {
            return Ok(Warnings::default());
        }
        let refuse = |problem: String| Error::setup(format!("{}: {problem}", path.display()));
        let unchanged = match (&self.file, files::read(path, files::BY_PROGRAM)) {
            (FileState::Existed, Ok(bytes)) => bytes == self.old.text().as_bytes(),
            (FileState::Missing, Err(error)) => error.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        };
        if !unchanged {
            let problem = "another program changed the cassette in the meantime; nothing was added to it. Run again";
            return Err(refuse(problem.to_owned()));
        }
        let mut old = parse(self.old.text()).map_err(|damage| refuse(damage.to_string()))?;
        // Everything is sealed again; known people keep their pseudonyms.
        old.interactions = old.interactions.into_iter().map(|one| self.old.restored(one)).collect();
        let sealed =
            self.seal.clone().again(self.old.text(), self.old.sealing()).tape(merge(old, added));
        let sealed = sealed.map_err(|error| refuse(error.to_string()))?;
        let written = sealed.write(path);
        written.map_err(|error| {
            Error::unwritten(format!("cannot write the cassette {}: {error}", path.display()))
        })?;
        Ok(sealed.warnings().clone())
    }
}

impl Append {
    /// Records the outcome of an in-doubt write.
    fn set_outcome(&self, scope: &str, ordinal: u64, outcome: &Result<Response, Error>) {
        let mut added = self.added();
        let own = added
            .interactions
            .iter_mut()
            .rfind(|one| one.request.scope == scope && one.request.ordinal == ordinal);
        if let Some(own) = own {
            own.outcome.clone_from(outcome);
        }
    }
}

/// Appends what is new, with higher numbers: of equal requests, the older ones are answered first, as they were this
/// time.
fn merge(mut recording: Recording, added: Added) -> Recording {
    let mut next = HashMap::<String, u64>::new();
    let requests =
        recording.interactions.iter().map(|old| (&old.request.scope, old.request.ordinal));
    for (scope, ordinal) in
        requests.chain(recording.values.iter().map(|old| (&old.scope, old.ordinal)))
    {
        let next = next.entry(scope.clone()).or_default();
        *next = (*next).max(ordinal.saturating_add(1));
    }
    let mut number = |scope: &str| {
        let next = next.entry(scope.to_owned()).or_default();
        *next += 1;
        *next - 1
    };
    for mut interaction in added.interactions {
        interaction.request.ordinal = number(&interaction.request.scope);
        recording.interactions.push(interaction);
    }
    for mut value in added.values {
        value.ordinal = number(&value.scope);
        recording.values.push(value);
    }
    recording
}

#[async_trait]
impl Transport for Append {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        match request.purpose {
            Purpose::Call => {}
            // What it finds is recorded as the outcome of the in-doubt write.
            Purpose::Probe => return connected(&self.service)?.send(request).await,
            Purpose::Repeat { of } => {
                let scope = request.scope.clone();
                let answer = connected(&self.service)?.send(request).await;
                self.set_outcome(&scope, of, &answer);
                return answer;
            }
        }
        if let Some(outcome) = self.old.take(&request)? {
            return outcome.map_err(|error| error.for_request(&request));
        }
        // A new cassette has no pseudonyms yet.
        let pseudonym = match self.file {
            FileState::Existed => self.old.unknown_pseudonym(&request),
            FileState::Missing => None,
        };
        if let Some(pseudonym) = pseudonym {
            return Err(pseudonym_error(&pseudonym).for_request(&request));
        }
        let live = connected(&self.service)?;
        let place = {
            let mut added = self.added();
            // Stays if the caller stops waiting for the response.
            let outcome = Err(unanswered());
            let request = RequestEvent::from_request(&request);
            added.interactions.push(Interaction { request, outcome });
            added.interactions.len() - 1
        };
        let answer = live.send(request).await;
        // The list is empty if the cassette was finished in the meantime.
        if let Some(interaction) = self.added().interactions.get_mut(place) {
            interaction.outcome.clone_from(&answer);
        }
        answer
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        let ordinal = scope.next();
        if let Some(value) = self.old.take_value(scope.name(), name)? {
            return Ok(value);
        }
        let scope = scope.name().to_string();
        let event = ValueEvent { scope, ordinal, name: name.to_owned(), value: fresh.clone() };
        self.added().values.push(event);
        Ok(fresh)
    }

    fn source(&self, request: &Request) -> Source {
        if self.old.has_next(request) {
            return Source::Recording;
        }
        connected(&self.service).map_or(Source::Service, |live| live.source(request))
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        self.set_outcome(&request.scope, request.ordinal, &Ok(answer.clone()));
        if let Ok(live) = connected(&self.service) {
            live.resolved(request, answer);
        }
    }
}
