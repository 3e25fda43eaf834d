//! Transports that keep a run within what its user allowed.
//!
//! | transport | does |
//! |---|---|
//! | [`DryRun`] | sends reads, simulates writes, and collects what would have been written |
//! | [`Approved`] | sends the writes of an approved plan and refuses all others |
//! | [`Guard`] | refuses a write once too much was removed, or when it cannot be undone |
//!
//! ```
//! use drillmaster_models::endpoint;
//! use drillmaster_runner::guards::{Approved, DryRun};
//! use drillmaster_sandbox::Sandbox;
//! use drillmaster_transport::Connection;
//! use serde_json::json;
//! use std::sync::Arc;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let sandbox = Sandbox::default();
//! let add = endpoint("thm.add_seat").unwrap();
//! let fields = json!({ "email": "kian.rutherford@example.com" });
//!
//! let dry_run = Arc::new(DryRun::new(sandbox.clone()));
//! Connection::new(dry_run.clone()).call(add, &fields).await.unwrap();
//! let plan = dry_run.take("main");
//!
//! let approved = Approved::new(sandbox, plan.iter().map(|write| (&write.scope, &write.hash)));
//! let connection = Connection::new(approved);
//! connection.call(add, &fields).await.unwrap();
//! assert!(connection.call(add, &fields).await.unwrap_err().is_stopped());
//! # });
//! ```

mod approved;
mod dry_run;
mod limits;

pub use approved::Approved;
pub use dry_run::{DryRun, PlannedWrite};
pub use limits::{Guard, Limits, Removals};

/// A hash of two texts in 16 bytes, so that a million of them fit into memory.
type Key = [u8; 16];

fn key(first: &str, second: &str) -> Key {
    let mut hasher = blake3::Hasher::new();
    // The length keeps `a` + `bc` apart from `ab` + `c`.
    hasher.update(&(first.len() as u64).to_le_bytes());
    hasher.update(first.as_bytes()).update(second.as_bytes());
    let mut key = Key::default();
    hasher.finalize_xof().fill(&mut key);
    key
}
