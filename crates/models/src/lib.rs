//! What TryHackMe and Veracode Security Labs say: one declaration per endpoint, and the codec that all
//! of them share. Nothing here opens a connection, reads a clock or knows a script.
//!
//! An endpoint is a request struct with a [`Spec`]; [`Entry`] erases its types, and the `ENTRIES` of a
//! [`Service`] list each endpoint once. Clients, the script engine, the command line, the sandbox and the
//! generated documents all work from that list.
//!
//! ```
//! use drillmaster_models::{Dialect, entry};
//! use serde_json::json;
//!
//! let scoreboard = entry("thm.scoreboard").unwrap();
//! let request = scoreboard.request(&json!({ "roomCode": "linux1" }), Dialect::Current).unwrap();
//! assert_eq!(request.target, "/api/v2/external/scoreboard?roomCode=linux1");
//!
//! let legacy = scoreboard.request(&json!({ "roomCode": "linux1" }), Dialect::Legacy).unwrap();
//! assert_eq!(legacy.target, "/external/api/scoreboard/linux1");
//! ```

mod address;
mod endpoint;
mod entry;
mod failure;
mod field;
mod holds;
pub mod json;
pub mod lenient;
mod moment;
mod pager;
mod service;
mod spec;
pub mod thm;
pub mod veracode;
pub mod wire;

pub use address::same_address;
pub use endpoint::{Endpoint, Legacy, LegacyForm};
pub use entry::{Dialect, Entry, Unsupported};
pub use failure::Failure;
pub use field::{Field, FieldError, FieldKind, nearest};
pub use holds::{Holds, Texts};
pub use moment::{Instant, Moment};
pub use pager::Pager;
pub use service::{SERVICES, Service, UnknownEntry, entries, entry};
pub use spec::{
    Absence, Credential, Effect, Fault, List, Means, Method, Paging, Payload, Removes, Reply,
    Settle, Spec, Write,
};

/// Fields of an answer that this crate does not declare, kept as they came.
pub type Extra = serde_json::Map<String, serde_json::Value>;
