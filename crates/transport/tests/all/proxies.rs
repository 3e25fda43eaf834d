//! TLS, proxies and SOCKS, all on this machine.
//!
//! The service is called by a name that only exists here, for services on loopback addresses are called without a
//! proxy.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use drillmaster_models::thm::{AddSeat, ListUsers};
use drillmaster_transport::reqwest::{Certificate, Client, ClientBuilder, Proxy};
use drillmaster_transport::{Connection, Error, Http, NetworkError, SecretString};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::server::SECRET;

const NAME: &str = "training.example";
const BASE: &str = "https://training.example";
/// Set for the child process of a test.
const CHILD: &str = "DRILLMASTER_TEST_CHILD";

/// A service that speaks TLS and answers every request with an empty list of users.
struct Service {
    certificate: CertificateDer<'static>,
    pem: String,
    address: SocketAddr,
    received: Arc<Mutex<String>>,
}

impl Service {
    async fn start() -> Self {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(String::new()));
        let log = received.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not trust the certificate hangs up.
                let accepted = TlsAcceptor::from(Arc::new(config.clone())).accept(stream).await;
                let Ok(mut stream) = accepted else { continue };
                let head = read_head(&mut stream).await;
                log.lock().unwrap().push_str(&head);
                let body = r#"{"status":"success","users":[]}"#;
                let answer = crate::server::json("200 OK", body);
                stream.write_all(&answer).await.unwrap();
            }
        });
        let pem = pem(&certificate);
        Self { certificate, pem, address, received }
    }

    /// A client that trusts this service.
    fn trusted(&self) -> ClientBuilder {
        Client::builder().tls_certs_only([Certificate::from_der(&self.certificate).unwrap()])
    }

    fn received(&self) -> String {
        self.received.lock().unwrap().clone()
    }
}

/// A certificate as files have it.
fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = BASE64_STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// Asks the service for its users.
async fn ask(client: ClientBuilder) -> Result<usize, Error> {
    let http = Http::builder(BASE).client(client).build(SecretString::from(SECRET)).unwrap();
    Ok(Connection::new(http).send(&ListUsers {}).await?.users.len())
}

/// Reads up to the empty line.
async fn read_head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// What a proxy received: the request for a connection, and what went through that towards the service.
#[derive(Debug, Default, Clone)]
struct Received {
    request: String,
    passed: Vec<u8>,
}

impl Received {
    fn is_encrypted(&self) -> bool {
        !self.passed.is_empty()
            && !self.passed.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes())
    }
}

/// A proxy without its handshake.
async fn listen() -> (TcpListener, String, Arc<Mutex<Received>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address, Arc::default())
}

async fn pass_on(stream: TcpStream, to: SocketAddr, log: Arc<Mutex<Received>>) {
    let (mut answers, mut to_service) = split(TcpStream::connect(to).await.unwrap());
    let (mut requests, mut to_client) = split(stream);
    tokio::spawn(async move { copy(&mut answers, &mut to_client).await });
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = requests.read(&mut chunk).await {
        log.lock().unwrap().passed.extend_from_slice(&chunk[..read]);
        to_service.write_all(&chunk[..read]).await.unwrap();
    }
}

/// An HTTP proxy that gives this answer to requests for a tunnel. Every tunnel leads to the service.
async fn http_proxy(answer: &'static str, service: SocketAddr) -> (String, Arc<Mutex<Received>>) {
    let (listener, address, received) = listen().await;
    let log = received.clone();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        log.lock().unwrap().request = read_head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        if answer.contains(" 200 ") {
            pass_on(stream, service, log).await;
        }
    });
    (address, received)
}

/// A SOCKS 5 proxy that asks for a name and a password (RFC 1928 and RFC 1929).
async fn socks_proxy(service: SocketAddr) -> (String, Arc<Mutex<Received>>) {
    let (listener, address, received) = listen().await;
    let log = received.clone();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 5);
        let methods = read_text(&mut stream).await;
        assert!(methods.contains('\u{2}'), "{methods:?}");
        stream.write_all(&[5, 2]).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 1);
        let login = [read_text(&mut stream).await, read_text(&mut stream).await].join(":");
        stream.write_all(&[1, 0]).await.unwrap();
        let mut request = [0; 4];
        stream.read_exact(&mut request).await.unwrap();
        assert_eq!(request, [5, 1, 0, 3], "connect to a host by its name");
        let host = read_text(&mut stream).await;
        let port = stream.read_u16().await.unwrap();
        stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 1]).await.unwrap();
        log.lock().unwrap().request = format!("{login}@{host}:{port}");
        pass_on(stream, service, log).await;
    });
    (address, received)
}

/// A text after its length.
async fn read_text(stream: &mut TcpStream) -> String {
    let mut text = vec![0; stream.read_u8().await.unwrap().into()];
    stream.read_exact(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_service_with_a_trusted_certificate_is_called() {
    let service = Service::start().await;
    let client = service.trusted().no_proxy();
    assert_eq!(ask(at(client, &service)).await.unwrap(), 0);
    let received = service.received();
    assert!(received.starts_with("GET /external/api/users HTTP/1.1\r\n"), "{received}");
    assert!(received.contains(SECRET), "{received}");
}

/// By the port of the service, which is not that of the URL.
fn at(client: ClientBuilder, service: &Service) -> ClientBuilder {
    client.resolve(NAME, service.address)
}

#[tokio::test]
async fn a_service_with_an_unknown_certificate_receives_nothing() {
    let service = Service::start().await;
    let client = Client::builder().no_proxy();
    let error = ask(at(client, &service)).await.unwrap_err();
    assert_eq!(error.network_error(), Some(NetworkError::Connect), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!(service.received(), "");
}

#[tokio::test]
async fn an_http_proxy_is_asked_for_a_tunnel_and_sees_nothing_of_what_goes_through() {
    let service = Service::start().await;
    let (proxy, received) = http_proxy("HTTP/1.1 200 yes\r\n\r\n", service.address).await;
    let proxy = Proxy::https(format!("http://ada:pass@{proxy}")).unwrap();
    assert_eq!(ask(service.trusted().proxy(proxy)).await.unwrap(), 0);
    let received = received.lock().unwrap().clone();
    let request = received.request.to_lowercase();
    assert!(request.starts_with("connect training.example:443 http/1.1\r\n"), "{request}");
    // `ada:pass`
    assert!(request.contains("proxy-authorization: basic ywrhonbhc3m="), "{request}");
    assert!(!received.request.contains(SECRET) && received.is_encrypted());
}

#[tokio::test]
async fn a_socks_proxy_connects_by_name_and_sees_nothing_of_what_goes_through() {
    let service = Service::start().await;
    let (proxy, received) = socks_proxy(service.address).await;
    let proxy = Proxy::all(format!("socks5h://ada:pass@{proxy}")).unwrap();
    assert_eq!(ask(service.trusted().proxy(proxy)).await.unwrap(), 0);
    let received = received.lock().unwrap().clone();
    assert_eq!(received.request, "ada:pass@training.example:443");
    assert!(received.is_encrypted());
    assert!(service.received().contains(SECRET));
}

#[tokio::test]
async fn an_error_of_a_proxy_says_that_nothing_was_sent_and_no_password() {
    let service = Service::start().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (refusing, _) =
        http_proxy("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", service.address).await;
    for (proxy, cause) in [
        (format!("http://ada:s3cret@{closed}"), "connection refused"),
        (format!("socks5h://ada:s3cret@{closed}"), "SOCKS error"),
        (format!("http://ada:s3cret@{refusing}"), "proxy"),
    ] {
        let client = service.trusted().proxy(Proxy::all(&proxy).unwrap());
        let http = Http::builder(BASE).client(client).build(SecretString::from(SECRET)).unwrap();
        let error = Connection::new(http.clone()).send(&ListUsers {}).await.unwrap_err();
        assert_eq!(error.network_error(), Some(NetworkError::Connect), "{error}");
        let shown = format!("{error} {error:?} {http:?}");
        assert!(shown.contains(cause) && shown.contains("the proxy (if any)"), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    assert_eq!(service.received(), "");
}

#[tokio::test]
async fn a_service_on_this_machine_is_called_without_a_proxy() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = Client::builder().proxy(Proxy::all(format!("http://{closed}")).unwrap());
    let body = r#"{"status":"success","users":[]}"#;
    let server = crate::server::Server::saying(crate::server::json("200 OK", body)).await;
    let http = Http::builder(&server.address).client(client);
    let http = http.build(SecretString::from(SECRET)).unwrap();
    assert!(Connection::new(http).send(&ListUsers {}).await.is_ok());
}

#[tokio::test]
async fn a_request_that_the_client_itself_refuses_was_not_sent() {
    let server = crate::server::Server::doing([]).await;
    let http = Http::builder(&server.address).client(Client::builder().https_only(true));
    let http = http.build(SecretString::from(SECRET)).unwrap();
    let seat = AddSeat { email: "ada@example.com".to_owned() };
    let error = Connection::new(http).send(&seat).await.unwrap_err();
    assert!(error.is_setup() && !error.is_in_doubt(), "{error}");
    assert!(server.seen().is_empty());
}

/// Environment variables belong to the whole process, so a child process has them.
#[tokio::test]
async fn the_proxy_that_the_environment_names_is_used() {
    let name = "proxies::the_proxy_that_the_environment_names_is_used";
    if std::env::var_os(CHILD).is_some() {
        let http = Http::new(BASE, SecretString::from(SECRET)).unwrap();
        Connection::new(http).send(&ListUsers {}).await.unwrap();
        return;
    }
    let service = Service::start().await;
    let folder = tempfile::tempdir().unwrap();
    let certificates = folder.path().join("ca.pem");
    std::fs::write(&certificates, &service.pem).unwrap();
    let (http, from_http) = http_proxy("HTTP/1.1 200 yes\r\n\r\n", service.address).await;
    let (socks, from_socks) = socks_proxy(service.address).await;
    for (variable, proxy) in [
        ("HTTPS_PROXY", format!("http://{http}")),
        ("ALL_PROXY", format!("socks5h://ada:pass@{socks}")),
    ] {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args([name, "--exact"]).env(CHILD, "1").env(variable, proxy);
        for other in
            ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"]
        {
            if other != variable {
                child.env_remove(other);
            }
        }
        // The child trusts the service because of this file.
        child.env("SSL_CERT_FILE", &certificates).env_remove("SSL_CERT_DIR");
        let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{variable}: {text}");
    }
    assert!(from_http.lock().unwrap().is_encrypted());
    assert!(from_socks.lock().unwrap().is_encrypted());
}
