//! Writing down what travels.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::cassette::{Event, Header, RequestEvent, ResponseEvent, Sanitizer, ValueEvent, beside};
use crate::error::Error;
use crate::journal::{line, unseal};
use crate::redact::Warnings;
use crate::request::{Purpose, Request, Response, Scope, Source, Transport};

/// Passes requests on and writes them and their answers to a cassette. The file appears, complete and
/// [sealed](Sanitizer), when [`finish`](Record::finish) is called. Until then a file without a name holds what
/// travelled, which nobody else can open and which is gone with this process.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use drillmaster_models::thm::ListUsers;
/// use drillmaster_transport::{Connection, Http, Record, SecretString, cassette::Header};
/// use std::sync::Arc;
///
/// let http = Http::new("http://127.0.0.1:8080", SecretString::from("sandbox-thm-key"))?;
/// let record = Arc::new(Record::to_file("users.cassette", Header::default(), http)?);
/// Connection::new(record.clone()).send(&ListUsers {}).await?;
/// record.finish()?;
/// # Ok(())
/// # }
/// ```
pub struct Record<T> {
    inner: T,
    path: PathBuf,
    header: Header,
    seal: Sanitizer,
    tape: Mutex<Option<Tape>>,
}

struct Tape {
    out: BufWriter<File>,
    /// The first trouble with the file: a run goes on, and its recording is refused at the end.
    trouble: Option<io::Error>,
}

impl<T> Record<T> {
    /// Records what goes to `inner`. Refuses a place that cannot be written to.
    pub fn to_file(path: impl AsRef<Path>, header: Header, inner: T) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        drop(beside(&path)?);
        let tape = Tape { out: BufWriter::new(tempfile::tempfile()?), trouble: None };
        Ok(Self { inner, path, header, seal: Sanitizer::default(), tape: Mutex::new(Some(tape)) })
    }

    /// Seals the recording in this way.
    #[must_use]
    pub fn sealed_by(mut self, seal: Sanitizer) -> Self {
        self.seal = seal;
        self
    }

    /// Ends the recording, seals it and puts the file in its place, and the roster with pseudonyms beside
    /// it where a roster was given. Later requests are passed on unrecorded. Gives what whoever seals should know.
    pub fn finish(&self) -> io::Result<Warnings> {
        let Some(tape) = self.lock().take() else {
            return Ok(Warnings::default());
        };
        if let Some(trouble) = tape.trouble {
            return Err(trouble);
        }
        let events = tape.events()?;
        let sealed = self.seal.events(self.header.clone(), events).map_err(io::Error::other)?;
        sealed.write(&self.path)?;
        Ok(sealed.warnings().clone())
    }

    fn write(&self, event: &Event) {
        if let Some(tape) = self.lock().as_mut() {
            tape.write(event);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Tape>> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tape {
    fn write(&mut self, event: &Event) {
        if let Err(error) = self.out.write_all(&line(event)) {
            self.trouble.get_or_insert(error);
        }
    }

    /// Reads back what was written.
    fn events(self) -> io::Result<Vec<Event>> {
        let mut file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        let lines = BufReader::new(file).split(b'\n');
        lines
            .map(|line| {
                let mut line = line?;
                if !unseal(&mut line) {
                    return Err(io::Error::other("the recording was damaged before it was sealed"));
                }
                Ok(serde_json::from_slice(&line)?)
            })
            .collect()
    }
}

#[async_trait]
impl<T: Transport> Transport for Record<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        // What it shows is written down as the outcome of the write that it was for.
        if request.purpose == Purpose::Look {
            return self.inner.send(request).await;
        }
        let (scope, ordinal) = (request.scope.clone(), request.ordinal);
        self.write(&Event::Request(RequestEvent::of(&request)));
        let answer = self.inner.send(request).await;
        if let Some(event) = Event::outcome(&scope, ordinal, &answer) {
            self.write(&event);
        }
        answer
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        let value = self.inner.value(scope, name, fresh)?;
        self.write(&Event::Value(ValueEvent {
            scope: scope.name().to_string(),
            ordinal: scope.next(),
            name: name.to_owned(),
            value: value.clone(),
        }));
        Ok(value)
    }

    fn source(&self, request: &Request) -> Source {
        self.inner.source(request)
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        let event = ResponseEvent::of(&request.scope, request.ordinal, answer);
        self.write(&Event::Resolved(event));
        self.inner.resolved(request, answer);
    }
}
