//! Over HTTP.

mod client;

use std::fmt;
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use drillmaster_models::{Credential, Method, wire};
use flate2::read::MultiGzDecoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue, USER_AGENT};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use url::{Host, Position, Url};

use self::client::{Client, client};

use crate::error::{Error, NetworkError};
use crate::redact::ApiKeys;
use crate::request::{Request, Response, Sending, Transport};

/// How long a request may take altogether.
pub(crate) const WHOLE: Duration = Duration::from_secs(60);
/// The largest answer that is read. The whole user list of 50,000 is a tenth of it.
const LARGEST: usize = 256 << 20;
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("drillmaster/", env!("CARGO_PKG_VERSION")));
/// As [`unpacked`] knows them.
const CODINGS: HeaderValue = HeaderValue::from_static("gzip, br");

/// Sends to one service over HTTP(S). The credential joins here and nowhere else, and travels to this
/// service's origin only: redirects are answers, never followed.
///
/// ```
/// use drillmaster_transport::{Http, SecretString};
///
/// let key = SecretString::from("my-key");
/// assert!(Http::new("https://training.example", key.clone()).is_ok());
/// // Plain HTTP would show the key to everyone on the way: loopback only.
/// assert!(Http::new("http://training.example", key.clone()).is_err());
/// assert!(Http::new("http://127.0.0.1:8080", key).is_ok());
/// ```
#[derive(Clone)]
pub struct Http {
    client: Client,
    base: Url,
    scheme: Scheme,
    authority: Authority,
    credential: SecretString,
    /// The credential, as answers are searched for it.
    keys: Arc<ApiKeys>,
    whole: Duration,
}

// Not derived: the client tells of its proxies, whose addresses may hold a password.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Http {
    /// Connects to the service at `base`.
    pub fn new(base: &str, credential: SecretString) -> Result<Self, Error> {
        let base = base_url(base)?;
        let unusable =
            |error: &dyn fmt::Display| Error::setup(format!("cannot set up HTTP: {error}"));
        let client = client(is_loopback(&base), base.scheme() == "http")
            .map_err(|error| unusable(&error))?;
        let scheme = Scheme::try_from(base.scheme()).map_err(|error| unusable(&error))?;
        let authority = Authority::try_from(&base[Position::BeforeHost..Position::AfterPort])
            .map_err(|error| unusable(&error))?;
        let keys = Arc::new(ApiKeys::new(credential.expose_secret()));
        keys.remember();
        Ok(Self { client, base, scheme, authority, keys, credential, whole: WHOLE })
    }

    /// The same, masking these keys in answers as well: a service may know those of another.
    #[must_use]
    pub fn masking(self, others: &ApiKeys) -> Self {
        Self { keys: Arc::new(ApiKeys::clone(&self.keys).and(others.clone())), ..self }
    }

    /// Whether the service is on this machine.
    pub fn is_local(&self) -> bool {
        is_loopback(&self.base)
    }

    /// The same with another limit on a whole request; 60 seconds unless set.
    #[must_use]
    pub fn with_timeout(self, whole: Duration) -> Self {
        Self { whole, ..self }
    }

    fn build(&self, request: &Request) -> Result<http::Request<Full<Bytes>>, Error> {
        let wire = &request.wire;
        let unfit = |error: http::Error| Error::setup(format!("cannot be sent: {error}"));
        // Put together part by part, so that no path leads to another host.
        let path = format!("{}{}", self.base.path().trim_end_matches('/'), wire.target);
        let address = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(unfit)?;
        let mut body = wire.body.clone();
        let mut builder = http::Request::builder()
            .method(method(wire.method))
            .uri(address)
            .header(USER_AGENT, AGENT)
            .header(ACCEPT_ENCODING, CODINGS);
        for (name, value) in &wire.headers {
            builder = builder.header(name, value);
        }
        let secret = self.credential.expose_secret();
        match request.metadata.credential {
            Credential::None => {}
            Credential::Header(name) => {
                let mut value = HeaderValue::from_str(secret).map_err(|_| {
                    Error::setup("the credential has characters that no header may hold")
                })?;
                value.set_sensitive(true);
                builder = builder.header(name, value);
            }
            Credential::FormField(name) => {
                let fields = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair(name, secret)
                    .finish();
                let own = String::from_utf8_lossy(&body);
                let joined = if own.is_empty() { fields } else { format!("{fields}&{own}") };
                body = joined.into_bytes();
            }
        }
        builder.body(Full::from(body)).map_err(unfit)
    }

    async fn exchange(&self, request: http::Request<Full<Bytes>>) -> Result<Response, Error> {
        let late =
            |_| Error::network(NetworkError::Timeout, format!("no answer within {:?}", self.whole));
        timeout(self.whole, self.answer(request)).await.map_err(late)?
    }

    async fn answer(&self, request: http::Request<Full<Bytes>>) -> Result<Response, Error> {
        let broken = |error: &dyn fmt::Display| {
            Error::network(NetworkError::ConnectionLost, error.to_string())
        };
        let answer = self.client.request(request).await.map_err(|error| self.lost(&error))?;
        let (head, mut rest) = answer.into_parts();
        let mut body = Vec::new();
        while let Some(frame) = rest.frame().await {
            let frame = frame.map_err(|error| broken(&cause(&error)))?;
            let data = frame.into_data().unwrap_or_default();
            if body.len() + data.len() > LARGEST {
                return Err(too_large());
            }
            body.extend_from_slice(&data);
        }
        if let Some(coding) = head.headers.get(CONTENT_ENCODING) {
            body = unpacked(coding, &body).map_err(|error| broken(&error))?;
            if body.len() > LARGEST {
                return Err(too_large());
            }
        }
        let (status, headers) = (head.status.as_u16(), kept(&head.headers));
        // An answer that echoes the credential cannot bring it into a recording.
        Ok(self.keys.mask_response(wire::Response { status, headers, body }))
    }

    /// What became of a request, told without its path and query: they may hold a token.
    fn lost(&self, error: &legacy::Error) -> Error {
        let cause = cause(error);
        if !error.is_connect() {
            return Error::network(NetworkError::ConnectionLost, cause);
        }
        let origin = self.base.origin().ascii_serialization();
        if is_out_of_handles(error) {
            let detail = format!("{origin}: too many files are open");
            return Error::network(NetworkError::Connect, detail).for_want_of_handles();
        }
        let advice = "is the base URL right, and is the network up?";
        Error::network(NetworkError::Connect, format!("{origin}: {cause}; {advice}"))
    }
}

impl Transport for Http {
    fn send<'a, 'b>(&'a self, request: Request) -> Sending<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let built = self.build(&request);
        Box::pin(async move {
            let sent = match built {
                Ok(built) => self.exchange(built).await,
                Err(error) => Err(error),
            };
            // A certificate, or what else a server says of itself, is told in errors.
            let masked = |error: Error| error.reworded(|words| self.keys.mask(words));
            sent.map_err(|error| masked(error).for_request(&request))
        })
    }
}

/// Reads a service's address: `https` anywhere, plain `http` to loopback only, nothing after the path.
pub fn base_url(text: &str) -> Result<Url, Error> {
    // Told without its query: that is where a key ends up by mistake.
    let shown = text.split(['?', '#']).next().unwrap_or_default();
    let refuse = |why: &str| Err(Error::setup(format!("`{shown}` is no base URL: {why}")));
    if text.contains('@') {
        return Err(Error::setup(
            "a base URL must not hold a user name or password; credentials come from the environment",
        ));
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return refuse(&format!("{error}; write it as https://host")),
    };
    if url.host().is_none() {
        return refuse("it names no host; write it as https://host");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("it must end after the path");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => refuse("plain http would show the credential on the way; use https"),
        _ => refuse("only https is spoken"),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Delete => http::Method::DELETE,
    }
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = headers.iter().filter(|(name, _)| is_kept(name.as_str()));
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    kept.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// A body as it was before it was compressed for the way.
fn unpacked(coding: &HeaderValue, body: &[u8]) -> io::Result<Vec<u8>> {
    // One byte more than is allowed tells that it is too large.
    let most = LARGEST as u64 + 1;
    let mut bytes = Vec::new();
    match coding.as_bytes() {
        _ if body.is_empty() => Ok(0),
        b"gzip" => MultiGzDecoder::new(body).take(most).read_to_end(&mut bytes),
        b"br" => {
            brotli_decompressor::Decompressor::new(body, 4096).take(most).read_to_end(&mut bytes)
        }
        b"identity" => return Ok(body.to_vec()),
        _ => Err(io::Error::other("the answer is compressed in a way that was not asked for")),
    }?;
    Ok(bytes)
}

fn too_large() -> Error {
    Error::network(NetworkError::ConnectionLost, "the answer is larger than 256 MiB")
}

/// The headers that mean something to a caller. Cookies, dates and server names are left behind.
fn is_kept(name: &str) -> bool {
    matches!(name, "content-type" | "location" | "retry-after")
        || name.starts_with("ratelimit")
        || name.starts_with("x-ratelimit")
}

/// The last cause of an error, which is what happened; all before it tells where in the client.
/// Whether the reason is that no file can be opened, which a connection is, too.
fn is_out_of_handles(error: &(dyn std::error::Error + 'static)) -> bool {
    // They have no kind of their own.
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    let codes = causes.find_map(|cause| cause.downcast_ref::<io::Error>()?.raw_os_error());
    cfg!(unix) && codes.is_some_and(|code| [EMFILE, ENFILE].contains(&code))
}

fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if let Some(error) = cause.downcast_ref::<io::Error>().filter(|io| io.raw_os_error().is_some())
    {
        // The kind in words, which are the same on every system.
        return error.kind().to_string();
    }
    cause.to_string()
}
