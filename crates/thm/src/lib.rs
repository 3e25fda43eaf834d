//! A typed client for TryHackMe's Enterprise API, in both dialects.
//!
//! A [`Client`] makes calls over a [`Transport`](drillmaster_transport::Transport): over HTTP, into a sandbox
//! in the process, or from a recording. Every endpoint is a method; requests and answers are those of
//! `drillmaster_models::thm`.
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
//! The dialect is a setting and is never switched by itself. Answers have the same types in both; an endpoint
//! that legacy lacks is refused before anything is sent.
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
pub use drillmaster_models::thm::{
    Answered, Link, Question, Registration, ReportTime, Room, RoomType, Seat, Standing, Task,
    TimeReport, TimeSpent, User,
};
pub use error::Error;
pub use refusal::Refusal;

/// The page of the guide that has Rust is tested as documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/embedding.md")]
struct Guide;
