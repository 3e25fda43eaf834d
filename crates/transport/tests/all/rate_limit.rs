//! Requests are sent no faster than the rate, and no faster than the service asks for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use drillmaster_models::thm::ListUsers;
use drillmaster_transport::{Error, Rate, RateLimit, Request, Response, Transport};
use futures::future::join_all;
use futures::{StreamExt, stream};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::scripted::{Scripted, request};

/// A slow service that notes when each request came.
struct Service {
    latency: Duration,
    answer: fn(usize) -> Response,
    asked: Mutex<Vec<Instant>>,
}

impl Service {
    fn new(latency: u64, answer: fn(usize) -> Response) -> Arc<Self> {
        let latency = Duration::from_millis(latency);
        Arc::new(Self { latency, answer, asked: Mutex::default() })
    }

    /// When each request came, in milliseconds since the first.
    fn times(&self) -> Vec<u128> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|time| (*time - asked[0]).as_millis()).collect()
    }
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, _: Request) -> Result<Response, Error> {
        let nth = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(Instant::now());
            asked.len()
        };
        sleep(self.latency).await;
        Ok((self.answer)(nth))
    }
}

fn good(_: usize) -> Response {
    Response::json(200, &json!([]))
}

fn with(mut answer: Response, headers: &[(&str, &str)]) -> Response {
    for (name, value) in headers {
        answer.headers.push(((*name).to_owned(), (*value).to_owned()));
    }
    answer
}

fn slow_down(headers: &[(&str, &str)]) -> Response {
    with(Response::json(429, &json!({})), headers)
}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

/// Sends this many requests from this many workers.
async fn send<T: Transport>(limited: &RateLimit<T>, requests: usize, workers: usize) {
    let sends = stream::iter(0..requests).map(|_| limited.send(request(&ListUsers {})));
    sends.buffer_unordered(workers).for_each(|sent| async { drop(sent.unwrap()) }).await;
}

/// The most requests within any second.
fn busiest_second(times: &[u128]) -> usize {
    let from =
        |start: u128| times.iter().filter(|&&time| (start..start + 1000).contains(&time)).count();
    times.iter().map(|start| from(*start)).max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_reached_and_never_exceeded() {
    for (latency, workers) in [(0, 1), (20, 16), (300, 64)] {
        let service = Service::new(latency, good);
        let limited = RateLimit::new(service.clone(), rate("200/s"));
        let start = Instant::now();
        send(&limited, 2000, workers).await;
        let seconds =
            start.elapsed().as_secs_f64() - f64::from(u32::try_from(latency).unwrap()) / 1e3;
        assert!((9.7..=10.3).contains(&seconds), "{latency} {workers}: {seconds}");
        let busiest = busiest_second(&service.times());
        assert!(busiest <= 200 + 21, "{latency} {workers}: {busiest}");
        let stats = limited.stats();
        assert_eq!(stats.requests, 2000);
        assert!((193.0..=206.0).contains(&stats.requests_per_second().unwrap()), "{stats:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_default_is_five_a_second() {
    let service = Service::new(0, good);
    send(&RateLimit::new(service.clone(), Rate::default()), 7, 1).await;
    assert_eq!(service.times(), [0, 0, 200, 400, 600, 800, 1000]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_retry_after_pauses_all_requests_and_halves_the_rate() {
    let service = Service::new(0, |nth| match nth {
        1 => slow_down(&[("retry-after", "3")]),
        nth => good(nth),
    });
    let limited = RateLimit::new(service.clone(), rate("10/s"));
    send(&limited, 1, 1).await;
    assert!((limited.stats().allowed - 5.0).abs() < 1e-9);
    send(&limited, 3, 3).await;
    // There is no burst after the pause, and the rate recovers slowly.
    let times = service.times();
    assert_eq!(times[..3], [0, 3000, 3200]);
    assert!((3380..3400).contains(&times[3]), "{times:?}");
    assert_eq!(limited.stats().throttled, 1);
}

#[tokio::test(start_paused = true)]
async fn a_date_and_a_reset_are_understood_as_well() {
    let later = std::time::SystemTime::now() + Duration::from_secs(30);
    let date = httpdate::fmt_http_date(later);
    let told =
        [("retry-after", date.as_str()), ("x-ratelimit-reset", "30"), ("ratelimit-reset", "30")];
    for header in told {
        let answers = [slow_down(&[header]), good(2)].map(Ok);
        let limited = RateLimit::new(Scripted::new(answers), rate("10/s"));
        let start = Instant::now();
        send(&limited, 2, 1).await;
        let seconds = start.elapsed().as_secs_f64();
        assert!((20.0..=30.1).contains(&seconds), "{header:?}: {seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_without_retry_after_double_until_a_good_answer() {
    let service = Service::new(0, |nth| match nth {
        1 | 2 | 3 | 5 => slow_down(&[]),
        nth => good(nth),
    });
    send(&RateLimit::new(service.clone(), rate("1000/s")), 6, 1).await;
    let times = service.times();
    let pauses: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]) / 100).collect();
    assert_eq!(pauses, [10, 20, 40, 0, 10]);
}

#[tokio::test(start_paused = true)]
async fn answers_to_requests_sent_before_do_not_halve_again() {
    let service = Service::new(50, |_| slow_down(&[("retry-after", "1")]));
    let limited = RateLimit::new(service, rate("100/s"));
    send(&limited, 5, 5).await;
    let stats = limited.stats();
    assert_eq!(stats.throttled, 5);
    assert!((stats.allowed - 50.0).abs() < 1e-9, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn good_answers_restore_the_rate_and_no_more() {
    let service = Service::new(0, |nth| match nth {
        1 => slow_down(&[]),
        nth => good(nth),
    });
    let limited = RateLimit::new(service, rate("100/s"));
    send(&limited, 1, 1).await;
    let start = Instant::now();
    while limited.stats().allowed < 100.0 {
        send(&limited, 1, 1).await;
    }
    // From half to the full rate at 5 % a second, after a pause of one second.
    let seconds = start.elapsed().as_secs_f64();
    assert!((10.5..=11.5).contains(&seconds), "{seconds}");
    send(&limited, 100, 1).await;
    assert!(limited.stats().allowed <= 100.0);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_always_throttles_is_still_called_at_times() {
    let service = Service::new(0, |_| slow_down(&[]));
    let limited = RateLimit::new(service, rate("64/s"));
    send(&limited, 20, 1).await;
    assert!((limited.stats().allowed - 1.0).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn the_last_request_of_a_limit_pauses_until_its_reset() {
    let spellings: [&[(&str, &str)]; 4] = [
        &[("ratelimit-limit", "50"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "4")],
        &[("x-ratelimit-limit", "50"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "4")],
        &[("ratelimit", "limit=50, remaining=0, reset=4")],
        &[("ratelimit", r#""default";r=0;t=4"#)],
    ];
    for headers in spellings {
        let answers = [with(good(1), headers), good(2)].map(Ok);
        let limited = RateLimit::new(Scripted::new(answers), rate("10/s"));
        let start = Instant::now();
        send(&limited, 2, 1).await;
        assert_eq!(start.elapsed().as_secs(), 4, "{headers:?}");
        // A warning in time is not a slow-down.
        assert!((limited.stats().allowed - 10.0).abs() < 1e-9);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_when_a_pause_begins_wait_for_its_end() {
    let service = Service::new(50, |nth| match nth {
        1 => slow_down(&[("retry-after", "5")]),
        nth => good(nth),
    });
    let limited = RateLimit::new(service.clone(), rate("10/s"));
    // The second is sent before the answer to the first comes; the third and fourth still wait.
    join_all((0..4).map(|_| limited.send(request(&ListUsers {})))).await;
    let times = service.times();
    assert_eq!(times[..2], [0, 0]);
    assert!(times[2] >= 5050 && times[3] >= times[2] + 190, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_while_it_waits_costs_nothing() {
    let service = Service::new(0, good);
    let limited = RateLimit::new(service.clone(), rate("1/s"));
    send(&limited, 2, 1).await;
    let impatient = || timeout(Duration::from_millis(10), limited.send(request(&ListUsers {})));
    let given_up = join_all((0..50).map(|_| impatient())).await;
    assert!(given_up.iter().all(Result::is_err));
    send(&limited, 1, 1).await;
    assert_eq!(service.times().last(), Some(&1000));
    assert_eq!(limited.stats().requests, 3);
}

/// A log is easier to read in order: first come, first served.
#[tokio::test(start_paused = true)]
async fn requests_are_sent_in_the_order_in_which_they_came() {
    let sent = Arc::new(drillmaster_transport::Capture::new(Service::new(0, good)));
    let limited = RateLimit::new(sent.clone(), rate("10/s"));
    join_all((0..20).map(|ordinal| limited.send(Request { ordinal, ..request(&ListUsers {}) })))
        .await;
    let ordinals: Vec<_> = sent.requests().iter().map(|sent| sent.ordinal).collect();
    assert_eq!(ordinals, (0..20).collect::<Vec<_>>());
}
