//! How a request to a training service travels. One trait, [`Transport`], with implementations that wrap
//! each other and are named for what they do:
//!
//! | transport | does |
//! |---|---|
//! | [`Http`] | sends over HTTP(S); the one place where a credential joins |
//! | [`Route`] | hands each request to the transport of its service |
//! | [`Record`] | writes down what travels, as a [cassette] that is [sealed](cassette::Sanitizer) at the end |
//! | [`Replay`] | answers from a cassette and refuses anything else |
//! | [`Recorder`] | records, replays, adds or verifies, as its [`Mode`] says |
//! | [`RateLimit`] | keeps to a budget, and slows down when the service asks for it |
//! | [`Retry`] | sends again what can do no harm |
//! | [`FaultInjector`] | makes trouble on purpose |
//! | [`log::Logged`] | tells a log of each request |
//! | [`Capture`] | a test double that keeps the requests it passes on |
//! | [`RejectAll`] | a test double that refuses to be used |
//!
//! Which of them a test or a program wants is told in the [guide].
//!
//! A [`Connection`] makes calls over a transport. This crate knows no service: endpoints come from
//! `drillmaster-models`.
//!
//! ```
//! use drillmaster_transport::{Connection, RejectAll};
//! use drillmaster_models::thm::ShowScoreboard;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! let connection = Connection::new(RejectAll);
//! let request = ShowScoreboard { room_code: "linux1".to_owned() };
//! let error = connection.send(&request).await.unwrap_err();
//! assert!(!error.is_in_doubt());
//! # });
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
