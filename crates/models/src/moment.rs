//! Points in time, in the forms that the services use.

use std::str::FromStr;

use jiff::{Timestamp, civil, tz::TimeZone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

/// A point in time in an answer. The services were seen to use milliseconds since the epoch as a number or as
/// text, `"3/6/2019"` (month/day/year, midnight UTC), and ISO 8601. The raw value is kept and written back
/// unchanged.
///
/// ```
/// use drillmaster_models::Moment;
/// let spelt = |json: &str| serde_json::from_str::<Moment>(json).unwrap();
/// assert_eq!(spelt("\"3/6/2019\"").millis(), Some(1_551_830_400_000));
/// assert_eq!(spelt("1551830400000").millis(), spelt("\"1551830400000\"").millis());
/// assert_eq!(spelt("\"2019-03-06T00:00:00.000Z\"").millis(), Some(1_551_830_400_000));
/// assert_eq!(spelt("\"yesterday\"").millis(), None);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(Value);

impl Moment {
    /// A moment in milliseconds since the epoch, the form that most endpoints use.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.into())
    }

    /// A moment with exactly this text.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(Value::String(text.into()))
    }

    /// The raw value.
    pub fn raw(&self) -> &Value {
        &self.0
    }

    /// Milliseconds since the epoch; `None` if the form is unknown.
    pub fn millis(&self) -> Option<i64> {
        self.timestamp().map(Timestamp::as_millisecond)
    }

    /// The point in time; `None` if the form is unknown.
    pub fn timestamp(&self) -> Option<Timestamp> {
        match &self.0 {
            #[expect(clippy::cast_possible_truncation, reason = "a fraction of a millisecond")]
            Value::Number(number) => {
                let millis = number.as_i64().or_else(|| number.as_f64().map(|n| n as i64))?;
                Timestamp::from_millisecond(millis).ok()
            }
            Value::String(text) => parse(text.trim()),
            _ => None,
        }
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["number", "string"],
            "description": "Milliseconds since the epoch, month/day/year, or ISO 8601.",
        })
    }
}

/// A point in time in a request, sent as ISO 8601 with milliseconds and a final `Z`. It is read from any form
/// of a [`Moment`]; a date alone means midnight UTC.
///
/// ```
/// use drillmaster_models::Instant;
/// let day: Instant = "2026-09-01".parse().unwrap();
/// assert_eq!(day.to_string(), "2026-09-01T00:00:00.000Z");
/// assert!("September".parse::<Instant>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Timestamp);

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"))
    }
}

impl FromStr for Instant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text.trim()).map(Self).ok_or_else(|| {
            format!("must be a point in time such as 2026-09-01T08:00:00Z, not `{text}`")
        })
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Instant {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let midnight = |date: civil::Date| date.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    if let Ok(millis) = text.parse::<i64>() {
        return Timestamp::from_millisecond(millis).ok();
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if text.contains('/') {
        return civil::Date::strptime("%m/%d/%Y", text).ok().and_then(midnight);
    }
    if let Ok(local) = text.parse::<civil::DateTime>() {
        return local.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    }
    text.parse::<civil::Date>().ok().and_then(midnight)
}
