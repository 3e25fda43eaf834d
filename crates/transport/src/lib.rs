//! Sends requests to training services: over HTTP, from a recording, or with faults for tests.
//!
//! There is one trait, [`Transport`]. Most of its implementations wrap another one:
//!
//! | transport | does |
//! |---|---|
//! | [`Http`] | sends over HTTP(S), and adds the credential |
//! | [`Route`] | sends each request over the transport of its service |
//! | [`Retry`] | sends a request again where that can do no harm |
//! | [`RateLimit`] | keeps requests within a rate, and slows down when the service asks for it |
//! | [`Record`] | records requests and answers to a [cassette], which is [sanitized](cassette::Sanitizer) at the end |
//! | [`Replay`] | answers from a cassette, and fails for anything else |
//! | [`Recorder`] | records, replays, appends or verifies, depending on its [`Mode`] |
//! | [`FaultInjector`] | injects [faults](fault) |
//! | [`log::Logged`] | emits an event for each request |
//! | [`Capture`] | keeps a copy of each request, for tests |
//! | [`RejectAll`] | rejects every request, for tests |
//!
//! The [guide] says which one to use when, and how to test with a cassette.
//!
//! A [`Connection`] makes calls over a transport. This crate knows no service by name: endpoints are declared in
//! `drillmaster-models`.
//!
//! ```
//! use drillmaster_models::thm::CheckRoom;
//! use drillmaster_sandbox::Sandbox;
//! use drillmaster_transport::{Connection, Rate, RateLimit, Retry};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), drillmaster_transport::Error> {
//! // `Http` takes the place of the sandbox to call the live service.
//! let transport = Retry::new(RateLimit::new(Sandbox::default(), Rate::per_second(5)));
//! let connection = Connection::new(transport);
//! let answer = connection.send(&CheckRoom { room_code: "linux1".to_owned() }).await?;
//! assert!(answer.room_exists);
//! # Ok(())
//! # }
//! ```

pub mod cassette;
mod connection;
mod diff;
mod error;
pub mod fault;
pub mod files;
pub mod guide;
mod http;
pub mod log;
mod mode;
mod rate;
mod rate_limit;
mod record;
mod replay;
mod request;
mod resolve;
mod resolve_policy;
mod retry;
mod retry_after;
mod testing;
mod wait_policy;

pub use connection::Connection;
pub use drillmaster_redact as redact;
pub use error::{Error, Mismatch, NetworkError, Stopped};
pub use fault::{FaultInjector, FaultPlan, FaultPlanError};
pub use http::{Http, HttpBuilder, base_url};
pub use mode::{Mode, ModeError, Recorder, RecorderBuilder, VerifyWrites};
pub use rate::{Rate, RateError};
pub use rate_limit::{RateLimit, RateStats};
pub use record::Record;
pub use replay::Replay;
pub use request::{Purpose, Request, Response, Route, Scope, Source, Transport};
pub use resolve::{InDoubtWrite, Resolver};
pub use resolve_policy::ResolvePolicy;
pub use retry::Retry;
pub use testing::{Capture, RejectAll};
pub use wait_policy::{Wait, WaitOutcome, WaitPolicy, WaitReason};

// What callers need to build an `Http`.
pub use reqwest;
pub use secrecy::{ExposeSecret, SecretString};
