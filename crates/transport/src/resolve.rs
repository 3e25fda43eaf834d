//! Resolving writes in doubt: finding out whether a write without a clear answer took effect, and sending it
//! again only where that cannot do it twice.
//!
//! A write is repeated only
//!
//! - where its endpoint declares that a repeat changes nothing or is refused
//!   ([`Settle::Repeat`], [`Settle::Refusal`]), or
//! - where it is absent from several complete looks, the last of which began after its **horizon**, the longest
//!   time in which its effect may still appear; and then once in each process.
//!
//! A look reads the list that the endpoint names, from the service and from its first page to its last. A list
//! that fails, ends early or shifts while it is read can show that somebody is in it, and never that somebody is
//! not.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drillmaster_models::{Absence, Entry, Pager, Settle, Write, entry, same_address};
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::connection::Connection;
use crate::error::Error;
use crate::log;
use crate::request::{Purpose, Request, Response, Scope, Source};

/// When a write in doubt is looked into, after it became so.
const LOOKS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
];
/// How many complete looks must miss a write before it is sent again.
const ENOUGH: u32 = 2;
/// After how many attempts a write is no longer looked into for the sake of proof: its list cannot be read.
const MOST_ROUNDS: u32 = 8;
/// The least time between two looks at the same list, so that writes in doubt share them.
const GAP: Duration = Duration::from_secs(1);
/// How often the looks of a recording made by an older release are followed.
const RECORDED_ROUNDS: u32 = 5;

/// How writes in doubt are resolved.
///
/// ```
/// use drillmaster_transport::ResolvePolicy;
/// use std::time::Duration;
///
/// let patient = ResolvePolicy { look_for: Duration::from_secs(300), ..ResolvePolicy::default() };
/// assert_eq!(patient.effect_within, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolvePolicy {
    /// How long after a request without a clear answer its effect may still appear; what the endpoint declares
    /// where it is `None`.
    pub effect_within: Option<Duration>,
    /// For how long a write is looked into before it is left in doubt: 30 s by default.
    pub look_for: Duration,
    /// Whether to wait for the horizon, however far off it is.
    pub wait: bool,
    /// Whether a write is repeated past its horizon although nothing shows that it is absent. Only a person
    /// who has looked can know that this is right.
    pub repeat_unproven: bool,
}

impl Default for ResolvePolicy {
    fn default() -> Self {
        Self {
            effect_within: None,
            look_for: LOOKS[LOOKS.len() - 1],
            wait: false,
            repeat_unproven: false,
        }
    }
}

/// A write that was sent, or may have been, and got no clear answer.
pub struct Doubt {
    connection: Connection,
    entry: &'static Entry,
    write: Write,
    fields: Value,
    /// As it was first sent: with the number under which a journal has it.
    request: Request,
    error: Error,
    source: Source,
    /// When this process learnt of it.
    taken: Instant,
    /// How long it had been in doubt by then.
    age: Duration,
}

impl Doubt {
    pub(crate) fn new(
        connection: Connection,
        entry: &'static Entry,
        fields: &Value,
        request: Request,
        source: Source,
        error: Error,
    ) -> Result<Self, Error> {
        let Some(write) = entry.spec.effect.write().copied() else { return Err(error) };
        let (fields, taken) = (fields.clone(), Instant::now());
        let (ordinal, age) = match source {
            // A clock that was set back makes it as young as it can be.
            Source::History { ordinal, since } => {
                (ordinal, since.map_or(Duration::ZERO, |since| since.elapsed().unwrap_or_default()))
            }
            _ => (request.ordinal, Duration::ZERO),
        };
        let request = Request { ordinal, ..request };
        Ok(Self { connection, entry, write, fields, request, error, source, taken, age })
    }

    /// The error that left it in doubt.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The row that it belongs to, or `main`.
    pub fn scope(&self) -> &Arc<str> {
        &self.request.scope
    }

    fn policy(&self) -> ResolvePolicy {
        self.connection.policy()
    }

    /// When its effect can no longer appear.
    fn horizon(&self) -> Instant {
        let within = self.policy().effect_within.unwrap_or(self.write.effect_within);
        self.taken + within.saturating_sub(self.age)
    }

    /// Whether a repeat is harmless at any time.
    fn is_harmless(&self) -> bool {
        matches!(self.write.settle, Settle::Repeat | Settle::Refusal)
    }

    /// Whether what is known can only come from a recording.
    fn is_recorded(&self) -> bool {
        matches!(self.source, Source::Recording | Source::OldRecording)
    }

    /// Sends it again. The answer is that of the first request, too.
    async fn repeat(&self) -> Result<Value, Error> {
        let draft = self.connection.draft(self.entry, &self.fields)?;
        let purpose = Purpose::Repeat { of: self.request.ordinal };
        self.connection.send_draft(self.entry, Request { purpose, ..draft }).await
    }

    /// The answer to expect of it, now that it is known to have taken effect. Whoever keeps a record keeps it.
    fn done(&self) -> Result<Value, Error> {
        let told = |failure| Error::answer(failure).about(&self.entry.spec);
        let answer = self.entry.predict(&self.fields).map_err(told)?;
        let dialect = self.connection.dialect();
        let wire = self.entry.answer_to_wire(answer.clone(), dialect).map_err(told)?;
        self.connection.resolved(&self.request, &wire);
        Ok(answer)
    }

    fn tell(&self, round: u32, outcome: &'static str) {
        tracing::warn!(
            target: log::SETTLE,
            entry = self.entry.name(),
            round,
            outcome,
            scope = &**self.scope(),
        );
    }
}

/// How an attempt to resolve a write ended.
enum Attempt {
    /// It took effect, or is certain not to have.
    Resolved(Result<Value, Error>),
    /// In doubt still.
    Open,
    /// In doubt still, and no further attempt will tell: a guard or the credential stands in the way.
    Hopeless,
}

impl Attempt {
    /// What the answer to a repeat tells.
    fn of(answer: Result<Value, Error>) -> Self {
        match answer {
            Err(error) if error.is_in_doubt() || error.is_retryable() => Self::Open,
            // "It is so already" is nobody's deed in particular, and is told as that.
            Err(error) if error.is_refusal() || error.is_replay_mismatch() => {
                Self::Resolved(Err(error))
            }
            Err(_) => Self::Hopeless,
            answer => Self::Resolved(answer),
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Resolved(Ok(_)) => "resolved",
            Self::Resolved(Err(_)) => "refused",
            Self::Open => "in doubt",
            Self::Hopeless => "in doubt for good",
        }
    }
}

/// A write that waits to be resolved.
struct Open {
    doubt: Doubt,
    /// When it is looked into next; `None` when it is not any more.
    due: Option<Instant>,
    /// When the looks began that are counted.
    since: Instant,
    /// How many complete looks missed it.
    missed: u32,
    rounds: u32,
    /// Whether this process has sent it again where that is allowed once.
    repeated: bool,
    /// Who waits for the outcome.
    waiting: Option<oneshot::Sender<Result<Value, Error>>>,
}

impl Open {
    fn new(doubt: Doubt) -> Self {
        let since = doubt.taken;
        let mut open =
            Self { doubt, due: None, since, missed: 0, rounds: 0, repeated: false, waiting: None };
        // What an earlier part of the run left is looked into at once.
        let is_old = matches!(open.doubt.source, Source::History { .. });
        open.due = if is_old || open.doubt.is_harmless() { Some(since) } else { open.next(since) };
        open
    }

    /// Whether it may be sent again after a look that began then and did not find it.
    fn may_repeat(&self, began: Instant) -> bool {
        if cfg!(feature = "torture-hasty") {
            // What a runner does that takes the first absence for a proof.
            return !self.repeated;
        }
        let absence = match self.doubt.write.settle {
            Settle::Probe { absence, .. } => absence,
            Settle::Repeat | Settle::Refusal => return true,
        };
        let proven = absence == Absence::Repeatable && self.missed >= ENOUGH;
        let past = began >= self.doubt.horizon();
        !self.repeated && past && (proven || self.doubt.policy().repeat_unproven)
    }

    /// When it is looked into after this moment.
    fn next(&self, now: Instant) -> Option<Instant> {
        let policy = self.doubt.policy();
        let end = self.since + policy.look_for;
        let horizon = self.doubt.horizon();
        let usual = LOOKS.map(|wait| self.since + wait).into_iter().filter(|at| *at <= end);
        // Past the horizon two looks are enough to go by.
        let may_prove = match self.doubt.write.settle {
            Settle::Probe { absence, .. } => {
                absence == Absence::Repeatable || policy.repeat_unproven
            }
            Settle::Repeat | Settle::Refusal => false,
        };
        let is_in_time = policy.wait || horizon <= end;
        let proof = (may_prove && is_in_time && !self.repeated && self.rounds < MOST_ROUNDS)
            .then(|| if horizon > now { horizon } else { now + self.gap() });
        usual.filter(|at| *at > now).chain(proof).min()
    }

    fn gap(&self) -> Duration {
        if self.doubt.policy().effect_within == Some(Duration::ZERO) { Duration::ZERO } else { GAP }
    }
}

/// Resolves writes in doubt, many at a time: those that wait for the same list share its looks.
///
/// ```
/// use drillmaster_models::entry;
/// use drillmaster_sandbox::{InviteOutcome, Sandbox};
/// use drillmaster_transport::Connection;
/// use serde_json::json;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
/// # runtime.block_on(async {
/// let sandbox = Sandbox::academy(1, 200, 250).answering_invites(InviteOutcome::Unknown);
/// let connection = Connection::new(sandbox.clone());
/// let users = connection.call(entry("veracode.users").unwrap(), &json!({})).await.unwrap();
/// let fields = json!({ "email": "new@example.com", "senderId": users["users"][0]["id"] });
///
/// // Answered by 500, although it was carried out.
/// let invited = connection.call_and_resolve(entry("veracode.invite").unwrap(), &fields).await;
/// assert!(invited.is_ok());
/// assert_eq!(sandbox.writes()["veracode.invite"]["new@example.com"], 1);
/// # });
/// ```
#[derive(Default)]
pub struct Resolver {
    state: Mutex<State>,
    /// Told when a write was added or the end is near.
    changed: Notify,
    /// Told when there is nothing left to do for now.
    idle: Notify,
    looks: Arc<Looks>,
}

/// The scope of looks, which belong to no row.
struct Looks(Arc<Scope>);

impl Default for Looks {
    fn default() -> Self {
        Self(Arc::new(Scope::new(Scope::LOOKS)))
    }
}

#[derive(Default)]
struct State {
    open: Vec<Open>,
    /// How many of them are worked on at present.
    busy: usize,
    /// The scopes in which a write was resolved since that was asked for.
    resolved: HashSet<Arc<str>>,
    /// When each list was last looked at.
    looked: HashMap<&'static str, Instant>,
    /// Whether the last looks were made.
    closing: bool,
}

impl Resolver {
    /// Does for a write what need not wait: repeats it where that is harmless at any time, or looks and repeats
    /// where its horizon is past as soon as it is sent, as on the embedded sandbox.
    pub async fn try_now(&self, doubt: Doubt) -> Result<Result<Value, Error>, Box<Doubt>> {
        if doubt.source == Source::OldRecording {
            return Ok(from_recording(&doubt).await.unwrap_or(Err(doubt.error)));
        }
        if doubt.is_recorded() {
            return Ok(Err(doubt.error));
        }
        let mut open = Open::new(doubt);
        let is_now = open.doubt.is_harmless()
            || cfg!(any(feature = "torture-unsettled", feature = "torture-hasty"))
            || open.doubt.policy().effect_within == Some(Duration::ZERO);
        for _ in 0..ENOUGH {
            if !is_now {
                break;
            }
            match self.attempt(std::slice::from_mut(&mut open)).await.pop() {
                Some(Attempt::Resolved(answer)) => return Ok(answer),
                // A look that missed it is followed by the one that proves it.
                Some(Attempt::Open) if !open.doubt.is_harmless() && !open.repeated => {}
                _ => break,
            }
        }
        Err(Box::new(open.doubt))
    }

    /// Takes a write to be resolved while [`run`](Self::run) runs. The outcome comes through what this gives:
    /// an error that is in doubt where it could not be resolved.
    pub fn add(&self, doubt: Doubt) -> oneshot::Receiver<Result<Value, Error>> {
        let (sender, receiver) = oneshot::channel();
        let mut open = Open::new(doubt);
        if open.doubt.is_harmless() {
            // It was tried just now.
            open.due = open.next(open.since);
        }
        match open.due {
            Some(_) => open.waiting = Some(sender),
            // Nobody has the patience to look into it.
            None => send(Some(sender), Err(open.doubt.error.clone())),
        }
        self.state().open.push(open);
        self.changed.notify_one();
        receiver
    }

    /// Resolves what is added, until it is dropped.
    pub async fn run(&self) {
        loop {
            let due = self.state().open.iter().filter_map(|open| open.due).min();
            match due {
                None => {
                    self.idle.notify_waiters();
                    self.changed.notified().await;
                }
                Some(due) => {
                    tokio::select! {
                        () = sleep_until(due) => self.round().await,
                        () = self.changed.notified() => {}
                    }
                }
            }
        }
    }

    /// Returns when no write is to be looked into any more, after a last look at each that is still in doubt.
    pub async fn finish(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            // Whoever is told between the look at the state and the wait is told all the same.
            idle.as_mut().enable();
            {
                let mut state = self.state();
                let scheduled = state.busy > 0 || state.open.iter().any(|open| open.due.is_some());
                if !scheduled {
                    if state.closing || state.open.is_empty() {
                        state.closing = false;
                        return;
                    }
                    state.closing = true;
                    let now = Instant::now();
                    state.open.iter_mut().for_each(|open| open.due = Some(now));
                }
            }
            self.changed.notify_one();
            idle.await;
        }
    }

    /// The scopes in which a write was resolved since this was last asked for.
    pub fn take_resolved(&self) -> HashSet<Arc<str>> {
        std::mem::take(&mut self.state().resolved)
    }

    /// In how long the effects of the writes that are still in doubt can no longer appear; `None` where none is.
    pub fn waiting(&self) -> Option<Duration> {
        let state = self.state();
        let now = Instant::now();
        // A repeat that is harmless need not wait for it.
        let horizon =
            |open: &Open| if open.doubt.is_harmless() { now } else { open.doubt.horizon() };
        let last = state.open.iter().map(horizon).max()?;
        Some(last.saturating_duration_since(now))
    }

    /// Whether a write is to be looked into later.
    pub fn is_waiting(&self) -> bool {
        let now = Instant::now();
        self.state().open.iter().any(|open| open.due.is_some_and(|due| due > now))
    }

    /// Whether a write of such a scope is in doubt.
    pub fn holds(&self, is_of: impl Fn(&str) -> bool) -> bool {
        self.state().open.iter().any(|open| is_of(open.doubt.scope()))
    }

    /// Forgets the writes of a scope that are in doubt: it is run again, and tells of them anew.
    pub fn forget(&self, is_of: impl Fn(&str) -> bool) {
        self.state().open.retain(|open| !is_of(open.doubt.scope()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks into the writes whose time has come, and into those that the same look serves.
    async fn round(&self) {
        let now = Instant::now();
        let mut taken = {
            let mut state = self.state();
            let state = &mut *state;
            for open in &mut state.open {
                let Settle::Probe { entry, .. } = open.doubt.write.settle else { continue };
                // Soon enough: another write may have the same look.
                let earliest = state.looked.get(entry).map(|at| *at + open.gap());
                if open.due.is_some_and(|due| due <= now) && earliest > Some(now) {
                    open.due = earliest;
                }
            }
            let lists: HashSet<_> = state
                .open
                .iter()
                .filter(|open| open.due.is_some_and(|due| due <= now))
                .filter_map(|open| list_of(&open.doubt))
                .collect();
            let is_taken = |open: &mut Open| {
                open.due.is_some_and(|due| due <= now)
                    || list_of(&open.doubt).is_some_and(|list| lists.contains(list))
            };
            let taken: Vec<_> = state.open.extract_if(.., is_taken).collect();
            state.looked.extend(lists.into_iter().map(|list| (list, now)));
            state.busy = taken.len();
            taken
        };
        let attempts = self.attempt(&mut taken).await;
        let mut state = self.state();
        state.busy = 0;
        let ended = Instant::now();
        for (mut open, attempt) in taken.into_iter().zip(attempts) {
            match attempt {
                Attempt::Resolved(answer) => {
                    state.resolved.insert(open.doubt.scope().clone());
                    send(open.waiting.take(), answer);
                    continue;
                }
                Attempt::Open if state.closing => open.due = None,
                Attempt::Open => open.due = open.next(ended),
                Attempt::Hopeless => open.due = None,
            }
            if open.due.is_none() {
                send(open.waiting.take(), Err(open.doubt.error.clone()));
            }
            state.open.push(open);
        }
    }

    /// One attempt at each of these: a harmless repeat, or a look and the repeat that it allows.
    async fn attempt(&self, all: &mut [Open]) -> Vec<Attempt> {
        let mut seen: HashMap<(&'static str, &'static str), Look> = HashMap::new();
        let mut attempts = Vec::with_capacity(all.len());
        let places: HashSet<_> = all.iter().filter_map(|open| place_of(&open.doubt)).collect();
        for place in places {
            let about = all.iter().filter(|open| place_of(&open.doubt) == Some(place));
            let doubts: Vec<&Doubt> = about.map(|open| &open.doubt).collect();
            seen.insert(place, self.look(place.0, place.1, &doubts).await);
        }
        for open in all {
            let attempt = match place_of(&open.doubt).and_then(|place| seen.get(&place)) {
                Some(look) => open.after(look).await,
                None => Attempt::of(open.doubt.repeat().await),
            };
            open.rounds += 1;
            open.doubt.tell(open.rounds, attempt.word());
            attempts.push(attempt);
        }
        attempts
    }

    /// Reads a list from its first page to its last.
    async fn look(&self, list: &'static str, field: &'static str, about: &[&Doubt]) -> Look {
        let began = Instant::now();
        let mut look = Look { began, found: HashSet::new(), complete: true, hopeless: false };
        let Some(first) = about.first() else { return look };
        let connection = first.connection.within(self.looks.0.clone());
        let read = async {
            let list = entry(list).map_err(|error| Error::setup(error.to_string()))?;
            let told = |failure| Error::answer(failure).about(&list.spec);
            let pager = Pager::new(list, &json!({})).map_err(|error| told(error.into()))?;
            let mut pager = pager.thorough();
            while let Some(page) = pager.request() {
                let draft = connection.draft(list, &page)?;
                let request = Request { purpose: Purpose::Look, ..draft };
                let items = pager.accept(connection.send_draft(list, request).await?);
                for item in items.map_err(told)? {
                    // Whoever has no name there may be anybody.
                    look.complete &= item[field].is_string();
                    let own = about.iter().filter(|doubt| same(&item[field], &doubt.fields[field]));
                    look.found.extend(own.map(|doubt| doubt.place()));
                }
                if look.found.len() == about.len() {
                    break;
                }
            }
            look.complete &= pager.is_complete();
            Ok::<(), Error>(())
        };
        if let Err(error) = read.await {
            look.complete = false;
            look.hopeless = error.is_credential()
                || error.is_setup()
                || error.is_unwritten()
                || error.is_stopped();
        }
        look
    }
}

impl Doubt {
    /// What tells it from others.
    fn place(&self) -> (Arc<str>, u64) {
        (self.request.scope.clone(), self.request.ordinal)
    }
}

impl Open {
    /// What a look tells, and the repeat that it allows.
    async fn after(&mut self, look: &Look) -> Attempt {
        if look.found.contains(&self.doubt.place()) {
            return Attempt::Resolved(self.doubt.done());
        }
        if look.hopeless {
            return Attempt::Hopeless;
        }
        self.missed += u32::from(look.complete);
        let is_proof = look.complete || self.doubt.policy().repeat_unproven;
        if !is_proof || !self.may_repeat(look.began) {
            return Attempt::Open;
        }
        let answer = self.doubt.repeat().await;
        // One that never left is no repeat.
        let left = answer.as_ref().err().is_none_or(|error| !error.is_retryable());
        if left {
            self.repeated = true;
            // It is a write of its own, in doubt from now on.
            (self.doubt.taken, self.doubt.age) = (Instant::now(), Duration::ZERO);
            (self.since, self.missed) = (self.doubt.taken, 0);
        }
        Attempt::of(answer)
    }
}

/// What a look saw.
struct Look {
    began: Instant,
    found: HashSet<(Arc<str>, u64)>,
    /// Whether who was not seen was not there.
    complete: bool,
    hopeless: bool,
}

/// The list that a write is looked for in, and the field.
fn place_of(doubt: &Doubt) -> Option<(&'static str, &'static str)> {
    match doubt.write.settle {
        _ if cfg!(feature = "torture-unsettled") => None,
        Settle::Probe { entry, field, .. } => Some((entry, field)),
        Settle::Repeat | Settle::Refusal => None,
    }
}

fn list_of(doubt: &Doubt) -> Option<&'static str> {
    place_of(doubt).map(|(list, _)| list)
}

fn send(waiting: Option<oneshot::Sender<Result<Value, Error>>>, outcome: Result<Value, Error>) {
    if let Some(waiting) = waiting {
        // Whoever went away does not want to know.
        let _ = waiting.send(outcome);
    }
}

/// Whether two values name the same person.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => same_address(a, b),
        _ => a == b,
    }
}

/// Follows the looks and repeats that an older release recorded among the requests of the row. Nothing is sent.
async fn from_recording(doubt: &Doubt) -> Option<Result<Value, Error>> {
    let connection = &doubt.connection;
    for _ in 0..RECORDED_ROUNDS {
        if let Settle::Probe { entry: list, field, .. } = doubt.write.settle {
            let list = entry(list).ok()?;
            let mut pager = Pager::new(list, &json!({})).ok()?;
            let mut found = false;
            while let Some(page) = pager.request().filter(|_| !found) {
                match connection.call(list, &page).await {
                    Ok(answer) => {
                        let items = pager.accept(answer).ok()?;
                        found = items.iter().any(|item| same(&item[field], &doubt.fields[field]));
                    }
                    Err(error) if error.is_replay_mismatch() => return Some(Err(error)),
                    Err(_) => break,
                }
            }
            if found {
                return Some(doubt.done());
            }
        }
        if let Attempt::Resolved(answer) =
            Attempt::of(connection.call(doubt.entry, &doubt.fields).await)
        {
            return Some(answer);
        }
    }
    None
}

impl Connection {
    /// Calls an endpoint, and resolves a write in doubt as [the module](self) says. Waits for that as long as
    /// the [policy](Connection::resolving) allows. An `Err` that is in doubt could not be resolved.
    pub async fn call_and_resolve(
        &self,
        entry: &'static Entry,
        fields: &Value,
    ) -> Result<Value, Error> {
        let doubt = match self.call_or_doubt(entry, fields).await? {
            Ok(answer) => return Ok(answer),
            Err(doubt) => doubt,
        };
        let resolver = Resolver::default();
        // It is seldom needed, and larger than all the rest.
        Box::pin(async {
            match resolver.try_now(doubt).await {
                Ok(outcome) => outcome,
                Err(doubt) => {
                    let error = doubt.error.clone();
                    let outcome = resolver.add(*doubt);
                    tokio::select! {
                        outcome = outcome => outcome.unwrap_or(Err(error)),
                        () = resolver.run() => Err(error),
                    }
                }
            }
        })
        .await
    }

    /// Calls an endpoint. A write without a clear answer is given back to be resolved, by a [`Resolver`] or later.
    pub async fn call_or_doubt(
        &self,
        entry: &'static Entry,
        fields: &Value,
    ) -> Result<Result<Value, Doubt>, Error> {
        let draft = self.draft(entry, fields)?;
        if entry.spec.effect.is_read() {
            return self.send_draft(entry, draft).await.map(Ok);
        }
        let source = self.source(&draft);
        let request = Request { ordinal: self.scope().next(), ..draft };
        match self.send_request(entry, request.clone()).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) if error.is_in_doubt() => {
                let own = Request { spec: request.spec, ..request };
                Doubt::new(self.clone(), entry, fields, own, source, error).map(Err)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes down what a write without a clear answer came to.
    fn resolved(&self, request: &Request, answer: &Response) {
        self.transport().resolved(request, answer);
    }
}
