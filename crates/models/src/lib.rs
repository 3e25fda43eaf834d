//! What TryHackMe and Veracode Security Labs say: one declaration per endpoint, and the codec that all
//! of them share. Nothing here opens a connection, reads a clock or knows a script.
//!
//! An endpoint is a request struct with a [`Metadata`]; [`EndpointDef`] erases its types, and the `ENDPOINTS` of a
//! [`Service`] list each endpoint once. Clients, the script engine, the command line, the sandbox and the
//! generated documents all work from that list.
//!
//! ```
//! use drillmaster_models::{Dialect, endpoint};
//! use serde_json::json;
//!
//! let scoreboard = endpoint("thm.scoreboard").unwrap();
//! let request = scoreboard.request(&json!({ "roomCode": "linux1" }), Dialect::Current).unwrap();
//! assert_eq!(request.target, "/api/v2/external/scoreboard?roomCode=linux1");
//!
//! let legacy = scoreboard.request(&json!({ "roomCode": "linux1" }), Dialect::Legacy).unwrap();
//! assert_eq!(legacy.target, "/external/api/scoreboard/linux1");
//! ```

mod address;
mod endpoint;
mod endpoint_def;
mod failure;
mod field;
pub mod json;
pub mod lenient;
mod message;
mod metadata;
mod moment;
mod pager;
pub mod scope;
mod sensitivity;
mod service;
pub mod thm;
pub mod veracode;
pub mod wire;

pub use address::same_address;
pub use endpoint::{Endpoint, Legacy, LegacyForm};
pub use endpoint_def::{Dialect, EndpointDef, Unsupported};
pub use failure::Failure;
pub use field::{Field, FieldError, FieldKind, nearest};
pub use message::Message;
pub use metadata::{
    Absence, Credential, Effect, ErrorSpec, List, Means, Metadata, Method, Paging, Payload,
    Removes, Reply, Resolve, Write,
};
pub use moment::{Instant, Moment};
pub use pager::Pager;
pub use sensitivity::{Sensitivity, Texts};
pub use service::{SERVICES, Service, UnknownEndpoint, endpoint, endpoints};

/// Fields of an answer that this crate does not declare, kept as they came.
pub type Extra = serde_json::Map<String, serde_json::Value>;
