//! Creating, opening and writing journals.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use drillmaster_transport::cassette::lines::{ChainHash, Line, LineFormat, with_line};
use drillmaster_transport::cassette::{Event, Header, JOURNAL_VERSION};

use crate::error::{JournalError, Problem};
use crate::history::History;
use crate::writer::{self, Item, Put, Queue, Sink};

/// Writes the journal of a run. Dropping it writes the remaining events and leaves the run to be resumed;
/// [`close`](Self::close) ends the run.
///
/// After an I/O error every later event is refused, so that nothing is sent that could not be recorded.
pub struct Journal {
    queue: Arc<Queue>,
    format: LineFormat,
    writer: Option<JoinHandle<()>>,
    /// Holds the lock.
    file: Option<File>,
}

/// Where a journal is continued.
#[derive(Clone, Copy)]
struct Start {
    requests: usize,
    format: LineFormat,
    /// The hash of the last line.
    hash: ChainHash,
}

impl Journal {
    /// Creates a journal. The file must not exist. Only its owner may read it, because responses contain links and
    /// addresses.
    pub fn create(path: impl AsRef<Path>, header: Header) -> Result<Self, JournalError> {
        let path = path.as_ref();
        create(path, header).map_err(|problem| JournalError::new(path, problem))
    }

    /// Opens a journal to resume its run. Returns what it holds, and the journal for new events. A torn last line and
    /// the `end` event are removed.
    pub fn open(path: impl AsRef<Path>) -> Result<(Self, History), JournalError> {
        let path = path.as_ref();
        open(path).map_err(|problem| JournalError::new(path, problem))
    }

    fn in_file(file: File, start: Start) -> io::Result<Self> {
        let lock = file.try_clone()?;
        Self::start(file, start, Some(lock))
    }

    /// Writes events, without a header, to something other than a file: for tests of what happens when the disk fails
    /// or is slow.
    pub fn with_sink(sink: impl Sink + 'static) -> io::Result<Self> {
        let start = Start { requests: 0, format: LineFormat::Chained, hash: ChainHash::default() };
        Self::start(sink, start, None)
    }

    fn start(sink: impl Sink + 'static, start: Start, file: Option<File>) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(start.requests, start.hash));
        let writer = Some(writer::start(&queue, sink)?);
        Ok(Self { queue, format: start.format, writer, file })
    }

    /// Adds an event. It is written within milliseconds and then survives this process, but not yet a power cut.
    ///
    /// Waits for the disk if too much is waiting to be written.
    pub fn append(&self, event: &Event) -> io::Result<()> {
        with_line(event, self.format, |line| self.queue.add(&item(event, line)))
    }

    /// Adds an event, and returns when it and everything added before it are safe on disk.
    pub async fn append_durably(&self, event: &Event) -> io::Result<()> {
        let written =
            with_line(event, self.format, |line| self.queue.add_durably(&item(event, line)))?;
        written.wait().await
    }

    /// How many requests it holds, including those of earlier parts of the run.
    pub fn requests(&self) -> usize {
        self.queue.requests()
    }

    /// Returns when everything that was added is safe on disk.
    pub async fn flush(&self) -> io::Result<()> {
        self.queue.add_durably(&Item::Other(Line::NONE))?.wait().await
    }

    /// Whether a process is writing this journal.
    pub fn is_in_use(path: impl AsRef<Path>) -> bool {
        // A shared lock does not disturb other readers, and is released with the file.
        File::open(path)
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Ends the journal: the run is done, and no more events follow. Returns when everything is safe on disk.
    pub async fn close(&self) -> io::Result<()> {
        let end = |requests, put: Put| {
            with_line(&Event::End { interactions: requests }, self.format, put);
        };
        self.queue.add_durably(&Item::End(&end))?.wait().await
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // Whoever waited for it got its errors.
            let _ = writer.join();
        }
        // A history may still hold the file, and with it the lock.
        if let Some(file) = &self.file {
            let _ = file.unlock();
        }
    }
}

fn create(path: &Path, header: Header) -> Result<Journal, Problem> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Problem::AlreadyExists,
        _ => error.into(),
    })?;
    let journal = begin(file, path, header);
    // A journal without its first line is useless and blocks the next attempt.
    if journal.is_err() {
        let _ = std::fs::remove_file(path);
    }
    journal
}

fn begin(mut file: File, path: &Path, header: Header) -> Result<Journal, Problem> {
    lock(&file)?;
    let (format, mut hash) = (LineFormat::Chained, ChainHash::default());
    let header = Event::Cassette(Header { version: JOURNAL_VERSION, ..header });
    let mut first = Vec::new();
    with_line(&header, format, |line| line.append_to(&mut first, &mut hash));
    file.write_all(&first)?;
    file.sync_all()?;
    sync_folder(path)?;
    Ok(Journal::in_file(file, Start { requests: 0, format, hash })?)
}

fn open(path: &Path) -> Result<(Journal, History), Problem> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    lock(&file)?;
    let history = History::from_file(path, file.try_clone()?)?;
    file.set_len(history.end())?;
    file.seek(SeekFrom::Start(history.end()))?;
    let (requests, format, hash) = (history.requests(), history.format(), history.last_hash());
    Ok((Journal::in_file(file, Start { requests, format, hash })?, history))
}

fn item<'a>(event: &Event, line: Line<'a>) -> Item<'a> {
    match event {
        Event::Request(_) => Item::Request(line),
        _ => Item::Other(line),
    }
}

fn lock(file: &File) -> Result<(), Problem> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Problem::Busy,
        TryLockError::Error(error) => error.into(),
    })
}

/// A new file is safe once its folder is synced.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
