//! Adding to a cassette what it does not have.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use super::foreign;
use super::{Live, reached};
use crate::cassette::{Header, Interaction, RequestEvent, Sanitizer, Tape, ValueEvent, parse};
use crate::error::{Error, NetworkError};
use crate::files;
use crate::redact::Warnings;
use crate::replay::Replay;
use crate::request::{Purpose, Request, Response, Scope, Source, Transport};

pub(super) struct Append {
    old: Replay,
    began: Began,
    seal: Sanitizer,
    live: Live,
    added: Mutex<Added>,
}

/// What was there when it was opened.
enum Began {
    WithFile,
    WithoutFile,
}

#[derive(Default)]
struct Added {
    interactions: Vec<Interaction>,
    values: Vec<ValueEvent>,
}

impl Append {
    pub(super) fn to(old: Replay, seal: Sanitizer, live: Live) -> Self {
        Self { old, began: Began::WithFile, seal, live, added: Mutex::default() }
    }

    pub(super) fn anew(header: Header, seal: Sanitizer, live: Live) -> Result<Self, Error> {
        let empty = Sanitizer::default().events(header, []);
        let empty = empty.map_err(|error| Error::setup(error.to_string()))?;
        let old = Replay::read(empty.text());
        let old = old.map_err(|damage| Error::setup(damage.to_string()))?;
        Ok(Self { began: Began::WithoutFile, ..Self::to(old, seal, live) })
    }

    fn added(&self) -> MutexGuard<'_, Added> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was recorded together with what is new, if something is.
    pub(super) fn finish(&self, path: &Path) -> Result<Warnings, Error> {
        let added = std::mem::take(&mut *self.added());
        if added.interactions.is_empty() && added.values.is_empty() {
            return Ok(Warnings::default());
        }
        let refuse = |problem: String| Error::setup(format!("{}: {problem}", path.display()));
        let unchanged = match (&self.began, files::read(path, files::BY_PROGRAM)) {
            (Began::WithFile, Ok(bytes)) => bytes == self.old.text().as_bytes(),
            (Began::WithoutFile, Err(error)) => error.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        };
        if !unchanged {
            let problem = "the cassette was changed by somebody else meanwhile; nothing is added to it. Run again";
            return Err(refuse(problem.to_owned()));
        }
        let mut old = parse(self.old.text()).map_err(|damage| refuse(damage.to_string()))?;
        // Sealed anew as a whole: whoever is known has the same pseudonym as before.
        old.interactions = old.interactions.into_iter().map(|one| self.old.restored(one)).collect();
        let sealed =
            self.seal.clone().again(self.old.text(), self.old.sealing()).tape(together(old, added));
        let sealed = sealed.map_err(|error| refuse(error.to_string()))?;
        let written = sealed.write(path);
        written.map_err(|error| {
            Error::unwritten(format!("cannot write the cassette {}: {error}", path.display()))
        })?;
        Ok(sealed.warnings().clone())
    }
}

impl Append {
    /// Takes note of what a write in doubt came to.
    fn came_to(&self, scope: &str, ordinal: u64, outcome: &Result<Response, Error>) {
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

/// What is new comes behind what was there, and has the numbers after it: an equal request that was there is
/// answered first, as it was this time.
fn together(mut tape: Tape, added: Added) -> Tape {
    let mut next = HashMap::<String, u64>::new();
    let requests = tape.interactions.iter().map(|old| (&old.request.scope, old.request.ordinal));
    for (scope, ordinal) in requests.chain(tape.values.iter().map(|old| (&old.scope, old.ordinal)))
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
        tape.interactions.push(interaction);
    }
    for mut value in added.values {
        value.ordinal = number(&value.scope);
        tape.values.push(value);
    }
    tape
}

#[async_trait]
impl Transport for Append {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        match request.purpose {
            Purpose::Call => {}
            // What a look shows is written down as the outcome of the write that it was for.
            Purpose::Look => return reached(&self.live)?.send(request).await,
            Purpose::Repeat { of } => {
                let scope = request.scope.clone();
                let answer = reached(&self.live)?.send(request).await;
                self.came_to(&scope, of, &answer);
                return answer;
            }
        }
        if let Some(outcome) = self.old.take(&request)? {
            return outcome.map_err(|error| error.for_request(&request));
        }
        // Where nothing was recorded, nobody has a pseudonym.
        let stranger = match self.began {
            Began::WithFile => self.old.stranger(&request),
            Began::WithoutFile => None,
        };
        if let Some(pseudonym) = stranger {
            return Err(foreign(&pseudonym).for_request(&request));
        }
        let live = reached(&self.live)?;
        let place = {
            let mut added = self.added();
            // Stands where nobody waits for the outcome any more.
            let outcome =
                Err(Error::network(NetworkError::ConnectionLost, "no answer was recorded"));
            added.interactions.push(Interaction { request: RequestEvent::of(&request), outcome });
            added.interactions.len() - 1
        };
        let answer = live.send(request).await;
        // The list is empty where the cassette was finished meanwhile.
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
        // A value from outside is there, whether the service is or not.
        let scope = scope.name().to_string();
        let event = ValueEvent { scope, ordinal, name: name.to_owned(), value: fresh.clone() };
        self.added().values.push(event);
        Ok(fresh)
    }

    fn source(&self, request: &Request) -> Source {
        if self.old.holds(request) {
            return Source::Recording;
        }
        reached(&self.live).map_or(Source::Service, |live| live.source(request))
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        self.came_to(&request.scope, request.ordinal, &Ok(answer.clone()));
        if let Ok(live) = reached(&self.live) {
            live.resolved(request, answer);
        }
    }
}
