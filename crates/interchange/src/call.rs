//! From what another tool saw to what drillmaster would have sent.

use drillmaster_models::wire::{self, match_path, read_fields};
use drillmaster_models::{
    Credential, Dialect, EndpointDef, Metadata, Payload, SERVICES, Service, endpoints,
};
use drillmaster_transport::cassette::RequestEvent;
use drillmaster_transport::redact::ApiKeys;
use drillmaster_transport::{Error, NetworkError, Purpose, Request, Scope};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use serde_json::{Map, Value};
use url::{Host, Url};

use super::skipped::Reason;
use drillmaster_models::json;

const FORM: &str = "application/x-www-form-urlencoded";

/// All but the unreserved characters of RFC 3986, as our own requests have it.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request that one of the services answers.
#[derive(Debug)]
pub(super) struct Call {
    target: String,
    /// The declarations with this method and path.
    first: Declared,
    others: Vec<Declared>,
}

/// A declaration in a dialect.
#[derive(Debug, Clone, Copy)]
struct Declared {
    endpoint: &'static EndpointDef,
    dialect: Dialect,
    metadata: &'static Metadata,
}

impl Call {
    /// Recognises a request by its method and address. An `Err` says why it is not for a cassette, and what
    /// it was.
    pub(super) fn of(method: &str, url: &str, hosts: &[String]) -> Result<Self, (Reason, String)> {
        let (url, services) = services_at(url, hosts)?;
        let method = method.trim().to_ascii_uppercase();
        let mut declared: Vec<Declared> = services
            .into_iter()
            .flat_map(Service::endpoints)
            .flat_map(|endpoint| Dialect::ALL.map(|dialect| (endpoint, dialect)))
            .filter_map(|(endpoint, dialect)| {
                Some(Declared { endpoint, dialect, metadata: endpoint.metadata(dialect).ok()? })
            })
            .filter(|declared| declared.metadata.method.as_str() == method)
            .filter(|declared| match_path(declared.metadata.path, url.path()).is_some())
            .collect();
        if declared.is_empty() {
            return Err((Reason::NoEndpoint, format!("{method} {}", url.path())));
        }
        // A segment that is spelt out goes before one that stands for a field.
        declared.sort_by_key(|declared| declared.metadata.path_fields().count());
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let first = declared.remove(0);
        Ok(Self { target: format!("{}{query}", url.path()), first, others: declared })
    }

    /// The request as drillmaster would have sent it, without a credential: written from its fields where
    /// they are those of the declaration, else spelt anew.
    pub(super) fn request(
        &self,
        content_type: Option<&str>,
        body: &[u8],
        ordinal: u64,
    ) -> RequestEvent {
        let is_form = match content_type {
            Some(kind) => kind.trim().to_ascii_lowercase().starts_with(FORM),
            None => json::read::<Value>(body).is_err(),
        };
        let fits = |declared: &&Declared| match declared.metadata.payload {
            Payload::Query => true,
            Payload::Form => is_form,
            Payload::Json => !is_form,
        };
        let fitting = || std::iter::once(&self.first).chain(&self.others).filter(fits);
        let written = fitting()
            .find_map(|declared| Some((declared.metadata, declared.write(&self.target, body)?)));
        let (metadata, wire) = written.unwrap_or_else(|| {
            let metadata = fitting().next().unwrap_or(&self.first).metadata;
            (metadata, respelt(metadata, &self.target, body))
        });
        RequestEvent::from_request(&Request {
            wire: wire.into(),
            metadata,
            scope: Scope::MAIN.into(),
            ordinal,
            purpose: Purpose::Call,
        })
    }
}

impl Declared {
    /// The request written from its fields, if they are those that are declared.
    fn write(&self, target: &str, body: &[u8]) -> Option<wire::Request> {
        let mut fields = read_fields(self.metadata, target, body).ok()?;
        fields.retain(|name, _| !is_credential(name));
        let fields = self.endpoint.fields_from_wire(Value::Object(fields), self.dialect).ok()?;
        let typed: Option<Map<String, Value>> = fields
            .as_object()?
            .iter()
            .map(|(name, value)| Some((name.clone(), self.typed(name, value)?)))
            .collect();
        self.endpoint.request(&Value::Object(typed?), self.dialect).ok()
    }

    /// A field's value as it was before it became text on its way.
    fn typed(&self, name: &str, value: &Value) -> Option<Value> {
        let travels_as_text = self.metadata.payload != Payload::Json
            || self.metadata.path_fields().any(|own| own == name);
        let field = self.endpoint.fields().iter().find(|field| field.name == name);
        match (field, value) {
            (Some(field), Value::String(text)) if travels_as_text => field.read_text(text).ok(),
            _ => Some(value.clone()),
        }
    }
}

/// The request with the credential's fields left out, and escapes as our own requests have them.
fn respelt(metadata: &Metadata, target: &str, body: &[u8]) -> wire::Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let segments: Vec<_> = path.split('/').map(|segment| respell(segment, segment)).collect();
    let mut target = segments.join("/");
    let query = respell_pairs(query);
    if !query.is_empty() {
        target.push('?');
        target.push_str(&query);
    }
    let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
    let (kind, body) = match metadata.payload {
        Payload::Query => (None, Vec::new()),
        Payload::Form => {
            let form = respell_pairs(&String::from_utf8_lossy(body));
            (Some(FORM), form.into_bytes())
        }
        Payload::Json => (Some("application/json"), without_credential(body)),
    };
    headers.extend(kind.map(|kind| ("content-type".to_owned(), kind.to_owned())));
    wire::Request { method: metadata.method, target, headers, body }
}

/// A text with its escapes anew. `plain` is the text with `+` read as it is meant there.
fn respell(text: &str, plain: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let bytes: Vec<u8> = percent_decode_str(plain).collect();
    percent_encode(&bytes, RESERVED).to_string()
}

fn respell_pairs(text: &str) -> String {
    let part = |text: &str| respell(text, &text.replace('+', " "));
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = percent_decode_str(name).decode_utf8_lossy();
        // A comma sets the parts of a list apart.
        let values: Vec<_> = value.split(',').map(part).collect();
        (!is_credential(&decoded)).then(|| format!("{}={}", part(name), values.join(",")))
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn without_credential(body: &[u8]) -> Vec<u8> {
    match json::read(body) {
        Ok(Value::Object(mut fields)) if fields.keys().any(|name| is_credential(name)) => {
            fields.retain(|name, _| !is_credential(name));
            Value::Object(fields).to_string().into_bytes()
        }
        _ => body.to_vec(),
    }
}

/// Whether a header or a field of this name lets its sender in: those that are declared, and those of HTTP.
pub(super) fn is_credential(name: &str) -> bool {
    const OF_HTTP: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
    let declared = |metadata: &Metadata| match metadata.credential {
        Credential::Header(own) | Credential::FormField(own) => own.eq_ignore_ascii_case(name),
        Credential::None => false,
    };
    OF_HTTP.iter().any(|own| own.eq_ignore_ascii_case(name))
        || endpoints().any(|endpoint| {
            declared(&endpoint.metadata)
                || endpoint.legacy.as_ref().is_some_and(|own| declared(&own.metadata))
        })
}

/// The credentials in a request, so that an answer that echoes one can be cleaned of it. What is short is
/// found in words that have nothing to do with it.
pub(super) fn credentials(headers: &[(String, String)], body: &[u8]) -> ApiKeys {
    let form = url::form_urlencoded::parse(body).into_owned();
    let all = headers.iter().cloned().chain(form);
    let secret = all.filter(|(name, value)| is_credential(name) && value.len() >= 8);
    secret.fold(ApiKeys::default(), |keys, (_, value)| keys.and(ApiKeys::new(&value)))
}

/// Whether an answer's header means something to a caller.
pub(super) fn means_something(name: &str) -> bool {
    matches!(name, "content-type" | "location" | "retry-after")
        || name.starts_with("ratelimit")
        || name.starts_with("x-ratelimit")
}

/// How a request was lost, from what a tool tells about it.
pub(super) fn lost(told: &str) -> Error {
    const UNSENT: [&str; 9] = [
        "refused",
        "resolve",
        "resolution",
        "unreachable",
        "blocked",
        "disconnected",
        "certificate",
        "connect call failed",
        "connection timed out",
    ];
    let plain = told.to_ascii_lowercase().replace('_', " ");
    let how = match () {
        () if UNSENT.iter().any(|words| plain.contains(words)) => NetworkError::Connect,
        () if plain.contains("timed out") || plain.contains("timeout") => NetworkError::Timeout,
        () => NetworkError::ConnectionLost,
    };
    let detail = if told.is_empty() { "no answer was recorded" } else { told };
    Error::network(how, super::messages::shorten(detail))
}

/// A request's address, and the services that its host may stand for.
fn services_at(
    text: &str,
    hosts: &[String],
) -> Result<(Url, Vec<&'static Service>), (Reason, String)> {
    let text = text.trim();
    // Some tools keep what stood in the request line.
    let (url, host_is_known) = match Url::parse(text) {
        Ok(url) => (url, true),
        Err(_) if text.starts_with('/') && !text.starts_with("//") => {
            let url = Url::parse(&format!("http://localhost{text}"));
            (url.map_err(|_| (Reason::NoAddress, String::new()))?, false)
        }
        Err(_) => return Err((Reason::NoAddress, String::new())),
    };
    let Some(host) = url.host().filter(|_| matches!(url.scheme(), "http" | "https")) else {
        return Err((Reason::NotHttp, format!("{}:", url.scheme())));
    };
    let services: Vec<_> = SERVICES
        .into_iter()
        .filter(|service| !host_is_known || stands_for(service, &host, hosts))
        .collect();
    if services.is_empty() {
        return Err((Reason::OtherHost, host.to_string()));
    }
    Ok((url, services))
}

/// Whether a host may stand for a service: its own by its name, and any of this machine or network, where
/// sandboxes are.
fn stands_for(service: &Service, host: &Host<&str>, hosts: &[String]) -> bool {
    const LOCAL: [&str; 5] = ["localhost", "local", "internal", "test", "lan"];
    let Host::Domain(name) = host else { return true };
    if hosts.iter().any(|own| own.eq_ignore_ascii_case(name)) || !name.contains('.') {
        return true;
    }
    if name.rsplit('.').next().is_some_and(|last| LOCAL.contains(&last)) {
        return true;
    }
    let own = Url::parse(service.base_url).ok();
    let own = own.as_ref().and_then(Url::host_str).and_then(|host| host.rsplit('.').nth(1));
    own.is_some_and(|own| name.split('.').any(|label| label == own))
}
