//! Matches another tool's requests to endpoints and writes them as drillmaster sends them.

use drillmaster_models::json;
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
use super::text::shorten;

const FORM: &str = "application/x-www-form-urlencoded";

/// All but the unreserved characters of RFC 3986, as in drillmaster's own requests.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request to an endpoint.
#[derive(Debug)]
pub(super) struct Call {
    target: String,
    /// The best match for the method and path.
    first: Declared,
    /// Other matches.
    others: Vec<Declared>,
}

/// An endpoint in a dialect.
#[derive(Debug, Clone, Copy)]
struct Declared {
    endpoint: &'static EndpointDef,
    dialect: Dialect,
    metadata: &'static Metadata,
}

impl Call {
    /// Matches a request by its method and URL. An `Err` is the reason to skip it, and what it was.
    pub(super) fn from_request(
        method: &str,
        url: &str,
        hosts: &[String],
    ) -> Result<Self, (Reason, String)> {
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
        // A literal segment is a better match than one with a field.
        declared.sort_by_key(|declared| declared.metadata.path_fields().count());
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let first = declared.remove(0);
        Ok(Self { target: format!("{}{query}", url.path()), first, others: declared })
    }

    /// The request as drillmaster sends it, without credentials: written from its fields if they are those of the
    /// endpoint, otherwise with its escapes normalized.
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
            (metadata, normalize(metadata, &self.target, body))
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
    /// The request written from its fields, if they are those of the endpoint.
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

    /// A field's value before it was written as text.
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

/// The request without credentials, and with escapes as in drillmaster's own requests.
fn normalize(metadata: &Metadata, target: &str, body: &[u8]) -> wire::Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let segments: Vec<_> = path.split('/').map(normalize_escapes).collect();
    let mut target = segments.join("/");
    let query = normalize_pairs(query);
    if !query.is_empty() {
        target.push('?');
        target.push_str(&query);
    }
    let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
    let (kind, body) = match metadata.payload {
        Payload::Query => (None, Vec::new()),
        Payload::Form => {
            let form = normalize_pairs(&String::from_utf8_lossy(body));
            (Some(FORM), form.into_bytes())
        }
        Payload::Json => (Some("application/json"), without_credential(body)),
    };
    headers.extend(kind.map(|kind| ("content-type".to_owned(), kind.to_owned())));
    wire::Request { method: metadata.method, target, headers, body }
}

/// Normalizes the escapes of a text.
fn normalize_escapes(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    percent_encode(&bytes, RESERVED).to_string()
}

fn normalize_pairs(text: &str) -> String {
    // In a query or form, `+` is a space.
    let part = |text: &str| normalize_escapes(&text.replace('+', " "));
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = percent_decode_str(name).decode_utf8_lossy();
        // A comma separates the items of a list.
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

/// Whether a header or field with this name is a credential: of an endpoint, or of HTTP.
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

/// The credentials in a request, to mask them in a response that repeats them. Short values are ignored, because
/// they also occur in other texts.
pub(super) fn credentials(headers: &[(String, String)], body: &[u8]) -> ApiKeys {
    let form = url::form_urlencoded::parse(body).into_owned();
    let all = headers.iter().cloned().chain(form);
    let secret = all.filter(|(name, value)| is_credential(name) && value.len() >= 8);
    secret.fold(ApiKeys::default(), |keys, (_, value)| keys.and(ApiKeys::new(&value)))
}

/// Whether a response header is imported: the others mean nothing to a script.
pub(super) fn is_imported_header(name: &str) -> bool {
    matches!(name, "content-type" | "location" | "retry-after")
        || name.starts_with("ratelimit")
        || name.starts_with("x-ratelimit")
}

/// The network error of a request without a response. Chrome's error codes say whether the request was sent; after
/// any other error it may have been.
pub(super) fn network_error(detail: &str) -> Error {
    let how = match detail.strip_prefix("net::").unwrap_or_default() {
        "ERR_ADDRESS_UNREACHABLE"
        | "ERR_BLOCKED_BY_ADMINISTRATOR"
        | "ERR_BLOCKED_BY_CLIENT"
        | "ERR_CERT_AUTHORITY_INVALID"
        | "ERR_CERT_COMMON_NAME_INVALID"
        | "ERR_CERT_DATE_INVALID"
        | "ERR_CONNECTION_FAILED"
        | "ERR_CONNECTION_REFUSED"
        | "ERR_CONNECTION_TIMED_OUT"
        | "ERR_INTERNET_DISCONNECTED"
        | "ERR_NAME_NOT_RESOLVED"
        | "ERR_NAME_RESOLUTION_FAILED"
        | "ERR_PROXY_CONNECTION_FAILED" => NetworkError::Connect,
        "ERR_TIMED_OUT" => NetworkError::Timeout,
        _ => NetworkError::ConnectionLost,
    };
    let detail = if detail.is_empty() { "the file has no response" } else { detail };
    Error::network(how, shorten(detail))
}

/// A request's URL, and the services that its host may belong to.
fn services_at(
    text: &str,
    hosts: &[String],
) -> Result<(Url, Vec<&'static Service>), (Reason, String)> {
    let text = text.trim();
    // Some tools save the target of the request line instead of a URL.
    let (url, host_is_known) = match Url::parse(text) {
        Ok(url) => (url, true),
        Err(_) if text.starts_with('/') && !text.starts_with("//") => {
            let url = Url::parse(&format!("http://localhost{text}"));
            (url.map_err(|_| (Reason::NoUrl, String::new()))?, false)
        }
        Err(_) => return Err((Reason::NoUrl, String::new())),
    };
    let Some(host) = url.host().filter(|_| matches!(url.scheme(), "http" | "https")) else {
        return Err((Reason::NotHttp, format!("{}:", url.scheme())));
    };
    let services: Vec<_> = SERVICES
        .into_iter()
        .filter(|service| !host_is_known || may_belong_to(service, &host, hosts))
        .collect();
    if services.is_empty() {
        return Err((Reason::OtherHost, host.to_string()));
    }
    Ok((url, services))
}

/// Whether a host may belong to a service: the service's own host, and any host of the local network, where
/// sandboxes run.
fn may_belong_to(service: &Service, host: &Host<&str>, hosts: &[String]) -> bool {
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
