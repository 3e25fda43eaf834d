//! Requests and answers that get lost: which writes are in doubt, and which requests may be sent again.

use std::io::Write as _;
use std::time::Duration;

use drillmaster_models::thm::{AddSeat, ShowScoreboard};
use drillmaster_transport::{Connection, Error, Http, NetworkError, SecretString};
use flate2::write::GzEncoder;

use crate::server::{Act, SECRET, Server, answer, json};

fn read() -> ShowScoreboard {
    ShowScoreboard { room_code: "linux1".to_owned() }
}

fn write(number: u32) -> AddSeat {
    AddSeat { email: format!("learner-{number}@example.com") }
}

fn seated() -> Vec<u8> {
    json("200 OK", r#"{"status":"success","data":{"username":"ada"}}"#)
}

/// The URL of a port on which nothing listens.
pub(crate) fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// What a server does to a request, and how the client sees it.
type Trouble = (&'static str, NetworkError, Box<dyn Fn() -> Act>);

/// The errors of a read and of a write to a server that does this.
async fn both(act: impl Fn() -> Act) -> (Error, Error) {
    let server = Server::doing([act(), act()]).await;
    // A server that stalls is waited for this long.
    let http = Http::builder(&server.address).timeout(Duration::from_millis(200));
    let http = http.build(SecretString::from(SECRET)).unwrap();
    let connection = Connection::new(http);
    let on_read = connection.send(&read()).await.unwrap_err();
    let on_write = connection.send(&write(1)).await.unwrap_err();
    assert_eq!(server.seen().len(), 2, "each was sent once");
    (on_read, on_write)
}

#[tokio::test]
async fn a_refused_connection_has_sent_nothing() {
    let http = Http::new(&closed_port(), SecretString::from(SECRET)).unwrap();
    let error = Connection::new(http).send(&write(1)).await.unwrap_err();
    assert_eq!(error.network_error(), Some(NetworkError::Connect));
    assert!(!error.is_in_doubt() && error.is_retryable());
    assert_eq!(error.endpoint(), Some("thm.add_seat"));
}

#[tokio::test]
async fn a_refused_connection_names_the_address_and_what_to_check() {
    let port = closed_port();
    let http = Http::new(&format!("{port}/below"), SecretString::from(SECRET)).unwrap();
    let error = Connection::new(http).send(&read()).await.unwrap_err().to_string();
    assert_eq!(
        error.split_once(": ").unwrap().1,
        format!(
            "cannot connect: {port}: connection refused; \
             is the base URL right, and is the network up?"
        )
    );
}

#[tokio::test]
async fn a_request_that_gets_lost_after_it_was_sent_is_in_doubt_for_a_write_and_retryable_for_a_read()
 {
    let cut = || {
        let mut bytes = seated();
        bytes.truncate(bytes.len() - 5);
        bytes
    };
    let troubles: [Trouble; 9] = [
        ("hung up on", NetworkError::ConnectionLost, Box::new(|| Act::HangUp)),
        ("reset", NetworkError::ConnectionLost, Box::new(|| Act::Reset)),
        (
            "cut head",
            NetworkError::ConnectionLost,
            Box::new(|| Act::SayAndClose(b"HTTP/1.1 20".to_vec())),
        ),
        ("cut body", NetworkError::ConnectionLost, Box::new(move || Act::SayAndClose(cut()))),
        (
            "not HTTP",
            NetworkError::ConnectionLost,
            Box::new(|| Act::Say(b"SSH-2.0-x\r\n\r\n".to_vec())),
        ),
        (
            "cut gzip",
            NetworkError::ConnectionLost,
            Box::new(|| {
                let mut bytes = answer("200 OK", "content-encoding: gzip\r\n", gzip(b"{}"));
                bytes.truncate(bytes.len() - 5);
                Act::SayAndClose(bytes)
            }),
        ),
        (
            "cut chunk",
            NetworkError::ConnectionLost,
            Box::new(|| {
                let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{";
                Act::SayAndClose(head.into())
            }),
        ),
        ("no answer", NetworkError::Timeout, Box::new(|| Act::Stall(Vec::new()))),
        ("stalled body", NetworkError::Timeout, Box::new(move || Act::Stall(cut()))),
    ];
    for (what, how, act) in troubles {
        let (on_read, on_write) = both(act).await;
        assert_eq!(on_read.network_error(), Some(how), "{what}: {on_read}");
        assert_eq!(on_write.network_error(), Some(how), "{what}: {on_write}");
        assert!(on_read.is_retryable() && !on_read.is_in_doubt(), "{what}");
        assert!(on_write.is_in_doubt() && !on_write.is_retryable(), "{what}");
    }
}

/// The same answer would come again, so a read is not repeated. A write may have taken effect.
#[tokio::test]
async fn a_body_that_cannot_be_decompressed_is_an_error_of_its_own() {
    let mut cut = gzip(br#"{"status":"success"}"#);
    cut.truncate(cut.len() - 9);
    for (coding, body) in [
        ("gzip", b"no gzip".to_vec()),
        ("gzip", cut),
        ("br", b"no brotli".to_vec()),
        ("compress", b"what nobody asked for".to_vec()),
    ] {
        let headers = format!("content-encoding: {coding}\r\n");
        let (on_read, on_write) = both(|| Act::Say(answer("200 OK", &headers, &body))).await;
        for error in [&on_read, &on_write] {
            assert_eq!(error.network_error(), Some(NetworkError::InvalidBody), "{coding}: {error}");
            assert!(!error.is_retryable(), "{coding}: {error}");
        }
        assert!(!on_read.is_in_doubt() && on_write.is_in_doubt(), "{coding}");
    }
}

/// The server accepts the connection and never answers the TLS handshake, so the request cannot be sent.
#[tokio::test]
async fn a_write_that_never_left_is_not_in_doubt_however_short_the_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    for millis in [100, 300] {
        let http = Http::builder(&base).timeout(Duration::from_millis(millis));
        let http = http.build(SecretString::from(SECRET)).unwrap();
        let error = Connection::new(http).send(&write(1)).await.unwrap_err();
        assert_eq!(error.network_error(), Some(NetworkError::Connect), "{error}");
        assert!(!error.is_in_doubt() && error.is_retryable(), "{error}");
        assert!(error.to_string().contains("no connection within"), "{error}");
    }
}

/// The runner ends a runtime after each loop. A connection ends with the runtime that opened it.
#[test]
fn a_write_on_the_next_runtime_does_not_use_a_connection_of_the_last() {
    let service = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let acts = std::iter::repeat_with(|| Act::Say(seated())).take(5);
    let server = service.block_on(Server::doing(acts));
    let connection = server.connection();
    for number in 0..5 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(connection.send(&write(number))).unwrap();
    }
    assert_eq!(server.connections(), [0, 1, 2, 3, 4]);
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// HTTP libraries like to send again in this case: the server closed a kept connection after it had read the request.
/// It may have carried it out.
#[tokio::test]
async fn a_write_on_a_kept_connection_is_not_resent() {
    for act in [Act::HangUp, Act::Reset] {
        let server = Server::doing([Act::Say(seated()), act, Act::Say(seated())]).await;
        let connection = server.connection();
        connection.send(&write(1)).await.unwrap();
        let error = connection.send(&write(2)).await.unwrap_err();
        assert!(error.is_in_doubt(), "{error}");
        connection.send(&write(3)).await.unwrap();

        let seen = server.seen();
        let arrived: Vec<_> = seen.iter().map(|text| text.lines().last()).collect();
        let sent = [1, 2, 3].map(|number| write(number).email);
        assert_eq!(arrived.len(), 3, "{seen:?}");
        for (arrived, email) in arrived.iter().zip(&sent) {
            assert!(arrived.unwrap().contains(email), "{seen:?}");
        }
        assert_eq!(server.connections(), [0, 0, 1], "the first was kept");
    }
}

/// The connection was closed before the write. That may be sent over a new one; an error must leave it in doubt.
#[tokio::test]
async fn a_write_after_a_kept_connection_was_closed_arrives_at_most_once() {
    for _ in 0..20 {
        let server = Server::doing([Act::SayAndClose(seated()), Act::Say(seated())]).await;
        let connection = server.connection();
        connection.send(&write(1)).await.unwrap();
        let second = connection.send(&write(2)).await;
        let email = write(2).email;
        let arrived = server.seen().iter().filter(|text| text.contains(&email)).count();
        match second {
            Ok(_) => assert_eq!(arrived, 1),
            Err(error) => {
                assert_eq!(arrived, 0);
                assert!(error.is_in_doubt(), "{error}");
            }
        }
    }
}
