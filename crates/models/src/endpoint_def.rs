//! An endpoint without its types: what scripts, commands and the sandbox work with.

use std::sync::OnceLock;

use schemars::Schema;
use serde_json::{Map, Value};

use crate::dialect::Dialect;
use crate::endpoint::{Endpoint, Legacy};
use crate::error_spec::ErrorSpec;
use crate::failure::{Failure, Unsupported};
use crate::field::Field;
use crate::field_error::FieldError;
use crate::metadata::{Metadata, braced};
use crate::schema::{read, schema_of, write};
use crate::sensitivity::{self, Texts};
use crate::service::Service;
use crate::wire;

/// An [`Endpoint`] with its types erased.
///
/// ```
/// use drillmaster_models::{EndpointDef, thm};
/// let scoreboard = EndpointDef::new::<thm::ShowScoreboard>(&thm::SERVICE);
/// assert_eq!(scoreboard.fields()[0].name, "roomCode");
/// assert!(scoreboard.fields()[0].required);
/// ```
#[derive(Debug)]
pub struct EndpointDef {
    /// The declaration in the current dialect.
    pub metadata: Metadata,
    /// The legacy form, if there is one.
    pub legacy: Option<Legacy>,
    service: &'static Service,
    normalise_request: fn(&Value) -> Result<Value, FieldError>,
    normalise_answer: fn(&Value) -> Result<Value, FieldError>,
    request_schema: fn() -> Schema,
    response_schema: fn() -> Schema,
    fields: OnceLock<Vec<Field>>,
    texts: OnceLock<(Texts, Texts)>,
    summary: OnceLock<String>,
}

impl EndpointDef {
    /// Erases the types of `E`, an endpoint of this service.
    pub const fn new<E: Endpoint>(service: &'static Service) -> Self {
        Self {
            service,
            metadata: E::METADATA,
            legacy: E::LEGACY,
            normalise_request: |fields| {
                let request = read::<E>(E::METADATA.name, fields)?;
                request.check()?;
                write(E::METADATA.name, &request)
            },
            normalise_answer: |answer| {
                write(E::METADATA.name, &read::<E::Response>(E::METADATA.name, answer)?)
            },
            request_schema: schema_of::<E>,
            response_schema: schema_of::<E::Response>,
            fields: OnceLock::new(),
            texts: OnceLock::new(),
            summary: OnceLock::new(),
        }
    }

    /// The name, such as `thm.scoreboard`.
    pub fn name(&self) -> &'static str {
        self.metadata.name
    }

    /// The service that has this endpoint.
    pub fn service(&self) -> &'static Service {
        self.service
    }

    /// What it does, in one sentence: the first of [`doc`](Self::doc).
    pub fn summary(&self) -> &str {
        self.summary.get_or_init(|| {
            let doc = self.doc();
            doc.split("\n\n").next().unwrap_or_default().replace('\n', " ")
        })
    }

    /// The documentation of its request type.
    pub fn doc(&self) -> String {
        let schema = self.request_schema();
        schema["description"].as_str().unwrap_or_default().to_owned()
    }

    /// The request's fields, in the order of their declarations.
    pub fn fields(&self) -> &[Field] {
        self.fields.get_or_init(|| Field::from_schema(&self.request_schema(), &self.metadata))
    }

    /// The documented refusals: the endpoint's own, then those of its service.
    pub fn errors(&self) -> impl Iterator<Item = &'static ErrorSpec> {
        self.metadata.errors.iter().chain(self.service().errors)
    }

    /// The declaration in a dialect.
    pub fn metadata(&self, dialect: Dialect) -> Result<&Metadata, Unsupported> {
        match (dialect, &self.legacy) {
            (Dialect::Current, _) => Ok(&self.metadata),
            (Dialect::Legacy, Some(legacy)) => Ok(&legacy.metadata),
            (Dialect::Legacy, None) if !self.service().has_legacy => Ok(&self.metadata),
            (Dialect::Legacy, None) => Err(Unsupported { endpoint: self.metadata.name }),
        }
    }

    /// Checks a request's fields and puts them into the order of their declarations.
    ///
    /// ```
    /// use drillmaster_models::endpoint;
    /// use serde_json::json;
    /// let error = endpoint("thm.scoreboard").unwrap().check(&json!({ "roomcode": "x" })).unwrap_err();
    /// assert!(error.to_string().contains("did you mean `roomCode`?"));
    /// ```
    pub fn check(&self, fields: &Value) -> Result<Value, FieldError> {
        Field::check_names(self.metadata.name, self.fields(), fields)?;
        (self.normalise_request)(fields)
    }

    /// Encodes a request, without the credential.
    pub fn request(&self, fields: &Value, dialect: Dialect) -> Result<wire::Request, Failure> {
        let fields = self.check(fields)?;
        let metadata = self.metadata(dialect)?;
        let fields = match self.legacy_in(dialect) {
            Some(legacy) => (legacy.encode_request)(&fields)?,
            None => fields,
        };
        Ok(wire::encode(metadata, fields)?)
    }

    /// Decodes an answer into the shape of the current dialect.
    pub fn answer(&self, answer: &wire::Response, dialect: Dialect) -> Result<Value, Failure> {
        let metadata = self.metadata(dialect)?;
        let value = wire::decode(metadata, self.errors(), answer)?;
        check_list(metadata, &value)?;
        let value = match self.legacy_in(dialect) {
            Some(legacy) => {
                (legacy.decode_answer)(&value).map_err(|error| Failure::from_mismatch(&error))?
            }
            None => value,
        };
        (self.normalise_answer)(&value).map_err(|error| Failure::from_mismatch(&error))
    }

    /// The expected answer to a write, in the shape of the current dialect. For a read it is empty.
    ///
    /// ```
    /// use drillmaster_models::endpoint;
    /// use serde_json::json;
    /// let invite = endpoint("veracode.invite").unwrap();
    /// let predicted = invite.predict(&json!({ "email": "ada@example.com", "senderId": "a" })).unwrap();
    /// assert_eq!(predicted["email"], "ada@example.com");
    /// ```
    pub fn predict(&self, fields: &Value) -> Result<Value, Failure> {
        let template = self.metadata.effect.write().map_or("{}", |write| write.predicts);
        let template = serde_json::from_str(template)
            .map_err(|error| Failure::Shape(format!("invalid prediction: {error}")))?;
        (self.normalise_answer)(&fill_in(&template, fields))
            .map_err(|error| Failure::from_mismatch(&error))
    }

    /// Converts the fields of a received request to the current dialect. For servers.
    pub fn fields_from_wire(&self, fields: Value, dialect: Dialect) -> Result<Value, FieldError> {
        match self.legacy_in(dialect) {
            Some(legacy) => (legacy.decode_request)(&fields),
            None => Ok(fields),
        }
    }

    /// Encodes an answer that is in the shape of the current dialect. For servers.
    pub fn answer_to_wire(
        &self,
        answer: Value,
        dialect: Dialect,
    ) -> Result<wire::Response, Failure> {
        let metadata = self.metadata(dialect)?;
        let answer = match self.legacy_in(dialect) {
            Some(legacy) => {
                (legacy.encode_answer)(&answer).map_err(|error| Failure::from_mismatch(&error))?
            }
            None => answer,
        };
        Ok(wire::respond(metadata, &answer))
    }

    fn legacy_in(&self, dialect: Dialect) -> Option<&Legacy> {
        self.legacy.as_ref().filter(|_| dialect == Dialect::Legacy)
    }

    /// The JSON schema of the request, in the current dialect.
    pub fn request_schema(&self) -> Value {
        sensitivity::without_marks((self.request_schema)().to_value())
    }

    /// The JSON schema of the answer without its wrapping, in the current dialect.
    pub fn response_schema(&self) -> Value {
        sensitivity::without_marks((self.response_schema)().to_value())
    }

    /// How sensitive the texts of a request are, in either dialect.
    ///
    /// ```
    /// use drillmaster_models::{Sensitivity, endpoint};
    /// let invite = endpoint("veracode.invite").unwrap();
    /// assert_eq!(invite.request_texts().field("email").unwrap().sensitivity, Some(Sensitivity::Email));
    /// ```
    pub fn request_texts(&self) -> &Texts {
        &self.texts().0
    }

    /// How sensitive the texts of an answer without its wrapping are, in either dialect.
    pub fn answer_texts(&self) -> &Texts {
        &self.texts().1
    }

    fn texts(&self) -> &(Texts, Texts) {
        self.texts.get_or_init(|| {
            let own = ((self.request_schema)().to_value(), (self.response_schema)().to_value());
            let mut texts = (Texts::from_schema(&own.0), Texts::from_schema(&own.1));
            if let Some((request, answer)) = self.legacy.as_ref().map(Legacy::schemas) {
                texts.0.add(Texts::from_schema(&request));
                texts.1.add(Texts::from_schema(&answer));
            }
            texts
        })
    }

    /// The JSON schemas of request and answer in a dialect.
    pub fn schemas(&self, dialect: Dialect) -> Result<(Value, Value), Unsupported> {
        self.metadata(dialect)?;
        Ok(match self.legacy_in(dialect) {
            Some(legacy) => {
                let (request, answer) = legacy.schemas();
                (sensitivity::without_marks(request), sensitivity::without_marks(answer))
            }
            None => (self.request_schema(), self.response_schema()),
        })
    }
}

/// Refuses an answer without its list: `{}` or a maintenance notice is not an empty list.
fn check_list(metadata: &Metadata, answer: &Value) -> Result<(), Failure> {
    let Some(list) = metadata.list else { return Ok(()) };
    let has_list = |object: &Map<String, Value>| match list.items {
        // An object with the list in it is read too.
        "" => object.values().any(Value::is_array),
        items => object.get(items).is_some_and(Value::is_array),
    };
    if answer.is_array() || answer.as_object().is_some_and(has_list) {
        return Ok(());
    }
    Err(Failure::Shape(match list.items {
        "" => "it is not a list".to_owned(),
        items => format!("it has no list `{items}`"),
    }))
}

/// Fills in a request's fields where a prediction names them in braces.
fn fill_in(template: &Value, fields: &Value) -> Value {
    match template {
        Value::String(text) => match braced(text) {
            Some(name) => fields[name].clone(),
            None => {
                let named = fields.as_object().into_iter().flatten();
                let filled = named.fold(text.clone(), |text, (name, value)| {
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    text.replace(&format!("{{{name}}}"), &value)
                });
                Value::String(filled)
            }
        },
        Value::Array(items) => items.iter().map(|item| fill_in(item, fields)).collect(),
        Value::Object(own) => {
            let filled = own.iter().map(|(name, value)| (name.clone(), fill_in(value, fields)));
            Value::Object(filled.collect())
        }
        other => other.clone(),
    }
}
