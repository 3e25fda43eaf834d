//! A typed client for Veracode Security Labs.
//!
//! A [`Client`] has a method for each endpoint. It calls over a [`Transport`](drillmaster_transport::Transport):
//! HTTP, a sandbox in the process, or a recording. Requests and answers are those of `drillmaster_models::veracode`,
//! which this crate re-exports.
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
//! // A list is a stream, which requests a page when its items are needed.
//! let users: Vec<_> = client.users().try_collect().await?;
//! let admin = users.iter().find(|user| user.is_admin == Some(true)).expect("a team has one");
//!
//! let invite = Invite::new("ada@example.com", &admin.id);
//! client.invite(&invite).await?;
//!
//! // Refusals have types. Inviting someone twice does no harm.
//! let error = client.invite(&invite).await.unwrap_err();
//! assert_eq!(error.refusal(), Some(Refusal::InviteExists));
//! assert!(error.is_already());
//! # Ok(())
//! # }
//! ```
//!
//! The live service has been seen to answer an invite with 500 "unknown error" although it took effect. Such an error
//! [is in doubt](Error::is_in_doubt): look the user up before inviting again.
//!
//! To call the live service, use `Http`, which holds the credential:
//!
//! ```no_run
//! use drillmaster_transport::{Http, Rate, RateLimit, Retry, SecretString};
//! use drillmaster_veracode::{Client, SERVICE};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let credential = SecretString::from(std::env::var(SERVICE.credential_variable)?);
//! let http = Http::new(SERVICE.base_url, credential)?;
//! let client = Client::new(Retry::new(RateLimit::new(http, Rate::per_second(5))));
//! # let _ = client;
//! # Ok(())
//! # }
//! ```

mod client;
mod error;
mod refusal;

pub use client::{Client, Items};
pub use drillmaster_models::{Moment, veracode::*};
pub use error::Error;
pub use refusal::Refusal;
