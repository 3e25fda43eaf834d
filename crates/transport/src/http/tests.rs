//! The size limit, with a limit that tests can reach.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use drillmaster_models::thm::{AddSeat, ListUsers};
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::{Connection, Retry};

const LIMIT: usize = 1 << 20;

/// Answers every request with a compressed body of this size, and counts the requests.
async fn serve(size: usize) -> (Connection, Arc<AtomicUsize>) {
    let mut body = GzEncoder::new(Vec::new(), flate2::Compression::default());
    body.write_all(&vec![b' '; size]).unwrap();
    let body = body.finish().unwrap();
    assert!(body.len() < LIMIT / 100, "the compressed size is not the point");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            // The client hangs up once it has seen too much.
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        }
    });
    let http = Http::new(&base, SecretString::from("a-key")).unwrap();
    (Connection::new(Retry::new(Http { max_body: LIMIT, ..http })), requests)
}

#[tokio::test]
async fn an_answer_over_the_limit_is_fetched_once() {
    let (connection, requests) = serve(LIMIT + 1).await;
    let error = connection.send(&ListUsers {}).await.unwrap_err();
    assert_eq!(error.network_error(), Some(NetworkError::InvalidBody), "{error}");
    assert!(error.to_string().contains("larger than 1 MiB"), "{error}");
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_write_whose_answer_is_over_the_limit_is_in_doubt() {
    let (connection, requests) = serve(LIMIT + 1).await;
    let seat = AddSeat { email: "ada@example.com".to_owned() };
    let error = connection.send(&seat).await.unwrap_err();
    assert!(error.is_in_doubt() && !error.is_retryable(), "{error}");
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_answer_at_the_limit_is_read() {
    let (connection, _) = serve(LIMIT).await;
    let error = connection.send(&ListUsers {}).await.unwrap_err();
    // It is all blanks, which is no JSON.
    assert!(error.failure().is_some(), "{error}");
}
