//! What travels to TryHackMe and back, endpoint by endpoint and in both dialects.
//!
//! The snapshots are compared by hand with the vendor's documents: client and sandbox share one codec, so
//! that nothing else would notice a wrong path or field. The sample answers are written from the documents'
//! formats, with values of our own.

mod readings;
mod refusals;

use drillmaster_models::wire::Response;
use drillmaster_models::{Credential, Dialect, EndpointDef, Failure, Means, endpoint, thm};
use serde_json::{Value, json};

use Dialect::{Current, Legacy};

const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/wire");

/// Snapshots a request, its documented answer as it is read, and the same answer as a sandbox writes it.
fn check(name: &str, dialect: Dialect, fields: &Value, documented: &Response) {
    let endpoint = endpoint(name).unwrap();
    let request = endpoint.request(fields, dialect).unwrap();
    let credential = match endpoint.metadata(dialect).unwrap().credential {
        Credential::None => "none".to_owned(),
        Credential::Header(name) => format!("header {name}"),
        Credential::FormField(name) => format!("form field {name}"),
    };
    let read = endpoint.answer(documented, dialect).unwrap();
    let back = endpoint.answer_to_wire(read.clone(), dialect).unwrap();
    let text = format!(
        "{request}\n\n--- the credential goes to: {credential}\n\n--- documented\n{}\n\n--- read\n{read:#}\n\n--- written back\n{}",
        laid_out(documented),
        laid_out(&back),
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(SNAPSHOTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("{name}.{dialect}"), text));
    assert_eq!(endpoint.answer(&back, dialect).unwrap(), read, "{name} reads what it wrote");
}

/// An answer as text, its JSON on several lines.
fn laid_out(answer: &Response) -> String {
    let text = answer.to_string();
    match (serde_json::from_slice::<Value>(&answer.body), text.split_once("\n\n")) {
        (Ok(body), Some((head, _))) => format!("{head}\n\n{body:#}"),
        _ => text,
    }
}

fn ok(body: &Value) -> Response {
    Response::json(200, body)
}

fn redirect(location: &str) -> Response {
    Response {
        status: 302,
        headers: vec![("location".to_owned(), location.to_owned())],
        body: Vec::new(),
    }
}

fn page(status: u16) -> Response {
    Response {
        status,
        headers: vec![("content-type".to_owned(), "text/html; charset=utf-8".to_owned())],
        body: b"<!DOCTYPE html><title>TryHackMe</title>".to_vec(),
    }
}

/// A refusal as the v2 endpoints write it.
fn v2(status: u16, words: &str) -> Response {
    let stack = format!("Error: {words} ...");
    Response::json(status, &json!({ "status": "error", "message": words, "stack": stack }))
}

/// A refusal as the other endpoints write it.
fn plain(status: u16, words: &str) -> Response {
    Response::json(status, &json!({ "message": words }))
}

fn refused(status: u16, words: &str, means: Means) -> Result<Value, Failure> {
    Err(Failure::Refused { status, words: words.to_owned(), means })
}

fn read(name: &str, answer: &Response) -> Result<Value, Failure> {
    endpoint(name).unwrap().answer(answer, Current)
}

/// Every endpoint in each of its dialects.
fn forms() -> impl Iterator<Item = (&'static EndpointDef, Dialect)> {
    let both = |endpoint| Dialect::ALL.map(|dialect| (endpoint, dialect));
    let forms = thm::ENDPOINTS.iter().flat_map(both);
    forms.filter(|(endpoint, dialect)| endpoint.metadata(*dialect).is_ok())
}

/// Those that take a key.
fn with_key() -> impl Iterator<Item = (&'static EndpointDef, Dialect)> {
    forms().filter(|(endpoint, _)| endpoint.metadata.credential != Credential::None)
}

#[test]
fn register() {
    check("thm.register", Current, &json!({ "token": "5f9c/+8=" }), &redirect("/signup"));
}

#[test]
fn authenticate() {
    let fields = json!({ "extUserId": "staff-0017", "roomCode": "linuxfundamentalspart1" });
    let answer = ok(&json!({ "url": "https://tryhackme.com/join?token=b6d1" }));
    check("thm.authenticate", Current, &fields, &answer);
    check("thm.authenticate", Legacy, &fields, &answer);
}

#[test]
fn add_seat() {
    let answer = ok(&json!({ "status": "success", "data": { "username": "ada.lovelace" } }));
    check("thm.add_seat", Current, &json!({ "email": "ada@example.com" }), &answer);
}

#[test]
fn remove_seat() {
    let answer = ok(&json!({ "status": "success", "data": { "username": "ada.lovelace" } }));
    check("thm.remove_seat", Current, &json!({ "email": "ada@example.com" }), &answer);
}

#[test]
fn scoreboard() {
    let fields = json!({ "roomCode": "owasp top 10" });
    let answer = ok(&json!({ "status": "success", "data": [{
        "score": 24,
        "tasks": {
            "1": [{
                "correct": true, "score": 8, "attempts": 1, "_id": "6140a1",
                "questionNo": 1, "timeCorrect": "2026-02-03T09:15:00.000Z",
            }],
            "2": [{ "correct": false, "score": 0, "attempts": 3, "questionNo": 1 }],
        },
        "level": 4,
        "avatar": "https://tryhackme.com/avatars/ada.png",
        "username": "ada.lovelace",
        "rank": 1,
    }] }));
    check("thm.scoreboard", Current, &fields, &answer);

    let answer = ok(&json!([{
        "name": "ada.lovelace",
        "data": ["", 0],
        "taskData": [
            {
                "taskNo": 1, "questionNo": 1, "correct": true, "score": 8,
                "timeCorrect": "2026-02-03T09:15:00.000Z",
            },
            { "taskNo": 1, "questionNo": 2, "correct": false, "score": 0 },
            { "taskNo": 2, "questionNo": 1, "correct": true, "score": 16 },
        ],
        "totalScore": 24,
        "rankNo": 1,
        "avatar": "https://tryhackme.com/avatars/ada.png",
        "level": 4,
    }]));
    check("thm.scoreboard", Legacy, &fields, &answer);
}

#[test]
fn users() {
    let answer = ok(&json!({ "status": true, "users": [
        {
            "username": "ada.lovelace", "email": "ada@example.com",
            "avatar": "https://tryhackme.com/avatars/ada.png",
            "totalPoint": 1840, "monthlyPoints": 120,
            "dateSignedUp": "2026-01-12T08:00:00.000Z", "extUserId": "staff-0017",
        },
        {
            "username": "g.hopper", "email": "grace@example.com",
            "avatar": "https://tryhackme.com/avatars/grace.png",
            "totalPoint": 3960, "monthlyPoints": 0, "dateSignedUp": "2025-11-30T17:45:10.000Z",
        },
    ] }));
    check("thm.users", Current, &json!({}), &answer);

    let answer = ok(&json!({ "status": true, "users": [{
        "username": "ada.lovelace", "email": "ada@example.com",
        "dateSignedUp": "2026-01-12T08:00:00.000Z",
    }] }));
    check("thm.users", Legacy, &json!({}), &answer);
}

#[test]
fn leave_room() {
    let fields = json!({ "extUserId": "staff 17/b", "roomCode": "linuxfundamentalspart1" });
    check("thm.leave_room", Current, &fields, &ok(&json!({})));
    check("thm.leave_room", Legacy, &fields, &ok(&json!({})));
}

#[test]
fn rooms() {
    let answer = ok(&json!({ "roomInfo": [{
        "code": "linuxfundamentalspart1", "title": "Linux Fundamentals",
        "description": "First steps at a prompt.", "public": true,
    }] }));
    check("thm.rooms", Current, &json!({}), &answer);

    let answer = ok(&json!([
        {
            "code": "linuxfundamentalspart1", "title": "Linux Fundamentals",
            "description": "First steps at a prompt.", "public": true,
        },
        {
            "code": "our-onboarding", "title": "Onboarding", "description": "For new staff.",
            "public": false, "users": ["ada.lovelace", "g.hopper"],
        },
    ]));
    check("thm.rooms", Legacy, &json!({}), &answer);
}

#[test]
fn room_exists() {
    let fields = json!({ "roomCode": "linux#1" });
    check("thm.room_exists", Current, &fields, &ok(&json!({ "roomExists": true })));
    check("thm.room_exists", Legacy, &fields, &ok(&json!({ "roomExists": false })));
}

#[test]
fn questions() {
    let fields = json!({ "roomCode": "linuxfundamentalspart1" });
    let answer = ok(&json!({ "questions": [{ "taskNo": 1, "infoList": [
        {
            "questionNo": 1, "question": "Which command lists a folder?", "answer": "ls",
            "hint": "Two letters.", "extraPoints": 0,
        },
        { "questionNo": 2, "question": "And with hidden files?", "answer": "ls -a", "hint": "",
          "extraPoints": 5 },
    ] }] }));
    check("thm.questions", Current, &fields, &answer);
    check("thm.questions", Legacy, &fields, &answer);
}

#[test]
fn time_report() {
    let fields = json!({
        "userEmails": ["ada@example.com", "grace@example.com"],
        "from": "2026-02-01", "to": "2026-02-28T23:59:59.999Z",
        "roomTypes": ["walkthrough", "challenge"],
    });
    let answer = ok(&json!({ "status": "success", "data": {
        "users": [
            { "_id": "6140a1", "username": "ada.lovelace", "email": "ada@example.com",
              "totalSeconds": 5400 },
            { "_id": "6140a2", "username": "g.hopper", "email": "grace@example.com",
              "totalSeconds": 0 },
        ],
        "minSeconds": 0, "maxSeconds": 5400,
    } }));
    check("thm.time_report", Current, &fields, &answer);
}

#[test]
fn every_entry_has_a_snapshot_in_each_of_its_dialects() {
    for (endpoint, dialect) in forms() {
        let file = format!("{SNAPSHOTS}/{}.{dialect}.snap", endpoint.name());
        assert!(std::fs::exists(&file).unwrap(), "there is no {file}");
    }
}
