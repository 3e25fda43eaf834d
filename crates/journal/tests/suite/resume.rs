//! Resuming a run: answered requests are not sent again, in-doubt writes are reported, the rest is sent.

use std::future::pending;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use drillmaster_journal::Journal;
use drillmaster_transport::cassette::EventReader;
use drillmaster_transport::cassette::{ErrorEvent, Event, Header};
use drillmaster_transport::{
    Capture, Connection, Error, NetworkError, RejectAll, Request, Response, Scope, Transport,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    again, answered, asked, going_on, left, place, refusing, row, saying, scoreboard, scores, seat,
};
use crate::scripted::Scripted;

/// Signals that a request arrived and never answers it: the run is killed while it waits.
#[derive(Clone, Default)]
struct Silent(Arc<Notify>);

#[async_trait]
impl Transport for Silent {
    async fn send(&self, _request: Request) -> Result<Response, Error> {
        self.0.notify_one();
        pending().await
    }
}

fn lost(request: &Request, kind: &str) -> Event {
    Event::Error(ErrorEvent {
        scope: request.scope.to_string(),
        ordinal: request.ordinal,
        kind: kind.to_owned(),
        detail: "no luck".to_owned(),
        in_doubt_since: None,
    })
}

fn count(path: &Path) -> usize {
    EventReader::open(path).unwrap().count()
}

/// The outcome of a request when a run with these events is resumed.
async fn becomes(events: &[Event], request: Request) -> String {
    let (_folder, path) = place();
    left(&path, events);
    let live = Arc::new(Capture::new(Scripted::saying([scoreboard("live")])));
    let (journal, history, transport) = going_on(&path, live.clone());
    let outcome = transport.send(request).await;
    drop((journal, history, transport));
    let told = match outcome {
        Ok(answer) => String::from_utf8(answer.body).unwrap(),
        Err(error) if error.is_in_doubt() => "in doubt".to_owned(),
        Err(error) => error.to_string(),
    };
    match live.requests().len() {
        0 => assert_eq!(count(&path), events.len(), "nothing is written down"),
        _ => assert_eq!(count(&path), events.len() + 2, "request and answer are written down"),
    }
    if told.contains("live") { "sent".to_owned() } else { told }
}

#[tokio::test]
async fn a_recorded_answer_is_the_answer() {
    let (write, read) = (seat("ada", 0), scores("ada", 0));
    for request in [write, read] {
        let old = saying("old");
        let told = becomes(&[asked(&request), answered(&request, &old)], request).await;
        assert_eq!(told.into_bytes(), old.body);
    }
}

#[tokio::test]
async fn a_recorded_refusal_is_the_answer() {
    let write = seat("ada", 0);
    let told = becomes(&[asked(&write), answered(&write, &refusing())], write).await;
    assert!(told.contains("Email not found"), "{told}");
}

#[tokio::test]
async fn a_write_without_an_outcome_is_in_doubt() {
    let write = seat("ada", 0);
    assert_eq!(becomes(&[asked(&write)], write).await, "in doubt");
}

#[tokio::test]
async fn a_lost_write_is_in_doubt() {
    for kind in ["timeout", "reset"] {
        let write = seat("ada", 0);
        assert_eq!(becomes(&[asked(&write), lost(&write, kind)], write).await, "in doubt");
    }
}

#[tokio::test]
async fn a_write_that_was_not_sent_is_sent() {
    for kind in ["unreachable", "unsent"] {
        let write = seat("ada", 0);
        assert_eq!(becomes(&[asked(&write), lost(&write, kind)], write).await, "sent");
    }
}

#[tokio::test]
async fn a_read_without_an_answer_is_sent() {
    let read = scores("ada", 0);
    assert_eq!(becomes(&[asked(&read)], read.clone()).await, "sent");
    for kind in ["timeout", "reset", "unreachable", "unsent"] {
        assert_eq!(becomes(&[asked(&read), lost(&read, kind)], read.clone()).await, "sent");
    }
}

#[tokio::test]
async fn a_request_that_was_not_recorded_is_sent() {
    assert_eq!(becomes(&[], seat("ada", 0)).await, "sent");
    let other = seat("bob", 0);
    let events = [asked(&other), answered(&other, &saying("old"))];
    assert_eq!(becomes(&events, seat("ada", 0)).await, "sent");
    let mut same_in_another_scope = seat("bob", 0);
    same_in_another_scope.scope = "ada".into();
    assert_eq!(becomes(&events, same_in_another_scope).await, "sent");
}

#[tokio::test]
async fn an_in_doubt_write_is_reported_once_and_resolved_live() {
    let (_folder, path) = place();
    left(&path, &[asked(&seat("ada", 0))]);
    let live = || Scripted::new([Ok(saying("look")), Ok(saying("repeat"))]);
    // The run is killed after the write was resolved. The next part does the same from what was recorded.
    for live in [live(), Scripted::new([])] {
        let (_journal, _history, transport) = going_on(&path, live);
        assert!(transport.send(seat("ada", 0)).await.unwrap_err().is_in_doubt());
        assert_eq!(transport.send(scores("ada", 1)).await.unwrap(), saying("look"));
        assert_eq!(transport.send(seat("ada", 2)).await.unwrap(), saying("repeat"));
    }
}

#[tokio::test]
async fn a_read_that_was_sent_again_is_answered_from_then_on() {
    let (_folder, path) = place();
    let (first, second) = (scores("ada", 0), scores("ada", 1));
    let events = [
        asked(&first),
        lost(&first, "timeout"),
        asked(&second),
        answered(&second, &saying("second")),
    ];
    left(&path, &events);
    for live in [Scripted::new([Ok(saying("first"))]), Scripted::new([])] {
        let (_journal, _history, transport) = going_on(&path, live);
        assert_eq!(transport.send(first.clone()).await.unwrap(), saying("first"));
        assert_eq!(transport.send(second.clone()).await.unwrap(), saying("second"));
    }
}

#[tokio::test]
async fn equal_requests_are_answered_in_order_each_once() {
    let (_folder, path) = place();
    let [a, b, c] = [0, 1, 2].map(|ordinal| scores("ada", ordinal));
    // They were recorded in the order in which they ran.
    let events = [asked(&b), asked(&a), answered(&b, &saying("b")), answered(&a, &saying("a"))];
    left(&path, &events);
    let (_journal, _history, transport) = going_on(&path, Scripted::saying([scoreboard("live")]));
    for (request, said) in [(a, "a"), (b, "b"), (c, "live")] {
        assert_eq!(transport.send(request).await.unwrap(), saying(said));
    }
}

/// A write is on disk when it is sent, and its response afterwards.
#[tokio::test]
async fn a_write_is_on_the_disk_before_it_is_sent_and_its_answer_after() {
    let (_folder, path) = place();
    let journal = Arc::new(Journal::create(&path, Header::default()).unwrap());
    let service = Silent::default();
    let transport = super::Journaled::new(service.clone(), journal, Arc::default());
    let mut sending = Box::pin(transport.send(seat("ada", 0)));
    assert_eq!(count(&path), 0, "before it is asked for");
    tokio::select! {
        outcome = &mut sending => panic!("{outcome:?}"),
        () = service.0.notified() => {}
    }
    assert_eq!(count(&path), 1, "while the service has it");
    drop(sending);
    drop(transport);

    let (journal, history, transport) = going_on(&path, RejectAll);
    assert!(transport.send(seat("ada", 0)).await.unwrap_err().is_in_doubt());
    drop((journal, history, transport));
    assert_eq!(count(&path), 1);
}

#[tokio::test]
async fn a_lost_write_is_recorded() {
    let (_folder, path) = place();
    left(&path, &[]);
    for (how, doubt) in [(NetworkError::ConnectionLost, true), (NetworkError::Connect, false)] {
        let scope = how.name();
        let failing = Scripted::new([Err(Error::network(how, "gone"))]);
        let (journal, history, transport) = going_on(&path, failing);
        transport.send(seat(scope, 0)).await.unwrap_err();
        drop((journal, history, transport));
        let (_journal, _history, transport) =
            going_on(&path, Scripted::saying([scoreboard("live")]));
        let outcome = transport.send(seat(scope, 0)).await;
        assert_eq!(outcome.is_err_and(|error| error.is_in_doubt()), doubt);
    }
}

#[tokio::test]
async fn values_come_back_the_same() {
    let (_folder, path) = place();
    left(&path, &[]);
    let value = |transport: &dyn Transport, scope: &Scope, name: &str, fresh: u64| {
        transport.value(scope, name, json!(fresh)).unwrap()
    };
    for part in [1, 2] {
        let (_journal, _history, transport) = going_on(&path, RejectAll);
        let (ada, bob) = (Scope::new("ada"), Scope::new("bob"));
        let fresh = part * 10;
        let told: [Value; 4] = [
            value(&transport, &ada, "now", fresh),
            value(&transport, &ada, "random", fresh + 1),
            value(&transport, &ada, "now", fresh + 2),
            value(&transport, &bob, "now", fresh + 3),
        ];
        assert_eq!(told, [10, 11, 12, 13].map(Value::from));
        assert_eq!((ada.next(), bob.next()), (3, 1), "numbers are taken alike");
        assert_eq!(value(&transport, &bob, "dice", fresh), json!(10), "of the first part");
    }
}

#[tokio::test]
async fn a_retry_forgets_refusals_and_keeps_answers_and_in_doubt_writes() {
    let good = scores("ada", 0);
    let [refused, lost_one, killed] = ["r", "l", "k"].map(|name| {
        let mut request = seat(name, 1);
        request.scope = "ada".into();
        request
    });
    let mut elsewhere = seat("r", 1);
    elsewhere.scope = "bob".into();
    let events = [
        asked(&good),
        answered(&good, &saying("old")),
        asked(&refused),
        answered(&refused, &refusing()),
        asked(&lost_one),
        lost(&lost_one, "timeout"),
        asked(&killed),
        asked(&elsewhere),
        answered(&elsewhere, &refusing()),
        again("ada"),
    ];
    assert_eq!(becomes(&events, good).await.into_bytes(), saying("old").body);
    assert_eq!(becomes(&events, refused.clone()).await, "sent");
    for request in [lost_one, killed] {
        assert_eq!(becomes(&events, request).await, "in doubt");
    }
    let told = becomes(&events, elsewhere).await;
    assert!(told.contains("Email not found"), "another row's stay: {told}");

    // Later failures count.
    let mut events = events.to_vec();
    events.extend([asked(&refused), answered(&refused, &refusing())]);
    let told = becomes(&events, refused).await;
    assert!(told.contains("Email not found"), "{told}");
}

#[tokio::test]
async fn a_whole_run_is_resumed_without_a_second_call() {
    use drillmaster_models::thm::{AddSeat, ShowScoreboard};
    let (_folder, path) = place();
    left(&path, &[row("eve", "done")]);
    let seat = AddSeat { email: "ada@example.com".to_owned() };
    let scores = ShowScoreboard { room_code: "linux1".to_owned() };
    let first = Scripted::new([Ok(saying("one")), Ok(refusing())]);
    for live in [first, Scripted::new([])] {
        let (_journal, _history, transport) = going_on(&path, live);
        let connection = Connection::new(transport).within(Arc::new(Scope::new("ada")));
        assert_eq!(connection.send(&scores).await.unwrap()[0].username, "one");
        assert!(connection.send(&seat).await.unwrap_err().is_refusal());
    }
}
