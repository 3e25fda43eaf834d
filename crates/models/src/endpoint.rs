//! An endpoint with its types.

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::entry::schema_of;
use crate::field::{FieldError, shape_of};
use crate::spec::Spec;

/// A request that one of the services answers. The request is a value that holds everything but the
/// credential; its fields keep the service's own spelling on the wire.
///
/// ```
/// use drillmaster_models::{Endpoint, thm::ListUsers, veracode};
/// assert_eq!(ListUsers::SPEC.name, "thm.users");
/// assert_eq!(veracode::ListUsers::SPEC.path, "/api/users");
/// ```
pub trait Endpoint: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// What a successful call answers.
    type Response: Serialize + DeserializeOwned + JsonSchema + Send + 'static;

    /// The declaration, in the current dialect.
    const SPEC: Spec;

    /// The same call in the legacy dialect. `None`: that dialect has no such endpoint, or the service
    /// has but one dialect.
    const LEGACY: Option<Legacy> = None;

    /// Checks what the documents fix and the types do not say, such as `startTime` together with
    /// `endTime`. An `Err` names the field and keeps the request from being sent.
    fn check(&self) -> Result<(), FieldError> {
        Ok(())
    }
}

/// The legacy form of an endpoint `E`: its own request, answer and declaration, and the translations.
/// Callers always speak the current dialect.
pub trait LegacyForm<E: Endpoint>: Serialize + DeserializeOwned + JsonSchema {
    /// What the legacy dialect answers.
    type Response: Serialize + DeserializeOwned + JsonSchema;

    /// The declaration in the legacy dialect, under the same name.
    const SPEC: Spec;

    /// Carries a request down to legacy: a client's way.
    fn request_down(request: E) -> Self;

    /// Carries an answer up from legacy: a client's way.
    fn answer_up(answer: Self::Response) -> E::Response;

    /// Carries a legacy request up: a sandbox's way.
    fn request_up(self) -> E;

    /// Carries an answer down to legacy: a sandbox's way.
    fn answer_down(answer: E::Response) -> Self::Response;
}

/// A [`LegacyForm`] with its types erased.
#[derive(Debug, Clone, Copy)]
pub struct Legacy {
    /// The declaration in the legacy dialect.
    pub spec: Spec,
    pub(crate) request_down: fn(&Value) -> Result<Value, FieldError>,
    pub(crate) answer_up: fn(&Value) -> Result<Value, FieldError>,
    pub(crate) request_up: fn(&Value) -> Result<Value, FieldError>,
    pub(crate) answer_down: fn(&Value) -> Result<Value, FieldError>,
    pub(crate) request_schema: fn() -> Schema,
    pub(crate) response_schema: fn() -> Schema,
}

impl Legacy {
    /// Erases the types of `L`, the legacy form of `E`.
    pub const fn of<E: Endpoint, L: LegacyForm<E>>() -> Self {
        Self {
            spec: L::SPEC,
            request_down: |request| {
                write(L::SPEC.name, &L::request_down(read::<E>(L::SPEC.name, request)?))
            },
            answer_up: |answer| {
                write(L::SPEC.name, &L::answer_up(read::<L::Response>(L::SPEC.name, answer)?))
            },
            request_up: |request| {
                write(L::SPEC.name, &read::<L>(L::SPEC.name, request)?.request_up())
            },
            answer_down: |answer| {
                write(L::SPEC.name, &L::answer_down(read::<E::Response>(L::SPEC.name, answer)?))
            },
            request_schema: schema_of::<L>,
            response_schema: schema_of::<L::Response>,
        }
    }

    /// The schemas of request and answer, with what their texts hold.
    pub(crate) fn schemas(&self) -> (Value, Value) {
        ((self.request_schema)().to_value(), (self.response_schema)().to_value())
    }
}

/// Reads `T`, telling a misfit by its path in the value.
pub(crate) fn read<T: DeserializeOwned>(
    entry: &'static str,
    value: &Value,
) -> Result<T, FieldError> {
    // To keep a path costs as much as the reading, and most values fit.
    T::deserialize(value).or_else(|_| {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            FieldError::new(entry, &path, &shape_of(error.inner()))
        })
    })
}

/// Writes a declared type as JSON.
pub(crate) fn write<T: Serialize>(entry: &'static str, value: &T) -> Result<Value, FieldError> {
    serde_json::to_value(value).map_err(|error| FieldError::new(entry, ".", &error.to_string()))
}
