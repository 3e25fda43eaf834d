//! Sends requests over HTTP.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use drillmaster_models::{Credential, Method, wire};
use reqwest::ClientBuilder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Position, Url};

use crate::error::{Error, NetworkError};
use crate::redact::ApiKeys;
use crate::request::{Request, Response, Transport};

/// The time limit of a request, unless [`HttpBuilder::timeout`] sets another.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
/// How long opening a connection may take: DNS, proxy and TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest response body that is read. A list of all 50,000 users is a tenth of it.
const MAX_BODY: usize = 256 << 20;
const USER_AGENT: &str = concat!("drillmaster/", env!("CARGO_PKG_VERSION"));

/// Sends requests to one service over HTTP(S).
///
/// This is the only place where the credential is added to a request, and the only origin it is sent to is that of
/// the base URL. Redirects are returned as answers and never followed. Where an answer echoes the credential, the
/// echo is masked.
///
/// ```
/// use drillmaster_transport::{Http, SecretString};
///
/// let key = SecretString::from("my-key");
/// assert!(Http::new("https://training.example", key.clone()).is_ok());
/// // Plain HTTP would show the key to everyone on the way, so it is for loopback addresses only.
/// assert!(Http::new("http://training.example", key.clone()).is_err());
/// assert!(Http::new("http://127.0.0.1:8080", key).is_ok());
/// ```
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
    base: Url,
    credential: SecretString,
    /// The values to mask in answers and errors.
    keys: Arc<ApiKeys>,
    timeout: Duration,
    max_body: usize,
}

// Not derived: the client's own output has its proxies' URLs, which may contain a password.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// Sets up an [`Http`]. See [`Http::builder`].
#[must_use]
pub struct HttpBuilder {
    base: String,
    client: ClientBuilder,
    timeout: Duration,
}

// Not derived, as for `Http`.
impl fmt::Debug for HttpBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBuilder").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl HttpBuilder {
    /// Uses a client of your own: with a proxy, a client certificate or an additional root certificate, for example.
    /// Its `User-Agent` is yours to set, too.
    ///
    /// Whatever the builder says, redirects are not followed, nothing is retried, no `Referer` is sent, and opening a
    /// connection takes ten seconds at most. A service on this machine is called without a proxy.
    pub fn client(self, client: ClientBuilder) -> Self {
        Self { client, ..self }
    }

    /// Sets the time limit of a request, from connecting to the last byte of the answer. The default is 60 seconds.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Builds the transport. The error is one of [setup](Error::is_setup).
    pub fn build(self, credential: SecretString) -> Result<Http, Error> {
        let base = base_url(&self.base)?;
        // These come last, so that they hold for any client.
        let mut client = self
            .client
            // The redirect is the answer, and a login page must not get the credential.
            .redirect(Policy::none())
            // Only the layers above know which requests may be sent twice.
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(connect_timeout(self.timeout));
        if is_loopback(&base) {
            client = client.no_proxy();
        }
        if base.scheme() == "http" {
            // Without TLS there is no need to load the certificates of the platform, which takes a while.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|error| {
            Error::setup(format!("cannot set up HTTP: {}", root_cause(&error.without_url())))
        })?;
        let keys = Arc::new(ApiKeys::new(credential.expose_secret()));
        keys.remember();
        Ok(Http { client, base, credential, keys, timeout: self.timeout, max_body: MAX_BODY })
    }
}

/// Well below the time limit of the request. If connecting could use up all of that, a write that never left this
/// machine would look like one that got no answer, and would be in doubt.
fn connect_timeout(timeout: Duration) -> Duration {
    CONNECT_TIMEOUT.min(timeout / 2)
}

impl Http {
    /// Sends to the service at `base`, with this credential.
    pub fn new(base: &str, credential: SecretString) -> Result<Self, Error> {
        Self::builder(base).build(credential)
    }

    /// Sets up the client: its time limit, its proxies, and everything else that a [`reqwest::ClientBuilder`] knows.
    /// Proxies that the environment or the system names are used unless the client says otherwise.
    ///
    /// ```
    /// use drillmaster_transport::reqwest::{Client, Proxy};
    /// use drillmaster_transport::{Http, SecretString};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder().proxy(Proxy::all("socks5h://127.0.0.1:1080")?);
    /// let http = Http::builder("https://training.example")
    ///     .client(client)
    ///     .timeout(Duration::from_secs(20))
    ///     .build(SecretString::from("my-key"))?;
    /// # let _ = http;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(base: &str) -> HttpBuilder {
        let client = reqwest::Client::builder().user_agent(USER_AGENT);
        HttpBuilder { base: base.to_owned(), client, timeout: TIMEOUT }
    }

    /// Masks these keys in answers as well. One service may know the key of another.
    #[must_use]
    pub fn masking(self, others: &ApiKeys) -> Self {
        Self { keys: Arc::new(ApiKeys::clone(&self.keys).and(others.clone())), ..self }
    }

    /// Whether the service runs on this machine.
    pub fn is_local(&self) -> bool {
        is_loopback(&self.base)
    }

    fn build(&self, request: &Request) -> Result<reqwest::Request, Error> {
        let wire = &request.wire;
        let mut body = wire.body.clone();
        let mut builder = self.client.request(method(wire.method), self.url(&wire.target)?);
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
        builder
            .body(body)
            .build()
            .map_err(|error| Error::setup(format!("cannot be sent: {}", root_cause(&error))))
    }

    /// The URL of a request's path and query.
    fn url(&self, target: &str) -> Result<Url, Error> {
        let wanted = format!("{}{target}", self.base.path().trim_end_matches('/'));
        let (path, query) = match wanted.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (wanted.as_str(), None),
        };
        let mut url = self.base.clone();
        url.set_path(path);
        url.set_query(query);
        // A path with `..` in it, say, would have been rewritten into that of another endpoint.
        if url[Position::BeforePath..] != *wanted {
            return Err(Error::setup("cannot be sent: the path is not a valid URL path"));
        }
        Ok(url)
    }

    async fn exchange(&self, request: reqwest::Request) -> Result<Response, Error> {
        // Not the timeout of reqwest, which is reported even where connecting has failed by then.
        let answered = tokio::time::timeout(self.timeout, self.answer(request)).await;
        answered.unwrap_or_else(|_| Err(self.timed_out()))
    }

    async fn answer(&self, request: reqwest::Request) -> Result<Response, Error> {
        let network = |error: reqwest::Error| self.network_error(&error.without_url());
        let mut answer = self.client.execute(request).await.map_err(network)?;
        let (status, headers) = (answer.status().as_u16(), kept(answer.headers()));
        // reqwest removes the header where it decompresses the body.
        let encoded = answer.headers().get(CONTENT_ENCODING).cloned();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(network)? {
            // Chunks are counted after decompression, so a small answer cannot grow without bound.
            if body.len() + chunk.len() > self.max_body {
                let detail = format!("it is larger than {} MiB", self.max_body >> 20);
                return Err(Error::network(NetworkError::InvalidBody, detail));
            }
            body.extend_from_slice(&chunk);
        }
        if encoded.is_some_and(|coding| coding != "identity") && !body.is_empty() {
            let detail = "it is compressed in a way that the request does not accept";
            return Err(Error::network(NetworkError::InvalidBody, detail));
        }
        // An answer that echoes the credential must not bring it into a recording.
        Ok(self.keys.mask_response(wire::Response { status, headers, body }))
    }

    /// Explains what happened to a request, without its path and query, which may contain a token.
    fn network_error(&self, error: &reqwest::Error) -> Error {
        // Asked first, because connecting can time out as well, and then nothing was sent.
        if error.is_connect() {
            return self.connect_error(error);
        }
        if error.is_timeout() {
            return self.timed_out();
        }
        // The client refuses the request itself, `https_only` for example.
        if error.is_builder() {
            return Error::setup(format!("cannot be sent: {}", root_cause(error)));
        }
        let kind = if is_badly_encoded(error) {
            NetworkError::InvalidBody
        } else {
            NetworkError::ConnectionLost
        };
        Error::network(kind, root_cause(error))
    }

    fn timed_out(&self) -> Error {
        Error::network(NetworkError::Timeout, format!("no answer within {:?}", self.timeout))
    }

    fn connect_error(&self, error: &reqwest::Error) -> Error {
        let origin = self.base.origin().ascii_serialization();
        if is_out_of_files(error) {
            let detail = format!("{origin}: too many files are open");
            return Error::network(NetworkError::Connect, detail).out_of_files();
        }
        let cause = if error.is_timeout() {
            format!("no connection within {:?}", connect_timeout(self.timeout))
        } else {
            root_cause(error)
        };
        let advice = if self.is_local() {
            "is the base URL right, and is the network up?"
        } else {
            "is the base URL right, and are the network and the proxy (if any) up?"
        };
        Error::network(NetworkError::Connect, format!("{origin}: {cause}; {advice}"))
    }
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let sent = match self.build(&request) {
            Ok(built) => self.exchange(built).await,
            Err(error) => Err(error),
        };
        // A server's certificate, for example, may repeat the credential in its error.
        let masked = |error: Error| error.reworded(|words| self.keys.mask(words));
        sent.map_err(|error| masked(error).for_request(&request))
    }
}

/// Parses the base URL of a service: `https` for any host, plain `http` for loopback only, and nothing after the path.
///
/// ```
/// use drillmaster_transport::base_url;
/// assert_eq!(base_url("https://training.example/api")?.path(), "/api");
/// assert!(base_url("http://training.example").unwrap_err().is_setup());
/// # Ok::<(), drillmaster_transport::Error>(())
/// ```
pub fn base_url(text: &str) -> Result<Url, Error> {
    // Shown without the query, where keys end up by mistake.
    let shown = text.split(['?', '#']).next().unwrap_or_default();
    let refuse = |why: &str| Err(Error::setup(format!("`{shown}` is not a base URL: {why}")));
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
        return refuse("it has no host; write it as https://host");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("it must end after the path");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => refuse("plain http would send the key unencrypted; use https"),
        _ => refuse("only https is supported"),
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

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = headers.iter().filter(|(name, _)| is_kept(name.as_str()));
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    kept.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// The headers that matter to callers. Cookies, dates and server names are dropped.
fn is_kept(name: &str) -> bool {
    matches!(name, "content-type" | "location" | "retry-after")
        || name.starts_with("ratelimit")
        || name.starts_with("x-ratelimit")
}

/// An error and what caused it, one by one.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |error| StdError::source(*error))
}

/// Whether a body came complete and cannot be decompressed. A connection that broke has an error of hyper as its
/// cause; a decompressor's own error is an I/O error directly below those of reqwest.
fn is_badly_encoded(error: &reqwest::Error) -> bool {
    let cause = causes(error).find(|cause| !cause.is::<reqwest::Error>());
    error.is_decode() && cause.is_some_and(<dyn StdError>::is::<io::Error>)
}

/// Whether a connection failed because no more files can be opened.
fn is_out_of_files(error: &reqwest::Error) -> bool {
    // `io::ErrorKind` has no variant for them.
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    let code = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()?.raw_os_error());
    cfg!(unix) && code.is_some_and(|code| [EMFILE, ENFILE].contains(&code))
}

/// The innermost cause, which is what happened; the errors around it say where in the client it happened.
fn root_cause(error: &reqwest::Error) -> String {
    let Some(cause) = causes(error).last() else { return error.to_string() };
    match cause.downcast_ref::<io::Error>().filter(|error| error.raw_os_error().is_some()) {
        // The words of the kind are the same on every system.
        Some(error) => error.kind().to_string(),
        None => cause.to_string(),
    }
}

#[cfg(test)]
mod tests;
