//! A test with a cassette, as an example. It replays `cassettes/seat.cassette`, and sends nothing.
//!
//! To record it again:
//!
//! ```text
//! DRILLMASTER_CASSETTE=record cargo test -p drillmaster-thm --test cassette
//! ```
//!
//! With `verify`, the recording is compared with the answers of today. The service here is the sandbox; to use the live
//! one, build an `Http` instead, with a key from the environment.

use drillmaster_sandbox::{Options, Sandbox};
use drillmaster_thm::{Client, Error, Refusal};
use drillmaster_transport::{Mode, Recorder};

const CASSETTE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cassettes/seat.cassette");

#[tokio::test]
async fn a_seat_is_given_once() -> Result<(), Error> {
    let service = || Ok(Sandbox::new(Options { learners: 8, seats: 10, ..Options::default() }));
    let cassette = Recorder::builder(CASSETTE).mode(Mode::from_env()?);
    cassette
        .run(service, async |cassette| {
            let client = Client::new(cassette);
            let users = client.users().await?;
            let email = users[0].email.as_deref().unwrap();
            // Whether the first call gives a seat depends on the recording; afterwards there is one.
            client.add_seat(email).await.ok();
            let again = client.add_seat(email).await.unwrap_err();
            assert_eq!(again.refusal(), Some(Refusal::AlreadySeated));
            assert!(client.room_exists("linux1").await?);
            Ok(())
        })
        .await
}
