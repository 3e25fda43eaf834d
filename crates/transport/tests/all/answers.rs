//! Which HTTP answers are answers of the API, and what is kept of them.

use drillmaster_models::Failure;
use drillmaster_models::thm::{AddSeat, Register, ShowScoreboard};
use drillmaster_transport::Transport;

use crate::scripted::request;
use crate::server::{Server, answer, json};

fn scoreboard() -> ShowScoreboard {
    ShowScoreboard { room_code: "linux1".to_owned() }
}

const EMPTY: &[u8] = br#"{"status":"success","data":[]}"#;

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::saying(json("200 OK", "{}")).await;
    let location = format!("location: {}/login\r\n", elsewhere.address);
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Go", "308 Go"] {
        let server = Server::saying(answer(status, &location, "")).await;
        let error = server.connection().send(&scoreboard()).await.unwrap_err();
        assert!(matches!(error.failure(), Some(Failure::NotAnApi { .. })), "{status}: {error}");
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn where_a_redirect_is_the_answer_its_location_is_returned() {
    let server = Server::saying(answer("302 Found", "location: /signup?x=1\r\n", "")).await;
    let request = Register { token: "t".to_owned() };
    let registration = server.connection().send(&request).await.unwrap();
    assert_eq!(registration.location, "/signup?x=1");
    assert!(registration.accepted);
}

#[tokio::test]
async fn a_page_is_not_an_answer_of_the_api() {
    let page = "<!doctype html><title>Log in</title>";
    for headers in ["content-type: text/html; charset=utf-8\r\n", ""] {
        for status in ["200 OK", "404 Not Found"] {
            let server = Server::saying(answer(status, headers, page)).await;
            let error = server.connection().send(&scoreboard()).await.unwrap_err();
            assert!(matches!(error.failure(), Some(Failure::NotAnApi { .. })), "{error}");
            assert!(!error.is_refusal() && !error.is_retryable());
        }
    }
}

/// Some servers answer a successful write with a page or a redirect to one.
#[tokio::test]
async fn a_write_that_is_answered_with_a_page_is_in_doubt() {
    let seat = AddSeat { email: "ada@example.com".to_owned() };
    for (status, in_doubt) in [
        ("200 OK", true),
        ("302 Found", true),
        ("303 See Other", true),
        ("307 Temporary Redirect", false),
        ("308 Permanent Redirect", false),
        ("403 Forbidden", false),
        ("502 Bad Gateway", true),
    ] {
        let page = answer(status, "location: /\r\n", "<html></html>");
        let server = Server::saying(page).await;
        let error = server.connection().send(&seat).await.unwrap_err();
        assert_eq!(error.is_in_doubt(), in_doubt, "{status}: {error}");
        assert!(!error.is_retryable(), "{status}: {error}");
    }
}

#[tokio::test]
async fn compressed_bodies_are_decompressed() {
    for (coding, body) in [("gzip", gzipped()), ("br", brotlied())] {
        let headers = format!("content-type: application/json\r\ncontent-encoding: {coding}\r\n");
        let server = Server::saying(answer("200 OK", &headers, body)).await;
        let answer = server.http().send(request(&scoreboard())).await.unwrap();
        assert_eq!(answer.body, EMPTY, "{coding}");
        let asked = server.seen().concat();
        let accepts = asked.lines().find(|line| line.starts_with("accept-encoding")).unwrap();
        assert!(accepts.contains(coding), "{accepts}");
    }
}

#[tokio::test]
async fn only_headers_that_matter_to_callers_are_kept() {
    let headers = "content-type: application/json\r\nset-cookie: session=s3cret\r\n\
                   retry-after: 3\r\nx-ratelimit-remaining: 4\r\nratelimit: \"a\";r=5\r\n\
                   server: x\r\ndate: today\r\n";
    let server = Server::saying(answer("200 OK", headers, EMPTY)).await;
    let answer = server.http().send(request(&scoreboard())).await.unwrap();
    let names: Vec<_> = answer.headers.iter().map(|(name, _)| &**name).collect();
    let kept = ["content-type", "retry-after", "x-ratelimit-remaining", "ratelimit"];
    assert_eq!(names, kept);
}

/// [`EMPTY`], compressed by `gzip`.
fn gzipped() -> Vec<u8> {
    vec![
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 42, 46, 73, 44, 41, 45, 86, 178, 82, 42, 46, 77,
        78, 78, 45, 46, 86, 210, 81, 74, 73, 44, 73, 84, 178, 138, 142, 173, 5, 0, 142, 117, 158,
        96, 30, 0, 0, 0,
    ]
}

/// [`EMPTY`] as a brotli stream of one uncompressed block and an empty last block.
fn brotlied() -> Vec<u8> {
    let length = u32::try_from(EMPTY.len() - 1).unwrap();
    // From the lowest bit: a small window, not the last block, a length of four digits, uncompressed.
    let head = (length << 4) | (1 << 20);
    [&head.to_le_bytes()[..3], EMPTY, &[0b11]].concat()
}
