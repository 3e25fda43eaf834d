//! How long requests wait for a service, who is told, and what ends it.

#![expect(clippy::unnecessary_wraps, reason = "answers and losses stand side by side")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use drillmaster_models::thm::{AddSeat, ListUsers};
use drillmaster_transport::patience::{Ends, Wait, Why};
use drillmaster_transport::{
    Capture, Connection, Error, NetworkError, Patience, RateLimit, Request, Response, Retry,
    Transport,
};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::scripted::request;

/// A service that answers by how many seconds have passed.
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

/// What is told, and what ends the waits.
#[derive(Default, Clone)]
struct Watch {
    told: Arc<Mutex<Vec<Wait>>>,
    stop: CancellationToken,
}

impl Watch {
    fn patience(&self, seconds: u64) -> Patience {
        let told = self.told.clone();
        Patience::new(Duration::from_secs(seconds))
            .ended_by(self.stop.clone())
            .telling(move |wait| told.lock().unwrap().push(*wait))
    }

    /// For how many seconds somebody waits, and how that ends.
    fn told(&self) -> Vec<(u64, Ends)> {
        self.told.lock().unwrap().iter().map(|wait| (wait.time.as_secs(), wait.ends)).collect()
    }
}

type Sent = Arc<Capture<Service>>;

fn service(answer: fn(u64) -> Result<Response, Error>) -> Sent {
    Arc::new(Capture::new(Service { start: Instant::now(), answer }))
}

fn retry(answer: fn(u64) -> Result<Response, Error>, seconds: u64) -> (Connection, Sent, Watch) {
    let (sent, watch) = (service(answer), Watch::default());
    let retry = Retry::new(sent.clone()).with_patience(watch.patience(seconds)).with_seed(1);
    (Connection::new(retry), sent, watch)
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
    Err(Error::network(NetworkError::Connect, "nobody is at home"))
}

fn write() -> AddSeat {
    AddSeat { email: "ada@example.com".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_all_patience_is_not_begun() {
    let (connection, sent, watch) = retry(|_| slow_down("99999999"), 300);
    let start = Instant::now();
    let error = connection.send(&write()).await.unwrap_err();
    assert!(error.is_throttled() && !error.is_in_doubt(), "{error}");
    assert_eq!(error.words(), Some("Too many requests."));
    assert_eq!((sent.requests().len(), start.elapsed().as_secs()), (1, 0));
    assert_eq!(watch.told(), [(3600, Ends::Failed)]);
}

#[tokio::test(start_paused = true)]
async fn waits_count_together() {
    let (connection, sent, _) = retry(|_| slow_down("40"), 100);
    let start = Instant::now();
    assert!(connection.send(&ListUsers {}).await.unwrap_err().is_throttled());
    assert_eq!((sent.requests().len(), start.elapsed().as_secs()), (3, 80));
}

#[tokio::test(start_paused = true)]
async fn many_that_wait_for_the_same_moment_tell_it_once() {
    let (connection, sent, watch) =
        retry(|now| if now < 60 { slow_down("60") } else { good() }, 300);
    for answer in join_all((0..20).map(|_| connection.send(&ListUsers {}))).await {
        answer.unwrap();
    }
    assert_eq!(sent.requests().len(), 40);
    assert_eq!(watch.told(), [(60, Ends::Sent)]);
}

#[tokio::test(start_paused = true)]
async fn a_longer_wait_is_told_after_a_shorter_one_and_short_ones_are_not() {
    let (connection, _, watch) = retry(
        |now| match now {
            0..10 => slow_down("10"),
            10..100 => slow_down("90"),
            100..101 => slow_down("1"),
            _ => good(),
        },
        300,
    );
    connection.send(&ListUsers {}).await.unwrap();
    assert_eq!(watch.told(), [(10, Ends::Sent), (90, Ends::Sent)]);
    let (connection, _, watch) = retry(|now| if now < 3 { slow_down("1") } else { good() }, 300);
    connection.send(&ListUsers {}).await.unwrap();
    assert_eq!(watch.told(), []);
}

#[tokio::test(start_paused = true)]
async fn short_waits_that_add_up_are_told_now_and_then() {
    let (connection, _, watch) = retry(|now| if now < 90 { slow_down("1") } else { good() }, 300);
    connection.send(&ListUsers {}).await.unwrap();
    assert_eq!(watch.told(), [(1, Ends::Sent); 2]);
}

#[tokio::test(start_paused = true)]
async fn all_waits_end_when_they_are_to() {
    let (connection, sent, watch) = retry(|_| slow_down("60"), 300);
    let stop = watch.stop.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(7)).await;
        stop.cancel();
    });
    let start = Instant::now();
    for error in join_all((0..3).map(|_| connection.send(&ListUsers {}))).await {
        assert!(error.unwrap_err().is_throttled());
    }
    assert_eq!((sent.requests().len(), start.elapsed().as_secs()), (3, 7));
    // What comes then waits for nothing.
    assert!(connection.send(&ListUsers {}).await.unwrap_err().is_throttled());
    assert_eq!(start.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_answered_before_may_come_back() {
    let outage = |now| if (10..250).contains(&now) { unreachable() } else { good() };
    let (connection, sent, watch) = retry(outage, 300);
    connection.send(&write()).await.unwrap();
    sleep(Duration::from_secs(10)).await;
    connection.send(&write()).await.unwrap();
    assert!(sent.requests().len() < 40, "{}", sent.requests().len());
    assert!(watch.told.lock().unwrap().iter().all(|wait| wait.why == Why::Unreachable));
    assert!((2..=9).contains(&watch.told().len()), "{:?}", watch.told());
}

#[tokio::test(start_paused = true)]
async fn an_outage_beyond_all_patience_fails() {
    let (connection, _, watch) = retry(|now| if now < 1 { good() } else { unreachable() }, 300);
    connection.send(&ListUsers {}).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    let error = connection.send(&write()).await.unwrap_err();
    assert_eq!(error.network_error(), Some(NetworkError::Connect));
    assert!((250..=300).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert_eq!(watch.told().last().map(|(_, ends)| *ends), Some(Ends::Failed));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answered_is_not_waited_for() {
    let (connection, sent, watch) = retry(|_| unreachable(), 300);
    assert!(connection.send(&write()).await.is_err());
    assert_eq!((sent.requests().len(), watch.told()), (3, vec![]));
}

/// What `RateLimit` answers to a request, and what was sent of them.
async fn paced(pace: &RateLimit<Sent>) -> (u16, Value, Option<String>) {
    let answer = pace.send(request(&ListUsers {})).await.unwrap();
    let body = serde_json::from_slice(&answer.body).unwrap();
    (answer.status, body, answer.header("retry-after").map(str::to_owned))
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_all_patience_fails_what_comes_in_it_unsent() {
    let (sent, watch) =
        (service(|now| if now < 1 { slow_down("900") } else { good() }), Watch::default());
    let pace =
        RateLimit::new(sent.clone(), "10/s".parse().unwrap()).with_patience(watch.patience(300));
    let asked = json!({ "message": "Too many requests." });
    assert_eq!(paced(&pace).await, (429, asked.clone(), Some("900".to_owned())));
    sleep(Duration::from_secs(100)).await;
    for _ in 0..20 {
        assert_eq!(paced(&pace).await, (429, asked.clone(), Some("800".to_owned())));
    }
    assert_eq!((sent.requests().len(), watch.told()), (1, vec![(800, Ends::Failed)]));
    // What comes near its end waits for that.
    sleep(Duration::from_secs(600)).await;
    assert_eq!(paced(&pace).await.0, 200);
    assert_eq!(watch.told(), [(800, Ends::Failed), (200, Ends::Sent)]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_ends_when_all_waits_do() {
    let (sent, watch) = (service(|_| slow_down("200")), Watch::default());
    let pace =
        RateLimit::new(sent.clone(), "10/s".parse().unwrap()).with_patience(watch.patience(300));
    assert_eq!(paced(&pace).await.0, 429);
    let three = join_all((0..3).map(|_| paced(&pace)));
    tokio::pin!(three);
    assert!(timeout(Duration::from_secs(50), &mut three).await.is_err());
    watch.stop.cancel();
    for (status, _, rest) in three.await {
        assert_eq!((status, rest.as_deref()), (429, Some("150")));
    }
    assert_eq!(sent.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_and_the_pace_below_it_count_together() {
    let (sent, watch) = (service(|_| slow_down("40")), Watch::default());
    let pace =
        RateLimit::new(sent.clone(), "10/s".parse().unwrap()).with_patience(watch.patience(100));
    let connection = Connection::new(Retry::new(pace).with_patience(watch.patience(100)));
    let start = Instant::now();
    for error in join_all((0..2).map(|_| connection.send(&ListUsers {}))).await {
        assert!(error.unwrap_err().is_throttled());
    }
    assert!((80..=100).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

/// At one a minute the last of them waits for 20 minutes, which nobody asked for but its sender.
#[tokio::test(start_paused = true)]
async fn keeping_to_a_budget_is_no_wait_for_the_service() {
    let (sent, watch) = (service(|_| good()), Watch::default());
    let pace =
        RateLimit::new(sent.clone(), "1/m".parse().unwrap()).with_patience(watch.patience(300));
    let connection = Connection::new(Retry::new(pace).with_patience(watch.patience(300)));
    for answer in join_all((0..20).map(|_| connection.send(&ListUsers {}))).await {
        answer.unwrap();
    }
    assert_eq!((sent.requests().len(), watch.told()), (20, vec![]));
}
