//! Which transport when.
//!
//! | you want to | take | its service |
//! |---|---|---|
//! | call the service | [`Http`](crate::Http), under [`RateLimit`](crate::RateLimit) and [`Retry`](crate::Retry) | the real one |
//! | try a program without a service | `Sandbox` of `drillmaster-sandbox` | simulated, with state |
//! | test against what a service really said | [`Recorder`](crate::Recorder) | recorded, and called again when you say so |
//! | test what your code makes of a certain answer | a cassette of a few events, [read from text](#a-cassette-written-by-hand) | written by hand |
//! | test that nothing is sent | [`RejectAll`](crate::RejectAll) | none |
//! | look at what was sent | [`Capture`](crate::Capture) over another one | that of the other |
//! | test what your code does in trouble | [`FaultInjector`](crate::FaultInjector) over another one | that of the other, now and then |
//!
//! # A test with a cassette
//!
//! The test says where the cassette is, how the service is reached when it must be, and what is done. The
//! [mode](crate::Mode) comes from the variable `DRILLMASTER_CASSETTE`:
//!
//! | value | also | does | fails |
//! |---|---|---|---|
//! | `replay`, or nothing | `none` | answers from the cassette | on a request that is missing or used up; at the end, on unused ones |
//! | `record` | `all` | calls the service, and writes a new cassette | |
//! | `append` | `new_episodes` | answers from the cassette, calls the service for the rest, adds that | where somebody else changed the file meanwhile |
//! | `verify` | | calls the service with what is recorded, compares the answers | as `replay`; at the end, on drift |
//! | `once` | | `record` where there is no file, else `replay` | as that |
//!
//! In continuous integration nothing is set, so that nothing is called. `once` is for a first try at the desk.
//!
//! ## Record, then replay
//!
//! ```
//! use drillmaster_models::thm::ListRooms;
//! use drillmaster_sandbox::Sandbox;
//! use drillmaster_transport::{Recorder, Connection, Error, Mode};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("rooms.cassette");
//! // What the test is about. A real one would call `Http`, with a key from the environment.
//! async fn rooms(path: &std::path::Path, mode: Mode) -> Result<usize, Error> {
//!     let service = || Ok(Sandbox::default());
//!     let cassette = Recorder::builder(path).mode(mode);
//!     cassette
//!         .run(service, async |cassette| {
//!             let request: ListRooms = Default::default();
//!             Ok(Connection::new(cassette).send(&request).await?.room_info.len())
//!         })
//!         .await
//! }
//!
//! let recorded = rooms(&path, Mode::Record).await?;
//! assert_eq!(rooms(&path, Mode::Replay).await?, recorded);
//! # Ok(())
//! # }
//! ```
//!
//! ## Append
//!
//! What is recorded stays; only what is new reaches the service.
//!
//! ```
//! use drillmaster_models::thm::CheckRoom;
//! use drillmaster_sandbox::Sandbox;
//! use drillmaster_transport::{Recorder, Connection, Error, Mode, RejectAll};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("rooms.cassette");
//! let room = |code: &str| CheckRoom { room_code: code.to_owned() };
//! for codes in [&["linux1"][..], &["linux1", "nowhere"]] {
//!     let cassette = Recorder::builder(&path).mode(Mode::Append).open(|| Ok(Sandbox::default()))?;
//!     for code in codes {
//!         Connection::new(cassette.clone()).send(&room(code)).await?;
//!     }
//!     cassette.finish()?;
//! }
//! let replay = Recorder::builder(&path).open(|| Ok(RejectAll))?;
//! assert!(!Connection::new(replay.clone()).send(&room("nowhere")).await?.room_exists);
//! let error = replay.finish().unwrap_err();
//! assert!(error.to_string().contains("roomCode=linux1"), "it was not asked for this time");
//! # Ok(())
//! # }
//! ```
//!
//! ## Verify
//!
//! A service that has changed since is told as a difference. What was not recorded is not sent, so that a
//! verification never writes what nobody has foreseen; with
//! [`VerifyWrites::Skip`](crate::VerifyWrites::Skip) it writes nothing at all.
//!
//! ```
//! use drillmaster_models::thm::ListUsers;
//! use drillmaster_sandbox::{Options, Sandbox};
//! use drillmaster_transport::{Recorder, Connection, Error, Mismatch, Mode};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("users.cassette");
//! let mut told = None;
//! for (mode, learners) in [(Mode::Once, 3), (Mode::Verify, 4)] {
//!     let sandbox = Sandbox::new(Options { learners, ..Options::default() });
//!     let cassette = Recorder::builder(&path).mode(mode).open(|| Ok(sandbox))?;
//!     Connection::new(cassette.clone()).send(&ListUsers {}).await?;
//!     told = cassette.finish().err();
//! }
//! assert_eq!(told.and_then(|error| error.mismatch()), Some(Mismatch::Drifted));
//! # Ok(())
//! # }
//! ```
//!
//! # A cassette written by hand
//!
//! Events written by hand need no checksum; a request's hash is that of what it holds.
//!
//! ```
//! use drillmaster_models::thm::ListUsers;
//! use drillmaster_models::{Dialect, endpoint};
//! use drillmaster_transport::cassette::{Event, Header, RequestEvent, ResponseEvent};
//! use drillmaster_transport::{Connection, Replay, Purpose, Request, Response};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let users = endpoint("thm.users")?;
//! let wire = users.request(&serde_json::json!({}), Dialect::Current)?;
//! let request = Request { wire: wire.into(), metadata: &users.metadata, scope: "main".into(), ordinal: 0, purpose: Purpose::Call };
//! let refusal = Response::json(500, &serde_json::json!({ "message": "on fire" }));
//! let events = [
//!     Event::Cassette(Header::default()),
//!     Event::Request(RequestEvent::from_request(&request)),
//!     Event::Response(ResponseEvent::from_response("main", 0, &refusal)),
//!     Event::End { interactions: 1 },
//! ];
//! let text = events.iter().map(|event| serde_json::to_string(event)).collect::<Result<String, _>>()?;
//!
//! let connection = Connection::new(Replay::parse(text)?);
//! let error = connection.send(&ListUsers {}).await.unwrap_err();
//! assert_eq!(error.status(), Some(500));
//! # Ok(())
//! # }
//! ```
//!
//! # At the end
//!
//! [`play`](crate::RecorderBuilder::play) finishes a cassette behind the work. Whoever opens one with
//! [`over`](crate::RecorderBuilder::over) calls [`finish`](crate::Recorder::finish). A test that forgets it would pass
//! whatever was left unused and however the service has drifted, and a recording would be lost, which is why
//! dropping an unfinished cassette panics.
//!
//! # Tests at the same time
//!
//! A cassette shares nothing with another: the environment is read and never written, and each one keeps its
//! own account of what was asked for. A file is replaced as a whole. Of two that record into one file the
//! later wins; of two that append to one, the later is refused.
