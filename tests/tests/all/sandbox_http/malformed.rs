//! Whatever arrives is answered, in JSON, and the connection stays open.

use drillmaster_sandbox::{THM_KEY, VERACODE_KEY};

use crate::server::{Answer, Caller, Server};

const SEATS: &str = "PUT /api/v2/external/seats/users";
const INVITES: &str = "POST /api/invites";

/// The same connection still answers.
#[track_caller]
fn still_open(caller: &mut Caller) {
    assert_eq!(caller.send("GET /external/api/rooms", "").status, 200);
}

/// Sends something and expects a refusal in JSON on a connection that stays open.
#[track_caller]
fn refused(line: &str, body: &[u8], status: u16) -> Answer {
    let server = Server::start("");
    let mut caller = server.call();
    let keys = [("THM-API-KEY", THM_KEY), ("auth", VERACODE_KEY)];
    let answer = caller.send_with(line, &keys, body);
    assert_eq!(answer.status, status, "{}", answer.words());
    assert!(!answer.words().is_empty());
    still_open(&mut caller);
    answer
}

#[test]
fn a_body_that_is_no_json() {
    for body in [&b"{\"email\": "[..], b"email=ada@example.com", b"\xff\xfe\x00", b"[]", b"7"] {
        refused(SEATS, body, 400);
        refused(INVITES, body, 400);
    }
}

#[test]
fn an_empty_body() {
    assert_eq!(refused(SEATS, b"", 400).words(), "email is required.");
    assert_eq!(refused(INVITES, b"", 400).words(), "Email is invalid");
}

#[test]
fn a_body_of_another_type() {
    for email in ["null", "7", "[]", "{}", "true", "\"\""] {
        refused(SEATS, format!("{{\"email\": {email}}}").as_bytes(), 400);
        refused(INVITES, format!("{{\"email\": {email}}}").as_bytes(), 400);
    }
}

#[test]
fn a_body_that_is_nested_without_end() {
    let body = "[".repeat(100_000);
    refused(SEATS, body.as_bytes(), 400);
    refused(INVITES, format!("{{\"email\": {body}").as_bytes(), 400);
}

#[test]
fn a_query_that_cannot_be_decoded() {
    let server = Server::start("");
    let mut caller = server.call();
    for query in ["roomCode=%zz", "roomCode=%ff%fe", "roomCode=%00", "roomCode", "=", "&&&", "%"] {
        let answer = caller.send(&format!("GET /api/v2/external/scoreboard?{query}"), "");
        assert!([400, 404].contains(&answer.status), "{query}: {}", answer.status);
        assert!(!answer.words().is_empty());
    }
    still_open(&mut caller);
}

#[test]
fn a_path_that_cannot_be_decoded() {
    let server = Server::start("");
    let mut caller = server.call();
    for id in ["%zz", "%ff", "%00", "..", "%2e%2e", "%2F", "a%20b"] {
        let answer = caller.send(&format!("GET /api/users/{id}/progress"), "");
        assert!([400, 404].contains(&answer.status), "{id}: {}", answer.status);
        assert!(!answer.words().is_empty());
    }
    still_open(&mut caller);
}

#[test]
fn numbers_beyond_all_bounds() {
    let server = Server::start("");
    let mut caller = server.call();
    let huge = "9".repeat(40);
    for page in ["-1", "1.5", "x", huge.as_str(), "18446744073709551615"] {
        let answer = caller.send(&format!("GET /api/users?page={page}"), "");
        assert!(answer.status == 200 || answer.status == 400, "{page}: {}", answer.status);
        assert!(answer.json().is_object());
        let answer = caller.send(&format!("GET /api/users/details?page={page}"), "");
        assert!(answer.status == 200 || answer.status == 400, "{page}: {}", answer.status);
        let window = format!("startTime={page}&endTime={page}");
        let answer = caller.send(&format!("GET /api/onboarding?{window}"), "");
        assert!(answer.status == 200 || answer.status == 400, "{page}: {}", answer.status);
    }
    still_open(&mut caller);
}

#[test]
fn a_path_that_is_none() {
    for path in
        ["/", "/api", "/external/api/nothing", "/_sandbox", "//", "/api/users/", "/API/USERS"]
    {
        refused(&format!("GET {path}"), b"", 404);
    }
}

#[test]
fn the_other_dialects_paths_are_none() {
    refused("GET /external/api/scoreboard/linux1", b"", 404);
    let server = Server::start("--dialect legacy");
    let answer = server.call().send(SEATS, r#"{"email": "ayse.arslan@example.com"}"#);
    assert_eq!(answer.status, 404, "{}", answer.words());
}

#[test]
fn a_method_that_is_not_the_endpoints() {
    let answer = refused("PATCH /api/v2/external/seats/users", b"{}", 405);
    assert_eq!(answer.header("allow"), Some("PUT, DELETE"));
    refused("POST /_sandbox/writes", b"", 405);
    refused("BREW /api/users", b"", 405);
}

#[test]
fn fields_that_no_document_has_are_passed_over() {
    let server = Server::start("");
    let body = r#"{"email": "ayse.arslan@example.com", "colour": "red"}"#;
    assert_eq!(server.call().send(SEATS, body).status, 200);
    assert_eq!(server.call().send("GET /api/users?page=0&colour=red", "").status, 200);
}

#[test]
fn the_names_of_headers_are_the_same_in_any_case() {
    let server = Server::start("");
    for name in ["THM-API-KEY", "thm-api-key", "Thm-Api-Key"] {
        let answer = server.call().send_with("GET /external/api/users", &[(name, THM_KEY)], b"");
        assert_eq!(answer.status, 200);
    }
}

#[test]
fn a_header_that_is_no_text() {
    let server = Server::start("");
    let mut caller = server.call();
    let answer = caller.send_with("GET /external/api/users", &[("THM-API-KEY", "\u{e9}")], b"");
    assert_eq!(answer.status, 403);
    still_open(&mut caller);
}

#[test]
fn people_who_call_at_once_are_all_answered() {
    let server = Server::start("");
    std::thread::scope(|scope| {
        for number in 0..16 {
            let server = &server;
            scope.spawn(move || {
                let body = format!(r#"{{"extUserId": "new-{number}", "roomCode": "linux1"}}"#);
                let answer = server.call().send("POST /external/api/authenticate", &body);
                assert_eq!(answer.status, 200);
            });
        }
    });
    assert_eq!(server.writes()["thm.authenticate"].as_object().map(serde_json::Map::len), Some(16));
}
