//! Writing down what travels.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::cassette::{ErrorEvent, Event, Header, RequestEvent, ValueEvent};
use crate::error::Error;
use crate::journal::line;
use crate::request::{Request, Response, Scope, Source, Transport};

/// Passes requests on and writes them and their answers to a cassette. The file appears, complete, when
/// [`finish`](Record::finish) is called; until then it is written beside its place. Only its owner may read
/// it: answers hold links and addresses.
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
    tape: Mutex<Option<Tape>>,
}

struct Tape {
    out: BufWriter<NamedTempFile>,
    interactions: usize,
    /// The requests that have no outcome so far, by scope and number.
    open: BTreeSet<(String, u64)>,
    /// The first trouble with the file: a run goes on, and its recording is refused at the end.
    trouble: Option<io::Error>,
}

impl<T> Record<T> {
    /// Records what goes to `inner`.
    pub fn to_file(path: impl AsRef<Path>, header: Header, inner: T) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new().prefix(".recording-").tempfile_in(folder)?;
        let mut tape = Tape {
            out: BufWriter::new(file),
            interactions: 0,
            open: BTreeSet::new(),
            trouble: None,
        };
        tape.write(&Event::Cassette(header));
        Ok(Self { inner, path, tape: Mutex::new(Some(tape)) })
    }

    /// Ends the recording and puts the file in its place. Later requests are passed on unrecorded.
    pub fn finish(&self) -> io::Result<()> {
        let Some(mut tape) = self.lock().take() else {
            return Ok(());
        };
        // Nobody waits for these any more: a cassette tells the outcome of each request.
        for (scope, ordinal) in std::mem::take(&mut tape.open) {
            tape.write(&Event::Error(ErrorEvent::unanswered(&scope, ordinal)));
        }
        let interactions = tape.interactions;
        tape.write(&Event::End { interactions });
        if let Some(trouble) = tape.trouble {
            return Err(trouble);
        }
        let file = tape.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
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
        match event {
            Event::Request(request) => {
                self.interactions += 1;
                self.open.insert((request.scope.clone(), request.ordinal));
            }
            Event::Response(answer) => {
                self.open.remove(&(answer.scope.clone(), answer.ordinal));
            }
            Event::Error(lost) => {
                self.open.remove(&(lost.scope.clone(), lost.ordinal));
            }
            _ => {}
        }
        if let Err(error) = self.out.write_all(&line(event)) {
            self.trouble.get_or_insert(error);
        }
    }
}

#[async_trait]
impl<T: Transport> Transport for Record<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
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
}
