//! A typed client for Veracode Security Labs. Requests and answers are those of `drillmaster-models`,
//! handed on from here; how they travel is up to a transport of `drillmaster-transport`.
//!
//! ```
//! use drillmaster_sandbox::Sandbox;
//! use drillmaster_veracode::{Client, Invite, Refusal};
//! use futures::TryStreamExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), drillmaster_veracode::Error> {
//! let client = Client::new(Sandbox::default());
//!
//! // A list is a stream: it asks for the next page when the items of the last one are used up.
//! let users: Vec<_> = client.users().try_collect().await?;
//! let admin = users.iter().find(|user| user.is_admin == Some(true)).expect("a team has one");
//!
//! let invite = Invite::new("ada@example.com", &admin.id);
//! client.invite(&invite).await?;
//!
//! // What the service refuses is told apart by type, and a repeated invite harms nobody.
//! let error = client.invite(&invite).await.unwrap_err();
//! assert_eq!(error.refusal(), Some(Refusal::InviteExists));
//! assert!(error.is_already());
//! # Ok(())
//! # }
//! ```
//!
//! The live service was seen to carry an invite out and answer 500 "unknown error" all the same. Such an
//! error [is in doubt](Error::is_in_doubt): look the user up before inviting again.
//!
//! Over HTTP the client is made from `drillmaster_transport::Http`, which holds the credential.

mod client;
mod error;
mod refusal;

pub use client::{Client, Items};
pub use drillmaster_models::{Moment, veracode::*};
pub use error::Error;
pub use refusal::Refusal;
