//! The journal of a run: what happened, written down as it happens, so that the run can be killed at any
//! byte and go on. It has the events of a [cassette], one a line, and is only ever added to.
//!
//! | part | does |
//! |---|---|
//! | [`Journal`] | writes events; with one sync for all who wait for one |
//! | [`History`] | an index over what was written, for going on |
//! | [`Journaled`] | the transport that answers from the history and writes down the rest |
//! | [`Events`] | reads a journal event by event |
//!
//! What is kept true:
//!
//! - A write's `request` event is on the disk before the request is sent.
//! - Lines are written in the order in which they were added. What is safe is all up to some line.
//! - Each line closes with a hash of itself and of the hash before, so that lines that were lost, doubled, moved or
//!   changed are noticed. A torn last line is dropped, for nobody was told that it is safe, and lines that are missing
//!   at the end were never there. Any other damage is refused. (Version 1, which earlier releases wrote, had no more than
//!   a checksum for each line. A run that was begun so goes on so.)
//! - One process writes a journal at a time.
//!
//! ```
//! use drillmaster_models::thm::ShowScoreboard;
//! use drillmaster_transport::cassette::Header;
//! use drillmaster_transport::journal::{History, Journal, Journaled};
//! use drillmaster_transport::{Connection, RejectAll};
//! use std::sync::Arc;
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("run.journal");
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! let journal = Arc::new(Journal::create(&path, Header::default()).unwrap());
//! let transport = Journaled::new(RejectAll, journal.clone(), Arc::new(History::default()));
//! let connection = Connection::new(transport);
//! let request = ShowScoreboard { room_code: "linux1".to_owned() };
//! connection.send(&request).await.unwrap_err();
//! journal.close().await.unwrap();
//! # drop((connection, journal));
//!
//! let (_journal, history) = Journal::open(&path).unwrap();
//! assert!(history.is_finished());
//! # });
//! ```
//!
//! [cassette]: crate::cassette

mod history;
mod journaled;
mod lines;
mod unusable;
mod writer;

pub use history::History;
pub(crate) use history::{identity_key, scope_key, value_key};
pub use journaled::Journaled;
pub(crate) use journaled::read;
pub use lines::{Events, VERSION, line};
pub(crate) use lines::{Layout, Link, unlink, unseal};
use lines::{Line, with_line};
pub use unusable::Unusable;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::cassette::{Event, Header};
use unusable::Problem;
use writer::{EndpointDef, Put, Queue};

/// Where a journal's lines go.
pub trait Sink: Send {
    /// Writes lines behind those that were written.
    fn write(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Makes safe what was written: when this returns, it outlives a power cut.
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

/// Writes the journal of a run. Dropping it writes what waits and leaves it open for resuming;
/// [`close`](Self::close) ends it.
///
/// The first error of the disk stays: every later event is refused, so that nothing is sent that could not
/// be written down.
pub struct Journal {
    queue: Arc<Queue>,
    layout: Layout,
    writer: Option<JoinHandle<()>>,
    /// Sensitivity the lock.
    file: Option<File>,
}

/// What is in a journal already.
#[derive(Clone, Copy)]
struct Begun {
    requests: usize,
    layout: Layout,
    link: Link,
}

impl Journal {
    /// Begins a journal. Its file must not be there yet; only its owner may read it, for answers hold links
    /// and addresses.
    pub fn create(path: impl AsRef<Path>, header: Header) -> Result<Self, Unusable> {
        let path = path.as_ref();
        Self::begin(path, header).map_err(|problem| Unusable::new(path, problem))
    }

    fn begin(path: &Path, header: Header) -> Result<Self, Problem> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Problem::Exists,
            _ => Problem::Io(error),
        })?;
        // One without its first line is of no use, and in the way.
        let begun = Self::begin_in(file, path, header);
        if begun.is_err() {
            let _ = std::fs::remove_file(path);
        }
        begun
    }

    fn begin_in(mut file: File, path: &Path, header: Header) -> Result<Self, Problem> {
        lock(&file)?;
        let (mut first, mut link) = (Vec::new(), Link::default());
        let header = Event::Cassette(Header { version: VERSION, ..header });
        with_line(&header, Layout::Chained, |line| line.add_to(&mut first, &mut link));
        file.write_all(&first)?;
        file.sync_all()?;
        sync_folder(path)?;
        Ok(Self::in_file(file, Begun { requests: 0, layout: Layout::Chained, link })?)
    }

    /// Opens a journal in order to go on with it: what it holds, and the journal for what comes. A torn last
    /// line is cut off, and so is the `end`.
    pub fn open(path: impl AsRef<Path>) -> Result<(Self, History), Unusable> {
        let path = path.as_ref();
        Self::go_on(path).map_err(|problem| Unusable::new(path, problem))
    }

    fn go_on(path: &Path) -> Result<(Self, History), Problem> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        lock(&file)?;
        let history = History::of(path, file.try_clone()?)?;
        file.set_len(history.end())?;
        file.seek(SeekFrom::Start(history.end()))?;
        let (layout, link) = (history.layout(), history.link());
        let begun = Begun { requests: history.requests(), layout, link };
        Ok((Self::in_file(file, begun)?, history))
    }

    fn in_file(file: File, begun: Begun) -> io::Result<Self> {
        let lock = file.try_clone()?;
        Self::start(file, begun, Some(lock))
    }

    /// Writes the events, without a header, to somewhere else than a file: for tests of what happens when
    /// the disk does this or that.
    pub fn to(sink: impl Sink + 'static) -> io::Result<Self> {
        let begun = Begun { requests: 0, layout: Layout::Chained, link: Link::default() };
        Self::start(sink, begun, None)
    }

    fn start(sink: impl Sink + 'static, begun: Begun, file: Option<File>) -> io::Result<Self> {
        let queue = Arc::new(Queue::after(begun.requests, begun.link));
        let writer = Some(writer::start(&queue, sink)?);
        Ok(Self { queue, layout: begun.layout, writer, file })
    }

    /// Adds an event. It is written within milliseconds, and outlives this process then, but not yet a power cut.
    ///
    /// Waits for the disk where very much waits to be written already.
    pub fn append(&self, event: &Event) -> io::Result<()> {
        with_line(event, self.layout, |line| self.queue.add(&endpoint(event, line)))
    }

    /// Adds an event, and returns when it and all that was added before are safe on the disk.
    pub async fn append_durably(&self, event: &Event) -> io::Result<()> {
        let safe =
            with_line(event, self.layout, |line| self.queue.add_durably(&endpoint(event, line)))?;
        safe.reached().await
    }

    /// How many requests are in it, those of earlier parts among them.
    pub fn requests(&self) -> usize {
        self.queue.requests()
    }

    /// Returns when all that was added is safe on the disk.
    pub async fn flush(&self) -> io::Result<()> {
        self.queue.add_durably(&EndpointDef::Other(Line::NONE))?.reached().await
    }

    /// Whether some process writes this journal at present.
    pub fn is_in_use(path: impl AsRef<Path>) -> bool {
        // Nobody else's lock is in the way of looking, and this one goes with the file.
        File::open(path)
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Ends the journal: the run is done, and no more events come. Returns when all is safe on the disk.
    pub async fn close(&self) -> io::Result<()> {
        let end = |requests, put: Put| {
            with_line(&Event::End { interactions: requests }, self.layout, put);
        };
        let safe = self.queue.add_durably(&EndpointDef::End(&end))?;
        safe.reached().await
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // Its errors were told to those who waited for it.
            let _ = writer.join();
        }
        // A history may hold the file still, and with it the lock.
        if let Some(file) = &self.file {
            let _ = file.unlock();
        }
    }
}

fn endpoint<'a>(event: &Event, line: Line<'a>) -> EndpointDef<'a> {
    match event {
        Event::Request(_) => EndpointDef::Request(line),
        _ => EndpointDef::Other(line),
    }
}

fn lock(file: &File) -> Result<(), Problem> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Problem::Busy,
        TryLockError::Error(error) => Problem::Io(error),
    })
}

/// A new file is safe once its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
