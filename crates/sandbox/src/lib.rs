//! A simulation of TryHackMe and Security Labs, with state and rules. It runs in the process as a
//! [`Transport`](drillmaster_transport::Transport), or as an HTTP server.
//!
//! A [`Sandbox`] is an academy of fictitious people in all stages of joining and learning; the same seed gives the
//! same people. Writes change what is read later, seats run out, a second invite is refused, and every documented
//! refusal can be provoked. The clock stands still, so that the same calls get the same answers.
//!
//! ```
//! use drillmaster_sandbox::{Sandbox, THM_KEY};
//! use serde_json::Value;
//!
//! let sandbox = Sandbox::default();
//! let key = [("THM-API-KEY".to_owned(), THM_KEY.to_owned())];
//! let answer = sandbox.answer("GET", "/external/api/roomExists?roomCode=linux1", &key, b"");
//! let answer: Value = serde_json::from_slice(&answer.body).unwrap();
//! assert_eq!(answer["roomExists"], true);
//! ```

mod academy;
mod breaker;
mod call;
mod credential;
mod handler;
mod options;
mod population;
mod replica;
mod route;
mod sandbox;
mod server;
mod thm;
mod veracode;
mod writes;

pub use credential::{THM_KEY, VERACODE_DISABLED_KEY, VERACODE_KEY};
pub use options::{InviteOutcome, MOST_LEARNERS, Options};
pub use sandbox::{Sandbox, StateError};
pub use server::{serve, serve_as, serve_until, serve_with_faults};
