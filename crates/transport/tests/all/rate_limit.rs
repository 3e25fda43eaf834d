//! No faster than the budget, and no faster than the service likes.

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

/// A service that takes its time, answers alike and notes when it was asked.
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

    /// When it was asked, in milliseconds since the first time.
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

/// Sends so many requests from so many workers.
async fn send<T: Transport>(pace: &RateLimit<T>, requests: usize, workers: usize) {
    let sends = stream::iter(0..requests).map(|_| pace.send(request(&ListUsers {})));
    sends.buffer_unordered(workers).for_each(|sent| async { drop(sent.unwrap()) }).await;
}

/// The most that were sent within any second.
fn busiest_second(times: &[u128]) -> usize {
    let from =
        |start: u128| times.iter().filter(|&&time| (start..start + 1000).contains(&time)).count();
    times.iter().map(|start| from(*start)).max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_used_up_and_never_exceeded() {
    for (latency, workers) in [(0, 1), (20, 16), (300, 64)] {
        let service = Service::new(latency, good);
        let pace = RateLimit::new(service.clone(), rate("200/s"));
        let start = Instant::now();
        send(&pace, 2000, workers).await;
        let seconds =
            start.elapsed().as_secs_f64() - f64::from(u32::try_from(latency).unwrap()) / 1e3;
        assert!((9.7..=10.3).contains(&seconds), "{latency} {workers}: {seconds}");
        let busiest = busiest_second(&service.times());
        assert!(busiest <= 200 + 21, "{latency} {workers}: {busiest}");
        let reached = pace.reached();
        assert_eq!(reached.requests, 2000);
        assert!((193.0..=206.0).contains(&reached.per_second().unwrap()), "{reached:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_default_is_five_a_second() {
    let service = Service::new(0, good);
    send(&RateLimit::new(service.clone(), Rate::default()), 7, 1).await;
    assert_eq!(service.times(), [0, 0, 200, 400, 600, 800, 1000]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_tells_a_time_pauses_everybody_until_then_and_halves_the_rate() {
    let service = Service::new(0, |nth| match nth {
        1 => slow_down(&[("retry-after", "3")]),
        nth => good(nth),
    });
    let pace = RateLimit::new(service.clone(), rate("10/s"));
    send(&pace, 1, 1).await;
    assert!((pace.reached().allowed - 5.0).abs() < 1e-9);
    send(&pace, 3, 3).await;
    // Nobody rushes out after the pause, and what was halved climbs back by little.
    let times = service.times();
    assert_eq!(times[..3], [0, 3000, 3200]);
    assert!((3380..3400).contains(&times[3]), "{times:?}");
    assert_eq!(pace.reached().throttled, 1);
}

#[tokio::test(start_paused = true)]
async fn a_date_and_a_reset_are_understood_too() {
    let later = std::time::SystemTime::now() + Duration::from_secs(30);
    let date = httpdate::fmt_http_date(later);
    let told =
        [("retry-after", date.as_str()), ("x-ratelimit-reset", "30"), ("ratelimit-reset", "30")];
    for header in told {
        let answers = [slow_down(&[header]), good(2)].map(Ok);
        let pace = RateLimit::new(Scripted::new(answers), rate("10/s"));
        let start = Instant::now();
        send(&pace, 2, 1).await;
        let seconds = start.elapsed().as_secs_f64();
        assert!((20.0..=30.1).contains(&seconds), "{header:?}: {seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn untold_pauses_double_until_a_good_answer() {
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
async fn answers_to_what_was_on_its_way_do_not_halve_again() {
    let service = Service::new(50, |_| slow_down(&[("retry-after", "1")]));
    let pace = RateLimit::new(service, rate("100/s"));
    send(&pace, 5, 5).await;
    let reached = pace.reached();
    assert_eq!(reached.throttled, 5);
    assert!((reached.allowed - 50.0).abs() < 1e-9, "{reached:?}");
}

#[tokio::test(start_paused = true)]
async fn good_answers_climb_back_to_the_budget_and_not_above() {
    let service = Service::new(0, |nth| match nth {
        1 => slow_down(&[]),
        nth => good(nth),
    });
    let pace = RateLimit::new(service, rate("100/s"));
    send(&pace, 1, 1).await;
    let start = Instant::now();
    while pace.reached().allowed < 100.0 {
        send(&pace, 1, 1).await;
    }
    // From half to the whole at 5 % a second, after the pause of one.
    let seconds = start.elapsed().as_secs_f64();
    assert!((10.5..=11.5).contains(&seconds), "{seconds}");
    send(&pace, 100, 1).await;
    assert!(pace.reached().allowed <= 100.0);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_always_throttles_is_still_asked_now_and_then() {
    let service = Service::new(0, |_| slow_down(&[]));
    let pace = RateLimit::new(service, rate("64/s"));
    send(&pace, 20, 1).await;
    assert!((pace.reached().allowed - 1.0).abs() < 1e-9);
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
        let pace = RateLimit::new(Scripted::new(answers), rate("10/s"));
        let start = Instant::now();
        send(&pace, 2, 1).await;
        assert_eq!(start.elapsed().as_secs(), 4, "{headers:?}");
        // Being told in time is no slow-down.
        assert!((pace.reached().allowed - 10.0).abs() < 1e-9);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_waiting_when_a_pause_begins_waits_for_its_end() {
    let service = Service::new(50, |nth| match nth {
        1 => slow_down(&[("retry-after", "5")]),
        nth => good(nth),
    });
    let pace = RateLimit::new(service.clone(), rate("10/s"));
    // The second leaves before the answer to the first is there, the third and fourth wait by then.
    join_all((0..4).map(|_| pace.send(request(&ListUsers {})))).await;
    let times = service.times();
    assert_eq!(times[..2], [0, 0]);
    assert!(times[2] >= 5050 && times[3] >= times[2] + 190, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_while_it_waits_costs_nothing() {
    let service = Service::new(0, good);
    let pace = RateLimit::new(service.clone(), rate("1/s"));
    send(&pace, 2, 1).await;
    let impatient = || timeout(Duration::from_millis(10), pace.send(request(&ListUsers {})));
    let given_up = join_all((0..50).map(|_| impatient())).await;
    assert!(given_up.iter().all(Result::is_err));
    send(&pace, 1, 1).await;
    assert_eq!(service.times().last(), Some(&1000));
    assert_eq!(pace.reached().requests, 3);
}

/// Order matters to whoever reads a log: first come, first served.
#[tokio::test(start_paused = true)]
async fn requests_leave_in_the_order_in_which_they_came() {
    let sent = Arc::new(drillmaster_transport::Capture::new(Service::new(0, good)));
    let pace = RateLimit::new(sent.clone(), rate("10/s"));
    join_all((0..20).map(|ordinal| pace.send(Request { ordinal, ..request(&ListUsers {}) }))).await;
    let ordinals: Vec<_> = sent.requests().iter().map(|sent| sent.ordinal).collect();
    assert_eq!(ordinals, (0..20).collect::<Vec<_>>());
}
