//! Waiting for services: for how long, and what the user sees meanwhile.

use std::time::Duration;

use drillmaster_models::SERVICES;
use drillmaster_transport::{Wait, WaitOutcome, WaitPolicy, WaitReason};
use jiff::{SignedDuration, Timestamp};

use crate::console::Console;
use drillmaster_runner::run_spec::Target;
use indicatif::HumanDuration;
use tokio_util::sync::CancellationToken;

/// The longest duration that a flag accepts.
const MAX_DURATION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Parses the duration of a flag: `30s`, `5m`, `1h 30m`.
pub(crate) fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    parsed
        .filter(|time| (SignedDuration::ZERO..=MAX_DURATION).contains(time))
        .ok_or_else(|| "must be a duration such as 30s, 5m or 1h, at most a week".to_owned())
}

/// How long calls to a target wait for its services. The console shows the waits, and `stop` ends them.
pub(crate) fn patience(target: &Target, console: &Console, stop: &CancellationToken) -> WaitPolicy {
    let limit = target.retry_for.and_then(|limit| Duration::try_from(limit).ok());
    let console = console.clone();
    limit
        .map_or_else(WaitPolicy::default, WaitPolicy::new)
        .cancelled_by(stop.clone())
        .on_wait(move |wait| console.warn(&describe(wait, Timestamp::now())))
}

fn describe(wait: &Wait, now: Timestamp) -> String {
    let title = SERVICES.into_iter().find(|service| service.name == wait.service);
    let title = title.map_or(wait.service, |service| service.title);
    // Longer waits are cut to an hour before they get here.
    let time = match wait.time.as_secs() {
        3_600.. => "an hour or more".to_owned(),
        _ => HumanDuration(wait.time).to_string(),
    };
    let limit = SignedDuration::try_from(wait.limit).unwrap_or(MAX_DURATION);
    let limit = format!("{limit:#}");
    match (wait.reason, wait.outcome) {
        (WaitReason::RateLimited, WaitOutcome::Retry) => {
            let until = SignedDuration::try_from(wait.time).ok();
            let until = until.and_then(|time| now.checked_add(time).ok()).unwrap_or(now);
            let until = until.strftime("%H:%M:%S UTC");
            format!(
                "{title} asked to slow down: waiting {time}, until {until}; press Ctrl-C to stop waiting"
            )
        }
        (WaitReason::RateLimited, WaitOutcome::GiveUp) => format!(
            "{title} asked to wait {time}, longer than --retry-for {limit}: calls to it fail for now"
        ),
        (WaitReason::Unreachable, WaitOutcome::GiveUp) => {
            format!("{title} is still unreachable after {limit} (--retry-for): calls to it fail")
        }
        _ => format!(
            "{title} has become unreachable: retrying for up to {limit}; press Ctrl-C to stop waiting"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed() {
        for (text, seconds) in
            [("30s", 30), ("5m", 300), ("1h 30m", 5400), ("0s", 0), ("2 hours", 7200)]
        {
            assert_eq!(parse_duration(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "-5m", "soon", "8 days", "99999999999999h", "1y"] {
            assert!(
                parse_duration(text).is_err_and(|error| error.contains("30s, 5m or 1h")),
                "{text}"
            );
        }
    }
}
