//! What requests travel over: the embedded sandbox, the live services, or a cassette.

use std::sync::Arc;
use std::time::Duration;

use crate::console::Console;
use async_trait::async_trait;
use drillmaster_models::{Dialect, SERVICES, Service};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::roster::Roster;
use drillmaster_runner::run_spec::{Environment, Target};
use drillmaster_sandbox::{Options, Sandbox};
use drillmaster_transport::cassette::RateEvent;
use drillmaster_transport::log::{self, Logged};
use drillmaster_transport::redact::ApiKeys;
use drillmaster_transport::{
    Connection, Error, ExposeSecret, Http, Rate, RateLimit, Replay, Request, ResolvePolicy,
    Response, Retry, Route, Scope, SecretString, Source, Transport, WaitPolicy,
};
use serde_json::Value;

use crate::config::{Config, KeySource, variable};

/// A service and the rate limit it is called with.
type RateLimited = (&'static str, Arc<RateLimit<Arc<dyn Transport>>>);

/// What answers the requests of a command, and what must be checked at the end.
pub(crate) struct Backend {
    transport: Arc<dyn Transport>,
    dialect: Dialect,
    replay: Option<Arc<Replay>>,
    /// Whether a service that is called is on another machine.
    pub(crate) is_remote: bool,
    /// How in-doubt writes are resolved unless the run says otherwise.
    pub(crate) resolve_policy: ResolvePolicy,
    rate_limits: Vec<RateLimited>,
}

impl Backend {
    /// Connects to a target. Fails if the credential of a service in `needed`, the services that will be
    /// called, is missing.
    pub(crate) fn open(
        target: &Target,
        needed: &[&'static str],
        patience: &WaitPolicy,
    ) -> Result<Self, Diagnostic> {
        let (mut rate_limits, mut is_remote) = (Vec::new(), false);
        let transport: Arc<dyn Transport> = match target.on {
            Environment::Sandbox => {
                let options = Options { dialect: target.dialect, ..Options::default() };
                logged(Sandbox::new(options))
            }
            Environment::Live => {
                Arc::new(live(target, needed, patience, &mut rate_limits, &mut is_remote)?)
            }
        };
        Ok(Self {
            transport,
            dialect: target.dialect,
            replay: None,
            is_remote,
            resolve_policy: resolve_policy(target.on),
            rate_limits,
        })
    }

    /// Answers from a cassette.
    pub(crate) fn replay(
        replay: Replay,
        dialect: Dialect,
        roster: Option<&Roster>,
    ) -> Result<Self, Diagnostic> {
        let replay = match roster {
            Some(roster) if replay.header().sealed.is_some() => {
                let with_roster = replay.with_roster(&roster.people()?);
                with_roster.map_err(|error| Diagnostic::call(&error))?
            }
            _ => replay,
        };
        let replay = Arc::new(replay);
        Ok(Self {
            transport: logged(replay.clone()),
            dialect,
            replay: Some(replay),
            is_remote: false,
            resolve_policy: ResolvePolicy::default(),
            rate_limits: Vec::new(),
        })
    }

    /// The bottom transport, to stack layers on.
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        self.transport.clone()
    }

    /// A connection over these layers, which prints each call to `trace`.
    pub(crate) fn connect(
        &self,
        layers: impl Transport + 'static,
        trace: Option<Console>,
    ) -> Connection {
        let connection = Connection::new(traced(layers, trace));
        connection.with_dialect(self.dialect).resolving(self.resolve_policy)
    }

    /// How fast the rate-limited services were called.
    pub(crate) fn rate_stats(&self) -> Vec<RateEvent> {
        let event = |(service, rate_limit): &RateLimited| {
            let reached = rate_limit.stats();
            RateEvent {
                service: (*service).to_owned(),
                requests: reached.requests,
                throttled: reached.throttled,
                seconds: reached.elapsed.as_secs_f64(),
            }
        };
        self.rate_limits.iter().map(event).filter(|event| event.requests > 0).collect()
    }

    /// Fails if a replay has recorded requests left.
    pub(crate) fn finish(&self) -> Result<(), Diagnostic> {
        match &self.replay {
            Some(replay) => replay.finish().map_err(|error| Diagnostic::call(&error)),
            None => Ok(()),
        }
    }
}

/// How in-doubt writes are resolved. In the embedded sandbox a write has taken effect when its call returns.
pub(crate) fn resolve_policy(environment: Environment) -> ResolvePolicy {
    let effect_within = (environment == Environment::Sandbox).then_some(Duration::ZERO);
    ResolvePolicy { effect_within, ..ResolvePolicy::default() }
}

fn live(
    target: &Target,
    needed: &[&str],
    patience: &WaitPolicy,
    rate_limits: &mut Vec<RateLimited>,
    is_remote: &mut bool,
) -> Result<Route, Diagnostic> {
    let mut services = Vec::new();
    for service in SERVICES {
        let is_needed = needed.contains(&service.name);
        let credential = match credential(service, target, is_needed) {
            Ok(None) => continue,
            // A bad key matters only to the service that is called.
            Err(_) if !is_needed => continue,
            Ok(Some(credential)) => credential,
            Err(diagnostic) => return Err(diagnostic),
        };
        let http =
            Http::new(target.url(service), credential).map_err(|error| Diagnostic::call(&error))?;
        services.push((service, http));
    }
    // Each service's responses are searched for the keys of all: one may echo the other's.
    let keys = ApiKeys::known();
    let mut route = Route::default();
    for (service, http) in services {
        let (http, is_needed) = (http.masking(&keys), needed.contains(&service.name));
        *is_remote |= is_needed && !http.is_local();
        // A sandbox on this machine needs no rate limit.
        let rate = target.rate.or_else(|| (!http.is_local()).then(Rate::default));
        let http = logged(http);
        route = match rate {
            Some(rate) => {
                let limited = RateLimit::new(http, rate).with_wait_policy(patience.clone());
                let limited = Arc::new(limited);
                rate_limits.push((service.name, limited.clone()));
                let retry = Retry::new(limited).with_wait_policy(patience.clone());
                route.to(service.name, retry)
            }
            None => {
                let retry = Retry::new(http).with_wait_policy(patience.clone());
                route.to(service.name, retry)
            }
        };
    }
    Ok(route)
}

/// The credential of a service, with its form checked. Of a service that is not needed only the environment is
/// read: no command runs for it.
fn credential(
    service: &Service,
    target: &Target,
    is_needed: bool,
) -> Result<Option<SecretString>, Diagnostic> {
    let default = KeySource::Variable(service.credential_variable.to_owned());
    let form = service.credential_form;
    let (source, key) = match variable(service.credential_variable) {
        Some(key) => (default, Some(SecretString::from(key))),
        None if !is_needed => return Ok(None),
        None => {
            let config = Config::open()?;
            let profile = target.profile.as_deref().map(|name| config.profile(name)).transpose()?;
            let access = profile.and_then(|profile| profile.services.get(service.name));
            let source = access.and_then(|access| access.key.clone()).unwrap_or(default);
            let key = source.read(&config)?;
            (source, key)
        }
    };
    match key {
        None => {
            let message = format!("no key for {}: {source} is not set", service.title);
            Err(Diagnostic::usage(message).with_help(format!(
                "set {source} to the API key ({form}), or run `drillmaster auth login {}`",
                service.name
            )))
        }
        Some(key) if !service.accepts_form(key.expose_secret()) => {
            // The value may be a mistyped key, so it is not quoted.
            Err(Diagnostic::usage(format!("{source} does not have the form {form}"))
                .with_help("check that the key is complete and has no line break"))
        }
        key => Ok(key),
    }
}

/// Writes each request to the log, if there is one.
fn logged(transport: impl Transport + 'static) -> Arc<dyn Transport> {
    if log::is_on() { Arc::new(Logged::new(transport)) } else { Arc::new(transport) }
}

/// Prints each call to the console, if there is one.
pub(crate) fn traced(
    transport: impl Transport + 'static,
    console: Option<Console>,
) -> Arc<dyn Transport> {
    match console {
        None => Arc::new(transport),
        Some(console) => Arc::new(Trace { inner: transport, console }),
    }
}

struct Trace<T> {
    inner: T,
    console: Console,
}

#[async_trait]
impl<T: Transport> Transport for Trace<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        // The declared path has no ids or addresses in it, so the line is safe to keep in a log.
        let metadata = request.metadata;
        let call = format!("{} {} {}", metadata.name, metadata.method, metadata.path);
        let answer = self.inner.send(request).await;
        let result = match &answer {
            Ok(answer) => answer.status.to_string(),
            Err(error) => error.to_string(),
        };
        self.console.warn(&format!("{call}: {result}"));
        answer
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        self.inner.value(scope, name, fresh)
    }

    fn source(&self, request: &Request) -> Source {
        self.inner.source(request)
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        self.inner.resolved(request, answer);
    }
}
