//! The thread that writes a journal, and the queue that feeds it.

use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Sink;
use super::lines::{Line, Link};

/// How much may wait for the disk, in bytes. Who appends more waits too, so that memory has a bound.
const LARGEST_QUEUE: usize = 4 << 20;
/// How long lines that nobody waits for may gather, so that they are written together. A process that is killed
/// loses them; what they tell is found out again.
const GATHERING: Duration = Duration::from_millis(2);
/// How many bytes need not gather more.
const ENOUGH: usize = 64 << 10;
/// How long those who wait for the disk may gather at most, so that one sync serves them.
const PATIENCE: Duration = Duration::from_millis(5);

/// What waits to be written. Lines are written in the order in which they were added, so that what is safe
/// is always all up to some line.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    drained: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// What closes the last of them, or the last that was written.
    link: Link,
    /// Those who want to know when all that is in `lines` is safe.
    callers: Vec<oneshot::Sender<Result<(), FaultKind>>>,
    last: Sync,
    requests: usize,
    writer: Writer,
    /// The journal has its last event.
    ended: bool,
    /// Nothing more will be added.
    closed: bool,
    trouble: Option<FaultKind>,
}

/// What the thread does. To wake one that is at work anyhow would cost more than the line.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Writes, and will look again.
    #[default]
    Works,
    /// Lets lines gather.
    Gathers,
    /// Lets those gather who wait for the disk.
    Awaits,
    /// Has nothing to do.
    Sleeps,
}

/// What is known of the last sync: whom it served, and how long it took. As many are likely to come again, and to
/// wait for them as long as another sync would take is no loss: they would have had to wait for that one.
#[derive(Default, Clone, Copy)]
struct Sync {
    served: usize,
    took: Duration,
}

/// The first error of the sink. It stays: behind a line that was written in part, no other can be read.
#[derive(Clone)]
struct FaultKind {
    kind: io::ErrorKind,
    text: String,
}

impl From<FaultKind> for io::Error {
    fn from(trouble: FaultKind) -> Self {
        Self::new(trouble.kind, trouble.text)
    }
}

/// Adds a line.
pub(super) type Put<'a> = &'a mut dyn FnMut(Line);

/// What is added to the queue.
pub(super) enum EndpointDef<'a> {
    Request(Line<'a>),
    Other(Line<'a>),
    /// The last one, made from the number of requests.
    End(&'a dyn Fn(usize, Put)),
}

/// What to wait for until the lines added so far are safe.
pub(super) struct Safe(oneshot::Receiver<Result<(), FaultKind>>);

impl Safe {
    pub(super) async fn reached(self) -> io::Result<()> {
        match self.0.await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(io::Error::other("the journal's writer has stopped")),
        }
    }
}

impl Queue {
    /// A queue for a journal that holds so many requests already, and whose last line this link closes.
    pub(super) fn after(requests: usize, link: Link) -> Self {
        let waiting = Waiting { link, requests, ..Waiting::default() };
        Self { waiting: Mutex::new(waiting), ..Self::default() }
    }

    pub(super) fn requests(&self) -> usize {
        self.lock().requests
    }

    /// Adds a line.
    pub(super) fn add(&self, endpoint: &EndpointDef) -> io::Result<()> {
        self.with_room(|waiting| waiting.add(endpoint))
    }

    /// Adds a line, and asks to be told when it is safe.
    pub(super) fn add_durably(&self, endpoint: &EndpointDef) -> io::Result<Safe> {
        let (caller, safe) = oneshot::channel();
        self.with_room(|waiting| {
            waiting.add(endpoint)?;
            waiting.callers.push(caller);
            Ok(Safe(safe))
        })
    }

    fn with_room<R>(&self, add: impl FnOnce(&mut Waiting) -> io::Result<R>) -> io::Result<R> {
        let mut waiting = self.lock();
        while waiting.lines.len() >= LARGEST_QUEUE && waiting.trouble.is_none() {
            waiting = self.drained.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let added = add(&mut waiting);
        let wakes = waiting.wakes();
        drop(waiting);
        if wakes {
            self.filled.notify_one();
        }
        added
    }

    /// Lets the writer end once it has written what waits.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what comes until the queue is closed: all that waits at once, with one sync for all who asked.
    fn serve(&self, sink: &mut dyn Sink) {
        let mut lines = Vec::new();
        loop {
            let Some(mut waiting) = self.filled() else { return };
            lines.clear();
            mem::swap(&mut lines, &mut waiting.lines);
            let callers = mem::take(&mut waiting.callers);
            drop(waiting);
            self.drained.notify_all();

            let written = sink.write(&lines);
            let safe = written.and_then(|()| match callers.len() {
                0 => Ok(()),
                served => self.sync(sink, served),
            });
            let outcome = safe.map_err(|error| self.fail(&error));
            for caller in callers {
                // A caller that has gone away needs no answer.
                let _ = caller.send(outcome.clone());
            }
            if outcome.is_err() {
                return;
            }
        }
    }

    fn sync(&self, sink: &mut dyn Sink, served: usize) -> io::Result<()> {
        let begun = Instant::now();
        sink.sync()?;
        self.lock().last = Sync { served, took: begun.elapsed().min(PATIENCE) };
        Ok(())
    }

    /// Waits until there is something to write; `None` when nothing more will come.
    fn filled(&self) -> Option<MutexGuard<'_, Waiting>> {
        let mut waiting = self.lock();
        while waiting.lines.is_empty() && waiting.callers.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting.writer = Writer::Sleeps;
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        while !waiting.is_due() {
            let patience = waiting.gather();
            let gathered = self.filled.wait_timeout(waiting, patience);
            let timeout;
            (waiting, timeout) = gathered.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                break;
            }
        }
        waiting.writer = Writer::Works;
        Some(waiting)
    }

    fn fail(&self, error: &io::Error) -> FaultKind {
        let trouble = FaultKind { kind: error.kind(), text: error.to_string() };
        let mut waiting = self.lock();
        waiting.trouble = Some(trouble.clone());
        waiting.lines = Vec::new();
        for caller in waiting.callers.drain(..) {
            let _ = caller.send(Err(trouble.clone()));
        }
        self.drained.notify_all();
        trouble
    }
}

impl Waiting {
    /// Whether what is here is to be written at once.
    fn is_due(&self) -> bool {
        let is_crowd = !self.callers.is_empty() && self.callers.len() >= self.last.served;
        is_crowd || self.closed || self.lines.len() >= ENOUGH
    }

    /// Begins to let more come: for how long.
    fn gather(&mut self) -> Duration {
        let (writer, patience) = if self.callers.is_empty() {
            (Writer::Gathers, GATHERING)
        } else {
            (Writer::Awaits, self.last.took)
        };
        self.writer = writer;
        patience
    }

    /// Whether the thread is to be woken for what was added, which is done once.
    fn wakes(&mut self) -> bool {
        let wakes = match self.writer {
            Writer::Works => false,
            Writer::Gathers => self.is_due() || !self.callers.is_empty(),
            Writer::Awaits => self.is_due(),
            Writer::Sleeps => true,
        };
        if wakes {
            self.writer = Writer::Works;
        }
        wakes
    }

    fn add(&mut self, endpoint: &EndpointDef) -> io::Result<()> {
        if let Some(trouble) = &self.trouble {
            return Err(trouble.clone().into());
        }
        let mut put = |line: Line| line.add_to(&mut self.lines, &mut self.link);
        match endpoint {
            // Ended twice is ended.
            EndpointDef::End(_) if self.ended => {}
            _ if self.ended => return Err(io::Error::other("the journal has ended")),
            EndpointDef::Request(line) => {
                self.requests += 1;
                put(*line);
            }
            EndpointDef::Other(line) => put(*line),
            EndpointDef::End(line) => {
                self.ended = true;
                line(self.requests, &mut put);
            }
        }
        Ok(())
    }
}

/// Starts the thread.
pub(super) fn start(
    queue: &Arc<Queue>,
    mut sink: impl Sink + 'static,
) -> io::Result<JoinHandle<()>> {
    let queue = queue.clone();
    thread::Builder::new().name("journal".to_owned()).spawn(move || queue.serve(&mut sink))
}
