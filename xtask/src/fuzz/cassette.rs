//! Cassettes: read as a whole, opened for a replay, and replayed.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use drillmaster_models::{endpoint, endpoints};
use drillmaster_transport::cassette::{Interaction, Recording, parse};
use drillmaster_transport::{Error, Purpose, Replay, Request, Response, Transport};
use serde_json::Value;

use super::{Said, sample};
use crate::Outcome;

/// Recordings of ours.
const FILES: [&str; 3] = [
    "tests/cassettes/two_seats.cassette",
    "crates/thm/tests/cassettes/seat.cassette",
    "crates/veracode/tests/cassettes/invite.cassette",
];

/// Those, once as they are, and once without their checksums, which would find any change before anything else
/// could, and laid out for people.
pub(super) fn samples() -> Outcome<Vec<Vec<u8>>> {
    let mut samples = Vec::new();
    for file in FILES {
        let text = sample(file)?;
        let mut pretty = Vec::new();
        for event in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            let mut event = event.map_err(|error| format!("{file}: {error}"))?;
            if let Some(fields) = event.as_object_mut() {
                fields.shift_remove("sum");
            }
            pretty.push(format!("{event:#}\n"));
        }
        samples.extend([text.into_bytes(), pretty.concat().into_bytes()]);
    }
    Ok(samples)
}

/// Reads it in every way; they must agree.
pub(super) fn read(bytes: &[u8]) -> Said {
    let text = String::from_utf8_lossy(bytes);
    match (parse(&text), Replay::parse(text.clone())) {
        (Ok(tape), Ok(replay)) => {
            play(&tape, &replay);
            Said::Yes
        }
        (Err(one), Err(other)) => {
            assert_eq!(one, other);
            assert!(!one.to_string().is_empty());
            Said::No
        }
        (one, other) => panic!("read whole: {:?}, opened: {:?}", one.err(), other.err()),
    }
}

/// Asks for all that was recorded, in its order, and for each once more.
fn play(tape: &Recording, replay: &Replay) {
    let mut recorded: Vec<_> = tape.interactions.iter().collect();
    recorded.sort_by_key(|interaction| interaction.request.ordinal);
    for interaction in &recorded {
        if let Some(request) = request(interaction) {
            match (&interaction.outcome, send(replay, request)) {
                (Ok(answer), Ok(played)) => assert_eq!(*answer, played),
                (Err(lost), Err(played)) => {
                    assert_eq!(lost.network_error(), played.network_error())
                }
                (recorded, played) => panic!("recorded: {recorded:?}, played: {played:?}"),
            }
        }
    }
    for interaction in &recorded {
        if let Some(request) = request(interaction) {
            let elsewhere =
                Request { scope: "elsewhere, where nothing is".into(), ..request.clone() };
            for request in [request, elsewhere] {
                let error = send(replay, request).expect_err("nothing is left");
                assert!(error.is_replay_mismatch(), "{error}");
            }
        }
    }
    if let Err(unused) = replay.finish() {
        assert!(unused.is_replay_mismatch(), "{unused}");
    }
}

/// As it is asked for. An endpoint that is not known stands in the way of nothing: another one takes its place.
fn request(interaction: &Interaction) -> Option<Request> {
    let event = &interaction.request;
    let endpoint = endpoint(&event.endpoint).ok().or_else(|| endpoints().next())?;
    let wire = event.wire().ok()?;
    let scope = event.scope.as_str().into();
    Some(Request {
        wire: wire.into(),
        metadata: &endpoint.metadata,
        scope,
        ordinal: event.ordinal,
        purpose: Purpose::Call,
    })
}

/// A replay waits for nothing.
fn send(replay: &Replay, request: Request) -> Result<Response, Error> {
    match pin!(replay.send(request)).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a replay that waits"),
    }
}
