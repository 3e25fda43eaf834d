//! What goes wrong, how often, and how that is written.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use drillmaster_models::endpoint;

use super::{FaultKind, Injection, Shape};

/// Which calls go wrong and how: `reset-before=5%,delay=20ms,429-retry@3:2s,veracode.invite:500-after=50%,seed=7`.
///
/// Each part names a fault and when it falls: on a share of the calls (`=5%`), or on the nth calls
/// (`@3`, `@10,20`). A name of an endpoint before it, with a colon, has it count and befall the calls of that
/// endpoint only. Some faults take a time at the end: `429-retry=1%:2s`, `late-effect@3:2s`. Where a time alone is
/// named, as in `delay=20ms` or `late-effect=2s`, the fault falls on every call. The same seed has the same calls
/// go wrong, by their number.
///
/// | fault | does | takes |
/// |---|---|---|
/// | `delay` | holds the call up | a time |
/// | `reset-before` | breaks the connection before the service has the request | |
/// | `reset-after` | breaks it after the service did as it was asked | |
/// | `429` | has the service ask to slow down | |
/// | `429-retry` | the same, with a `Retry-After` | a time |
/// | `500-before` | has the service fail before it did anything | |
/// | `500-after` | has it fail after it did as it was asked | |
/// | `truncate` | ends the answer in the middle | |
/// | `garbage` | answers with what is no JSON | |
/// | `html` | answers with a page for people | |
/// | `late-effect` | answers a write with trouble, and carries it out only after this time | a time; `/STATUS` or `/reset` |
/// | `slow-effect` | carries a write out and answers it only after this time, 62 s unless named: longer than clients wait | `/STATUS` |
/// | `visible-after` | shows a write in lists only this time after it took effect | a time |
/// | `listless` | answers a list without the list | `/SHAPE` and `/STATUS` |
///
/// The last four leave calls alone, and uncounted, that they say nothing about: the first three are for writes, the
/// last is for lists. What a fault is answered with stands behind a slash: `late-effect/502=5%:400ms`,
/// `late-effect/reset@3:2s`, `listless/null/503@1`. Unless it is named, the seed picks: for `late-effect` 500, 502,
/// 503, 504 or a reset, for `listless` a shape, answered with 200. The shapes are `empty` (no body), `object`
/// (`{}`), `message` (`{"message": "maintenance"}`), `null` (a null in the list's place) and `kind` (an item that is
/// a number); `listless/204` is an answer without content.
///
/// ```
/// use drillmaster_transport::FaultPlan;
///
/// let plan: FaultPlan = "seed=7, 500-after@10,20, delay=20ms".parse().unwrap();
/// assert_eq!(plan.to_string(), "500-after@10,20,delay=20ms,seed=7");
/// assert!("veracode.invite:late-effect/504@1:2s,visible-after=500ms,listless=2%".parse::<FaultPlan>().is_ok());
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
    endpoint: Option<&'static str>,
    kind: &'static Kind,
    answer: Option<Answer>,
    shape: Option<Shape>,
    when: When,
    time: Duration,
}

/// What a fault is answered with, where the plan says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Status(u16),
    Reset,
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
    does: Does,
    time: Time,
    befalls: Befalls,
}

/// What a fault does; what is left open is said by the rule.
#[derive(Debug, PartialEq, Eq)]
enum Does {
    Delay,
    VisibleAfter,
    Throttled,
    LateEffect,
    SlowEffect,
    Listless,
    /// This, whatever the rule says.
    Always(FaultKind),
}

/// Whether a fault takes a time.
#[derive(Debug, PartialEq, Eq)]
enum Time {
    No,
    /// It needs one.
    Yes,
    /// It needs one, and with that alone falls on every call.
    Alone,
    /// It may have one; as with `Alone`, that is enough.
    Unless(Duration),
}

/// Which calls a fault says something about.
#[derive(Debug, PartialEq, Eq)]
enum Befalls {
    All,
    Writes,
    Lists,
}

/// Longer than [`Http`](crate::Http) waits.
const SLOW: Duration = Duration::from_secs(62);
/// What a late effect is answered with unless the plan names it.
const LATE: [Answer; 5] = [
    Answer::Status(500),
    Answer::Status(502),
    Answer::Status(503),
    Answer::Status(504),
    Answer::Reset,
];

const fn always(name: &'static str, trouble: FaultKind) -> Kind {
    Kind { name, does: Does::Always(trouble), time: Time::No, befalls: Befalls::All }
}

/// All faults, in the order in which errors list them.
static KINDS: [Kind; 14] = [
    Kind { name: "delay", does: Does::Delay, time: Time::Alone, befalls: Befalls::All },
    always("reset-before", FaultKind::ResetBefore),
    always("reset-after", FaultKind::ResetAfter),
    always("429", FaultKind::Throttled(None)),
    Kind { name: "429-retry", does: Does::Throttled, time: Time::Yes, befalls: Befalls::All },
    always("500-before", FaultKind::BrokenBefore),
    always("500-after", FaultKind::BrokenAfter),
    always("truncate", FaultKind::Truncated),
    always("garbage", FaultKind::Garbage),
    always("html", FaultKind::Html),
    Kind {
        name: "late-effect",
        does: Does::LateEffect,
        time: Time::Alone,
        befalls: Befalls::Writes,
    },
    Kind {
        name: "slow-effect",
        does: Does::SlowEffect,
        time: Time::Unless(SLOW),
        befalls: Befalls::Writes,
    },
    Kind {
        name: "visible-after",
        does: Does::VisibleAfter,
        time: Time::Alone,
        befalls: Befalls::Writes,
    },
    Kind { name: "listless", does: Does::Listless, time: Time::No, befalls: Befalls::Lists },
];

impl Kind {
    /// Reads one of the words behind a slash.
    fn option(&self, word: &str, rule: &mut Rule) -> Result<(), String> {
        let status = word.parse().ok().filter(|status| (200..600).contains(status));
        match (&self.does, status) {
            (Does::LateEffect | Does::SlowEffect | Does::Listless, Some(status)) => {
                rule.answer = Some(Answer::Status(status));
            }
            (Does::LateEffect, None) if word == "reset" => rule.answer = Some(Answer::Reset),
            (Does::Listless, None) => match Shape::ALL.into_iter().find(|s| s.name() == word) {
                Some(shape) => rule.shape = Some(shape),
                None => {
                    let shapes = Shape::ALL.map(Shape::name).join(", ");
                    return Err(format!(
                        "`/{word}` is no answer of {}; there are {shapes}, and statuses from 200 to 599",
                        self.name
                    ));
                }
            },
            (Does::LateEffect, None) => {
                return Err(format!(
                    "`/{word}` is no answer of {}; there are reset, and statuses from 200 to 599",
                    self.name
                ));
            }
            (Does::SlowEffect, None) => {
                return Err(format!(
                    "`/{word}` is no answer of {}; there are statuses from 200 to 599",
                    self.name
                ));
            }
            _ => return Err(format!("{} takes no `/{word}`", self.name)),
        }
        Ok(())
    }
}

impl Rule {
    /// Whether it counts the calls of this endpoint.
    pub(super) fn concerns(&self, name: Option<&str>) -> bool {
        if self.endpoint.is_some_and(|own| Some(own) != name) {
            return false;
        }
        let metadata =
            || name.and_then(|name| endpoint(name).ok()).map(|endpoint| &endpoint.metadata);
        match self.kind.befalls {
            Befalls::All => true,
            Befalls::Writes => metadata().is_some_and(|metadata| !metadata.effect.is_read()),
            Befalls::Lists => metadata().is_some_and(|metadata| metadata.list.is_some()),
        }
    }

    /// Whether it falls on the nth call that it concerns.
    pub(super) fn falls_on(&self, seed: u64, place: usize, call: u64) -> bool {
        match &self.when {
            When::Calls(calls) => calls.contains(&call),
            When::Share(percent) => draw(&format!("{seed} {place} {call}")) * 100.0 < *percent,
        }
    }

    /// Adds what it does to what is done to the nth call already.
    pub(super) fn injection(&self, injection: &mut Injection, seed: u64, place: usize, call: u64) {
        let trouble = match self.kind.does {
            Does::Delay => {
                injection.delay += self.time;
                return;
            }
            Does::VisibleAfter => {
                injection.visible_after = injection.visible_after.max(self.time);
                return;
            }
            _ if injection.trouble.is_some() => return,
            Does::Always(trouble) => trouble,
            Does::Throttled => FaultKind::Throttled(Some(self.time)),
            Does::LateEffect => {
                let answer = self.answer.unwrap_or_else(|| pick(&LATE, seed, place, call));
                FaultKind::LateEffect { status: answer.status(), after: self.time }
            }
            Does::SlowEffect => FaultKind::SlowEffect {
                status: self.answer.and_then(Answer::status),
                after: self.time,
            },
            Does::Listless => {
                let status = self.answer.and_then(Answer::status);
                // An answer without content is one shape more, where the status is left open.
                let shape = match (self.shape, status) {
                    (Some(shape), _) => Some(shape),
                    (None, Some(_)) => Some(pick(&Shape::ALL, seed, place, call)),
                    (None, None) => pick(&Shape::OR_NO_CONTENT, seed, place, call),
                };
                let usual = if shape.is_some() { 200 } else { 204 };
                FaultKind::Listless {
                    shape: shape.unwrap_or(Shape::Empty),
                    status: status.unwrap_or(usual),
                }
            }
        };
        injection.trouble = Some(trouble);
    }
}

impl Answer {
    /// The status; none where the connection breaks.
    fn status(self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(status),
            Self::Reset => None,
        }
    }
}

/// One of these, the same for the same call.
fn pick<T: Copy>(of: &[T], seed: u64, place: usize, call: u64) -> T {
    let number = draw(&format!("{seed} {place} {call} answer"));
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a handful of choices, by a number from 0 up to 1"
    )]
    let index = (number * of.len() as f64) as usize;
    of[index.min(of.len() - 1)]
}

/// A number from 0 up to 1 that depends on nothing but this text, on every machine.
fn draw(text: &str) -> f64 {
    let hash = blake3::hash(text.as_bytes());
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
        if let Some(endpoint) = self.endpoint {
            write!(f, "{endpoint}:")?;
        }
        f.write_str(self.kind.name)?;
        match self.answer {
            Some(Answer::Status(status)) => write!(f, "/{status}")?,
            Some(Answer::Reset) => f.write_str("/reset")?,
            None => {}
        }
        if let Some(shape) = self.shape {
            write!(f, "/{}", shape.name())?;
        }
        let millis = self.time.as_millis();
        match &self.when {
            When::Share(percent)
                if *percent >= 100.0 && matches!(self.kind.time, Time::Alone | Time::Unless(_)) =>
            {
                return write!(f, "={millis}ms");
            }
            When::Share(percent) => write!(f, "={percent}%")?,
            When::Calls(calls) => {
                let calls: Vec<_> = calls.iter().map(u64::to_string).collect();
                write!(f, "@{}", calls.join(","))?;
            }
        }
        match self.kind.time {
            Time::No => Ok(()),
            Time::Unless(usual) if self.time == usual => Ok(()),
            Time::Yes | Time::Alone | Time::Unless(_) => write!(f, ":{millis}ms"),
        }
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

/// Reads one part: `[ENTRY:]FAULT[/ANSWER]=SHARE[:TIME]` or `[ENTRY:]FAULT[/ANSWER]@CALLS[:TIME]`.
fn rule(part: &str) -> Result<Rule, String> {
    let Some(sign) = part.find(['=', '@']) else {
        return Err("it must say when: `=5%` of the calls, or `@3` for the third".to_owned());
    };
    let (name, rest) = part.split_at(sign);
    let (by_share, rest) = (rest.starts_with('='), &rest[1..]);
    let (own, name) = match name.rsplit_once(':') {
        Some((own, name)) => (Some(endpoint(own).map_err(|error| error.to_string())?.name()), name),
        None => (None, name),
    };
    let (name, options) = name.split_once('/').map_or((name, None), |(name, o)| (name, Some(o)));
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        return Err(format!(
            "there is no fault `{name}`; there are {}, and seed",
            names.join(", ")
        ));
    };
    let (when, time) = match (&kind.time, rest.split_once(':')) {
        // The short form: it falls on every call.
        (Time::Alone | Time::Unless(_), None) if by_share && !rest.contains('%') => {
            ("100%", time(rest)?)
        }
        (Time::Yes | Time::Alone | Time::Unless(_), Some((when, text))) => (when, time(text)?),
        (Time::No, None) => (rest, Duration::ZERO),
        (Time::Unless(usual), None) => (rest, *usual),
        (Time::No, Some(_)) => return Err(format!("{name} takes no time")),
        (Time::Yes | Time::Alone, None) => {
            return Err(format!("{name} needs a time at its end, such as `:2s`"));
        }
    };
    let when = if by_share { When::Share(share(when)?) } else { When::Calls(calls(when)?) };
    let mut rule = Rule { endpoint: own, kind, answer: None, shape: None, when, time };
    for option in options.into_iter().flat_map(|options| options.split('/')) {
        kind.option(option, &mut rule)?;
    }
    Ok(rule)
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
