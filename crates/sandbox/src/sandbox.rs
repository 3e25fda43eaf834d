//! The entry point to the simulated services, for calls in the process and over HTTP.

use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use drillmaster_models::{Credential, Dialect, EndpointDef, Metadata, Reply, wire};
use drillmaster_transport::fault::visible_after;
use drillmaster_transport::{Error, Request, Scope, Transport};
use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use crate::academy::Academy;
use crate::call::{Call, Refusal};
use crate::options::{InviteOutcome, Options};
use crate::replica::Replica;
use crate::route::{Found, Route, find, routes};
use drillmaster_transport::files;

/// Both services, simulated with state. Clones share the state.
///
/// As a [`Transport`] it does not check credentials. [`answer`](Self::answer), which the server uses, does.
///
/// ```
/// use drillmaster_sandbox::{Sandbox, THM_KEY};
///
/// let sandbox = Sandbox::default();
/// let key = [("THM-API-KEY".to_owned(), THM_KEY.to_owned())];
/// let rooms = sandbox.answer("GET", "/external/api/rooms", &key, b"");
/// assert_eq!(rooms.status, 200);
/// let stranger = sandbox.answer("GET", "/external/api/rooms", &[], b"");
/// assert_eq!(stranger.status, 403);
/// ```
#[derive(Debug, Clone)]
pub struct Sandbox {
    academy: Arc<Mutex<Academy>>,
    /// The copy that lists are read from, once a write becomes visible late. Locked after the academy.
    replica: Arc<Mutex<Option<Replica>>>,
    dialect: Dialect,
    routes: Arc<[Route]>,
}

impl Sandbox {
    /// A sandbox with these options.
    pub fn new(options: Options) -> Self {
        Self::from_academy(Academy::new(&options.within_bounds())).speaking(options.dialect)
    }

    fn from_academy(academy: Academy) -> Self {
        Self {
            academy: Arc::new(Mutex::new(academy)),
            replica: Arc::default(),
            dialect: Dialect::Current,
            routes: routes(Dialect::Current).into(),
        }
    }

    /// Changes the dialect of TryHackMe.
    #[must_use]
    pub fn speaking(self, dialect: Dialect) -> Self {
        Self { dialect, routes: routes(dialect).into(), ..self }
    }

    /// Changes how invites are answered.
    #[must_use]
    pub fn answering_invites(self, outcome: InviteOutcome) -> Self {
        self.lock().veracode.set_invite_outcome(outcome);
        self
    }

    /// Changes whether open invites are sent again or refused, as in [`Options::reinvite`].
    #[must_use]
    pub fn reinviting(self, reinvite: bool) -> Self {
        self.lock().veracode.set_reinvite(reinvite);
        self
    }

    /// Loads a saved state, with TryHackMe in the current dialect.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, StateError> {
        let path = path.as_ref();
        let text = files::read_text(path, files::BY_PROGRAM)
            .map_err(|error| StateError::Read { path: path.to_owned(), error })?;
        let academy = serde_json::from_str(&text)
            .map_err(|error| StateError::Damaged { path: path.to_owned(), error })?;
        Ok(Self::from_academy(academy))
    }

    /// Saves the whole state as JSON. An existing file is replaced atomically.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StateError> {
        let path = path.as_ref();
        let text = serde_json::to_vec(&*self.lock());
        let written = text.map_err(io::Error::from).and_then(|text| {
            let beside = file_beside(path)?;
            // Errors of the named file would show its temporary name.
            beside.as_file().write_all(&text)?;
            beside.as_file().sync_all()?;
            beside.persist(path).map_err(|error| error.error)?;
            Ok(())
        });
        written.map_err(|error| StateError::Write { path: path.to_owned(), error })
    }

    /// Checks that a state can be saved at this path, without changing anything there. This shows a wrong path
    /// before the work instead of after it.
    ///
    /// ```
    /// use drillmaster_sandbox::Sandbox;
    /// # let folder = tempfile::tempdir().unwrap();
    /// assert!(Sandbox::check_state_path(folder.path().join("academy.json")).is_ok());
    /// let error = Sandbox::check_state_path(folder.path()).unwrap_err();
    /// assert!(error.to_string().ends_with("it is not the name of a file; add one"));
    /// ```
    pub fn check_state_path(path: impl AsRef<Path>) -> Result<(), StateError> {
        let path = path.as_ref();
        match file_beside(path) {
            Ok(_) => Ok(()),
            Err(error) => Err(StateError::Write { path: path.to_owned(), error }),
        }
    }

    /// How often each effect took place, by endpoint and person: `{"veracode.invite": {"ada@example.com": 1}}`.
    ///
    /// ```
    /// let sandbox = drillmaster_sandbox::Sandbox::default();
    /// assert_eq!(sandbox.writes(), serde_json::json!({}));
    /// ```
    pub fn writes(&self) -> Value {
        serde_json::to_value(&self.lock().writes).unwrap_or_default()
    }

    /// Answers any HTTP request. The case of header names does not matter.
    pub fn answer(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> wire::Response {
        self.answer_lagging(method, target, headers, body, Duration::ZERO)
    }

    /// Answers any HTTP request; lists show what it writes only after a delay.
    pub(crate) fn answer_lagging(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &[u8],
        visible_after: Duration,
    ) -> wire::Response {
        let path = target.split('?').next().unwrap_or_default();
        if path.starts_with(OWN_PATHS)
            && let Err(refused) = self.admit_owner(headers)
        {
            return refused;
        }
        if path == WRITES {
            return match method {
                "GET" => wire::Response::json(200, &self.writes()),
                _ => wrong_method(method, path, &["GET"]),
            };
        }
        let route = match find(&self.routes, method, path) {
            Found::Route(route) => route,
            Found::OtherMethods(methods) => return wrong_method(method, path, &methods),
            Found::Nothing => return nothing_here(path),
        };
        let form_field = |name: &str| {
            let fields = wire::read_fields(route.metadata, target, body).ok()?;
            fields.get(name)?.as_str().map(str::to_owned)
        };
        let header = |name: &str| {
            let mut named = headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
            named.next().map(|(_, value)| value.trim().to_owned())
        };
        let shown = match route.metadata.credential {
            Credential::None => return self.carry_out(&route, target, body, visible_after),
            Credential::Header(name) => header(name),
            Credential::FormField(name) => form_field(name),
        };
        match (route.admit)(shown.as_deref().filter(|shown| !shown.is_empty())) {
            Ok(()) => self.carry_out(&route, target, body, visible_after),
            Err(refusal) => refused(route.metadata, &refusal),
        }
    }

    /// Checks that a request for a path of the sandbox itself has one of its keys, in the header of the key's service.
    fn admit_owner(&self, headers: &[(String, String)]) -> Result<(), wire::Response> {
        let shown = |route: &Route| {
            let Credential::Header(name) = route.metadata.credential else { return None };
            let (_, key) = headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))?;
            Some((route.admit)(Some(key.trim())).is_ok())
        };
        let shown: Vec<bool> = self.routes.iter().filter_map(shown).collect();
        let (status, words) = match shown.as_slice() {
            [] => (
                401,
                "paths below /_sandbox/ need one of the sandbox's keys, in the header of its service",
            ),
            shown if shown.contains(&true) => return Ok(()),
            _ => (403, "this is not one of the sandbox's keys"),
        };
        Err(wire::Response::json(status, &json!({ "message": words })))
    }

    /// The declaration of the endpoint that a request is for, if there is one.
    pub(crate) fn metadata_at(&self, method: &str, target: &str) -> Option<&'static Metadata> {
        let path = target.split('?').next().unwrap_or_default();
        match find(&self.routes, method, path) {
            Found::Route(route) => Some(route.metadata),
            Found::OtherMethods(_) | Found::Nothing => None,
        }
    }

    /// Answers a request with a valid credential.
    fn carry_out(
        &self,
        route: &Route,
        target: &str,
        body: &[u8],
        visible_after: Duration,
    ) -> wire::Response {
        self.call(route, target, body, visible_after)
            .unwrap_or_else(|refusal| refused(route.metadata, &refusal))
    }

    fn call(
        &self,
        route: &Route,
        target: &str,
        body: &[u8],
        visible_after: Duration,
    ) -> Result<wire::Response, Refusal> {
        let fields = wire::read_fields(route.metadata, target, body)
            .map_err(|problem| Refusal::new(400, problem))?;
        let fields = self.current(route.endpoint, fields)?;
        // The lock is held only for the call, so that encoding a long answer does not block others.
        let (answer, status) = {
            let mut academy = self.lock();
            let call = Call { fields, now: academy.now, dialect: self.dialect };
            let mut replica = self.replica.lock().unwrap_or_else(PoisonError::into_inner);
            let handler = route.handler;
            let answer = match &mut *replica {
                Some(replica) if route.metadata.list.is_some() => {
                    replica.up_to_date().run(handler, &call)?
                }
                _ if route.metadata.effect.is_read() => academy.run(handler, &call)?,
                None if visible_after.is_zero() => academy.run(handler, &call)?,
                slot => {
                    let replica = Replica::get_or_copy(&academy, slot)?;
                    replica.write(&mut academy, handler, call, visible_after)?
                }
            };
            (answer, academy.status(handler))
        };
        let mut response = route
            .endpoint
            .answer_to_wire(answer, self.dialect)
            .map_err(|failure| Refusal::new(500, failure.to_string()))?;
        if response.status == 200 {
            response.status = status;
        }
        Ok(response)
    }

    /// Converts the fields to the current dialect. Like the services, it ignores unknown fields and names a
    /// missing one.
    fn current(
        &self,
        endpoint: &EndpointDef,
        mut fields: Map<String, Value>,
    ) -> Result<Map<String, Value>, Refusal> {
        if self.dialect == Dialect::Current || endpoint.legacy.is_none() {
            return Ok(fields);
        }
        let (schema, _) =
            endpoint.schemas(self.dialect).map_err(|error| Refusal::new(404, error.to_string()))?;
        fields.retain(|name, _| schema["properties"].get(name).is_some());
        let missing = |name: &&str| fields.get(*name).is_none_or(|value| value == "");
        let mut required = schema["required"].as_array().into_iter().flatten();
        if let Some(name) = required.by_ref().filter_map(Value::as_str).find(missing) {
            return Err(Refusal::new(400, format!("{name} is required.")));
        }
        match endpoint.fields_from_wire(Value::Object(fields), self.dialect) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Ok(Map::new()),
            Err(error) => Err(Refusal::new(400, error.to_string())),
        }
    }

    /// Locks the state, which stays usable after a call that panicked.
    fn lock(&self) -> MutexGuard<'_, Academy> {
        self.academy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The academy of [`Options::default`]: 200 learners and 250 seats.
impl Default for Sandbox {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

#[async_trait]
impl Transport for Sandbox {
    async fn send(&self, request: Request) -> Result<wire::Response, Error> {
        let wire::Request { method, target, body, .. } = &*request.wire;
        let path = target.split('?').next().unwrap_or_default();
        Ok(match find(&self.routes, method.as_str(), path) {
            Found::Route(route) => self.carry_out(&route, target, body, visible_after()),
            Found::OtherMethods(methods) => wrong_method(method.as_str(), path, &methods),
            Found::Nothing => nothing_here(path),
        })
    }

    /// The time is that of the sandbox, so that "the last 30 days" are days with activity.
    fn value(&self, _scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        match name {
            "now" => Ok(self.lock().now.as_millisecond().into()),
            _ => Ok(fresh),
        }
    }
}

/// A temporary file in the folder of a path.
fn file_beside(path: &Path) -> io::Result<NamedTempFile> {
    if path.file_name().is_none() || path.is_dir() {
        let advice = "it is not the name of a file; add one";
        return Err(io::Error::new(ErrorKind::IsADirectory, advice));
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let advice = "its folder does not exist; create it, or name another";
        return Err(io::Error::new(ErrorKind::NotFound, advice));
    }
    // The whole error would show the temporary name.
    NamedTempFile::new_in(folder).map_err(|error| error.kind().into())
}

/// The prefix of paths about the sandbox itself. No service has such paths.
pub(crate) const OWN_PATHS: &str = "/_sandbox/";
/// The path of the count of writes.
const WRITES: &str = "/_sandbox/writes";

fn wrong_method(method: &str, path: &str, methods: &[&str]) -> wire::Response {
    let allowed = methods.join(", ");
    let words = format!("{method} is not allowed at {path}; use {allowed}");
    let mut response = wire::Response::json(405, &json!({ "message": words }));
    response.headers.push(("allow".to_owned(), allowed));
    response
}

fn nothing_here(path: &str) -> wire::Response {
    let words = format!("there is no endpoint at {path} in this dialect");
    wire::Response::json(404, &json!({ "message": words }))
}

/// A refusal in the format of the endpoint: with a status and a stack if answers have an envelope.
fn refused(metadata: &Metadata, refusal: &Refusal) -> wire::Response {
    let words = &refusal.words;
    let body = match metadata.reply {
        Reply::Data => json!({
            "status": "error",
            "message": words,
            "stack": format!("Error: {words}\n    at sandbox"),
        }),
        Reply::Bare | Reply::One | Reply::Location => json!({ "message": words }),
    };
    wire::Response::json(refusal.status, &body)
}

/// A saved state could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file cannot be read.
    #[error("cannot read the sandbox's state from {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The file is not a saved state.
    #[error(
        "the sandbox's state in {} is damaged: {error}; restore the file, or remove it to start over",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The problem, with line and column.
        error: serde_json::Error,
    },
    /// The file cannot be written.
    #[error("cannot save the sandbox's state to {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

#[cfg(test)]
mod tests;
