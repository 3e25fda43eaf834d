//! An endpoint without its types: what scripts, commands and the sandbox work with.

use std::sync::OnceLock;

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::{Map, Value};

use crate::endpoint::{Endpoint, Legacy, read, write};
use crate::failure::Failure;
use crate::field::{Field, FieldError};
use crate::metadata::{ErrorSpec, Metadata, braced};
use crate::sensitivity::{self, Texts};
use crate::service::{SERVICES, Service};
use crate::wire;

/// The two dialects of TryHackMe's API. It never switches by itself; Security Labs has one for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// The dialect that callers and scripts speak.
    #[default]
    Current,
    /// The older one: key in form bodies, `userId`, room codes in paths.
    Legacy,
}

impl Dialect {
    /// Both, in the order in which they are told.
    pub const ALL: [Self; 2] = [Self::Current, Self::Legacy];

    /// The name in flags, recordings and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Legacy => "legacy",
        }
    }
}

impl std::fmt::Display for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.name() == text)
            .ok_or_else(|| format!("`{text}` is no dialect; use current or legacy"))
    }
}

/// The legacy dialect has no such endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{endpoint}: the legacy dialect has no such endpoint; use --thm-dialect current")]
pub struct Unsupported {
    /// The endpoint that was asked for.
    pub endpoint: &'static str,
}

/// An [`Endpoint`] with its types erased.
///
/// ```
/// use drillmaster_models::{EndpointDef, thm::ShowScoreboard};
/// let endpoint = EndpointDef::of::<ShowScoreboard>();
/// assert_eq!(endpoint.fields()[0].name, "roomCode");
/// assert!(endpoint.fields()[0].required);
/// ```
#[derive(Debug)]
pub struct EndpointDef {
    /// The declaration in the current dialect.
    pub metadata: Metadata,
    /// The legacy form, where there is one.
    pub legacy: Option<Legacy>,
    normalise: fn(&Value) -> Result<Value, FieldError>,
    settle_answer: fn(&Value) -> Result<Value, FieldError>,
    request_schema: fn() -> Schema,
    response_schema: fn() -> Schema,
    fields: OnceLock<Vec<Field>>,
    texts: OnceLock<(Texts, Texts)>,
    summary: OnceLock<String>,
}

impl EndpointDef {
    /// Erases the types of `E`.
    pub const fn of<E: Endpoint>() -> Self {
        Self {
            metadata: E::METADATA,
            legacy: E::LEGACY,
            normalise: |fields| {
                let request = read::<E>(E::METADATA.name, fields)?;
                request.check()?;
                write(E::METADATA.name, &request)
            },
            settle_answer: |answer| {
                write(E::METADATA.name, &read::<E::Response>(E::METADATA.name, answer)?)
            },
            request_schema: schema_of::<E>,
            response_schema: schema_of::<E::Response>,
            fields: OnceLock::new(),
            texts: OnceLock::new(),
            summary: OnceLock::new(),
        }
    }

    /// The name, `thm.scoreboard`.
    pub fn name(&self) -> &'static str {
        self.metadata.name
    }

    /// The service that answers it.
    pub fn service(&self) -> &'static Service {
        let name = self.metadata.service();
        // A law over the endpoints keeps every name on this list; the first stands in to be total.
        SERVICES.into_iter().find(|service| service.name == name).unwrap_or(SERVICES[0])
    }

    /// One sentence that says what it does, from the request's documentation.
    pub fn summary(&self) -> &str {
        self.summary.get_or_init(|| {
            let doc = self.doc();
            doc.split("\n\n").next().unwrap_or_default().replace('\n', " ")
        })
    }

    /// The request's whole documentation.
    pub fn doc(&self) -> String {
        let schema = self.request_schema();
        schema["description"].as_str().unwrap_or_default().to_owned()
    }

    /// The request's fields, in the order of their declaration.
    pub fn fields(&self) -> &[Field] {
        self.fields.get_or_init(|| Field::of_schema(&self.request_schema(), &self.metadata))
    }

    /// The refusals to expect: the endpoint's own, then its service's.
    pub fn errors(&self) -> impl Iterator<Item = &'static ErrorSpec> {
        self.metadata.errors.iter().chain(self.service().errors)
    }

    /// The declaration that holds in a dialect.
    pub fn metadata(&self, dialect: Dialect) -> Result<&Metadata, Unsupported> {
        match (dialect, &self.legacy) {
            (Dialect::Current, _) => Ok(&self.metadata),
            (Dialect::Legacy, Some(legacy)) => Ok(&legacy.metadata),
            (Dialect::Legacy, None) if !self.service().has_legacy => Ok(&self.metadata),
            (Dialect::Legacy, None) => Err(Unsupported { endpoint: self.metadata.name }),
        }
    }

    /// Checks a request's fields and puts them into the order of the declaration.
    ///
    /// ```
    /// use drillmaster_models::endpoint;
    /// use serde_json::json;
    /// let error = endpoint("thm.scoreboard").unwrap().check(&json!({ "roomcode": "x" })).unwrap_err();
    /// assert!(error.to_string().contains("did you mean `roomCode`?"));
    /// ```
    pub fn check(&self, fields: &Value) -> Result<Value, FieldError> {
        Field::check_names(self.metadata.name, self.fields(), fields)?;
        (self.normalise)(fields)
    }

    /// Writes a request as it travels, without the credential.
    pub fn request(&self, fields: &Value, dialect: Dialect) -> Result<wire::Request, Failure> {
        let fields = self.check(fields)?;
        let metadata = self.metadata(dialect)?;
        let fields = match self.legacy_in(dialect) {
            Some(legacy) => (legacy.request_down)(&fields)?,
            None => fields,
        };
        Ok(wire::encode(metadata, fields)?)
    }

    /// Reads an answer in the current dialect's shape, or what else it was.
    pub fn answer(&self, answer: &wire::Response, dialect: Dialect) -> Result<Value, Failure> {
        let metadata = self.metadata(dialect)?;
        let value = wire::decode(metadata, self.errors(), answer)?;
        has_its_list(metadata, &value)?;
        let value = match self.legacy_in(dialect) {
            Some(legacy) => (legacy.answer_up)(&value).map_err(|error| Failure::shape(&error))?,
            None => value,
        };
        (self.settle_answer)(&value).map_err(|error| Failure::shape(&error))
    }

    /// The answer to expect from a write, in the current dialect's shape; an empty one from a read.
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
            .map_err(|error| Failure::Shape(format!("the prediction: {error}")))?;
        (self.settle_answer)(&fill_in(&template, fields)).map_err(|error| Failure::shape(&error))
    }

    /// A sandbox's way: the fields of a request that arrived, in the current dialect's terms.
    pub fn fields_from_wire(&self, fields: Value, dialect: Dialect) -> Result<Value, FieldError> {
        match self.legacy_in(dialect) {
            Some(legacy) => (legacy.request_up)(&fields),
            None => Ok(fields),
        }
    }

    /// A sandbox's way: an answer in the current dialect's terms, as it travels.
    pub fn answer_to_wire(
        &self,
        answer: Value,
        dialect: Dialect,
    ) -> Result<wire::Response, Failure> {
        let metadata = self.metadata(dialect)?;
        let answer = match self.legacy_in(dialect) {
            Some(legacy) => {
                (legacy.answer_down)(&answer).map_err(|error| Failure::shape(&error))?
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
        sensitivity::without((self.request_schema)().to_value())
    }

    /// The JSON schema of the answer, in the current dialect and without its wrapping.
    pub fn response_schema(&self) -> Value {
        sensitivity::without((self.response_schema)().to_value())
    }

    /// What the texts of a request hold, in either dialect.
    ///
    /// ```
    /// use drillmaster_models::{Sensitivity, endpoint};
    /// let invite = endpoint("veracode.invite").unwrap();
    /// assert_eq!(invite.request_texts().field("email").unwrap().sensitivity, Some(Sensitivity::Email));
    /// ```
    pub fn request_texts(&self) -> &Texts {
        &self.texts().0
    }

    /// What the texts of an answer hold, without its wrapping and in either dialect.
    pub fn answer_texts(&self) -> &Texts {
        &self.texts().1
    }

    fn texts(&self) -> &(Texts, Texts) {
        self.texts.get_or_init(|| {
            let own = ((self.request_schema)().to_value(), (self.response_schema)().to_value());
            let mut texts = (Texts::of(&own.0), Texts::of(&own.1));
            if let Some((request, answer)) = self.legacy.as_ref().map(Legacy::schemas) {
                texts.0.add(Texts::of(&request));
                texts.1.add(Texts::of(&answer));
            }
            texts
        })
    }

    /// The JSON schemas of request and answer as a dialect has them.
    pub fn schemas(&self, dialect: Dialect) -> Result<(Value, Value), Unsupported> {
        self.metadata(dialect)?;
        Ok(match self.legacy_in(dialect) {
            Some(legacy) => {
                let (request, answer) = legacy.schemas();
                (sensitivity::without(request), sensitivity::without(answer))
            }
            None => (self.request_schema(), self.response_schema()),
        })
    }
}

/// Refuses an answer without the list that it is asked for: `{}` or a notice of maintenance is not an empty list.
fn has_its_list(metadata: &Metadata, answer: &Value) -> Result<(), Failure> {
    let Some(list) = metadata.list else { return Ok(()) };
    let holds = |object: &Map<String, Value>| match list.items {
        // Read in the other form too, an object with the list in it.
        "" => object.values().any(Value::is_array),
        items => object.get(items).is_some_and(Value::is_array),
    };
    if answer.is_array() || answer.as_object().is_some_and(holds) {
        return Ok(());
    }
    let place = if list.items.is_empty() { "." } else { list.items };
    Err(Failure::Shape(format!("at `{place}`: the list is missing")))
}

/// Puts a request's fields where a prediction names them in braces.
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

/// A schema without references, so that each stands alone.
pub(crate) fn schema_of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>()
}
