//! Which transport to use when, and how to test with a cassette.
//!
//! | to | use | the service is |
//! |---|---|---|
//! | call the service | [`Http`](crate::Http), below [`RateLimit`](crate::RateLimit) and [`Retry`](crate::Retry) | real |
//! | try a program without a service | `Sandbox` of `drillmaster-sandbox` | simulated, with state |
//! | test against what a service really answered | [`Recorder`](crate::Recorder) | recorded, and called again on demand |
//! | test how your code handles a certain answer | a cassette of a few events, [parsed from text](#a-cassette-written-by-hand) | written by hand |
//! | test that nothing is sent | [`RejectAll`](crate::RejectAll) | none |
//! | check what was sent | [`Capture`](crate::Capture) over another transport | that of the other |
//! | test how your code handles failures | [`FaultInjector`](crate::FaultInjector) over another transport | that of the other |
//!
//! # A test with a cassette
//!
//! A test names the cassette, the service to call if necessary, and the work to do. The [mode](crate::Mode) comes
//! from the environment variable `DRILLMASTER_CASSETTE`:
//!
//! | value | also | does | fails |
//! |---|---|---|---|
//! | `replay`, or nothing | `none` | answers from the cassette | on a request that was not recorded, or not as often; at the end, on requests that were not sent |
//! | `record` | `all` | calls the service and writes a new cassette | |
//! | `append` | `new_episodes` | answers from the cassette, calls the service for the rest, and adds the new answers | if another program has changed the file |
//! | `verify` | | calls the service with the recorded requests and compares the answers | as `replay`; at the end, on changed answers |
//! | `once` | | `record` if there is no file, otherwise `replay` | as `replay` |
//!
//! Without the variable, as in continuous integration, nothing is called. `once` is for a first try on your machine.
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
//! // The work. A real test would call `Http` with a key from the environment.
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
//! The recording is kept, and only new requests are sent to the service.
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
//! assert!(error.to_string().contains("roomCode=linux1"), "it was not sent this time");
//! # Ok(())
//! # }
//! ```
//!
//! ## Verify
//!
//! If the service's answers have changed, the error shows the differences. Requests that were not recorded are not
//! sent, so that a verification writes nothing unexpected; with [`VerifyWrites::Skip`](crate::VerifyWrites::Skip) it
//! writes nothing at all.
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
//! let mut outcome = None;
//! for (mode, learners) in [(Mode::Once, 3), (Mode::Verify, 4)] {
//!     let sandbox = Sandbox::new(Options { learners, ..Options::default() });
//!     let cassette = Recorder::builder(&path).mode(mode).open(|| Ok(sandbox))?;
//!     Connection::new(cassette.clone()).send(&ListUsers {}).await?;
//!     outcome = cassette.finish().err();
//! }
//! assert_eq!(outcome.and_then(|error| error.mismatch()), Some(Mismatch::Drifted));
//! # Ok(())
//! # }
//! ```
//!
//! # A cassette written by hand
//!
//! Events written by hand need no checksum. The hash of a request is that of its content.
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
//! # Finishing a cassette
//!
//! [`run`](crate::RecorderBuilder::run) finishes the cassette after the work. After
//! [`open`](crate::RecorderBuilder::open), call [`finish`](crate::Recorder::finish) yourself. A test without it would
//! not notice unused requests or changed answers, and would lose a recording, so dropping an unfinished cassette
//! panics.
//!
//! # Tests that run at the same time
//!
//! Cassettes share nothing: the environment is only read, and each cassette counts its own requests. A file is
//! replaced as a whole. If two tests record into one file, the later one wins; if two append to one, the later one
//! fails.
