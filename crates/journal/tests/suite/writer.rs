//! Writing: in order, durable when it says so, by one process at a time, readable by the owner only.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use drillmaster_journal::{History, Journal, Journaled, Sink};
use drillmaster_transport::cassette::EventReader;
use drillmaster_transport::cassette::{Event, Header};
use drillmaster_transport::{Capture, RejectAll, Scope, Transport};
use serde_json::json;

use super::{again, asked, left, place, scores, seat};

/// A disk in memory that a test can block and fill.
#[derive(Clone, Default)]
struct Disk(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    written: Vec<u8>,
    safe: usize,
    syncs: usize,
    /// How much fits; `None` means unlimited.
    room: Option<usize>,
    /// Syncs wait while this is set.
    held: bool,
    holding: bool,
}

impl Disk {
    fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        let result = look(&mut self.0.state.lock().unwrap());
        self.0.moved.notify_all();
        result
    }

    /// Waits until a sync is blocked.
    fn wait_until_held(&self) {
        let state = self.0.state.lock().unwrap();
        drop(self.0.moved.wait_while(state, |state| !state.holding).unwrap());
    }
}

impl Sink for Disk {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.with(|state| {
            let fits =
                state.room.map_or(lines.len(), |room| room.saturating_sub(state.written.len()));
            let fits = fits.min(lines.len());
            state.written.extend_from_slice(&lines[..fits]);
            if fits < lines.len() {
                return Err(io::Error::new(io::ErrorKind::StorageFull, "no space is left"));
            }
            Ok(())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.with(|state| state.holding = state.held);
        let state = self.0.state.lock().unwrap();
        let mut state = self.0.moved.wait_while(state, |state| state.held).unwrap();
        state.holding = false;
        state.syncs += 1;
        state.safe = state.written.len();
        Ok(())
    }
}

fn on(disk: &Disk) -> Arc<Journal> {
    Arc::new(Journal::with_sink(disk.clone()).unwrap())
}

#[tokio::test]
async fn a_durable_event_is_safe_when_it_returns_and_so_are_all_before() {
    let disk = Disk::default();
    let journal = on(&disk);
    journal.append(&again("a")).unwrap();
    journal.append_durably(&again("b")).await.unwrap();
    disk.with(|state| {
        let safe = String::from_utf8(state.written[..state.safe].to_vec()).unwrap();
        assert!(safe.contains("\"a\"") && safe.contains("\"b\""), "{safe}");
    });
}

#[tokio::test]
async fn an_event_that_need_not_be_durable_causes_no_sync() {
    let disk = Disk::default();
    let journal = on(&disk);
    for _ in 0..100 {
        journal.append(&again("a")).unwrap();
    }
    drop(journal);
    disk.with(|state| assert_eq!((state.syncs, state.written.is_empty()), (0, false)));
}

/// While the first sync is blocked the others collect, and the second serves them all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sync_serves_all_who_wait() {
    let disk = Disk::default();
    disk.with(|state| state.held = true);
    let journal = on(&disk);
    let added = Arc::new(AtomicUsize::new(0));
    let write = |index: usize| {
        let (journal, added) = (journal.clone(), added.clone());
        tokio::spawn(async move {
            let event = again(&index.to_string());
            let mut durable = Box::pin(journal.append_durably(&event));
            // Once polled, the event is in the queue.
            let first = futures::poll!(&mut durable);
            added.fetch_add(1, Ordering::Release);
            match first {
                std::task::Poll::Ready(done) => done,
                std::task::Poll::Pending => durable.await,
            }
        })
    };
    let first = write(0);
    disk.wait_until_held();
    let others: Vec<_> = (1..=50).map(write).collect();
    while added.load(Ordering::Acquire) < 51 {
        tokio::task::yield_now().await;
    }
    disk.with(|state| state.held = false);
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    disk.with(|state| assert_eq!(state.syncs, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_scope_keeps_its_order() {
    let (_folder, path) = place();
    let journal = Arc::new(Journal::create(&path, Header::default()).unwrap());
    let write = |scope: usize| {
        let journal = journal.clone();
        async move {
            for ordinal in 0..20 {
                let event = asked(&seat(&scope.to_string(), ordinal));
                journal.append_durably(&event).await.unwrap();
            }
        }
    };
    let tasks: Vec<_> = (0..16).map(|scope| tokio::spawn(write(scope))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    journal.close().await.unwrap();
    let mut seen: HashMap<String, u64> = HashMap::new();
    for event in EventReader::open(&path).unwrap() {
        if let Event::Request(request) = event.unwrap() {
            let next = seen.entry(request.scope).or_default();
            assert_eq!(request.ordinal, *next);
            *next += 1;
        }
    }
    assert_eq!(seen.values().sum::<u64>(), 320);
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_sent() {
    let disk = Disk::default();
    disk.with(|state| state.room = Some(10));
    let journal = on(&disk);
    let capture = Arc::new(Capture::new(RejectAll));
    let history = Arc::new(History::default());
    let transport = Journaled::new(capture.clone(), journal.clone(), history);
    let refused = transport.send(seat("ada", 0)).await.unwrap_err();
    assert!(refused.is_unwritten() && !refused.is_in_doubt());
    let told = refused.to_string();
    assert!(told.contains("nothing was sent") && told.contains("no space is left"), "{told}");

    // Even when there is room again: the torn line would be in the middle.
    disk.with(|state| state.room = None);
    transport.send(seat("ada", 0)).await.unwrap_err();
    transport.send(scores("ada", 1)).await.unwrap_err();
    transport.value(&Scope::new("ada"), "now", json!(1)).unwrap_err();
    assert_eq!(journal.close().await.unwrap_err().kind(), io::ErrorKind::StorageFull);
    disk.with(|state| assert_eq!(state.written.len(), 10));
    assert!(capture.requests().is_empty());
}

/// The queue fills while the disk is blocked; callers that wait for room get the error, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_waits_for_the_disk() {
    let disk = Disk::default();
    disk.with(|state| state.held = true);
    let journal = on(&disk);
    let held = journal.clone();
    let first = tokio::spawn(async move { held.append_durably(&again("first")).await });
    disk.wait_until_held();
    let large = again(&"x".repeat(1 << 20));
    let filler = {
        let (journal, large) = (journal.clone(), large.clone());
        std::thread::spawn(move || (0..8).try_for_each(|_| journal.append(&large)))
    };
    disk.with(|state| state.held = false);
    first.await.unwrap().unwrap();
    filler.join().unwrap().unwrap();
    drop(journal);
    disk.with(|state| assert!(state.written.len() > 8 << 20));
}

#[tokio::test]
async fn a_second_writer_is_refused() {
    let (_folder, path) = place();
    let journal = Journal::create(&path, Header::default()).unwrap();
    let refused = Journal::open(&path).err().unwrap();
    assert!(refused.is_busy());
    assert!(refused.to_string().contains("another process"), "{refused}");
    assert!(History::read(&path).is_ok(), "looking at it is allowed");
    drop(journal);
    let (journal, _history) = Journal::open(&path).unwrap();
    assert!(Journal::open(&path).err().unwrap().is_busy());
    drop(journal);
    assert!(Journal::open(&path).is_ok());
}

#[test]
fn an_existing_file_is_left_alone() {
    let (_folder, path) = place();
    fs::write(&path, "something else").unwrap();
    assert!(Journal::create(&path, Header::default()).err().unwrap().already_exists());
    assert_eq!(fs::read_to_string(&path).unwrap(), "something else");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = place();
    left(&path, &[]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn nothing_comes_after_the_end() {
    let (_folder, path) = place();
    let journal = Journal::create(&path, Header::default()).unwrap();
    journal.append(&asked(&scores("ada", 0))).unwrap();
    journal.close().await.unwrap();
    journal.close().await.unwrap();
    journal.append(&again("ada")).unwrap_err();
    journal.append_durably(&again("ada")).await.unwrap_err();
    drop(journal);
    let history = History::read(&path).unwrap();
    assert!(history.is_finished());
    assert_eq!(history.requests(), 1);
}

#[tokio::test]
async fn a_finished_run_can_be_resumed_and_end_again() {
    let (_folder, path) = place();
    let journal = Journal::create(&path, Header::default()).unwrap();
    journal.append(&asked(&scores("ada", 0))).unwrap();
    journal.close().await.unwrap();
    drop(journal);
    let (journal, _) = Journal::open(&path).unwrap();
    assert!(!History::read(&path).unwrap().is_finished());
    journal.append(&asked(&scores("ada", 1))).unwrap();
    journal.close().await.unwrap();
    let events: Vec<_> = EventReader::open(&path).unwrap().map(Result::unwrap).collect();
    let end = Event::End { interactions: 2 };
    assert_eq!(events, [asked(&scores("ada", 0)), asked(&scores("ada", 1)), end]);
}
