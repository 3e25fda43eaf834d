//! A budget of requests.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How many requests may be sent in how long: `5/s`, `30/m`, `0.5/s`, `1000/h`. The default is `5/s`.
///
/// ```
/// use drillmaster_transport::Rate;
///
/// let rate: Rate = "30/m".parse().unwrap();
/// assert_eq!(rate.per_second(), 0.5);
/// assert_eq!(rate.to_string(), "30/m");
/// assert_eq!((rate.burst(), Rate::default().burst()), (2, 2));
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
const UNITS: [Unit; 3] =
    [SECOND, Unit { name: 'm', seconds: 60.0 }, Unit { name: 'h', seconds: 3600.0 }];

/// The largest budget, per second. No service allows as much, and timers are not as fine.
const MOST: f64 = 100_000.0;

impl Rate {
    /// How many requests may be sent in a second, on average.
    pub fn per_second(&self) -> f64 {
        self.count / self.unit.seconds
    }

    /// How many requests may leave at once after a rest: as many as in a tenth of a second and one more, at
    /// least two.
    pub fn burst(&self) -> u32 {
        let (mut burst, tenth) = (2, self.per_second() / 10.0);
        while f64::from(burst) < tenth + 1.0 {
            burst += 1;
        }
        burst
    }

    /// The time between two requests.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.per_second())
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
        let refuse = |problem| RateError { text: text.to_owned(), problem };
        let form = "write it as 5/s, 30/m or 1000/h";
        let (count, unit) = text.trim().split_once('/').ok_or_else(|| refuse(form))?;
        let unit = UNITS.into_iter().find(|known| unit.trim() == known.name.to_string());
        let count = count.trim().parse().ok();
        let (Some(count), Some(unit)) = (count, unit) else {
            return Err(refuse(form));
        };
        let rate = Self { count, unit };
        // At one request an hour a run is over when it pauses for an hour; below that, nobody waits.
        if !(1.0 / 3600.0..=MOST).contains(&rate.per_second()) {
            return Err(refuse("it must lie between 1/h and 100000/s"));
        }
        Ok(rate)
    }
}

/// A text is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no rate: {problem}")]
pub struct RateError {
    text: String,
    problem: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_what_it_writes() {
        for text in ["5/s", "200/s", "30/m", "0.5/s", "1000/h", "1/h", "100000/s"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!(" 5 / s ".parse(), Ok(Rate::default()));
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["", "5", "/s", "5/", "5/d", "0/s", "-5/s", "NaN/s", "inf/s", "1e9/s", "0.5/h"]
        {
            let error = text.parse::<Rate>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is no rate: ")), "{error}");
        }
    }

    #[test]
    fn a_burst_is_small() {
        for (text, burst) in [("1/h", 2), ("5/s", 2), ("10/s", 2), ("15/s", 3), ("200/s", 21)] {
            assert_eq!(text.parse::<Rate>().unwrap().burst(), burst, "{text}");
        }
    }
}
