//! How long requests wait for a service, which waits are reported, and what cancels them.

#![expect(clippy::unnecessary_wraps, reason = "answers and losses stand side by side")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use drillmaster_models::thm::{AddSeat, ListUsers};
use drillmaster_transport::{
    Capture, Connection, Error, NetworkError, RateLimit, Request, Response, Retry, Transport, Wait,
    WaitOutcome, WaitPolicy, WaitReason,
};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::scripted::request;

/// A service whose answer depends on the seconds since its start.
struct Service {
    start: Instant,
    answer: fn(u64) -> Result<Response, Error>,
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, _: Request) -> Result<Response, Error> {
        (self.answer)(self.start.elapsed().as_secs())
    }
}

/// The reported waits, and what cancels them.
#[derive(Default, Clone)]
struct Waits {
    reports: Arc<Mutex<Vec<Wait>>>,
    stop: CancellationToken,
}

impl Waits {
    fn policy(&self, seconds: u64) -> WaitPolicy {
        let reports = self.reports.clone();
        WaitPolicy::new(Duration::from_secs(seconds))
            .cancelled_by(self.stop.clone())
            .on_wait(move |wait| reports.lock().unwrap().push(*wait))
    }

    /// The seconds and the outcome of each reported wait.
    fn reports(&self) -> Vec<(u64, WaitOutcome)> {
        self.reports
            .lock()
            .unwrap()
            .iter()
            .map(|wait| (wait.time.as_secs(), wait.outcome))
            .collect()
    }
}

type Sent = Arc<Capture<Service>>;

fn service(answer: fn(u64) -> Result<Response, Error>) -> Sent {
    Arc::new(Capture::new(Service { start: Instant::now(), answer }))
}

fn retry(answer: fn(u64) -> Result<Response, Error>, seconds: u64) -> (Connection, Sent, Waits) {
    let (sent, waits) = (service(answer), Waits::default());
    let retry = Retry::new(sent.clone()).with_wait_policy(waits.policy(seconds)).with_seed(1);
    (Connection::new(retry), sent, waits)
}

fn good() -> Result<Response, Error> {
    let data = json!({ "username": "ada" });
    Ok(Response::json(200, &json!({ "status": "success", "data": data, "users": [] })))
}

fn slow_down(seconds: &str) -> Result<Response, Error> {
    let mut answer = Response::json(429, &json!({ "message": "Too many requests." }));
    answer.headers.push(("retry-after".to_owned(), seconds.to_owned()));
    Ok(answer)
}

fn unreachable() -> Result<Response, Error> {
    Err(Error::network(NetworkError::Connect, "connection refused"))
}

fn write() -> AddSeat {
    AddSeat { email: "ada@example.com".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_wait_over_the_limit_is_not_begun() {
    let (connection, sent, waits) = retry(|_| slow_down("99999999"), 300);
    let start = Instant::now();
    let error = connection.send(&write()).await.unwrap_err();
    assert!(error.is_throttled() && !error.is_in_doubt(), "{error}");
    assert_eq!(error.words(), Some("Too many requests."));
    assert_eq!((sent.requests().len(), start.elapsed().as_secs()), (1, 0));
    assert_eq!(waits.reports(), [(3600, WaitOutcome::GiveUp)]);
}

#[tokio::test(start_paused = true)]
async fn waits_count_together() {
    let (connection, sent, _) = retry(|_| slow_down("40"), 100);
    let start = Instant::now();
    assert!(connection.send(&ListUsers {}).await.unwrap_err().is_throttled());
    assert_eq!((sent.requests().len(), start.elapsed().as_secs()), (3, 80));
}

#[tokio::test(start_paused = true)]
async fn many_waits_for_the_same_moment_are_reported_once() {
    let (connection, sent, waits) =
        retry(|now| if now < 60 { slow_down("60") } else { good() }, 300);
    for answer in join_all((0..20).map(|_| connection.send(&ListUsers {}))).await {
        answer.unwrap();
    }
    assert_eq!(sent.requests().len(), 40);
    assert_eq!(waits.reports(), [(60, WaitOutcome::Retry)]);
}

#[tokio::test(start_paused = true)]
async fn a_longer_wait_is_reported_after_a_shorter_one_and_short_waits_are_not() {
    let (connection, _, waits) = retry(
        |now| match now {
            0..10 => slow_down("10"),
            10..100 => slow_down("90"),
            100..101 => slow_down("1"),
            _ => good(),
        },
        300,
    );
    connection.send(&ListUsers {}).await.unwrap();
    assert_eq!(waits.reports(), [(10, WaitOutcome::Retry), (90, WaitOutcome::Retry)]);
    let (connection, _, waits) = retry(|now| if now < 3 { slow_down("1") } else { good() }, 300);
    connection.send(&ListUsers {}).await.unwrap();
    assert_eq!(waits.reports(), []);
}

#[tokio::test(start_paused = true)]
async fn short_waits_that_add_up_are_reported_once_a_minute() {
    let (connection, _, waits) = retry(|now| if now < 90 { slow_down("1") } else { good() }, 300);
    connection.send(&ListUsers {}).await.unwrap();
    assert_eq!(waits.reports(), [(1, WaitOutcome::Retry); 2]);
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_all_waits() {
    let (connection, sent, waits) = retry(|_| slow_down("60"), 300);
    let stop = waits.stop.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(7)).await;
        stop.cancel();
    });
    let start = Instant::now();
    for error in join_all((0..3).map(|_| connection.send(&ListUsers {}))).await {
        assert!(error.unwrap_err().is_throttled());
    }
    assert_eq!((sent.requests().len(), start.elapsed().as_secs()), (3, 7));
    // Later requests do not wait at all.
    assert!(connection.send(&ListUsers {}).await.unwrap_err().is_throttled());
    assert_eq!(start.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_answered_before_may_come_back() {
    let outage = |now| if (10..250).contains(&now) { unreachable() } else { good() };
    let (connection, sent, waits) = retry(outage, 300);
    connection.send(&write()).await.unwrap();
    sleep(Duration::from_secs(10)).await;
    connection.send(&write()).await.unwrap();
    assert!(sent.requests().len() < 40, "{}", sent.requests().len());
    assert!(
        waits.reports.lock().unwrap().iter().all(|wait| wait.reason == WaitReason::Unreachable)
    );
    assert!((2..=9).contains(&waits.reports().len()), "{:?}", waits.reports());
}

#[tokio::test(start_paused = true)]
async fn an_outage_over_the_limit_fails() {
    let (connection, _, waits) = retry(|now| if now < 1 { good() } else { unreachable() }, 300);
    connection.send(&ListUsers {}).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    let error = connection.send(&write()).await.unwrap_err();
    assert_eq!(error.network_error(), Some(NetworkError::Connect));
    assert!((250..=300).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert_eq!(waits.reports().last().map(|(_, ends)| *ends), Some(WaitOutcome::GiveUp));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answered_is_not_waited_for() {
    let (connection, sent, waits) = retry(|_| unreachable(), 300);
    assert!(connection.send(&write()).await.is_err());
    assert_eq!((sent.requests().len(), waits.reports()), (3, vec![]));
}

/// The status, the message and the `Retry-After` of what `RateLimit` returns.
async fn limited_answer(limited: &RateLimit<Sent>) -> (u16, Value, Option<String>) {
    let answer = limited.send(request(&ListUsers {})).await.unwrap();
    let body = serde_json::from_slice(&answer.body).unwrap();
    (answer.status, body, answer.header("retry-after").map(str::to_owned))
}

#[tokio::test(start_paused = true)]
async fn a_pause_over_the_limit_fails_its_requests_unsent() {
    let (sent, waits) =
        (service(|now| if now < 1 { slow_down("900") } else { good() }), Waits::default());
    let limited =
        RateLimit::new(sent.clone(), "10/s".parse().unwrap()).with_wait_policy(waits.policy(300));
    let asked = json!({ "message": "Too many requests." });
    assert_eq!(limited_answer(&limited).await, (429, asked.clone(), Some("900".to_owned())));
    sleep(Duration::from_secs(100)).await;
    for _ in 0..20 {
        assert_eq!(limited_answer(&limited).await, (429, asked.clone(), Some("800".to_owned())));
    }
    assert_eq!((sent.requests().len(), waits.reports()), (1, vec![(800, WaitOutcome::GiveUp)]));
    // A request near the end of the pause waits for it.
    sleep(Duration::from_secs(600)).await;
    assert_eq!(limited_answer(&limited).await.0, 200);
    assert_eq!(waits.reports(), [(800, WaitOutcome::GiveUp), (200, WaitOutcome::Retry)]);
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_a_pause() {
    let (sent, waits) = (service(|_| slow_down("200")), Waits::default());
    let limited =
        RateLimit::new(sent.clone(), "10/s".parse().unwrap()).with_wait_policy(waits.policy(300));
    assert_eq!(limited_answer(&limited).await.0, 429);
    let three = join_all((0..3).map(|_| limited_answer(&limited)));
    tokio::pin!(three);
    assert!(timeout(Duration::from_secs(50), &mut three).await.is_err());
    waits.stop.cancel();
    for (status, _, rest) in three.await {
        assert_eq!((status, rest.as_deref()), (429, Some("150")));
    }
    assert_eq!(sent.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn waits_of_retry_and_rate_limit_count_together() {
    let (sent, waits) = (service(|_| slow_down("40")), Waits::default());
    let limited =
        RateLimit::new(sent.clone(), "10/s".parse().unwrap()).with_wait_policy(waits.policy(100));
    let connection = Connection::new(Retry::new(limited).with_wait_policy(waits.policy(100)));
    let start = Instant::now();
    for error in join_all((0..2).map(|_| connection.send(&ListUsers {}))).await {
        assert!(error.unwrap_err().is_throttled());
    }
    assert!((80..=100).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

/// At one request in a minute the last one waits for 20 minutes, which the sender wanted.
#[tokio::test(start_paused = true)]
async fn waiting_for_the_own_rate_does_not_count() {
    let (sent, waits) = (service(|_| good()), Waits::default());
    let limited =
        RateLimit::new(sent.clone(), "1/m".parse().unwrap()).with_wait_policy(waits.policy(300));
    let connection = Connection::new(Retry::new(limited).with_wait_policy(waits.policy(300)));
    for answer in join_all((0..20).map(|_| connection.send(&ListUsers {}))).await {
        answer.unwrap();
    }
    assert_eq!((sent.requests().len(), waits.reports()), (20, vec![]));
}
