//! The samples of the Security Labs document: as they stand there, and widened until every list has
//! something in it.

use std::io::{Read, Write};
use std::net::TcpStream;

use drillmaster_sandbox::VERACODE_KEY;
use serde_json::{Value, json};

use super::shape::{fits, fits_and_is_full};
use crate::server::{Answer, Server};

/// What the document's samples narrow by.
const CAMPAIGNS: &str = "campaignIds=5f5f18ff9dad493352660d2a,5f5f19099dad493352660d2b";
const ROLES: &str = "roleIds=5f5f190f9dad493352660d2c,5f5f19159dad493352660d2d";
const WINDOW: &str = "startTime=1600067874107&endTime=1600067881636";
const ORDER: &str = "sort=name&sortType=ASC&phrase=Chris&limit=10&page=0";

const ADMIN: &str = "cb4f412c59ef801d0e6de1c6";
const LESSON: &str = "5a5999d4ca50092ec5345ec4";
const ROLE: &str = "4bd68695e165af6ced227afz";

#[track_caller]
fn ask(server: &Server, line: &str, body: &str) -> Answer {
    server.call().send_with(line, &[("auth", VERACODE_KEY)], body.as_bytes())
}

/// A sample as the document has it, and a request for the same that finds something.
#[track_caller]
fn check(sample: &str, wide: &str, shape: &Value) {
    let server = Server::start("");
    let answer = ask(&server, &format!("GET {sample}"), "");
    assert_eq!(answer.status, 200, "{}", answer.json());
    fits(&answer.json(), shape);
    let answer = ask(&server, &format!("GET {wide}"), "");
    assert_eq!(answer.status, 200, "{}", answer.json());
    fits_and_is_full(&answer.json(), shape);
}

fn pages() -> Value {
    json!({
        "current": "Number",
        "previous": "Number|null",
        "next": "Number|null",
        "limit": "Number",
        "total": "Number",
        "currentUrl": "String",
        "nextUrl": "String|null",
        "previousUrl": "String|null",
    })
}

fn role() -> Value {
    json!({ "id": "String", "name": "String" })
}

#[test]
fn users() {
    let shape = json!({ "nextPage": "String|Null", "users": [{
        "id": "String",
        "email": "String",
        "isAdmin": "Boolean",
        "isDisabled": "Boolean",
        "joined": "Boolean",
        // Whoever has not joined was never active.
        "lastActive": "Number|Null",
        "roles": ["String"],
    }] });
    check("/api/users?page=0", "/api/users?page=1", &shape);
}

#[test]
fn users_details() {
    let shape = json!({ "pages": pages(), "users": [{
        "id": "String",
        "lastActive": "Number|null",
        "labsCompleted": "Number",
        "percentRequiredComplete": "Number",
        "points": "Number",
        "name": "String|null",
        "roles": [role()],
    }] });
    let sample = format!("/api/users/details?{CAMPAIGNS}&{ROLES}&{WINDOW}&{ORDER}");
    check(&sample, "/api/users/details?sort=name&phrase=a&limit=10", &shape);
}

#[test]
fn user_progress() {
    let shape = json!({
        "pointsRequired": "Number",
        "pointsPossible": "Number",
        "lessons": [{
            "module": "String",
            "lessonId": "String",
            "lessonName": "String",
            "lastVisited": "String",
            "status": "String",
            "minutes": "Number",
            "points": "Number",
            "startRating": "Number|null",
            "endRating": "Number|null",
        }],
    });
    let path = format!("/api/users/{ADMIN}/progress");
    check(&path, &path, &shape);
}

const UPDATE: &str = r#"{
    "email": "test@hunter2.com",
    "name": "test",
    "admin": false,
    "disabled": false,
    "roleIds": ["4acc432b734d1d55c318ef58"]
}"#;

fn updated() -> Value {
    json!({
        "email": "test@hunter2.com",
        "name": "test",
        "admin": false,
        "disabled": false,
        "roleIds": ["4acc432b734d1d55c318ef58"],
    })
}

#[test]
fn put_user() {
    let server = Server::start("");
    let answer = ask(&server, &format!("PUT /api/users/{ADMIN}"), UPDATE);
    assert_eq!(answer.status, 200);
    fits_and_is_full(&answer.json(), &updated());
}

/// The samples with `curl -0` speak HTTP/1.0.
#[test]
fn put_user_in_http_1_0() {
    let server = Server::start("");
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = UPDATE.len();
    write!(
        stream,
        "PUT /api/users/{ADMIN} HTTP/1.0\r\nContent-Type: application/json\r\n\
         auth: {VERACODE_KEY}\r\nContent-Length: {length}\r\n\r\n{UPDATE}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200 OK"), "{head}");
    fits(&serde_json::from_str(body).unwrap(), &updated());
}

#[test]
fn delete_user() {
    let server = Server::start("");
    let answer = ask(&server, &format!("DELETE /api/users/{ADMIN}"), "");
    assert_eq!((answer.status, answer.json()), (200, json!({})));
    let again = ask(&server, &format!("DELETE /api/users/{ADMIN}"), "");
    assert_eq!((again.status, again.words().as_str()), (400, "User not found"));
}

#[test]
fn onboarding() {
    let shape = json!({
        "milestones": {
            "total": "Number",
            "finished": "Number",
            "notStarted": "Number",
            "notSignedUp": "Number",
            "started": "Number",
        },
        "pages": pages(),
        "users": [{
            "id": "String",
            "lastActive": "Number|null",
            "milestone": "finished|started|notStarted|notSignedUp",
            "name": "String|null",
            "roles": [role()],
        }],
    });
    let sample = format!("/api/onboarding?{CAMPAIGNS}&{ROLES}&{WINDOW}&{ORDER}");
    check(&sample, "/api/onboarding?sort=milestone&sortType=DESC", &shape);
}

#[test]
fn campaigns_progress() {
    let milestones = json!({
        "total": "Number",
        "finished": "Number",
        "notStarted": "Number",
        "started": "Number",
    });
    let shape = json!({
        "milestones": milestones,
        "assignments": [{
            "title": "String",
            "labs": [{ "title": "String", "milestones": milestones }],
        }],
        "pages": pages(),
        "users": [{
            "id": "String",
            "lastActive": "Number|null",
            "milestone": "finished|started|notStarted",
            "name": "String|null",
            "roles": [role()],
        }],
    });
    let sample = format!("/api/campaigns/progress?{CAMPAIGNS}&{ROLES}&{ORDER}");
    let wide = format!("/api/campaigns/progress?{CAMPAIGNS}&includeOptionalLabs=true");
    check(&sample, &wide, &shape);
    // The query of the document's list of endpoints.
    check("/api/campaigns/progress?page=0", &wide, &shape);
}

#[test]
fn engagement_time() {
    let sample = format!("/api/engagement/time?{CAMPAIGNS}&{ROLES}");
    let server = Server::start("");
    let narrow = ask(&server, &format!("GET {sample}"), "");
    // There may be nobody of whom to take the median.
    fits(&narrow.json(), &json!({ "duration": "Number|Null" }));
    let wide = ask(&server, "GET /api/engagement/time", "");
    fits(&wide.json(), &json!({ "duration": "Number" }));
}

#[test]
fn progress() {
    let shape = json!({ "nextPage": "String|Null", "users": [{
        "id": "String",
        "email": "String",
        "name": "String|null",
        "labsCompleted": "Number",
        // A number in the format, a date in the example.
        "lastActive": "Number|String|null",
        "totalPoints": "Number",
        "labsStarted": "Number",
        // So in the format; the example says `disabled`.
        "accountDisabled": "Boolean",
        "requiredCompletionPercent": "Number",
        "pointsRequired": "Number",
        "pointsPossible": "Number",
        "lessons": [{
            "lessonId": "String",
            "lessonName": "String",
            "module": "String",
            "startTime": "Number",
            "endTime": "Number|String|null",
            "startRating": "Number|null",
            "endRating": "Number|null",
            "lastStepReached": "Number",
            "status": "String",
            "points": "Number",
        }],
        "roles": ["String"],
    }] });
    check("/api/progress?page=0", "/api/progress", &shape);
}

#[test]
fn lessons() {
    let shape = json!({ "nextPage": "String|Null", "lessons": [{
        "id": "String",
        "title": "String",
        "module": "String",
        "points": "Number",
        "roles": ["String"],
    }] });
    check("/api/lessons?page=0", "/api/lessons", &shape);
}

#[test]
fn lesson_progress() {
    let shape = json!({
        "nextPage": "String|Null",
        "id": LESSON,
        "title": "String",
        "module": "String",
        "points": "Number",
        "roles": ["String"],
        "users": [{
            "id": "String",
            "startTime": "Number|null",
            "endTime": "Number|String|null",
            "startRating": "Number|null",
            "endRating": "Number|null",
            "lastStepReached": "Number|null",
            "status": "String",
        }],
    });
    let path = format!("/api/lessons/{LESSON}/progress");
    check(&format!("{path}?page=0"), &path, &shape);
}

#[test]
fn search_lessons() {
    let shape = json!({
        "pages": pages(),
        "lessons": [{
            "challenge": "Boolean",
            "description": "String",
            "stack": "String",
            "tags": ["String"],
            "title": "String",
            "topic": "String",
            "url": "String",
        }],
    });
    check("/api/lessons/search?phrase=XSS", "/api/lessons/search?limit=10&page=1", &shape);
}

#[test]
fn roles() {
    let shape = json!([{
        "id": "String",
        "name": "String",
        "default": "Boolean",
        "public": "Boolean",
        "users": ["String"],
        "invitedUsers": ["String"],
    }]);
    check("/api/roles", "/api/roles", &shape);
}

#[test]
fn role_progress() {
    let shape = json!([{ "nextPage": "String|Null", "id": ROLE, "name": "Developers", "users": [{
        "id": "String",
        "email": "String",
        "name": "String|null",
        "percentComplete": "Number",
        "percentRequiredComplete": "Number",
    }] }]);
    let path = format!("/api/roles/{ROLE}/progress");
    check(&format!("{path}?page=0"), &path, &shape);
}

#[test]
fn post_invites() {
    let body = r#"{
        "email": "test@hunter2.com",
        "senderId": "cb4f412c59ef801d0e6de1c6",
        "roleIds": ["4acc432b734d1d55c318ef58"],
        "admin": false,
        "sendEmail": true
    }"#;
    let shape = json!({
        "email": "test@hunter2.com",
        "senderId": "cb4f412c59ef801d0e6de1c6",
        "roleIds": ["String"],
        "admin": false,
    });
    for (flags, status) in [("", 201), ("--invite-outcome 200", 200)] {
        let server = Server::start(flags);
        let answer = ask(&server, "POST /api/invites", body);
        assert_eq!(answer.status, status);
        fits_and_is_full(&answer.json(), &shape);
    }
}
