//! Connections: opened, directly or through a proxy, and kept for reuse.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tower_service::Service;

use super::cause;

/// How long a connection may take to open, TLS and the way through a proxy included.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(90);
/// After so long without a word, the other side is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Sends requests over connections that it keeps.
pub(super) type Client = legacy::Client<Connector, Full<Bytes>>;

/// Makes a client. One for this machine needs no proxy, and one without TLS trusts nobody.
pub(super) fn client(is_local: bool, is_plain: bool) -> Result<Client, rustls::Error> {
    let trust = if is_plain {
        trust()?.with_root_certificates(RootCertStore::empty())
    } else {
        trust()?.with_platform_verifier()?
    };
    Ok(over(trust.with_no_client_auth(), (!is_local).then(Matcher::from_env)))
}

/// To be told whom to trust.
fn trust() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

fn over(trust: ClientConfig, proxies: Option<Matcher>) -> Client {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    let mut to_service = trust.clone();
    // Not to a proxy: that takes a connection for each tunnel.
    to_service.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let secured = (tcp.clone(), trust).into();
    let way = Way { tcp, secured, proxies: proxies.map(Arc::new) };
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_idle_timeout(IDLE).pool_timer(TokioTimer::new()).timer(TokioTimer::new());
    builder.build(Connector((way, to_service).into()))
}

type BoxError = Box<dyn StdError + Send + Sync>;
type RecorderBuilder<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Opens a connection to a service, in time.
#[derive(Clone)]
pub(super) struct Connector(HttpsConnector<Way>);

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Stream>;
    type Error = BoxError;
    type Future = RecorderBuilder<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let opening = self.0.call(to);
        Box::pin(async move {
            let late = |_| io::Error::other(format!("no connection within {CONNECT:?}"));
            tokio::time::timeout(CONNECT, opening).await.map_err(late)?
        })
    }
}

/// The way to a service: straight on, or through the proxy that the environment names.
#[derive(Clone)]
struct Way {
    tcp: HttpConnector,
    /// To a proxy that speaks TLS itself.
    secured: HttpsConnector<HttpConnector>,
    proxies: Option<Arc<Matcher>>,
}

impl Service<Uri> for Way {
    type Response = Stream;
    type Error = BoxError;
    type Future = RecorderBuilder<Stream>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(BoxError::from)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let proxy = self.proxies.as_ref().and_then(|proxies| proxies.intercept(&to));
        let (mut tcp, secured) = (self.tcp.clone(), self.secured.clone());
        Box::pin(async move {
            let Some(proxy) = proxy else {
                return Ok(MaybeHttpsStream::Http(tcp.call(to).await?));
            };
            let failed = |error| io::Error::other(format!("{}: {}", name(&proxy), cause(&error)));
            match proxy.uri().scheme_str() {
                Some("http") => {
                    let stream = tunnel(&proxy, tcp).call(to).await.map_err(failed)?;
                    Ok(MaybeHttpsStream::Http(stream))
                }
                Some("https") => Ok(tunnel(&proxy, secured).call(to).await.map_err(failed)?),
                _ => {
                    Err(io::Error::other("the proxy's address must begin with http or https")
                        .into())
                }
            }
        })
    }
}

/// The proxy for people, without its password.
fn name(proxy: &Intercept) -> String {
    let (host, port) = (proxy.uri().host().unwrap_or_default(), proxy.uri().port());
    port.map_or_else(|| format!("the proxy {host}"), |port| format!("the proxy {host}:{port}"))
}

fn tunnel<C>(proxy: &Intercept, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.uri().clone(), connector);
    match proxy.basic_auth() {
        Some(password) => tunnel.with_auth(password.clone()),
        None => tunnel,
    }
}

#[cfg(test)]
mod tests;
