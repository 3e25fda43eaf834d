//! The journal of a run: every request, response and row, written to disk as it happens. A run that was killed at any
//! point can be resumed from it.
//!
//! A journal is a file of [cassette events](drillmaster_transport::cassette), one a line, and only ever grows.
//!
//! | type | does |
//! |---|---|
//! | [`Journal`] | writes events, with one sync for all callers that wait for one |
//! | [`History`] | finds what earlier parts of a run recorded |
//! | [`Journaled`] | the transport that answers from the history and records the rest |
//!
//! To read a journal from start to end, use [`EventReader`](drillmaster_transport::cassette::EventReader).
//!
//! Guarantees:
//!
//! - The `request` event of a write is on disk before the request is sent.
//! - Lines are written in the order in which they were added. If a line is safe, so are all lines before it.
//! - Each line ends with a hash of itself and of the previous line, so that lost, duplicated, moved or edited lines are
//!   noticed. A torn last line is dropped: nothing has relied on it yet. Any other damage is refused. (In version 1,
//!   which early releases wrote, each line has only a checksum of its own. Such a journal is continued as it is.)
//! - One process at a time writes a journal.
//!
//! ```
//! use drillmaster_journal::{History, Journal, Journaled};
//! use drillmaster_models::thm::ShowScoreboard;
//! use drillmaster_transport::cassette::Header;
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

#[doc(hidden)]
pub mod crash_point;
mod error;
mod history;
mod journal;
mod journaled;
mod writer;

pub use error::JournalError;
pub use history::History;
pub use journal::Journal;
pub use journaled::Journaled;
pub use writer::Sink;
