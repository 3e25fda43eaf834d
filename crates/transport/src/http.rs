//! Over HTTP.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use drillmaster_models::{Credential, Method, wire};
use memchr::memmem;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::{Host, Url};

use crate::error::{Error, Lost};
use crate::request::{Request, Response, Transport};

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a request may take altogether.
const WHOLE: Duration = Duration::from_secs(60);
/// The largest answer that is read. The whole user list of 50,000 is a tenth of it.
const LARGEST: usize = 256 << 20;
/// What stands where a service echoed the credential.
const MASK: &str = "[credential]";

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
    client: reqwest::Client,
    base: Url,
    credential: SecretString,
    /// How a service may spell the credential when it echoes it.
    echoes: Arc<[SecretString]>,
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
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("drillmaster/", env!("CARGO_PKG_VERSION")))
            // The answer is the redirect itself, and a login page is not to see the credential.
            .redirect(Policy::none())
            // Whether a request may be sent again depends on its effect, which only our layers know.
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT);
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| Error::setup(format!("cannot set up HTTPS: {}", cause(error))))?;
        Ok(Self {
            client,
            base,
            echoes: echoes(credential.expose_secret()).into(),
            credential,
            whole: WHOLE,
        })
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

    fn build(&self, request: &Request) -> Result<reqwest::Request, Error> {
        let wire = &request.wire;
        let (path, query) = match wire.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (wire.target.as_str(), None),
        };
        // Put together part by part, so that no path leads to another host.
        let mut address = self.base.clone();
        address.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        address.set_query(query);
        let mut body = wire.body.clone();
        let mut builder = self.client.request(method(wire.method), address);
        for (name, value) in &wire.headers {
            builder = builder.header(name, value);
        }
        let secret = self.credential.expose_secret();
        match request.spec.credential {
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
        builder
            .timeout(self.whole)
            .body(body)
            .build()
            .map_err(|error| Error::setup(format!("cannot be sent: {}", cause(error))))
    }

    async fn exchange(&self, request: reqwest::Request) -> Result<Response, Error> {
        let mut answer = self.client.execute(request).await.map_err(|error| self.lost(error))?;
        let headers = answer.headers().iter().filter(|(name, _)| is_kept(name.as_str()));
        let headers: Vec<_> = headers
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.lost(error))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(Error::lost(Lost::Reset, "the answer is larger than 256 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(self.without_credential(wire::Response { status, headers, body }))
    }

    /// What became of a request, told without its path and query: they may hold a token.
    fn lost(&self, error: reqwest::Error) -> Error {
        let (how, detail) = match () {
            () if error.is_connect() => {
                let (origin, cause) = (self.base.origin().ascii_serialization(), cause(error));
                let advice = "is the base URL right, and is the network up?";
                (Lost::Unreachable, format!("{origin}: {cause}; {advice}"))
            }
            () if error.is_timeout() => {
                (Lost::Timeout, format!("no answer within {:?}", self.whole))
            }
            () => (Lost::Reset, cause(error)),
        };
        Error::lost(how, detail)
    }

    /// Takes the credential out of an answer that echoes it, so that it cannot reach a recording.
    fn without_credential(&self, mut answer: Response) -> Response {
        for echo in &*self.echoes {
            let echo = echo.expose_secret();
            answer.body = masked(answer.body, echo.as_bytes());
            for (_, value) in &mut answer.headers {
                if value.contains(echo) {
                    *value = value.replace(echo, MASK);
                }
            }
        }
        answer
    }
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let sent = match self.build(&request) {
            Ok(built) => self.exchange(built).await,
            Err(error) => Err(error),
        };
        sent.map_err(|error| error.for_request(&request))
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

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// The headers that mean something to a caller. Cookies, dates and server names are left behind.
fn is_kept(name: &str) -> bool {
    matches!(name, "content-type" | "location" | "retry-after")
        || name.starts_with("ratelimit")
        || name.starts_with("x-ratelimit")
}

/// The credential and, where it is a pair, its halves, each as it is, as in JSON and as in an address. What
/// is short is no secret, and would be found in words that have nothing to do with it.
fn echoes(secret: &str) -> Vec<SecretString> {
    let halves = secret.split(':').filter(|half| half.len() >= 8);
    let parts = std::iter::once(secret).filter(|whole| whole.len() >= 4);
    let mut echoes: Vec<String> = Vec::new();
    for part in parts.chain(halves) {
        let json = Value::from(part).to_string();
        let form = url::form_urlencoded::byte_serialize(part.as_bytes()).collect();
        for echo in [part.to_owned(), json[1..json.len() - 1].to_owned(), form] {
            if !echoes.contains(&echo) {
                echoes.push(echo);
            }
        }
    }
    echoes.into_iter().map(SecretString::from).collect()
}

fn masked(body: Vec<u8>, echo: &[u8]) -> Vec<u8> {
    // The search for one is made ready faster than that for all.
    if memmem::find(&body, echo).is_none() {
        return body;
    }
    let (mut clean, mut from) = (Vec::new(), 0);
    for found in memmem::find_iter(&body, echo) {
        clean.extend_from_slice(&body[from..found]);
        clean.extend_from_slice(MASK.as_bytes());
        from = found + echo.len();
    }
    clean.extend_from_slice(&body[from..]);
    clean
}

/// The last cause of an error, which is what happened; all before it tells where in the client.
fn cause(error: reqwest::Error) -> String {
    // Without its address: the query may hold a token.
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
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
