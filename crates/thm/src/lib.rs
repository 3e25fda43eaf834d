//! A typed client for TryHackMe's Enterprise API, in both dialects.
//!
//! A [`Client`] has a method for each endpoint. It calls over a [`Transport`](drillmaster_transport::Transport):
//! HTTP, a sandbox in the process, or a recording. Requests and answers are those of `drillmaster_models::thm`, which
//! this crate re-exports.
//!
//! ```
//! use drillmaster_sandbox::Sandbox;
//! use drillmaster_thm::{Client, Refusal};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), drillmaster_thm::Error> {
//! let client = Client::new(Sandbox::default());
//!
//! for user in client.users().await? {
//!     let email = user.email.unwrap_or_default();
//!     match client.add_seat(&email).await {
//!         Ok(_) => println!("{email} has a seat now"),
//!         Err(error) if error.is_already() => println!("{email} had a seat"),
//!         Err(error) => return Err(error),
//!     }
//! }
//!
//! let error = client.add_seat("nobody@example.com").await.unwrap_err();
//! assert_eq!(error.refusal(), Some(Refusal::EmailNotFound));
//! assert_eq!(error.words(), Some("email not found."));
//! # Ok(())
//! # }
//! ```
//!
//! To call the live service, use `Http`, which holds the key:
//!
//! ```no_run
//! use drillmaster_thm::{Client, SERVICE};
//! use drillmaster_transport::{Http, Rate, RateLimit, Retry, SecretString};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = SecretString::from(std::env::var(SERVICE.credential_variable)?);
//! let http = Http::new(SERVICE.base_url, key)?;
//! let client = Client::new(Retry::new(RateLimit::new(http, Rate::per_second(5))));
//! # let _ = client;
//! # Ok(())
//! # }
//! ```
//!
//! The dialect is a setting and never switches by itself. Answers have the same types in both dialects. An endpoint
//! that the legacy dialect lacks is an error, and nothing is sent.
//!
//! ```
//! use drillmaster_models::Dialect;
//! use drillmaster_sandbox::{Options, Sandbox};
//! use drillmaster_thm::Client;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), drillmaster_thm::Error> {
//! let sandbox = Sandbox::new(Options { dialect: Dialect::Legacy, ..Options::default() });
//! let client = Client::new(sandbox).legacy();
//!
//! assert!(client.room_exists("linux1").await?);
//! assert!(client.add_seat("ada@example.com").await.unwrap_err().is_unsupported());
//! # Ok(())
//! # }
//! ```

mod client;
mod error;
mod refusal;

pub use client::Client;
pub use drillmaster_models::{Moment, thm::*};
pub use error::Error;
pub use refusal::Refusal;

/// Tests the examples of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/embedding.md")]
struct Guide;
