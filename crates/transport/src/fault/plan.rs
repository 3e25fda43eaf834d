//! What goes wrong, how often, and how that is written.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use drillmaster_models::{EndpointDef, endpoint};

use super::{FaultKind, Injection, Shape};

/// Which calls go wrong and how: `reset-before=5%,delay=20ms,429-retry@3:2s,veracode.invite:500-after=50%,seed=7`.
///
/// A plan is a list of rules, separated by commas. Each names a fault and the calls that it hits: a share of them
/// (`=5%`), or the nth calls (`@3`, `@10,20`). With an endpoint and a colon before it, a rule counts and hits calls
/// of that endpoint only. Some faults take a time at the end: `429-retry=1%:2s`, `late-effect@3:2s`. With a time
/// alone, as in `delay=20ms` or `late-effect=2s`, the fault hits every call. The same seed makes the same calls go
/// wrong, by their number.
///
/// | fault | does | takes |
/// |---|---|---|
/// | `delay` | holds the call up | a time |
/// | `reset-before` | breaks the connection before the service gets the request | |
/// | `reset-after` | breaks the connection after the request took effect | |
/// | `429` | asks to slow down | |
/// | `429-retry` | asks to slow down, with a `Retry-After` | a time |
/// | `500-before` | answers with a 500; the request does not take effect | |
/// | `500-after` | answers with a 500 after the request took effect | |
/// | `truncate` | ends the answer in the middle | |
/// | `garbage` | answers with something that is not JSON | |
/// | `html` | answers with an HTML page | |
/// | `late-effect` | answers a write with a failure; it takes effect later | a time; `/STATUS` or `/reset` |
/// | `slow-effect` | lets a write take effect, and answers it, only after this time; 62 s by default, longer than clients wait | `/STATUS` |
/// | `visible-after` | shows a write in lists only this time after it took effect | a time |
/// | `listless` | answers a list without the list | `/SHAPE` and `/STATUS` |
///
/// The last four skip calls that they say nothing about, and do not count them: the first three are for writes, the
/// last is for lists. The answer follows a slash: `late-effect/502=5%:400ms`, `late-effect/reset@3:2s`,
/// `listless/null/503@1`. Otherwise the seed picks it: for `late-effect` 500, 502, 503, 504 or a reset, for
/// `listless` a shape with status 200. The shapes are `empty` (no body), `object` (`{}`), `message` (`{"message":
/// "maintenance"}`), `null` (null in place of the list) and `kind` (an item that is a number); `listless/204` is an
/// answer without content.
///
/// ```
/// use drillmaster_models::endpoint;
/// use drillmaster_transport::fault::{Calls, FaultKind, FaultPlan};
/// use std::time::Duration;
///
/// let plan: FaultPlan = "seed=7, 500-after@10,20, delay=20ms".parse().unwrap();
/// let built = FaultPlan::default()
///     .fault(FaultKind::ErrorAfter, Calls::nth([10, 20]))
///     .delay(Duration::from_millis(20), Calls::all())
///     .with_seed(7);
/// assert_eq!(plan, built);
/// assert_eq!(built.to_string(), "500-after@10,20,delay=20ms,seed=7");
///
/// let late = FaultKind::LateEffect { status: Some(504), after: Duration::from_secs(2) };
/// let plan = FaultPlan::default().fault(late, Calls::nth([1]).of(endpoint("veracode.invite").unwrap()));
/// assert_eq!(plan.to_string(), "veracode.invite:late-effect/504@1:2000ms");
///
/// let error = "rest-before=5%".parse::<FaultPlan>().unwrap_err();
/// assert!(error.to_string().starts_with("fault `rest-before=5%`: unknown fault `rest-before`"));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultPlan {
    rules: Vec<Rule>,
    seed: u64,
}

impl FaultPlan {
    /// Makes these calls go wrong in this way.
    #[must_use]
    pub fn fault(self, kind: FaultKind, calls: Calls) -> Self {
        let (name, answer, shape, time) = match kind {
            FaultKind::ResetBefore => ("reset-before", None, None, Duration::ZERO),
            FaultKind::ResetAfter => ("reset-after", None, None, Duration::ZERO),
            FaultKind::Throttled(None) => ("429", None, None, Duration::ZERO),
            FaultKind::Throttled(Some(time)) => ("429-retry", None, None, time),
            FaultKind::ErrorBefore => ("500-before", None, None, Duration::ZERO),
            FaultKind::ErrorAfter => ("500-after", None, None, Duration::ZERO),
            FaultKind::Truncated => ("truncate", None, None, Duration::ZERO),
            FaultKind::Garbage => ("garbage", None, None, Duration::ZERO),
            FaultKind::Html => ("html", None, None, Duration::ZERO),
            FaultKind::LateEffect { status, after } => {
                let answer = status.map_or(Answer::Reset, Answer::Status);
                ("late-effect", Some(answer), None, after)
            }
            FaultKind::SlowEffect { status, after } => {
                ("slow-effect", status.map(Answer::Status), None, after)
            }
            FaultKind::Listless { shape, status } => {
                ("listless", Some(Answer::Status(status)), Some(shape), Duration::ZERO)
            }
        };
        self.rule(name, answer, shape, time, calls)
    }

    /// Holds these calls up.
    #[must_use]
    pub fn delay(self, time: Duration, calls: Calls) -> Self {
        self.rule("delay", None, None, time, calls)
    }

    /// Shows these writes in lists only this time after they took effect.
    #[must_use]
    pub fn visible_after(self, time: Duration, calls: Calls) -> Self {
        self.rule("visible-after", None, None, time, calls)
    }

    /// Seeds the shares of calls and the answers that the plan leaves open.
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

    fn rule(
        mut self,
        name: &str,
        answer: Option<Answer>,
        shape: Option<Shape>,
        time: Duration,
        Calls { endpoint, when }: Calls,
    ) -> Self {
        let kind = KINDS.iter().find(|kind| kind.name == name);
        self.rules.extend(kind.map(|kind| Rule { endpoint, kind, answer, shape, when, time }));
        self
    }
}

/// The calls that a rule of a [`FaultPlan`] hits.
#[derive(Debug, Clone, PartialEq)]
pub struct Calls {
    endpoint: Option<&'static str>,
    when: When,
}

impl Calls {
    /// Every call.
    pub fn all() -> Self {
        Self::share(100.0)
    }

    /// This share of the calls, in percent.
    pub fn share(percent: f64) -> Self {
        Self { endpoint: None, when: When::Share(percent) }
    }

    /// The calls with these numbers, starting at 1.
    pub fn nth(numbers: impl Into<Vec<u64>>) -> Self {
        Self { endpoint: None, when: When::Calls(numbers.into()) }
    }

    /// Only calls of this endpoint, which are then counted by themselves.
    #[must_use]
    pub fn of(self, endpoint: &'static EndpointDef) -> Self {
        Self { endpoint: Some(endpoint.name()), ..self }
    }
}

/// One rule of a plan.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    endpoint: Option<&'static str>,
    kind: &'static Kind,
    answer: Option<Answer>,
    shape: Option<Shape>,
    when: When,
    time: Duration,
}

/// The answer to a call with a fault, where the rule names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Status(u16),
    Reset,
}

#[derive(Debug, Clone, PartialEq)]
enum When {
    /// A share of the calls, in percent.
    Share(f64),
    /// The calls with these numbers, starting at 1.
    Calls(Vec<u64>),
}

/// A fault by its name.
#[derive(Debug, PartialEq)]
struct Kind {
    name: &'static str,
    does: Does,
    time: Time,
    target: Target,
}

/// What a fault does; the rule has the details.
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
    Required,
    /// It needs one, and with a time alone it hits every call.
    Alone,
    /// It may have one, and has this one otherwise. With a time alone it hits every call.
    Default(Duration),
}

/// Which calls a fault applies to.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    All,
    Writes,
    Lists,
}

/// Longer than [`Http`](crate::Http) waits.
const SLOW: Duration = Duration::from_secs(62);
/// The answers to a late effect, if the plan does not name one.
const LATE: [Answer; 5] = [
    Answer::Status(500),
    Answer::Status(502),
    Answer::Status(503),
    Answer::Status(504),
    Answer::Reset,
];
/// The shapes of a list without the list, if the plan names neither shape nor status. `None` is a 204.
const SHAPES: [Option<Shape>; 6] = [
    None,
    Some(Shape::Empty),
    Some(Shape::Object),
    Some(Shape::Message),
    Some(Shape::Null),
    Some(Shape::Kind),
];

const fn always(name: &'static str, kind: FaultKind) -> Kind {
    Kind { name, does: Does::Always(kind), time: Time::No, target: Target::All }
}

/// All faults, in the order in which errors list them.
static KINDS: [Kind; 14] = [
    Kind { name: "delay", does: Does::Delay, time: Time::Alone, target: Target::All },
    always("reset-before", FaultKind::ResetBefore),
    always("reset-after", FaultKind::ResetAfter),
    always("429", FaultKind::Throttled(None)),
    Kind { name: "429-retry", does: Does::Throttled, time: Time::Required, target: Target::All },
    always("500-before", FaultKind::ErrorBefore),
    always("500-after", FaultKind::ErrorAfter),
    always("truncate", FaultKind::Truncated),
    always("garbage", FaultKind::Garbage),
    always("html", FaultKind::Html),
    Kind { name: "late-effect", does: Does::LateEffect, time: Time::Alone, target: Target::Writes },
    Kind {
        name: "slow-effect",
        does: Does::SlowEffect,
        time: Time::Default(SLOW),
        target: Target::Writes,
    },
    Kind {
        name: "visible-after",
        does: Does::VisibleAfter,
        time: Time::Alone,
        target: Target::Writes,
    },
    Kind { name: "listless", does: Does::Listless, time: Time::No, target: Target::Lists },
];

impl Kind {
    /// Parses one of the words after a slash.
    fn option(&self, word: &str, rule: &mut Rule) -> Result<(), String> {
        let status = word.parse().ok().filter(|status| (200..600).contains(status));
        let shape = Shape::ALL.into_iter().find(|shape| shape.name() == word);
        let choices = match (&self.does, status, shape) {
            (Does::LateEffect | Does::SlowEffect | Does::Listless, Some(status), _) => {
                rule.answer = Some(Answer::Status(status));
                return Ok(());
            }
            (Does::LateEffect, None, _) if word == "reset" => {
                rule.answer = Some(Answer::Reset);
                return Ok(());
            }
            (Does::Listless, None, Some(shape)) => {
                rule.shape = Some(shape);
                return Ok(());
            }
            (Does::Listless, None, None) => {
                format!("{}, or ", Shape::ALL.map(Shape::name).join(", "))
            }
            (Does::LateEffect, None, _) => "reset, or ".to_owned(),
            (Does::SlowEffect, None, _) => String::new(),
            _ => return Err(format!("{} does not take `/{word}`", self.name)),
        };
        let name = self.name;
        Err(format!("`/{word}` is not an answer of {name}; use {choices}a status from 200 to 599"))
    }
}

impl Rule {
    /// Whether it counts calls of this endpoint.
    pub(super) fn applies_to(&self, name: Option<&str>) -> bool {
        if self.endpoint.is_some_and(|own| Some(own) != name) {
            return false;
        }
        let metadata =
            || name.and_then(|name| endpoint(name).ok()).map(|endpoint| &endpoint.metadata);
        match self.kind.target {
            Target::All => true,
            Target::Writes => metadata().is_some_and(|metadata| !metadata.effect.is_read()),
            Target::Lists => metadata().is_some_and(|metadata| metadata.list.is_some()),
        }
    }

    /// Whether it hits the nth call that it counts. `position` is that of the rule in its plan.
    pub(super) fn hits(&self, seed: u64, position: usize, call: u64) -> bool {
        match &self.when {
            When::Calls(calls) => calls.contains(&call),
            When::Share(percent) => draw(&format!("{seed} {position} {call}")) * 100.0 < *percent,
        }
    }

    /// Adds its fault to those of the nth call.
    pub(super) fn inject(&self, injection: &mut Injection, seed: u64, position: usize, call: u64) {
        let fault = match self.kind.does {
            Does::Delay => {
                injection.delay += self.time;
                return;
            }
            Does::VisibleAfter => {
                injection.visible_after = injection.visible_after.max(self.time);
                return;
            }
            _ if injection.fault.is_some() => return,
            Does::Always(kind) => kind,
            Does::Throttled => FaultKind::Throttled(Some(self.time)),
            Does::LateEffect => {
                let answer = self.answer.unwrap_or_else(|| pick(&LATE, seed, position, call));
                FaultKind::LateEffect { status: answer.status(), after: self.time }
            }
            Does::SlowEffect => FaultKind::SlowEffect {
                status: self.answer.and_then(Answer::status),
                after: self.time,
            },
            Does::Listless => {
                let status = self.answer.and_then(Answer::status);
                let shape = match (self.shape, status) {
                    (Some(shape), _) => Some(shape),
                    (None, Some(_)) => Some(pick(&Shape::ALL, seed, position, call)),
                    (None, None) => pick(&SHAPES, seed, position, call),
                };
                let default = if shape.is_some() { 200 } else { 204 };
                FaultKind::Listless {
                    shape: shape.unwrap_or(Shape::Empty),
                    status: status.unwrap_or(default),
                }
            }
        };
        injection.fault = Some(fault);
    }
}

impl Answer {
    /// The status. `None` where the connection breaks.
    fn status(self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(status),
            Self::Reset => None,
        }
    }
}

/// One of the choices, always the same for the same call.
fn pick<T: Copy>(choices: &[T], seed: u64, position: usize, call: u64) -> T {
    let number = draw(&format!("{seed} {position} {call} answer"));
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a handful of choices, by a number from 0 up to 1"
    )]
    let index = (number * choices.len() as f64) as usize;
    choices[index.min(choices.len() - 1)]
}

/// A number from 0 up to 1 that depends on this text alone, on every machine.
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
                if *percent >= 100.0
                    && matches!(self.kind.time, Time::Alone | Time::Default(_)) =>
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
            Time::Default(default) if self.time == default => Ok(()),
            Time::Required | Time::Alone | Time::Default(_) => write!(f, ":{millis}ms"),
        }
    }
}

impl FromStr for FaultPlan {
    type Err = FaultPlanError;

    fn from_str(text: &str) -> Result<Self, FaultPlanError> {
        let mut parts: Vec<String> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match parts.last_mut() {
                // Commas also separate the numbers of calls.
                Some(last) if last.contains('@') && !part.contains(['=', '@']) => {
                    last.push(',');
                    last.push_str(part);
                }
                _ => parts.push(part.to_owned()),
            }
        }
        let mut plan = Self::default();
        for part in parts {
            let parsed = match part.strip_prefix("seed=") {
                Some(seed) => seed
                    .parse()
                    .map(|seed| plan.seed = seed)
                    .map_err(|_| "the seed must be a whole number".to_owned()),
                None => parse_rule(&part).map(|rule| plan.rules.push(rule)),
            };
            parsed.map_err(|problem| FaultPlanError { part, problem })?;
        }
        Ok(plan)
    }
}

/// Parses one rule: `[ENDPOINT:]FAULT[/ANSWER]=SHARE[:TIME]` or `[ENDPOINT:]FAULT[/ANSWER]@CALLS[:TIME]`.
fn parse_rule(part: &str) -> Result<Rule, String> {
    let Some(sign) = part.find(['=', '@']) else {
        return Err("say when: `=5%` of the calls, or `@3` for the third".to_owned());
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
        return Err(format!("unknown fault `{name}`; use {}, or seed", names.join(", ")));
    };
    let (when, time) = match (&kind.time, rest.split_once(':')) {
        // The short form, which hits every call.
        (Time::Alone | Time::Default(_), None) if by_share && !rest.contains('%') => {
            ("100%", parse_time(rest)?)
        }
        (Time::Required | Time::Alone | Time::Default(_), Some((when, text))) => {
            (when, parse_time(text)?)
        }
        (Time::No, None) => (rest, Duration::ZERO),
        (Time::Default(default), None) => (rest, *default),
        (Time::No, Some(_)) => return Err(format!("{name} does not take a time")),
        (Time::Required | Time::Alone, None) => {
            return Err(format!("{name} needs a time at its end, such as `:2s`"));
        }
    };
    let when =
        if by_share { When::Share(parse_share(when)?) } else { When::Calls(parse_calls(when)?) };
    let mut rule = Rule { endpoint: own, kind, answer: None, shape: None, when, time };
    for option in options.into_iter().flat_map(|options| options.split('/')) {
        kind.option(option, &mut rule)?;
    }
    Ok(rule)
}

fn parse_share(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.parse().ok());
    percent
        .filter(|percent| (0.0..=100.0).contains(percent))
        .ok_or_else(|| format!("`{text}` is not a share; write it as 5% or 0.5%"))
}

fn parse_calls(text: &str) -> Result<Vec<u64>, String> {
    let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
    let calls: Option<_> = text.split(',').map(number).collect();
    calls.ok_or_else(|| format!("`{text}` are not numbers of calls; write them as @3 or @10,20"))
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').unwrap_or_default(), 1000),
    };
    // No test waits longer than a day, and the arithmetic of timers stays safe.
    let millis = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    millis
        .filter(|millis| *millis <= 86_400_000)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is not a time; write it as 20ms or 2s, a day at most"))
}

/// A text that is not a fault plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fault `{part}`: {problem}")]
pub struct FaultPlanError {
    part: String,
    problem: String,
}
