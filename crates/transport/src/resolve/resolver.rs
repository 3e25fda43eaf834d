//! Resolves many writes in doubt at a time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drillmaster_models::{EndpointDef, Resolve};
use serde_json::Value;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::InDoubtWrite;
use super::attempt::Attempt;
use super::pending::{PROOF, Pending};
use super::probe::{Probe, Target, follow_recording, list_of, probe, same, target_of};
use crate::error::Error;
use crate::request::{Scope, Source};

/// Resolves writes in doubt, many at a time. Writes that appear in the same list share its probes.
///
/// A write is repeated only
///
/// - where its endpoint declares that a repeat changes nothing or is refused
///   ([`Resolve::Repeat`], [`Resolve::Refusal`]), or
/// - where it is absent from several complete probes, the last of which began after its **horizon**, the latest time at
///   which its effect may appear; and then once in each process.
///
/// A probe reads the list that the endpoint names, fresh from the service, from its first page to its last. A list that
/// fails, ends early or changes while it is read can show that someone is in it, and never that someone is not.
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
/// // The service answers with a 500, although the invite took effect.
/// let invited = connection.call_and_resolve(endpoint("veracode.invite").unwrap(), &fields).await;
/// assert!(invited.is_ok());
/// assert_eq!(sandbox.writes()["veracode.invite"]["new@example.com"], 1);
/// # });
/// ```
#[derive(Default)]
pub struct Resolver {
    state: Mutex<State>,
    /// Notified when a write is added or the end is near.
    changed: Notify,
    /// Notified when there is nothing to do for now.
    idle: Notify,
    probes: ProbeScope,
}

/// The scope of probes, which belong to no row.
struct ProbeScope(Arc<Scope>);

impl Default for ProbeScope {
    fn default() -> Self {
        Self(Arc::new(Scope::new(Scope::PROBES)))
    }
}

#[derive(Default)]
struct State {
    open: Vec<Pending>,
    /// The number of writes that an attempt is being made for.
    busy: usize,
    /// All writes in doubt, including the busy ones.
    known: Vec<Known>,
    /// The scopes in which a write was resolved since the last [`Resolver::take_resolved`].
    resolved: HashSet<Arc<str>>,
    /// When each list was last read.
    probed: HashMap<&'static str, Instant>,
    /// Whether the last probes have been made.
    closing: bool,
}

/// What other calls must know of a write in doubt.
struct Known {
    scope: Arc<str>,
    ordinal: u64,
    /// `None` where a repeat is harmless, which conflicts with no other call.
    endpoint: Option<&'static str>,
    subject: Value,
    error: Error,
}

impl From<&InDoubtWrite> for Known {
    fn from(write: &InDoubtWrite) -> Self {
        let (scope, ordinal) = write.id();
        let subject = write.fields[write.write.subject].clone();
        let endpoint = (!write.is_harmless()).then(|| write.endpoint.name());
        Self { scope, ordinal, endpoint, subject, error: write.error.clone() }
    }
}

impl Resolver {
    /// Resolves a write as far as possible without waiting: repeats it where that is harmless, or probes for it and
    /// repeats it where its horizon is past at once, as on the embedded sandbox. Otherwise returns the write.
    pub async fn try_now(
        &self,
        write: InDoubtWrite,
    ) -> Result<Result<Value, Error>, Box<InDoubtWrite>> {
        if write.source == Source::OldRecording {
            return Ok(follow_recording(&write).await.unwrap_or(Err(write.error)));
        }
        if write.is_recorded() {
            return Ok(Err(write.error));
        }
        if cfg!(drillmaster_break = "unresolved") {
            // A broken build that never probes.
            return Ok(write.repeat().await);
        }
        let mut open = Pending::new(write);
        let is_now = open.write.is_harmless()
            || cfg!(drillmaster_break = "hasty")
            || open.write.policy().effect_within == Some(Duration::ZERO);
        for _ in 0..PROOF {
            if !is_now {
                break;
            }
            match self.attempt(std::slice::from_mut(&mut open)).await.pop() {
                Some(Attempt::Resolved(answer)) => return Ok(answer),
                // A probe that missed it is followed by the one that proves its absence.
                Some(Attempt::Open) if !open.write.is_harmless() && !open.repeated => {}
                _ => break,
            }
        }
        Err(Box::new(open.write))
    }

    /// Adds a write, to be resolved while [`run`](Self::run) runs. The outcome comes through the receiver: an error
    /// that is in doubt if it could not be resolved.
    pub fn add(&self, write: InDoubtWrite) -> oneshot::Receiver<Result<Value, Error>> {
        let (sender, receiver) = oneshot::channel();
        let mut open = Pending::new(write);
        if open.write.is_harmless() {
            // It was tried just now.
            open.due = open.next(open.since);
        }
        match open.due {
            Some(_) => open.outcome = Some(sender),
            // The policy leaves no time for a probe.
            None => send(Some(sender), Err(open.write.error.clone())),
        }
        let mut state = self.state();
        state.known.push((&open.write).into());
        state.open.push(open);
        drop(state);
        self.changed.notify_one();
        receiver
    }

    /// Resolves the writes that are added, until it is dropped.
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

    /// Returns when nothing is left to try, after a last probe for each write that is still in doubt.
    pub async fn finish(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            // From here on, no notification is missed.
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

    /// The scopes in which a write was resolved since the last call of this.
    pub fn take_resolved(&self) -> HashSet<Arc<str>> {
        std::mem::take(&mut self.state().resolved)
    }

    /// The time until the effects of the writes still in doubt can no longer appear. `None` if there are none.
    pub fn time_to_horizon(&self) -> Option<Duration> {
        let state = self.state();
        let now = Instant::now();
        // A harmless repeat need not wait for it.
        let horizon =
            |open: &Pending| if open.write.is_harmless() { now } else { open.write.horizon() };
        let last = state.open.iter().map(horizon).max()?;
        Some(last.saturating_duration_since(now))
    }

    /// Whether a write of these scopes is in doubt, or was resolved and not yet [taken](Self::take_resolved).
    pub fn knows_scope(&self, matches: impl Fn(&str) -> bool) -> bool {
        let state = self.state();
        let known = state.known.iter().map(|known| &known.scope);
        known.chain(&state.resolved).any(|scope| matches(scope))
    }

    /// The error of a write in doubt that this call would do twice: the same endpoint for the same person, in any
    /// row. The call must not be sent before that write is resolved.
    pub fn conflict(&self, endpoint: &EndpointDef, fields: &Value) -> Option<Error> {
        let write = endpoint.metadata.effect.write()?;
        let state = self.state();
        let conflicts = |known: &&Known| {
            known.endpoint == Some(endpoint.name()) && same(&known.subject, &fields[write.subject])
        };
        state.known.iter().find(conflicts).map(|known| known.error.clone())
    }

    /// Forgets the writes of these scopes. Their rows run again and will report them anew.
    pub fn forget(&self, matches: impl Fn(&str) -> bool) {
        let mut state = self.state();
        state.open.retain(|open| !matches(open.write.scope()));
        state.known.retain(|known| !matches(&known.scope));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an attempt for the writes that are due, and for those that the same probe serves.
    async fn round(&self) {
        let now = Instant::now();
        let mut taken = {
            let mut state = self.state();
            let state = &mut *state;
            for open in &mut state.open {
                let Resolve::Probe { endpoint, .. } = open.write.write.resolve else { continue };
                // Another write may have caused a probe of the same list a moment ago.
                let earliest = state.probed.get(endpoint).map(|at| *at + open.min_gap());
                if open.due.is_some_and(|due| due <= now) && earliest > Some(now) {
                    open.due = earliest;
                }
            }
            let lists: HashSet<_> = state
                .open
                .iter()
                .filter(|open| open.due.is_some_and(|due| due <= now))
                .filter_map(|open| list_of(&open.write))
                .collect();
            let is_taken = |open: &mut Pending| {
                open.due.is_some_and(|due| due <= now)
                    || list_of(&open.write).is_some_and(|list| lists.contains(list))
            };
            let taken: Vec<_> = state.open.extract_if(.., is_taken).collect();
            state.probed.extend(lists.into_iter().map(|list| (list, now)));
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
                    let (scope, ordinal) = open.write.id();
                    state.known.retain(|known| known.scope != scope || known.ordinal != ordinal);
                    state.resolved.insert(scope);
                    send(open.outcome.take(), answer);
                    continue;
                }
                Attempt::Open if state.closing => open.due = None,
                Attempt::Open => open.due = open.next(ended),
                Attempt::Hopeless => open.due = None,
            }
            if open.due.is_none() {
                send(open.outcome.take(), Err(open.write.error.clone()));
            }
            state.open.push(open);
        }
    }

    /// Makes one attempt for each of these: a harmless repeat, or a probe and the repeat that it allows.
    async fn attempt(&self, all: &mut [Pending]) -> Vec<Attempt> {
        let mut probes: HashMap<Target, Probe> = HashMap::new();
        let mut attempts = Vec::with_capacity(all.len());
        let targets: HashSet<_> = all.iter().filter_map(|open| target_of(&open.write)).collect();
        for target in targets {
            let own = all.iter().filter(|open| target_of(&open.write) == Some(target));
            let writes: Vec<&InDoubtWrite> = own.map(|open| &open.write).collect();
            probes.insert(target, probe(&self.probes.0, target, &writes).await);
        }
        for open in all {
            let attempt = match target_of(&open.write).and_then(|target| probes.get(&target)) {
                Some(probe) => open.conclude(probe).await,
                None => Attempt::from_repeat(open.write.repeat().await),
            };
            open.rounds += 1;
            open.write.log(open.rounds, attempt.word());
            attempts.push(attempt);
        }
        attempts
    }
}

fn send(to: Option<oneshot::Sender<Result<Value, Error>>>, outcome: Result<Value, Error>) {
    if let Some(to) = to {
        // The receiver may have gone.
        let _ = to.send(outcome);
    }
}
