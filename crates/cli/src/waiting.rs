//! Waiting for a service: how long, and what a person is told of it.

use std::time::Duration;

use drillmaster_models::SERVICES;
use drillmaster_transport::WaitPolicy;
use drillmaster_transport::{Wait, WaitOutcome, WaitReason};
use jiff::{SignedDuration, Timestamp};

use drillmaster_runner::console::Console;
use drillmaster_runner::execution::stop::Stop;
use drillmaster_runner::progress::in_words;
use drillmaster_runner::run_spec::Target;

/// The longest time that a flag takes.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Reads a time as flags have it: `30s`, `5m`, `1h 30m`.
pub(crate) fn time(text: &str) -> Result<SignedDuration, String> {
    let read = text.parse::<SignedDuration>().ok();
    read.filter(|time| (SignedDuration::ZERO..=LONGEST).contains(time))
        .ok_or_else(|| "write a time as 30s, 5m or 1h, a week at most".to_owned())
}

/// How patient the calls to a place are: a person is told of waits, and a stop ends them.
pub(crate) fn patience(place: &Target, console: &Console, stop: &Stop) -> WaitPolicy {
    let limit = place.retry_for.and_then(|limit| Duration::try_from(limit).ok());
    let console = console.clone();
    limit
        .map_or_else(WaitPolicy::default, WaitPolicy::new)
        .cancelled_by(stop.token())
        .on_wait(move |wait| console.warn(&told(wait, Timestamp::now())))
}

fn told(wait: &Wait, now: Timestamp) -> String {
    let title = SERVICES.into_iter().find(|service| service.name == wait.service);
    let title = title.map_or(wait.service, |service| service.title);
    // What a service asks for is cut at an hour before it gets here.
    let time = match wait.time.as_secs() {
        3_600.. => "an hour or more".to_owned(),
        _ => in_words(wait.time),
    };
    // As it was given.
    let limit = SignedDuration::try_from(wait.limit).unwrap_or(LONGEST);
    let limit = format!("{limit:#}");
    match (wait.reason, wait.outcome) {
        (WaitReason::RateLimited, WaitOutcome::Retry) => {
            let until = SignedDuration::try_from(wait.time).ok();
            let until = until.and_then(|time| now.checked_add(time).ok()).unwrap_or(now);
            let until = until.strftime("%H:%M:%S UTC");
            format!(
                "{title} asks to slow down: waiting {time}, until {until}; Ctrl-C ends the wait"
            )
        }
        (WaitReason::RateLimited, WaitOutcome::GiveUp) => format!(
            "{title} asks to wait {time}, longer than --retry-for {limit} allows: calls to it fail for now"
        ),
        (WaitReason::Unreachable, WaitOutcome::GiveUp) => {
            format!("{title} still cannot be reached after {limit} (--retry-for): calls to it fail")
        }
        _ => format!(
            "{title} cannot be reached any more: trying again for up to {limit}; Ctrl-C ends the wait"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in
            [("30s", 30), ("5m", 300), ("1h 30m", 5400), ("0s", 0), ("2 hours", 7200)]
        {
            assert_eq!(time(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "-5m", "soon", "8 days", "99999999999999h", "1y"] {
            assert!(time(text).is_err_and(|error| error.contains("30s, 5m or 1h")), "{text}");
        }
    }
}
