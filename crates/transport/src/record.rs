//! Recording cassettes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::cassette::lines::{line, strip_checksum};
use crate::cassette::{Event, Header, RequestEvent, ResponseEvent, Sanitizer, ValueEvent, beside};
use crate::error::Error;
use crate::redact::Warnings;
use crate::request::{Purpose, Request, Response, Scope, Source, Transport};

/// Passes requests on, and records them and their responses in a cassette. The file appears, complete and
/// [sealed](Sanitizer), when [`finish`](Record::finish) is called. Until then everything is in a temporary file without a
/// name, which no other process can open and which disappears with this one.
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
    recording: Mutex<Option<Unfinished>>,
}

struct Unfinished {
    out: BufWriter<File>,
    /// The first error of the file. Requests are still passed on, and finishing fails.
    error: Option<io::Error>,
}

impl<T> Record<T> {
    /// Records what is sent over `inner`. Fails if the file cannot be written.
    pub fn to_file(path: impl AsRef<Path>, header: Header, inner: T) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        drop(beside(&path)?);
        let recording = Unfinished { out: BufWriter::new(tempfile::tempfile()?), error: None };
        let recording = Mutex::new(Some(recording));
        Ok(Self { inner, path, header, seal: Sanitizer::default(), recording })
    }

    /// Sets how the recording is sealed.
    #[must_use]
    pub fn sealed_by(mut self, seal: Sanitizer) -> Self {
        self.seal = seal;
        self
    }

    /// Ends the recording, seals it and writes the file, with the roster of pseudonyms next to it if the seal has a
    /// roster. Later requests are not recorded. Returns what the user should know about the sealing.
    pub fn finish(&self) -> io::Result<Warnings> {
        let Some(recording) = self.lock().take() else {
            return Ok(Warnings::default());
        };
        if let Some(error) = recording.error {
            return Err(error);
        }
        let events = recording.events()?;
        let sealed = self.seal.events(self.header.clone(), events).map_err(io::Error::other)?;
        sealed.write(&self.path)?;
        Ok(sealed.warnings().clone())
    }

    fn write(&self, event: &Event) {
        if let Some(recording) = self.lock().as_mut() {
            recording.write(event);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Unfinished>> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unfinished {
    fn write(&mut self, event: &Event) {
        if let Err(error) = self.out.write_all(&line(event)) {
            self.error.get_or_insert(error);
        }
    }

    /// Reads the events back.
    fn events(self) -> io::Result<Vec<Event>> {
        let mut file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        let lines = BufReader::new(file).split(b'\n');
        lines
            .map(|line| {
                let mut line = line?;
                if !strip_checksum(&mut line) {
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
        // What it finds is recorded as the outcome of the in-doubt write.
        if request.purpose == Purpose::Probe {
            return self.inner.send(request).await;
        }
        let (scope, ordinal) = (request.scope.clone(), request.ordinal);
        self.write(&Event::Request(RequestEvent::from_request(&request)));
        let answer = self.inner.send(request).await;
        if let Some(event) = Event::from_outcome(&scope, ordinal, &answer) {
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
        let event = ResponseEvent::from_response(&request.scope, request.ordinal, answer);
        self.write(&Event::Resolved(event));
        self.inner.resolved(request, answer);
    }
}
