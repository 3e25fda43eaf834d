//! What goes wrong, how often, and how that is written.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use drillmaster_models::entry;

use super::{Strike, Trouble};

/// Which calls go wrong and how: `reset-before=5%,delay=20ms,429-retry@3:2s,veracode.invite:500-after=50%,seed=7`.
///
/// Each part names a fault and when it falls: on a share of the calls (`=5%`), or on the nth calls
/// (`@3`, `@10,20`). A name of an entry before it, with a colon, has it count and befall the calls of that
/// entry only. Two faults take a time at the end: `429-retry=1%:2s` and `delay=1%:20ms`; `delay=20ms` falls
/// on every call. The same seed has the same calls go wrong, by their number.
///
/// | fault | does |
/// |---|---|
/// | `delay` | holds the call up |
/// | `reset-before` | breaks the connection before the service has the request |
/// | `reset-after` | breaks it after the service did as it was asked |
/// | `429` | has the service ask to slow down |
/// | `429-retry` | the same, with a `Retry-After` |
/// | `500-before` | has the service fail before it did anything |
/// | `500-after` | has it fail after it did as it was asked |
/// | `truncate` | ends the answer in the middle |
/// | `garbage` | answers with what is no JSON |
/// | `html` | answers with a page for people |
///
/// ```
/// use drillmaster_transport::FaultPlan;
///
/// let plan: FaultPlan = "seed=7, 500-after@10,20, delay=20ms".parse().unwrap();
/// assert_eq!(plan.to_string(), "500-after@10,20,delay=20ms,seed=7");
/// let error = "rest-before=5%".parse::<FaultPlan>().unwrap_err();
/// assert!(error.to_string().starts_with("fault `rest-before=5%`: there is no fault `rest-before`"));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultPlan {
    rules: Vec<Rule>,
    seed: u64,
}

impl FaultPlan {
    /// The same plan with another seed.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Whether nothing goes wrong.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }
}

/// One part of a plan.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    entry: Option<&'static str>,
    kind: &'static Kind,
    when: When,
    time: Duration,
}

#[derive(Debug, Clone, PartialEq)]
enum When {
    /// In a share of the calls, in percent.
    Share(f64),
    /// At the calls of these numbers, from 1.
    Calls(Vec<u64>),
}

/// A fault by its name.
#[derive(Debug, PartialEq)]
struct Kind {
    name: &'static str,
    /// What goes wrong; with nothing, the call is but held up. A time in it is filled in by the rule.
    trouble: Option<Trouble>,
}

/// All faults, in the order in which errors list them.
static KINDS: [Kind; 10] = [
    Kind { name: "delay", trouble: None },
    Kind { name: "reset-before", trouble: Some(Trouble::ResetBefore) },
    Kind { name: "reset-after", trouble: Some(Trouble::ResetAfter) },
    Kind { name: "429", trouble: Some(Trouble::Throttled(None)) },
    Kind { name: "429-retry", trouble: Some(Trouble::Throttled(Some(Duration::ZERO))) },
    Kind { name: "500-before", trouble: Some(Trouble::BrokenBefore) },
    Kind { name: "500-after", trouble: Some(Trouble::BrokenAfter) },
    Kind { name: "truncate", trouble: Some(Trouble::Truncated) },
    Kind { name: "garbage", trouble: Some(Trouble::Garbage) },
    Kind { name: "html", trouble: Some(Trouble::Html) },
];

impl Kind {
    fn takes_time(&self) -> bool {
        matches!(self.trouble, None | Some(Trouble::Throttled(Some(_))))
    }
}

impl Rule {
    /// Whether it counts the calls of this entry.
    pub(super) fn concerns(&self, entry: Option<&str>) -> bool {
        self.entry.is_none_or(|own| Some(own) == entry)
    }

    /// Whether it falls on the nth call that it concerns.
    pub(super) fn falls_on(&self, seed: u64, place: usize, call: u64) -> bool {
        match &self.when {
            When::Calls(calls) => calls.contains(&call),
            When::Share(percent) => draw(seed, place, call) * 100.0 < *percent,
        }
    }

    /// Adds what it does to what is done to the call already.
    pub(super) fn strike(&self, strike: &mut Strike) {
        match self.kind.trouble {
            None => strike.delay += self.time,
            Some(_) if strike.trouble.is_some() => {}
            Some(Trouble::Throttled(Some(_))) => {
                strike.trouble = Some(Trouble::Throttled(Some(self.time)));
            }
            trouble => strike.trouble = trouble,
        }
    }
}

/// A number from 0 up to 1 that depends on nothing but these three, on every machine.
fn draw(seed: u64, place: usize, call: u64) -> f64 {
    let hash = blake3::hash(format!("{seed} {place} {call}").as_bytes());
    let [a, b, c, d, ..] = *hash.as_bytes();
    f64::from(u32::from_le_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seed = (self.seed != 0).then(|| format!("seed={}", self.seed));
        let parts: Vec<_> = self.rules.iter().map(Rule::to_string).chain(seed).collect();
        f.write_str(&parts.join(","))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(entry) = self.entry {
            write!(f, "{entry}:")?;
        }
        f.write_str(self.kind.name)?;
        let millis = self.time.as_millis();
        match &self.when {
            When::Share(percent) if *percent >= 100.0 && self.kind.trouble.is_none() => {
                return write!(f, "={millis}ms");
            }
            When::Share(percent) => write!(f, "={percent}%")?,
            When::Calls(calls) => {
                let calls: Vec<_> = calls.iter().map(u64::to_string).collect();
                write!(f, "@{}", calls.join(","))?;
            }
        }
        if self.kind.takes_time() {
            write!(f, ":{millis}ms")?;
        }
        Ok(())
    }
}

impl FromStr for FaultPlan {
    type Err = FaultPlanError;

    fn from_str(text: &str) -> Result<Self, FaultPlanError> {
        let mut parts: Vec<String> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match parts.last_mut() {
                // The numbers of calls are parted by commas as well.
                Some(last) if last.contains('@') && !part.contains(['=', '@']) => {
                    last.push(',');
                    last.push_str(part);
                }
                _ => parts.push(part.to_owned()),
            }
        }
        let mut plan = Self::default();
        for part in parts {
            let read = match part.strip_prefix("seed=") {
                Some(seed) => seed
                    .parse()
                    .map(|seed| plan.seed = seed)
                    .map_err(|_| "the seed must be a whole number".to_owned()),
                None => rule(&part).map(|rule| plan.rules.push(rule)),
            };
            read.map_err(|problem| FaultPlanError { part, problem })?;
        }
        Ok(plan)
    }
}

/// Reads one part: `[ENTRY:]FAULT=SHARE[:TIME]` or `[ENTRY:]FAULT@CALLS[:TIME]`.
fn rule(part: &str) -> Result<Rule, String> {
    let Some(sign) = part.find(['=', '@']) else {
        return Err("it must say when: `=5%` of the calls, or `@3` for the third".to_owned());
    };
    let (name, rest) = part.split_at(sign);
    let (by_share, rest) = (rest.starts_with('='), &rest[1..]);
    let (own, name) = match name.rsplit_once(':') {
        Some((own, name)) => (Some(entry(own).map_err(|error| error.to_string())?.name()), name),
        None => (None, name),
    };
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        return Err(format!(
            "there is no fault `{name}`; there are {}, and seed",
            names.join(", ")
        ));
    };
    // The short form: every call is held up.
    if kind.trouble.is_none() && by_share && !rest.contains('%') {
        return Ok(Rule { entry: own, kind, when: When::Share(100.0), time: time(rest)? });
    }
    let (when, time) = match rest.split_once(':') {
        Some((when, text)) if kind.takes_time() => (when, time(text)?),
        None if !kind.takes_time() => (rest, Duration::ZERO),
        Some(_) => return Err(format!("{name} takes no time")),
        None => return Err(format!("{name} needs a time at its end, such as `:2s`")),
    };
    let when = if by_share { When::Share(share(when)?) } else { When::Calls(calls(when)?) };
    Ok(Rule { entry: own, kind, when, time })
}

fn share(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.parse().ok());
    percent
        .filter(|percent| (0.0..=100.0).contains(percent))
        .ok_or_else(|| format!("`{text}` is no share; write it as 5% or 0.5%"))
}

fn calls(text: &str) -> Result<Vec<u64>, String> {
    let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
    let calls: Option<_> = text.split(',').map(number).collect();
    calls.ok_or_else(|| format!("`{text}` are no numbers of calls; write them as @3 or @10,20"))
}

fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').unwrap_or_default(), 1000),
    };
    // A day is more than any test waits, and keeps the arithmetic of timers safe.
    let millis = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    millis
        .filter(|millis| *millis <= 86_400_000)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is no time; write it as 20ms or 2s, a day at most"))
}

/// A text is no fault plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fault `{part}`: {problem}")]
pub struct FaultPlanError {
    part: String,
    problem: String,
}
