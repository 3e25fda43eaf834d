//! TLS and proxies, on this machine.

use std::sync::{Arc, Mutex};

use http::Request;
use http_body_util::BodyExt;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

const SECRET: &str = "7e57-5ec4e7";

/// A service that speaks TLS and says `yes` to everything.
struct Service {
    certificate: CertificateDer<'static>,
    port: u16,
    heard: Arc<Mutex<String>>,
}

impl Service {
    async fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
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
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(String::new()));
        let told = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let accepted = TlsAcceptor::from(Arc::new(config.clone())).accept(stream).await;
                // Whoever does not trust it hangs up.
                let Ok(mut stream) = accepted else { continue };
                let asked = head(&mut stream).await;
                told.lock().unwrap().push_str(&asked);
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes";
                stream.write_all(answer).await.unwrap();
            }
        });
        Self { certificate, port, heard }
    }

    fn trusted(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        trust().unwrap().with_root_certificates(roots).with_no_client_auth()
    }

    async fn ask(&self, client: &Client) -> Result<String, legacy::Error> {
        let request = Request::get(format!("https://localhost:{}/x?a=b", self.port))
            .header("thm-api-key", SECRET)
            .body(Full::default())
            .unwrap();
        let answer = client.request(request).await?;
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }
}

/// Reads up to the empty line.
async fn head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// A proxy that answers this to the first who comes, and what it heard: the request for a tunnel, and all that
/// went through it towards the service.
async fn proxy(answer: &'static str) -> (Matcher, Arc<Mutex<(String, Vec<u8>)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://ada:pass@{}", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new((String::new(), Vec::new())));
    let told = heard.clone();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = head(&mut stream).await;
        told.lock().unwrap().0 = asked.clone();
        stream.write_all(answer.as_bytes()).await.unwrap();
        let Some(to) = asked.split(' ').nth(1).filter(|_| answer.contains(" 200 ")) else { return };
        let (mut answers, mut to_service) = split(TcpStream::connect(to).await.unwrap());
        let (mut requests, mut to_client) = split(stream);
        tokio::spawn(async move { copy(&mut answers, &mut to_client).await });
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = requests.read(&mut chunk).await {
            told.lock().unwrap().1.extend_from_slice(&chunk[..read]);
            to_service.write_all(&chunk[..read]).await.unwrap();
        }
    });
    (Matcher::builder().https(address).build(), heard)
}

#[tokio::test]
async fn tls_is_spoken_with_whom_is_trusted() {
    let service = Service::start().await;
    let client = over(service.trusted(), None);
    assert_eq!(service.ask(&client).await.unwrap(), "yes");
    let heard = service.heard.lock().unwrap().clone();
    assert!(heard.starts_with("GET /x?a=b HTTP/1.1\r\n") && heard.contains(SECRET), "{heard}");
}

#[tokio::test]
async fn nobody_else_hears_anything() {
    let service = Service::start().await;
    for is_local in [true, false] {
        let refused = service.ask(&client(is_local, false).unwrap()).await.unwrap_err();
        assert!(refused.is_connect(), "{refused:?}");
    }
    assert_eq!(*service.heard.lock().unwrap(), "");
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_and_hears_nothing_of_what_goes_through() {
    let service = Service::start().await;
    let (proxies, heard) = proxy("HTTP/1.1 200 yes\r\n\r\n").await;
    let client = over(service.trusted(), Some(proxies));
    assert_eq!(service.ask(&client).await.unwrap(), "yes");
    let (asked, passed) = heard.lock().unwrap().clone();
    assert!(
        asked.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", service.port)),
        "{asked}"
    );
    // `ada:pass`
    assert!(asked.to_lowercase().contains("proxy-authorization: basic ywrhonbhc3m="), "{asked}");
    assert!(!asked.contains(SECRET));
    assert!(!passed.is_empty() && !passed.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_without_its_password() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let proxies = Matcher::builder().https(format!("http://ada:pass@127.0.0.1:{port}")).build();
    let service = Service::start().await;
    let refused = service.ask(&over(service.trusted(), Some(proxies))).await.unwrap_err();
    assert_eq!(cause(&refused), format!("the proxy 127.0.0.1:{port}: connection refused"));
}

#[tokio::test]
async fn a_proxy_that_refuses_has_sent_nothing_on() {
    let service = Service::start().await;
    let (proxies, _) = proxy("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
    let refused = service.ask(&over(service.trusted(), Some(proxies))).await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    assert_eq!(*service.heard.lock().unwrap(), "");
}
