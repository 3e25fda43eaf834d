//! A number of requests in a time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How many requests may be sent in how long: `5/s`, `30/m`, `0.5/s`, `1000/h`. The default is `5/s`.
///
/// ```
/// use drillmaster_transport::Rate;
///
/// let rate: Rate = "30/m".parse().unwrap();
/// assert_eq!(rate, Rate::per_minute(30));
/// assert_eq!((rate.requests_per_second(), rate.burst()), (0.5, 2));
/// assert_eq!(rate.to_string(), "30/m");
///
/// let error = "fast".parse::<Rate>().unwrap_err();
/// assert!(error.to_string().contains("write it as 5/s, 30/m or 1000/h"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    count: f64,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Unit {
    name: char,
    seconds: f64,
}

const SECOND: Unit = Unit { name: 's', seconds: 1.0 };
const MINUTE: Unit = Unit { name: 'm', seconds: 60.0 };
const HOUR: Unit = Unit { name: 'h', seconds: 3600.0 };

/// The largest rate, per second. No service allows as much, and timers are not as fine.
const MAX_PER_SECOND: f64 = 100_000.0;

impl Rate {
    /// This many requests in a second.
    ///
    /// # Panics
    ///
    /// If the rate is below one in an hour or above 100,000 in a second, as for the other two.
    pub fn per_second(count: u32) -> Self {
        Self { count: count.into(), unit: SECOND }.expect_valid()
    }

    /// This many requests in a minute.
    ///
    /// # Panics
    ///
    /// As [`per_second`](Self::per_second).
    pub fn per_minute(count: u32) -> Self {
        Self { count: count.into(), unit: MINUTE }.expect_valid()
    }

    /// This many requests in an hour.
    ///
    /// # Panics
    ///
    /// As [`per_second`](Self::per_second).
    pub fn per_hour(count: u32) -> Self {
        Self { count: count.into(), unit: HOUR }.expect_valid()
    }

    /// How many requests may be sent in a second, on average.
    pub fn requests_per_second(&self) -> f64 {
        self.count / self.unit.seconds
    }

    /// How many requests may be sent at once after a pause: one more than in a tenth of a second, and at least two.
    pub fn burst(&self) -> u32 {
        let (mut burst, tenth) = (2, self.requests_per_second() / 10.0);
        while f64::from(burst) < tenth + 1.0 {
            burst += 1;
        }
        burst
    }

    /// The time between two requests.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.requests_per_second())
    }

    /// At one request in an hour, a run that pauses for an hour is over; nobody waits for less.
    fn is_valid(&self) -> bool {
        (1.0 / 3600.0..=MAX_PER_SECOND).contains(&self.requests_per_second())
    }

    fn expect_valid(self) -> Self {
        assert!(self.is_valid(), "a rate must be between 1/h and 100000/s, and {self} is not");
        self
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self { count: 5.0, unit: SECOND }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit.name)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let error = |problem| RateError { text: text.to_owned(), problem };
        let form = "write it as 5/s, 30/m or 1000/h";
        let (count, unit) = text.trim().split_once('/').ok_or_else(|| error(form))?;
        let unit = unit.trim();
        let unit = [SECOND, MINUTE, HOUR].into_iter().find(|known| unit == known.name.to_string());
        let count = count.trim().parse().ok();
        let (Some(count), Some(unit)) = (count, unit) else {
            return Err(error(form));
        };
        let rate = Self { count, unit };
        if !rate.is_valid() {
            return Err(error("it must be between 1/h and 100000/s"));
        }
        Ok(rate)
    }
}

/// A text that is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a rate: {problem}")]
pub struct RateError {
    text: String,
    problem: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_parses_what_it_displays() {
        for text in ["5/s", "200/s", "30/m", "0.5/s", "1000/h", "1/h", "100000/s"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!(" 5 / s ".parse(), Ok(Rate::default()));
    }

    #[test]
    fn a_rate_is_built_without_parsing() {
        for (rate, text) in [
            (Rate::per_second(5), "5/s"),
            (Rate::per_minute(30), "30/m"),
            (Rate::per_hour(1000), "1000/h"),
        ] {
            assert_eq!(text.parse(), Ok(rate));
        }
        for count in [0, 100_001] {
            assert!(std::panic::catch_unwind(|| Rate::per_second(count)).is_err(), "{count}");
        }
    }

    #[test]
    fn an_invalid_rate_is_an_error() {
        for text in ["", "5", "/s", "5/", "5/d", "0/s", "-5/s", "NaN/s", "inf/s", "1e9/s", "0.5/h"]
        {
            let error = text.parse::<Rate>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is not a rate: ")), "{error}");
        }
    }

    #[test]
    fn a_burst_is_small() {
        for (text, burst) in [("1/h", 2), ("5/s", 2), ("10/s", 2), ("15/s", 3), ("200/s", 21)] {
            assert_eq!(text.parse::<Rate>().unwrap().burst(), burst, "{text}");
        }
    }
}
