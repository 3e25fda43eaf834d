//! Of an approved plan every write is made, once, and nothing else is.

use std::path::Path;
use std::sync::Arc;

use drillmaster_journal::{Journal, Journaled};
use drillmaster_models::thm::AddSeat;
use drillmaster_models::{Dialect, endpoint};
use drillmaster_runner::guards::{Approved, DryRun, PlannedWrite};
use drillmaster_sandbox::Sandbox;
use drillmaster_transport::cassette::{Event, Header, RequestEvent, ResponseEvent};
use drillmaster_transport::{
    Capture, Connection, Error, FaultInjector, NetworkError, RejectAll, Request, Response, Scope,
    Stopped, Transport,
};
use serde_json::{Value, json};

use crate::scripted::{Scripted, request};

const KIAN: &str = "kian.rutherford@example.com";

/// What adding seats for these people would write, each in the row of its name.
async fn plan(rows: &[(&str, &str)], dialect: Dialect) -> Vec<PlannedWrite> {
    let dry_run = Arc::new(DryRun::new(RejectAll));
    let connection = Connection::new(dry_run.clone()).with_dialect(dialect);
    let mut plan = Vec::new();
    for (scope, email) in rows {
        let _ = seat(&connection, scope, email).await;
        plan.extend(dry_run.take(scope));
    }
    plan
}

async fn seat(connection: &Connection, scope: &str, email: &str) -> Result<Value, Error> {
    let row = connection.within(Arc::new(Scope::new(scope)));
    row.call(endpoint("thm.add_seat").unwrap(), &json!({ "email": email })).await
}

type Below<T> = Arc<Capture<T>>;

/// The plan on its way over `inner`, with a look at what gets there.
fn approved<T: Transport>(inner: T, plan: &[PlannedWrite]) -> (Arc<Approved<Below<T>>>, Below<T>) {
    let below = Arc::new(Capture::new(inner));
    let pairs = plan.iter().map(|write| (&write.scope, &write.hash));
    (Arc::new(Approved::new(below.clone(), pairs)), below)
}

fn seated() -> Response {
    Response::json(200, &json!({ "status": "success", "data": { "username": "kian" } }))
}

#[tokio::test]
async fn what_is_in_the_plan_is_made_and_counted() {
    let plan = plan(&[("a", "a@example.com"), ("b", "b@example.com")], Dialect::Current).await;
    let (transport, below) = approved(Scripted::new([Ok(seated()), Ok(seated())]), &plan);
    let connection = Connection::new(transport.clone());
    assert_eq!(transport.remaining(), 2);
    seat(&connection, "b", "b@example.com").await.unwrap();
    assert_eq!(transport.remaining(), 1);
    seat(&connection, "a", "a@example.com").await.unwrap();
    assert_eq!((transport.remaining(), below.requests().len()), (0, 2));
}

#[tokio::test]
async fn a_plan_holds_for_its_row_alone() {
    let plan = plan(&[("a", KIAN)], Dialect::Current).await;
    let (transport, below) = approved(RejectAll, &plan);
    let error = seat(&Connection::new(transport), "b", KIAN).await.unwrap_err();
    assert_eq!(error.stopped_by(), Some(Stopped::Unapproved));
    assert!(below.requests().is_empty());
}

#[tokio::test]
async fn a_plan_is_used_up_as_often_as_it_says() {
    let plan = plan(&[("a", KIAN), ("a", KIAN)], Dialect::Current).await;
    let (transport, below) = approved(Scripted::new([Ok(seated()), Ok(seated())]), &plan);
    let connection = Connection::new(transport);
    assert!(seat(&connection, "a", KIAN).await.is_ok());
    assert!(seat(&connection, "a", KIAN).await.is_ok());
    let error = seat(&connection, "a", KIAN).await.unwrap_err();
    assert!(error.is_stopped() && !error.is_in_doubt() && !error.is_retryable(), "{error}");
    assert_eq!(below.requests().len(), 2);
}

#[tokio::test]
async fn a_write_that_is_not_in_the_plan_is_told_and_keeps_nothing_else_from_being_sent() {
    let plan = plan(&[("a", KIAN)], Dialect::Current).await;
    let page = Response::json(200, &json!({ "users": [], "nextPage": null }));
    let (transport, below) = approved(Scripted::new([Ok(seated()), Ok(page)]), &plan);
    let connection = Connection::new(transport.clone());
    let error = seat(&connection, "a", "stranger@example.com").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "thm.add_seat: PUT /api/v2/external/seats/users is not in the approved plan; not sent"
    );
    assert_eq!(transport.remaining(), 1);
    seat(&connection, "a", KIAN).await.unwrap();
    connection.call(endpoint("veracode.users").unwrap(), &json!({})).await.unwrap();
    assert_eq!((below.requests().len(), transport.remaining()), (2, 0));
}

#[tokio::test]
async fn what_was_not_clearly_answered_may_be_sent_again() {
    let body = |status, body: &Value| Ok(Response::json(status, body));
    let unclear = [
        Err(Error::network(NetworkError::Connect, "")),
        Err(Error::network(NetworkError::Timeout, "")),
        Err(Error::network(NetworkError::ConnectionLost, "")),
        Err(Error::setup("not sent")),
        body(500, &json!({ "message": "unknown error" })),
        body(429, &json!({})),
        body(403, &json!({ "message": "Request throttled." })),
        body(200, &json!({ "status": "success", "data": 7 })),
    ];
    let plan = plan(&[("a", KIAN)], Dialect::Current).await;
    for answer in unclear {
        let told = format!("{answer:?}");
        let (transport, _) = approved(Scripted::new([answer, Ok(seated())]), &plan);
        let connection = Connection::new(transport.clone());
        assert!(seat(&connection, "a", KIAN).await.is_err(), "{told}");
        assert_eq!(transport.remaining(), 1, "{told}");
        seat(&connection, "a", KIAN).await.unwrap();
        assert_eq!(transport.remaining(), 0, "{told}");
    }
}

#[tokio::test]
async fn a_refused_write_has_had_its_turn() {
    let plan = plan(&[("a", KIAN)], Dialect::Current).await;
    let refusal = Response::json(400, &json!({ "message": "email not found." }));
    let (transport, _) = approved(Scripted::new([Ok(refusal)]), &plan);
    let connection = Connection::new(transport.clone());
    assert!(seat(&connection, "a", KIAN).await.unwrap_err().is_refusal());
    assert_eq!(transport.remaining(), 0);
    assert!(seat(&connection, "a", KIAN).await.unwrap_err().is_stopped());
}

#[tokio::test(start_paused = true)]
async fn a_doubtful_write_of_the_plan_can_be_settled() {
    for faults in ["reset-before@1", "reset-after@1", "500-after@1", "garbage@1"] {
        let sandbox = Sandbox::default();
        let plan = plan(&[("main", KIAN)], Dialect::Current).await;
        let (transport, _) =
            approved(FaultInjector::new(sandbox.clone(), faults.parse().unwrap()), &plan);
        let connection = Connection::new(transport.clone());
        let add = endpoint("thm.add_seat").unwrap();
        let outcome = connection.call_and_resolve(add, &json!({ "email": KIAN })).await;
        assert!(outcome.as_ref().map_or_else(Error::is_already, |_| true), "{faults}");
        assert_eq!(sandbox.writes()["thm.add_seat"][KIAN], 1, "{faults}");
        assert_eq!(transport.remaining(), 0, "{faults}");
    }
}

/// Whoever gave up waiting does not know more than after a loss.
#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_was_not_clearly_answered() {
    struct Silence;
    #[async_trait::async_trait]
    impl Transport for Silence {
        async fn send(&self, _: Request) -> Result<Response, Error> {
            std::future::pending().await
        }
    }
    let plan = plan(&[("a", KIAN)], Dialect::Current).await;
    let (transport, below) = approved(Silence, &plan);
    let connection = Connection::new(transport.clone());
    let call = seat(&connection, "a", KIAN);
    assert!(futures::poll!(std::pin::pin!(call)).is_pending());
    assert_eq!((below.requests().len(), transport.remaining()), (1, 1));
}

#[tokio::test]
async fn a_plan_in_the_legacy_dialect_is_carried_out_in_it() {
    let leave = endpoint("thm.leave_room").unwrap();
    let fields = json!({ "extUserId": "ada", "roomCode": "linux1" });
    for (spoken, matches) in [(Dialect::Legacy, true), (Dialect::Current, false)] {
        let dry_run = Arc::new(DryRun::new(RejectAll));
        let planning = Connection::new(dry_run.clone()).with_dialect(Dialect::Legacy);
        planning.call(leave, &fields).await.unwrap();
        let (transport, _) = approved(Scripted::saying([json!({})]), &dry_run.take("main"));
        let connection = Connection::new(transport.clone()).with_dialect(spoken);
        assert_eq!(connection.call(leave, &fields).await.is_ok(), matches, "{spoken}");
        assert_eq!(transport.remaining(), usize::from(!matches), "{spoken}");
    }
}

fn seat_request() -> Request {
    let mut request = request(&AddSeat { email: KIAN.to_owned() });
    request.scope = "kian".into();
    request
}

/// A run that was stopped after this write, which got this response or none, and is resumed without a service.
fn resumed(folder: &Path, request: &Request, response: Option<Response>) -> Journaled<RejectAll> {
    let path = folder.join("run.journal");
    let journal = Journal::create(&path, Header::default()).unwrap();
    journal.append(&Event::Request(RequestEvent::from_request(request))).unwrap();
    if let Some(response) = response {
        let event = ResponseEvent::from_response(&request.scope, request.ordinal, &response);
        journal.append(&Event::Response(event)).unwrap();
    }
    drop(journal);
    let (journal, history) = Journal::open(&path).unwrap();
    Journaled::new(RejectAll, Arc::new(journal), Arc::new(history))
}

/// The plan lists none of the writes of the earlier part. Asking for them again gets the recorded response, and nothing is
/// sent.
#[tokio::test]
async fn a_new_plan_need_not_list_what_an_earlier_part_did() {
    let request = seat_request();
    let refused = Response::json(400, &json!({ "status": "error", "message": "Email not found." }));
    let throttled = Response::json(429, &json!({}));
    for (answer, is_answered) in [(seated(), true), (refused, true), (throttled, false)] {
        let folder = tempfile::tempdir().unwrap();
        let transport = resumed(folder.path(), &request, Some(answer));
        let approved = Approved::new(transport, Vec::<(String, String)>::new());
        let outcome = approved.send(request.clone()).await;
        assert_eq!(outcome.is_ok(), is_answered, "{outcome:?}");
        let again = approved.send(request.clone()).await.unwrap_err();
        assert!(again.is_stopped(), "{again}");
    }
}

#[tokio::test]
async fn an_in_doubt_write_of_an_earlier_part_is_reported_without_approval_and_sent_again_only_with_it()
 {
    let request = seat_request();
    let folder = tempfile::tempdir().unwrap();
    let transport = resumed(folder.path(), &request, None);
    let approved = Approved::new(transport, Vec::<(String, String)>::new());
    assert!(approved.send(request.clone()).await.unwrap_err().is_in_doubt());
    assert!(approved.send(request).await.unwrap_err().is_stopped());
}
