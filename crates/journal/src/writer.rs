//! The thread that writes a journal, and the queue that feeds it.

use std::fs::File;
use std::io::{self, Write as _};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use drillmaster_transport::cassette::lines::{ChainHash, Line};
use tokio::sync::oneshot;

/// How much may wait for the disk, in bytes. Adding more blocks, so that memory is bounded.
const LARGEST_QUEUE: usize = 4 << 20;
/// How long lines that no caller waits for are collected before they are written together. A process that is killed
/// loses them; resuming finds out again what they said.
const COLLECT: Duration = Duration::from_millis(2);
/// After this many bytes, lines are written at once.
const ENOUGH: usize = 64 << 10;
/// How long callers that wait for the disk are collected at most, so that one sync serves them all.
const LONGEST_COLLECT: Duration = Duration::from_millis(5);

/// What a journal's lines are written to.
pub trait Sink: Send {
    /// Appends lines.
    fn write(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Makes everything that was written safe: when this returns, it survives a power cut.
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.write_all(lines)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Lines that wait to be written. They are written in the order in which they were added, so if a line is safe, so are
/// all before it.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    drained: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// The hash of the last line, waiting or written.
    hash: ChainHash,
    /// Callers that wait until everything in `lines` is safe.
    callers: Vec<oneshot::Sender<Result<(), SinkError>>>,
    last: Sync,
    requests: usize,
    writer: Writer,
    /// The last event was added.
    ended: bool,
    /// Nothing more will be added.
    closed: bool,
    error: Option<SinkError>,
}

/// What the thread is doing. Waking one that is already working would cost more than the line.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Writes, and will check the queue again.
    #[default]
    Writing,
    /// Collects lines.
    Collecting,
    /// Collects callers that wait for the disk.
    CollectingCallers,
    /// Has nothing to do.
    Idle,
}

/// How many callers the last sync served, and how long it took. As many callers are likely to come again, and waiting for
/// them as long as a sync takes costs nothing: otherwise they would wait for the sync that is under way.
#[derive(Default, Clone, Copy)]
struct Sync {
    served: usize,
    took: Duration,
}

/// The first error of the sink. It is permanent: after a partly written line, no other can be read.
#[derive(Clone)]
struct SinkError {
    kind: io::ErrorKind,
    text: String,
}

impl From<SinkError> for io::Error {
    fn from(error: SinkError) -> Self {
        Self::new(error.kind, error.text)
    }
}

/// Appends a line.
pub(super) type Put<'a> = &'a mut dyn FnMut(Line);

/// What is added to the queue.
pub(super) enum Item<'a> {
    Request(Line<'a>),
    Other(Line<'a>),
    /// The last line, built from the number of requests.
    End(&'a dyn Fn(usize, Put)),
}

/// A promise that everything added so far becomes safe.
pub(super) struct Written(oneshot::Receiver<Result<(), SinkError>>);

impl Written {
    pub(super) async fn wait(self) -> io::Result<()> {
        match self.0.await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(io::Error::other("the journal's writer has stopped")),
        }
    }
}

impl Queue {
    /// A queue for a journal with this many requests, whose last line has this hash.
    pub(super) fn new(requests: usize, hash: ChainHash) -> Self {
        let waiting = Waiting { hash, requests, ..Waiting::default() };
        Self { waiting: Mutex::new(waiting), ..Self::default() }
    }

    pub(super) fn requests(&self) -> usize {
        self.lock().requests
    }

    /// Adds a line.
    pub(super) fn add(&self, item: &Item) -> io::Result<()> {
        self.with_room(|waiting| waiting.add(item))
    }

    /// Adds a line that the caller waits for.
    pub(super) fn add_durably(&self, item: &Item) -> io::Result<Written> {
        let (caller, written) = oneshot::channel();
        self.with_room(|waiting| {
            waiting.add(item)?;
            waiting.callers.push(caller);
            Ok(Written(written))
        })
    }

    fn with_room<R>(&self, add: impl FnOnce(&mut Waiting) -> io::Result<R>) -> io::Result<R> {
        let mut waiting = self.lock();
        while waiting.lines.len() >= LARGEST_QUEUE && waiting.error.is_none() {
            waiting = self.drained.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let added = add(&mut waiting);
        let must_wake = waiting.must_wake();
        drop(waiting);
        if must_wake {
            self.filled.notify_one();
        }
        added
    }

    /// Lets the thread end once it has written everything.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines until the queue is closed: everything that waits at once, with one sync for all callers.
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
            let synced = written.and_then(|()| match callers.len() {
                0 => Ok(()),
                served => self.sync(sink, served),
            });
            let outcome = synced.map_err(|error| self.fail(&error));
            for caller in callers {
                // A caller that was cancelled needs no answer.
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
        self.lock().last = Sync { served, took: begun.elapsed().min(LONGEST_COLLECT) };
        Ok(())
    }

    /// Waits until there is something to write; `None` if the queue was closed.
    fn filled(&self) -> Option<MutexGuard<'_, Waiting>> {
        let mut waiting = self.lock();
        while waiting.lines.is_empty() && waiting.callers.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting.writer = Writer::Idle;
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        while !waiting.is_ready() {
            let pause = waiting.start_collecting();
            let collected = self.filled.wait_timeout(waiting, pause);
            let timeout;
            (waiting, timeout) = collected.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                break;
            }
        }
        waiting.writer = Writer::Writing;
        Some(waiting)
    }

    fn fail(&self, error: &io::Error) -> SinkError {
        let error = SinkError { kind: error.kind(), text: error.to_string() };
        let mut waiting = self.lock();
        waiting.error = Some(error.clone());
        waiting.lines = Vec::new();
        for caller in waiting.callers.drain(..) {
            let _ = caller.send(Err(error.clone()));
        }
        self.drained.notify_all();
        error
    }
}

impl Waiting {
    /// Whether to write at once.
    fn is_ready(&self) -> bool {
        let has_all_callers = !self.callers.is_empty() && self.callers.len() >= self.last.served;
        has_all_callers || self.closed || self.lines.len() >= ENOUGH
    }

    /// Starts to collect, and returns for how long.
    fn start_collecting(&mut self) -> Duration {
        let (writer, pause) = if self.callers.is_empty() {
            (Writer::Collecting, COLLECT)
        } else {
            (Writer::CollectingCallers, self.last.took)
        };
        self.writer = writer;
        pause
    }

    /// Whether to wake the thread, which is done once.
    fn must_wake(&mut self) -> bool {
        let must_wake = match self.writer {
            Writer::Writing => false,
            Writer::Collecting => self.is_ready() || !self.callers.is_empty(),
            Writer::CollectingCallers => self.is_ready(),
            Writer::Idle => true,
        };
        if must_wake {
            self.writer = Writer::Writing;
        }
        must_wake
    }

    fn add(&mut self, item: &Item) -> io::Result<()> {
        if let Some(error) = &self.error {
            return Err(error.clone().into());
        }
        let mut put = |line: Line| line.append_to(&mut self.lines, &mut self.hash);
        match item {
            // Ending twice does no harm.
            Item::End(_) if self.ended => {}
            _ if self.ended => return Err(io::Error::other("the journal has ended")),
            Item::Request(line) => {
                self.requests += 1;
                put(*line);
            }
            Item::Other(line) => put(*line),
            Item::End(line) => {
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
