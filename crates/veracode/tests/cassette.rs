//! A test with a cassette, as an example. It replays `cassettes/invite.cassette`, and sends nothing.
//!
//! To record it again:
//!
//! ```text
//! DRILLMASTER_CASSETTE=record cargo test -p drillmaster-veracode --test cassette
//! ```
//!
//! With `verify`, the recording is compared with the answers of today. The service here is the sandbox; to use the live
//! one, build an `Http` instead, with a key from the environment.

use drillmaster_sandbox::{Options, Sandbox};
use drillmaster_transport::{Mode, Recorder};
use drillmaster_veracode::{Client, Error, Invite, Refusal};
use futures::TryStreamExt;

const CASSETTE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cassettes/invite.cassette");

/// Opens and finishes the cassette itself, for tests where a closure would be in the way.
#[tokio::test]
async fn an_invite_is_sent_once() -> Result<(), Error> {
    let cassette = Recorder::builder(CASSETTE).mode(Mode::from_env()?);
    let cassette = cassette
        .open(|| Ok(Sandbox::new(Options { learners: 8, seats: 10, ..Options::default() })))?;
    let client = Client::new(cassette.clone());

    let users: Vec<_> = client.users().try_collect().await.unwrap();
    let admin = users.iter().find(|user| user.is_admin == Some(true)).unwrap();
    let invite = Invite::new("ada@example.com", &admin.id);
    client.invite(&invite).await.unwrap();
    let again = client.invite(&invite).await.unwrap_err();
    assert_eq!(again.refusal(), Some(Refusal::InviteExists));

    Ok(cassette.finish()?)
}
