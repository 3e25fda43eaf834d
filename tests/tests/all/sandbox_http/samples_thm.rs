//! The samples of TryHackMe's documents, in both dialects.

use drillmaster_sandbox::THM_KEY;
use serde_json::{Value, json};

use super::shape::{fits, fits_and_is_full};
use crate::server::{Answer, Server};

const SEATS: &str = "/api/v2/external/seats/users";

/// Somebody with an account and no seat, and an external id that nobody has.
const WAITING: &str = r#"{ "email": "ayse.arslan@example.com" }"#;
const NEWCOMER: &str = r#"{ "extUserId": "newcomer-1", "roomCode": "linux1" }"#;

/// A request with the key and nothing else.
#[track_caller]
fn current(server: &Server, line: &str, body: &str) -> Answer {
    let answer = server.call().send_with(line, &[("THM-API-KEY", THM_KEY)], body.as_bytes());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer
}

#[track_caller]
fn check(line: &str, body: &str, shape: &Value) {
    let answer = current(&Server::start(""), line, body);
    assert_eq!(answer.status, 200);
    fits_and_is_full(&answer.json(), shape);
}

/// The token in a link, which is its last part.
fn token(link: &Answer) -> String {
    let url = link.json()["url"].take();
    url.as_str().unwrap().rsplit('=').next().unwrap().to_owned()
}

/// Opens a registration, without a key, and tells where it leads.
fn registration(server: &Server, token: &str) -> Option<String> {
    let line = format!("GET /external/api/register?token={token}");
    let answer = server.call().send_with(&line, &[], b"");
    assert_eq!(answer.status, 302);
    answer.header("location").map(str::to_owned)
}

#[test]
fn register_leads_to_signup_by_a_token_and_else_to_404() {
    let server = Server::start("");
    let link = current(&server, "POST /external/api/authenticate", NEWCOMER);
    assert_eq!(registration(&server, &token(&link)).as_deref(), Some("/signup"));
    assert_eq!(registration(&server, "no-such-token").as_deref(), Some("/404"));
}

#[test]
fn authenticate_gives_a_link() {
    check("POST /external/api/authenticate", NEWCOMER, &json!({ "url": "String" }));
}

#[test]
fn authenticate_gives_the_same_link_until_somebody_registers() {
    let server = Server::start("");
    let first = current(&server, "POST /external/api/authenticate", NEWCOMER).json();
    assert_eq!(current(&server, "POST /external/api/authenticate", NEWCOMER).json(), first);
    let known = r#"{ "extUserId": "learner-0003", "roomCode": "linux1" }"#;
    let known = current(&server, "POST /external/api/authenticate", known).json();
    assert!(known["url"].as_str().unwrap().contains("/join"), "{known}");
    assert!(first["url"].as_str().unwrap().contains("/register"), "{first}");
}

#[test]
fn a_seat_is_taken_and_given_back() {
    let server = Server::start("");
    let shape = json!({ "status": "success", "data": { "username": "String" } });
    for method in ["PUT", "DELETE", "PUT"] {
        let answer = current(&server, &format!("{method} {SEATS}"), WAITING);
        assert_eq!(answer.status, 200);
        fits(&answer.json(), &shape);
    }
    let counted = server.writes();
    assert_eq!(counted["thm.add_seat"]["ayse.arslan@example.com"], 2);
    assert_eq!(counted["thm.remove_seat"]["ayse.arslan@example.com"], 1);
}

#[test]
fn scoreboard() {
    let shape = json!({ "status": "success", "data": [{
        "score": "Number",
        "tasks": { "*": [{
            "correct": "Boolean",
            "score": "Number",
            "attempts": "Number",
            "_id?": "String",
            "questionNo": "Number",
            // Whoever has not answered yet has no time of it.
            "timeCorrect?": "Date",
        }] },
        "level": "Number",
        "avatar": "String",
        "username": "String",
        "rank": "Number",
    }] });
    check("GET /api/v2/external/scoreboard?roomCode=linux1", "", &shape);
}

#[test]
fn users() {
    let shape = json!({ "status": true, "users": [{
        "username": "String",
        "email": "String",
        "avatar": "String",
        "totalPoint": "Number",
        "monthlyPoints": "Number",
        "dateSignedUp": "Date",
        "extUserId?": "String",
    }] });
    check("GET /external/api/users", "", &shape);
}

#[test]
fn leave_room() {
    let body = r#"{ "extUserId": "learner-0003", "roomCode": "linux1" }"#;
    check("POST /external/api/leaveRoom", body, &json!({}));
}

#[test]
fn rooms() {
    let room = json!({ "code": "String", "title": "String", "description": "String", "public": "Boolean" });
    check("GET /external/api/rooms", "", &json!({ "roomInfo": [room] }));
}

#[test]
fn room_exists() {
    let line = |code| format!("GET /external/api/roomExists?roomCode={code}");
    check(&line("linux1"), "", &json!({ "roomExists": true }));
    check(&line("linux99"), "", &json!({ "roomExists": false }));
}

fn questions_shape() -> Value {
    json!({ "questions": [{ "taskNo": "Integer", "infoList": [{
        "questionNo": "Integer",
        "question": "String",
        "answer": "String",
        "hint": "String",
        "extraPoints": "Integer",
    }] }] })
}

#[test]
fn questions() {
    check("GET /external/api/questions?roomCode=linux1", "", &questions_shape());
}

#[test]
fn time_report() {
    let user = json!({ "_id": "String", "username": "String", "email": "String", "totalSeconds": "Number" });
    let shape = json!({
        "status": "success",
        "data": { "users": [user], "minSeconds": "Number", "maxSeconds": "Number" },
    });
    let body = r#"{
        "userEmails": ["hassan.wiegand@example.com", "kian.rutherford@example.com"],
        "from": "2026-01-01T00:00:00.000Z",
        "to": "2026-12-31T00:00:00.000Z",
        "roomTypes": ["walkthrough", "challenge"]
    }"#;
    check("POST /api/v2/external/reports/time", body, &shape);
}

/// A form as the legacy dialect posts it, without the header.
fn post(server: &Server, path: &str, form: &str) -> Answer {
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    server.call().send_with(&format!("POST {path}"), &kind, form.as_bytes())
}

#[track_caller]
fn check_legacy(line: &str, shape: &Value) {
    let answer = current(&Server::start("--dialect legacy"), line, "");
    assert_eq!(answer.status, 200);
    fits_and_is_full(&answer.json(), shape);
}

#[test]
fn legacy_forms_carry_the_key_in_their_body() {
    let server = Server::start("--dialect legacy");
    let form = format!("apiKey={THM_KEY}&userId=newcomer-1&roomCode=linux1");
    let link = post(&server, "/external/api/authenticate", &form);
    assert_eq!(link.status, 200);
    fits(&link.json(), &json!({ "url": "String" }));
    let left = post(&server, "/external/api/leaveRoom", &form);
    assert_eq!((left.status, left.json()), (200, json!({})));
    let nameless = post(&server, "/external/api/authenticate", "userId=newcomer-1&roomCode=linux1");
    assert_eq!(
        (nameless.status, nameless.words().as_str()),
        (403, "API Key is invalid or has expired.")
    );
}

#[test]
fn legacy_scoreboard() {
    let shape = json!([{
        "name": "String",
        // The document has `["", 0]` here, without a word on it.
        "data": ["String|Number"],
        "taskData": [{
            "taskNo": "Integer",
            "questionNo": "Integer",
            "correct": "Boolean",
            "score": "Integer",
            // Null where the answer is not right yet; the document does not say what comes then.
            "timeCorrect": "Date|null",
        }],
        "totalScore": "Integer",
        "rankNo": "Integer",
        "avatar": "String",
        "level": "Integer",
    }]);
    check_legacy("GET /external/api/scoreboard/linux1", &shape);
}

#[test]
fn legacy_users() {
    let user = json!({ "username": "String", "email": "String", "dateSignedUp": "Date" });
    check_legacy("GET /external/api/users", &json!({ "status": true, "users": [user] }));
}

#[test]
fn legacy_rooms() {
    let room = json!({
        "code": "String",
        "title": "String",
        "description": "String",
        "public": "Boolean",
        "users?": ["String"],
    });
    check_legacy("GET /external/api/rooms", &json!([room]));
}

#[test]
fn legacy_room_exists() {
    check_legacy("GET /external/api/roomExists/linux1", &json!({ "roomExists": true }));
}

#[test]
fn legacy_questions() {
    check_legacy("GET /external/api/questions/linux1", &questions_shape());
}
