//! The credential is sent as the endpoint declares, and nowhere else.

use std::sync::Arc;

use drillmaster_models::thm::{Authenticate, Register, ShowScoreboard};
use drillmaster_models::veracode::DeleteUser;
use drillmaster_models::{Dialect, Endpoint, wire};
use drillmaster_transport::{Connection, Http, Purpose, Request, SecretString, Transport};

use crate::network_errors::closed_port;
use crate::server::{Act, SECRET, Server, answer, json};

fn scoreboard() -> ShowScoreboard {
    ShowScoreboard { room_code: "linux1".to_owned() }
}

fn authenticate() -> Authenticate {
    Authenticate { ext_user_id: "7".to_owned(), room_code: "linux1".to_owned() }
}

/// The only line of a request with the credential.
fn line_with(secret: &str, request: &str) -> String {
    let lines: Vec<_> = request.split("\r\n").filter(|line| line.contains(secret)).collect();
    assert_eq!(lines.len(), 1, "{request}");
    assert_eq!(lines[0].matches(secret).count(), 1, "{request}");
    lines[0].to_owned()
}

#[tokio::test]
async fn it_is_sent_in_the_header_of_its_service() {
    let server = Server::doing([
        Act::Say(json("200 OK", r#"{"status":"success","data":[]}"#)),
        Act::Say(json("200 OK", "{}")),
    ])
    .await;
    let connection = server.connection();
    connection.send(&scoreboard()).await.unwrap();
    // A DELETE needs it as well, although the documentation's sample lacks it.
    let delete = DeleteUser { id: "u1".to_owned() };
    let _ = connection.send(&delete).await;
    let seen = server.seen();
    assert_eq!(line_with(SECRET, &seen[0]), format!("thm-api-key: {SECRET}"));
    assert_eq!(line_with(SECRET, &seen[1]), format!("auth: {SECRET}"));
}

#[tokio::test]
async fn it_is_sent_as_a_form_field_in_the_legacy_dialect() {
    let server = Server::saying(json("200 OK", r#"{"url":"https://x.example/1"}"#)).await;
    let key = SecretString::from("k&y=+1");
    let connection = Connection::new(Http::new(&server.address, key).unwrap());
    let connection = connection.with_dialect(Dialect::Legacy);
    connection.send(&authenticate()).await.unwrap();
    let seen = server.seen();
    let line = line_with("k%26y%3D%2B1", &seen[0]);
    assert_eq!(line, "apiKey=k%26y%3D%2B1&userId=7&roomCode=linux1");
    assert!(!seen[0].contains("k&y"), "{}", seen[0]);
}

#[tokio::test]
async fn an_endpoint_without_a_credential_gets_none() {
    let server = Server::saying(answer("302 Found", "location: /signup\r\n", "")).await;
    let request = Register { token: "t".to_owned() };
    server.connection().send(&request).await.unwrap();
    let seen = server.seen().concat();
    for part in SECRET.split(':') {
        assert!(!seen.contains(part), "{seen}");
    }
}

#[tokio::test]
async fn it_is_never_sent_to_another_origin() {
    let server = Server::saying(json("200 OK", "{}")).await;
    let elsewhere = Server::saying(json("200 OK", "{}")).await;
    let host = elsewhere.address.trim_start_matches("http://");
    for target in [
        format!("@{host}/"),
        format!(":pw@{host}/"),
        format!("//{host}/"),
        format!("/\\{host}/"),
        ".example/".to_owned(),
        "0/".to_owned(),
    ] {
        let request = Request {
            wire: Arc::new(wire::Request {
                method: ShowScoreboard::METADATA.method,
                target: target.clone(),
                headers: Vec::new(),
                body: Vec::new(),
            }),
            metadata: &const { ShowScoreboard::METADATA },
            scope: "main".into(),
            ordinal: 0,
            purpose: Purpose::Call,
        };
        // It may be an error or a strange path, but the other host must not get it.
        let _ = server.http().send(request).await;
        assert!(elsewhere.seen().is_empty(), "{target}");
    }
}

#[tokio::test]
async fn an_echo_is_masked_in_every_encoding() {
    let key = r#"pass"word/1+2"#;
    let spellings = [r#"pass"word/1+2"#, r#"pass\"word/1+2"#, "pass%22word%2F1%2B2"];
    for spelling in spellings {
        let server = Server::saying(answer(
            "302 Found",
            &format!("location: /next?key={spelling}\r\n"),
            format!("you sent {spelling}, {spelling}."),
        ))
        .await;
        let http = Http::new(&server.address, SecretString::from(key)).unwrap();
        let answer = http.send(request()).await.unwrap();
        assert_eq!(answer.header("location"), Some("/next?key=[credential]"));
        let body = String::from_utf8(answer.body).unwrap();
        assert_eq!(body, "you sent [credential], [credential].");
    }
}

#[tokio::test]
async fn an_echo_is_masked_across_chunks_and_in_every_kept_header() {
    let (start, end) = SECRET.split_at(SECRET.len() / 2);
    let small = SECRET.to_lowercase().replace(':', "%3a");
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let head = format!(
        "HTTP/1.1 429 Too Many Requests\r\ntransfer-encoding: chunked\r\nretry-after: {small}\r\n\
         x-ratelimit-reset: {SECRET}\r\nx-ratelimit-a-key-of-the-tests: 1\r\n\r\n"
    );
    let answer = [head, chunk(start), chunk(end), chunk("")].concat();
    let server = Server::saying(answer.into_bytes()).await;
    let answer = server.http().send(request()).await.unwrap();
    assert_eq!(answer.body, b"[credential]:[credential]");
    let told = format!("{:?}", answer.headers);
    assert_eq!(told.matches("[credential]").count(), 5, "{told}");
    assert!(!told.contains("a-key-of") && !told.contains("a-secret-of"), "{told}");
}

#[tokio::test]
async fn each_half_of_a_pair_is_masked_and_other_bytes_are_kept() {
    let (key, secret) = SECRET.split_once(':').unwrap();
    let body = [b"\xff\xfe ", key.as_bytes(), b" ", secret.as_bytes(), b" \xff"].concat();
    let server = Server::saying(answer("403 Forbidden", "", body)).await;
    let answer = server.http().send(request()).await.unwrap();
    assert_eq!(answer.body, b"\xff\xfe [credential] [credential] \xff");
}

#[tokio::test]
async fn a_credential_that_is_not_a_valid_header_is_an_error_and_nothing_is_sent() {
    let server = Server::doing([]).await;
    let key = SecretString::from("line one\nline two");
    let connection = Connection::new(Http::new(&server.address, key).unwrap());
    let error = connection.send(&scoreboard()).await.unwrap_err();
    assert!(error.is_setup() && !error.is_in_doubt());
    assert!(!format!("{error} {error:?}").contains("line one"));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn neither_errors_nor_debug_show_it_or_a_token() {
    let http = Http::new(&closed_port(), SecretString::from(SECRET)).unwrap();
    let debug = format!("{http:?}");
    let request = Register { token: "token-of-a-person".to_owned() };
    let error = Connection::new(http.clone()).send(&request).await.unwrap_err();
    let lost = Connection::new(http).send(&scoreboard()).await.unwrap_err();
    let told = format!("{debug} {error} {error:?} {lost} {lost:?}");
    assert!(told.contains("thm.register: cannot connect"), "{told}");
    for hidden in ["token-of-a-person", "a-key-of", "a-secret-of"] {
        assert!(!told.contains(hidden), "{told}");
    }
}

fn request() -> Request {
    crate::scripted::request(&scoreboard())
}
