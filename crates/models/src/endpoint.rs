//! An endpoint with its types.

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::endpoint_def::schema_of;
use crate::field::{FieldError, shape_of};
use crate::metadata::Metadata;

/// A request that one of the services answers. The request is a value that holds everything but the
/// credential; its fields keep the service's own spelling on the wire.
///
/// ```
/// use drillmaster_models::{Endpoint, thm::ListUsers, veracode};
/// assert_eq!(ListUsers::METADATA.name, "thm.users");
/// assert_eq!(veracode::ListUsers::METADATA.path, "/api/users");
/// ```
pub trait Endpoint: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// What a successful call answers.
    type Response: Serialize + DeserializeOwned + JsonSchema + Send + 'static;

    /// The declaration, in the current dialect.
    const METADATA: Metadata;

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
    const METADATA: Metadata;

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
    pub metadata: Metadata,
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
            metadata: L::METADATA,
            request_down: |request| {
                write(L::METADATA.name, &L::request_down(read::<E>(L::METADATA.name, request)?))
            },
            answer_up: |answer| {
                write(
                    L::METADATA.name,
                    &L::answer_up(read::<L::Response>(L::METADATA.name, answer)?),
                )
            },
            request_up: |request| {
                write(L::METADATA.name, &read::<L>(L::METADATA.name, request)?.request_up())
            },
            answer_down: |answer| {
                write(
                    L::METADATA.name,
                    &L::answer_down(read::<E::Response>(L::METADATA.name, answer)?),
                )
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
    endpoint: &'static str,
    value: &Value,
) -> Result<T, FieldError> {
    // To keep a path costs as much as the reading, and most values fit.
    T::deserialize(value).or_else(|_| {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            FieldError::new(endpoint, &path, &shape_of(error.inner()))
        })
    })
}

/// Writes a declared type as JSON.
pub(crate) fn write<T: Serialize>(endpoint: &'static str, value: &T) -> Result<Value, FieldError> {
    serde_json::to_value(value).map_err(|error| FieldError::new(endpoint, ".", &error.to_string()))
}
