//! An endpoint with its types.

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::field_error::FieldError;
use crate::metadata::Metadata;
use crate::schema::{read, schema_of, write};

/// A request to one of the services. It has everything but the credential; its fields have the service's own
/// names when they are sent.
///
/// ```
/// use drillmaster_models::{Endpoint, thm::ListUsers, veracode};
/// assert_eq!(ListUsers::METADATA.name, "thm.users");
/// assert_eq!(veracode::ListUsers::METADATA.path, "/api/users");
/// ```
pub trait Endpoint: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The answer to a successful call.
    type Response: Serialize + DeserializeOwned + JsonSchema + Send + 'static;

    /// The declaration, in the current dialect.
    const METADATA: Metadata;

    /// The endpoint in the legacy dialect. `None` if that dialect does not have it, or if the service has no
    /// legacy dialect.
    const LEGACY: Option<Legacy> = None;

    /// Checks the rules that the types cannot express, such as `startTime` requiring `endTime`. An `Err` names
    /// the field and prevents the request from being sent.
    fn check(&self) -> Result<(), FieldError> {
        Ok(())
    }
}

/// The request of endpoint `E` in the legacy dialect. Callers use the current dialect; requests and answers
/// are converted by `From`. A request that is the same in both dialects implements this for itself.
pub trait LegacyForm<E: Endpoint>:
    Serialize + DeserializeOwned + JsonSchema + From<E> + Into<E>
{
    /// The answer in the legacy dialect.
    type Response: Serialize + DeserializeOwned + JsonSchema + From<E::Response> + Into<E::Response>;

    /// The declaration in the legacy dialect, with the same name.
    const METADATA: Metadata;
}

/// A [`LegacyForm`] with its types erased.
#[derive(Debug, Clone, Copy)]
pub struct Legacy {
    /// The declaration in the legacy dialect.
    pub metadata: Metadata,
    pub(crate) encode_request: Conversion,
    pub(crate) decode_request: Conversion,
    pub(crate) encode_answer: Conversion,
    pub(crate) decode_answer: Conversion,
    pub(crate) request_schema: fn() -> Schema,
    pub(crate) response_schema: fn() -> Schema,
}

type Conversion = fn(&Value) -> Result<Value, FieldError>;

impl Legacy {
    /// Erases the types of `L`, the legacy form of `E`.
    pub const fn new<E: Endpoint, L: LegacyForm<E>>() -> Self {
        Self {
            metadata: L::METADATA,
            encode_request: |request| convert::<E, L>(L::METADATA.name, request),
            decode_request: |request| convert::<L, E>(L::METADATA.name, request),
            encode_answer: |answer| convert::<E::Response, L::Response>(L::METADATA.name, answer),
            decode_answer: |answer| convert::<L::Response, E::Response>(L::METADATA.name, answer),
            request_schema: schema_of::<L>,
            response_schema: schema_of::<L::Response>,
        }
    }

    /// The schemas of request and answer, with their sensitivity marks.
    pub(crate) fn schemas(&self) -> (Value, Value) {
        ((self.request_schema)().to_value(), (self.response_schema)().to_value())
    }
}

/// Reads a value as one type and writes it as another.
fn convert<A, B>(endpoint: &'static str, value: &Value) -> Result<Value, FieldError>
where
    A: DeserializeOwned + JsonSchema + Into<B>,
    B: Serialize,
{
    write(endpoint, &read::<A>(endpoint, value)?.into())
}
