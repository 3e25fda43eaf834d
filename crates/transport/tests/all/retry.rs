//! Which requests are sent again, how often and when.

#![expect(clippy::unnecessary_wraps, reason = "answers and losses stand side by side")]

use std::sync::Arc;
use std::time::Duration;

use drillmaster_models::thm::{AddSeat, ListRooms};
use drillmaster_transport::{Capture, Connection, Error, NetworkError, Response, Retry};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::scripted::Scripted;

type Answer = Result<Response, Error>;

fn lost(how: NetworkError) -> Answer {
    Err(Error::network(how, "as the test has it"))
}

fn answer(status: u16) -> Answer {
    Ok(Response::json(status, &json!({ "message": "unknown error" })))
}

fn rooms() -> Answer {
    Ok(Response::json(200, &json!({ "roomInfo": [] })))
}

fn throttled(retry_after: Option<&str>) -> Answer {
    let mut answer = Response::json(429, &Value::Null);
    answer.headers.extend(retry_after.map(|wait| ("retry-after".to_owned(), wait.to_owned())));
    Ok(answer)
}

fn read() -> ListRooms {
    ListRooms::default()
}

fn write() -> AddSeat {
    AddSeat { email: "ada@example.com".to_owned() }
}

/// A connection that retries over these answers, and the requests that it sent.
fn over(answers: Vec<Answer>) -> (Connection, Arc<Capture<Scripted>>) {
    let sent = Arc::new(Capture::new(Scripted::new(answers)));
    (Connection::new(Retry::new(sent.clone()).with_seed(1)), sent)
}

async fn attempts_at_a_read(answers: Vec<Answer>) -> usize {
    let (connection, sent) = over(answers);
    let _ = connection.send(&read()).await;
    sent.requests().len()
}

async fn attempts_at_a_write(answers: Vec<Answer>) -> usize {
    let (connection, sent) = over(answers);
    let _ = connection.send(&write()).await;
    sent.requests().len()
}

#[tokio::test(start_paused = true)]
async fn a_read_is_sent_three_times_at_most_whatever_gets_lost() {
    for how in [NetworkError::Connect, NetworkError::Timeout, NetworkError::ConnectionLost] {
        let always = || (0..3).map(|_| lost(how)).collect();
        assert_eq!(attempts_at_a_read(always()).await, 3, "{how}");
        assert_eq!(attempts_at_a_read(vec![lost(how), rooms()]).await, 2, "{how}");
    }
    assert_eq!(attempts_at_a_read(vec![answer(500), answer(503), answer(502)]).await, 3);
    assert_eq!(attempts_at_a_read(vec![answer(502), rooms()]).await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_is_not_asked_for_again() {
    let unreadable = || vec![lost(NetworkError::InvalidBody), rooms()];
    assert_eq!(attempts_at_a_read(unreadable()).await, 1);
    assert_eq!(attempts_at_a_write(unreadable()).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_is_not_sent_again() {
    for status in [200, 302, 400, 401, 403, 404] {
        assert_eq!(attempts_at_a_read(vec![answer(status)]).await, 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_may_have_arrived_is_not_sent_again() {
    for answer in
        [lost(NetworkError::Timeout), lost(NetworkError::ConnectionLost), answer(500), answer(503)]
    {
        let (connection, sent) = over(vec![answer]);
        let error = connection.send(&write()).await.unwrap_err();
        assert!(error.is_in_doubt(), "{error}");
        assert_eq!(sent.requests().len(), 1, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_did_not_arrive_is_sent_again() {
    let unreachable = || lost(NetworkError::Connect);
    assert_eq!(attempts_at_a_write(vec![unreachable(), rooms()]).await, 2);
    assert_eq!(attempts_at_a_write(vec![unreachable(), unreachable(), unreachable()]).await, 3);
    // Once it may have arrived, it is not.
    assert_eq!(
        attempts_at_a_write(vec![unreachable(), lost(NetworkError::ConnectionLost)]).await,
        2
    );
    assert_eq!(attempts_at_a_write(vec![throttled(None), answer(500)]).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_write_is_sent_again_after_its_retry_after() {
    let seated = json!({ "status": "success", "data": { "username": "ada" } });
    let (connection, sent) = over(vec![
        throttled(Some("7")),
        Ok(Response::json(403, &json!({ "message": "Request was throttled." }))),
        Ok(Response::json(200, &seated)),
    ]);
    let start = Instant::now();
    connection.send(&write()).await.unwrap();
    assert_eq!(sent.requests().len(), 3);
    let waited = start.elapsed();
    // Seven seconds for the first answer; at most 400 ms for the second, which has no header.
    assert!((7000..=7401).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_only_throttles_is_given_up() {
    let (connection, sent) = over((0..151).map(|_| throttled(Some("2"))).collect());
    let start = Instant::now();
    let error = connection.send(&read()).await.unwrap_err();
    assert!(error.is_throttled(), "{error}");
    assert_eq!((sent.requests().len(), start.elapsed().as_secs()), (151, 300));
}

#[tokio::test(start_paused = true)]
async fn backoff_is_random_within_limits_that_double() {
    let mut waits = Vec::new();
    for seed in 0..200 {
        let script = Scripted::new([answer(500), answer(500), rooms()]);
        let connection = Connection::new(Retry::new(script).with_seed(seed));
        let start = Instant::now();
        connection.send(&read()).await.unwrap();
        waits.push(start.elapsed());
    }
    let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    let mean = waits.iter().sum::<Duration>() / 200;
    // Up to 200 ms and up to 400 ms: 300 ms on average, anything from nothing to 600 ms.
    assert!(*least < Duration::from_millis(100) && *most < Duration::from_millis(603), "{waits:?}");
    assert!((270..330).contains(&mean.as_millis()), "{mean:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_backoff() {
    let mut waits = Vec::new();
    for _ in 0..2 {
        let (connection, _) = over(vec![answer(500), answer(500), rooms()]);
        let start = Instant::now();
        connection.send(&read()).await.unwrap();
        waits.push(start.elapsed());
    }
    assert_eq!(waits[0], waits[1]);
}

/// 500 tokens pay for 100 further attempts at 5 tokens, or for 50 at 10.
#[tokio::test(start_paused = true)]
async fn retries_end_when_a_service_stays_down() {
    for (answer, further) in [(answer(500), 100), (lost(NetworkError::Timeout), 50)] {
        let (connection, sent) = over((0..300).map(|_| answer.clone()).collect());
        for _ in 0..150 {
            let _ = connection.send(&read()).await;
        }
        assert_eq!(sent.requests().len(), 150 + further);
    }
}

#[tokio::test(start_paused = true)]
async fn good_answers_give_tokens_back() {
    let down = (0..200).map(|_| answer(500));
    let up = (0..10).map(|_| rooms());
    let (connection, sent) = over(down.chain(up).chain((0..10).map(|_| answer(500))).collect());
    while sent.requests().len() < 200 {
        let _ = connection.send(&read()).await;
    }
    for _ in 0..10 {
        connection.send(&read()).await.unwrap();
    }
    // Ten good answers pay for two further attempts.
    let before = sent.requests().len();
    let _ = connection.send(&read()).await;
    let _ = connection.send(&read()).await;
    assert_eq!(sent.requests().len() - before, 4);
}
