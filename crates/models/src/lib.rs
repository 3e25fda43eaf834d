//! What TryHackMe and Veracode Security Labs offer: one declaration per endpoint, and the codec that all
//! endpoints share. Nothing here opens a connection, reads a clock or knows about scripts.
//!
//! An endpoint is a request struct with a [`Metadata`]. [`EndpointDef`] erases its types, and [`endpoints`] lists
//! every endpoint once. Clients, the script engine, the command line, the sandbox and the generated documents
//! all work from this list.
//!
//! Facts come from the vendors' documentation. What it does not say is marked "seen" (observed on the live
//! services) or names its source.
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
mod catalog;
mod dialect;
mod effect;
mod endpoint;
mod endpoint_def;
mod error_spec;
mod failure;
mod field;
mod field_error;
pub mod json;
pub mod lenient;
mod message;
mod metadata;
mod mismatch;
mod moment;
mod nearest;
mod pager;
mod schema;
pub mod scope;
mod sensitivity;
mod service;
pub mod thm;
pub mod veracode;
pub mod wire;

pub use address::same_address;
pub use catalog::{SERVICES, UnknownEndpoint, endpoint, endpoints};
pub use dialect::Dialect;
pub use effect::{Absence, Effect, Removes, Resolve, Write};
pub use endpoint::{Endpoint, Legacy, LegacyForm};
pub use endpoint_def::EndpointDef;
pub use error_spec::{ErrorSpec, Means};
pub use failure::{Failure, Unsupported};
pub use field::{Field, FieldKind};
pub use field_error::FieldError;
pub use message::Message;
pub use metadata::{Credential, List, Metadata, Method, Paging, Payload, Reply};
pub use mismatch::{Misfit, Mismatch};
pub use moment::{Instant, Moment};
pub use nearest::nearest;
pub use pager::Pager;
pub use sensitivity::{Sensitivity, Texts};
pub use service::Service;

/// The fields of an answer that this crate does not declare, unchanged.
pub type Extra = serde_json::Map<String, serde_json::Value>;
