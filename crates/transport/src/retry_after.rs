//! How long a service asks to wait, as its headers say.

use std::time::{Duration, SystemTime};

use crate::request::Response;

/// The longest wait that is accepted. A longer one is cut; the service will ask again.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(3600);

/// Numbers above this are seconds since the epoch and not from now.
const EPOCH_SECONDS: f64 = 1e9;
/// Numbers above this are milliseconds since the epoch.
const EPOCH_MILLIS: f64 = 1e12;

/// How long a throttling answer asks to wait: its `Retry-After`, or else the reset time of its rate limit. `None` where
/// it says nothing, or names a moment in the past.
pub(crate) fn retry_after(answer: &Response, now: SystemTime) -> Option<Duration> {
    let header = answer.header("retry-after").and_then(|text| time_until(text, now));
    header.or_else(|| limits(answer).filter_map(|limit| time_until(limit.reset?, now)).max())
}

/// How long to wait after an answer that is otherwise good, if it was the last one that the rate limit allowed.
pub(crate) fn limit_reset(answer: &Response, now: SystemTime) -> Option<Duration> {
    limits(answer)
        .filter(|limit| limit.remaining == Some("0"))
        .filter_map(|limit| time_until(limit.reset?, now))
        .max()
}

/// One rate limit in an answer's headers.
#[derive(Default)]
struct Limit<'a> {
    remaining: Option<&'a str>,
    reset: Option<&'a str>,
}

/// The rate limits in an answer's headers, in any of three notations: a header for each number, one header
/// `limit=…, remaining=…, reset=…`, or a list of policies `"name";r=…;t=…`.
fn limits(answer: &Response) -> impl Iterator<Item = Limit<'_>> {
    let headers = ["ratelimit", "x-ratelimit"].into_iter().map(|name| Limit {
        remaining: answer.header(&format!("{name}-remaining")).map(str::trim),
        reset: answer.header(&format!("{name}-reset")),
    });
    let joined = answer.header("ratelimit").unwrap_or_default();
    // Commas separate the numbers of one limit in the older notation, and limits in the newer one.
    let separator = if joined.contains("remaining=") { '\0' } else { ',' };
    headers.chain(joined.split(separator).map(|limit| {
        let mut found = Limit::default();
        for (name, value) in limit.split([',', ';']).filter_map(|part| part.split_once('=')) {
            match name.trim() {
                "remaining" | "r" => found.remaining = Some(value.trim()),
                "reset" | "t" => found.reset = Some(value),
                _ => {}
            }
        }
        found
    }))
}

/// The time until a moment that is given as seconds from now, as time since the epoch, or as a date.
fn time_until(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let since_epoch = |seconds: f64| {
        let moment = Duration::try_from_secs_f64(seconds).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(moment)?.duration_since(now).ok()
    };
    let wait = match text.parse::<f64>() {
        Ok(number) if number > EPOCH_MILLIS => since_epoch(number / 1000.0),
        Ok(number) if number > EPOCH_SECONDS => since_epoch(number),
        Ok(number) => Duration::try_from_secs_f64(number).ok(),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).ok(),
    };
    wait.filter(|wait| !wait.is_zero()).map(|wait| wait.min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 8:49:37 on 6 November 1994, the example of the standards.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn answer(headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Response { status: 429, headers: headers.collect(), body: Vec::new() }
    }

    fn check(headers: &[(&str, &str)], throttled: Option<u64>, good: Option<u64>) {
        let answer = answer(headers);
        let seconds = |wait: Option<Duration>| wait.map(|wait| wait.as_secs());
        assert_eq!(seconds(retry_after(&answer, now())), throttled, "{headers:?}");
        assert_eq!(seconds(limit_reset(&answer, now())), good, "{headers:?}");
    }

    #[test]
    fn retry_after_may_be_seconds_or_a_date() {
        check(&[("retry-after", "7")], Some(7), None);
        check(&[("retry-after", "Sun, 06 Nov 1994 08:49:57 GMT")], Some(20), None);
        check(&[("retry-after", "Sunday, 06-Nov-94 08:49:57 GMT")], Some(20), None);
    }

    #[test]
    fn moments_in_the_past_and_nonsense_are_ignored() {
        let past = "Sun, 06 Nov 1994 08:49:17 GMT";
        for text in ["0", "-3", "NaN", "soon", "", past] {
            check(&[("retry-after", text)], None, None);
        }
    }

    #[test]
    fn a_wait_is_cut_at_an_hour() {
        for text in ["999999", "inf", "1e300", "Sun, 06 Nov 2094 08:49:57 GMT"] {
            let wait = retry_after(&answer(&[("retry-after", text)]), now());
            assert!(wait.is_none_or(|wait| wait == MAX_WAIT), "{text}: {wait:?}");
        }
        check(&[("retry-after", "999999")], Some(3600), None);
    }

    #[test]
    fn an_exhausted_limit_is_read_in_every_notation() {
        for prefix in ["ratelimit", "x-ratelimit"] {
            let (remaining, reset) = (format!("{prefix}-remaining"), format!("{prefix}-reset"));
            check(&[(&remaining, "0"), (&reset, "9")], Some(9), Some(9));
            check(&[(&remaining, "3"), (&reset, "9")], Some(9), None);
        }
        check(&[("ratelimit", "limit=10, remaining=0, reset=9")], Some(9), Some(9));
        check(&[("ratelimit", "limit=10, reset=9, remaining=4")], Some(9), None);
        check(&[("ratelimit", r#""burst";r=0;t=4, "daily";r=0;t=30"#)], Some(30), Some(30));
        check(&[("ratelimit", r#""burst";r=0;t=4, "daily";r=50;t=30"#)], Some(30), Some(4));
    }

    #[test]
    fn a_reset_may_be_a_time_since_the_epoch() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for text in ["1700000012", "1700000012000", "1700000012.0"] {
            let answer = answer(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", text)]);
            assert_eq!(limit_reset(&answer, now), Some(Duration::from_secs(12)), "{text}");
        }
    }
}
