//! Resolving many writes in doubt at a time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drillmaster_models::{EndpointDef, Resolve};
use serde_json::Value;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::Doubt;
use super::look::{Look, Place, from_recording, list_of, look, place_of, same};
use super::pending::{Attempt, ENOUGH, Pending};
use crate::error::Error;
use crate::request::{Scope, Source};

/// Resolves writes in doubt, many at a time: those that wait for the same list share its looks.
///
/// A write is repeated only
///
/// - where its endpoint declares that a repeat changes nothing or is refused
///   ([`Resolve::Repeat`], [`Resolve::Refusal`]), or
/// - where it is absent from several complete looks, the last of which began after its **horizon**, the longest
///   time in which its effect may still appear; and then once in each process.
///
/// A look reads the list that the endpoint names, from the service and from its first page to its last. A list
/// that fails, ends early or shifts while it is read can show that somebody is in it, and never that somebody is
/// not.
///
/// ```
/// use drillmaster_models::endpoint;
/// use drillmaster_sandbox::{InviteOutcome, Sandbox};
/// use drillmaster_transport::Connection;
/// use serde_json::json;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
/// # runtime.block_on(async {
/// let sandbox = Sandbox::default().answering_invites(InviteOutcome::Unknown);
/// let connection = Connection::new(sandbox.clone());
/// let users = connection.call(endpoint("veracode.users").unwrap(), &json!({})).await.unwrap();
/// let fields = json!({ "email": "new@example.com", "senderId": users["users"][0]["id"] });
///
/// // Answered by 500, although it was carried out.
/// let invited = connection.call_and_resolve(endpoint("veracode.invite").unwrap(), &fields).await;
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
    open: Vec<Pending>,
    /// How many of them are worked on at present.
    busy: usize,
    /// All that are in doubt, those that are worked on among them.
    known: Vec<Known>,
    /// The scopes in which a write was resolved since that was asked for.
    resolved: HashSet<Arc<str>>,
    /// When each list was last looked at.
    looked: HashMap<&'static str, Instant>,
    /// Whether the last looks were made.
    closing: bool,
}

/// What of a write in doubt others must know.
struct Known {
    scope: Arc<str>,
    ordinal: u64,
    endpoint: &'static str,
    subject: Value,
    error: Error,
}

impl Known {
    /// One whose repeat is harmless is in nobody's way, but is in doubt all the same.
    fn of(doubt: &Doubt) -> Self {
        let (scope, ordinal) = doubt.place();
        let subject = doubt.fields[doubt.write.subject].clone();
        let endpoint = if doubt.is_harmless() { "" } else { doubt.endpoint.name() };
        Self { scope, ordinal, endpoint, subject, error: doubt.error.clone() }
    }
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
        if cfg!(drillmaster_break = "unresolved") {
            // What a runner would do that never looks.
            return Ok(doubt.repeat().await);
        }
        let mut open = Pending::new(doubt);
        let is_now = open.doubt.is_harmless()
            || cfg!(drillmaster_break = "hasty")
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
        let mut open = Pending::new(doubt);
        if open.doubt.is_harmless() {
            // It was tried just now.
            open.due = open.next(open.since);
        }
        match open.due {
            Some(_) => open.waiting = Some(sender),
            // Nobody has the patience to look into it.
            None => send(Some(sender), Err(open.doubt.error.clone())),
        }
        let mut state = self.state();
        state.known.push(Known::of(&open.doubt));
        state.open.push(open);
        drop(state);
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
            |open: &Pending| if open.doubt.is_harmless() { now } else { open.doubt.horizon() };
        let last = state.open.iter().map(horizon).max()?;
        Some(last.saturating_duration_since(now))
    }

    /// Whether a write of such a scope is in doubt, or was and nobody has asked yet what became of it.
    pub fn holds(&self, is_of: impl Fn(&str) -> bool) -> bool {
        let state = self.state();
        let known = state.known.iter().map(|known| &known.scope);
        known.chain(&state.resolved).any(|scope| is_of(scope))
    }

    /// The error of a write in doubt that such a call would do twice: the same endpoint and the same person, in
    /// whatever row. It must not be sent before that is resolved.
    pub fn in_the_way(&self, endpoint: &EndpointDef, fields: &Value) -> Option<Error> {
        let write = endpoint.metadata.effect.write()?;
        let state = self.state();
        let same = |known: &&Known| {
            known.endpoint == endpoint.name() && same(&known.subject, &fields[write.subject])
        };
        state.known.iter().find(same).map(|known| known.error.clone())
    }

    /// Forgets the writes of a scope that are in doubt: it is run again, and tells of them anew.
    pub fn forget(&self, is_of: impl Fn(&str) -> bool) {
        let mut state = self.state();
        state.open.retain(|open| !is_of(open.doubt.scope()));
        state.known.retain(|known| !is_of(&known.scope));
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
                let Resolve::Probe { endpoint, .. } = open.doubt.write.resolve else { continue };
                // Soon enough: another write may have the same look.
                let earliest = state.looked.get(endpoint).map(|at| *at + open.gap());
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
            let is_taken = |open: &mut Pending| {
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
                    let (scope, ordinal) = open.doubt.place();
                    state.known.retain(|known| known.scope != scope || known.ordinal != ordinal);
                    state.resolved.insert(scope);
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
    async fn attempt(&self, all: &mut [Pending]) -> Vec<Attempt> {
        let mut seen: HashMap<Place, Look> = HashMap::new();
        let mut attempts = Vec::with_capacity(all.len());
        let places: HashSet<_> = all.iter().filter_map(|open| place_of(&open.doubt)).collect();
        for place in places {
            let about = all.iter().filter(|open| place_of(&open.doubt) == Some(place));
            let doubts: Vec<&Doubt> = about.map(|open| &open.doubt).collect();
            seen.insert(place, look(&self.looks.0, place, &doubts).await);
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
}

fn send(waiting: Option<oneshot::Sender<Result<Value, Error>>>, outcome: Result<Value, Error>) {
    if let Some(waiting) = waiting {
        // Whoever went away does not want to know.
        let _ = waiting.send(outcome);
    }
}
