//! What a connection adds to a transport.

use std::sync::Arc;

use drillmaster_models::thm::{AddSeat, ListRooms, ListUsers};
use drillmaster_transport::{
    Capture, Connection, Error, NetworkError, RejectAll, Response, Route, Scope,
};
use serde_json::json;

use crate::scripted::Scripted;

fn seat() -> AddSeat {
    AddSeat { email: "ada@example.com".to_owned() }
}

/// This transport does not say which request its error is about.
#[tokio::test]
async fn a_lost_write_is_in_doubt_whatever_its_transport_says() {
    let lost = || Err(Error::network(NetworkError::ConnectionLost, "gone"));
    let connection = Connection::new(Scripted::new([lost(), lost()]));
    let error = connection.send(&seat()).await.unwrap_err();
    assert!(error.is_in_doubt() && !error.is_retryable());
    assert_eq!(error.endpoint(), Some("thm.add_seat"));
    let error = connection.send(&ListUsers {}).await.unwrap_err();
    assert!(!error.is_in_doubt() && error.is_retryable());
}

#[tokio::test]
async fn a_write_with_an_unreadable_answer_is_in_doubt() {
    let unreadable = [
        (200, json!({ "status": "success" })),
        (200, json!({ "status": "success", "data": 7 })),
        (200, json!([])),
        (500, json!({ "message": "unknown error" })),
    ];
    for (status, body) in unreadable {
        let connection = Connection::new(Scripted::new([Ok(Response::json(status, &body))]));
        let error = connection.send(&seat()).await.unwrap_err();
        assert!(error.is_in_doubt(), "{status} {body}: {error}");
    }
}

#[tokio::test]
async fn a_refused_write_is_not_in_doubt() {
    for (status, words) in [(400, "email not found."), (403, "API Key is invalid or has expired.")]
    {
        let body = json!({ "status": "error", "message": words });
        let connection = Connection::new(Scripted::new([Ok(Response::json(status, &body))]));
        let error = connection.send(&seat()).await.unwrap_err();
        assert!(!error.is_in_doubt() && !error.is_retryable(), "{error}");
        assert_eq!(error.words(), Some(words));
    }
}

#[tokio::test]
async fn requests_are_numbered_within_their_scope() {
    let capture = Arc::new(Capture::new(RejectAll));
    let main = Connection::new(capture.clone());
    let row = main.within(Arc::new(Scope::new("ada")));
    for connection in [&main, &row, &main, &row] {
        let error = connection.send(&ListUsers {}).await.unwrap_err();
        assert!(error.is_setup());
    }
    let requests = capture.requests();
    let places: Vec<_> = requests.iter().map(|sent| (&*sent.scope, sent.ordinal)).collect();
    assert_eq!(places, [("main", 0), ("ada", 0), ("main", 1), ("ada", 1)]);
}

#[tokio::test]
async fn a_service_without_a_transport_is_named() {
    let connection = Connection::new(Route::default().to("veracode", RejectAll));
    let error = connection.send(&ListRooms::default()).await.unwrap_err();
    assert!(error.is_setup() && !error.is_in_doubt());
    assert!(error.to_string().contains("no connection to thm"), "{error}");
}
