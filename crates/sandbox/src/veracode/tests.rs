//! Security Labs through the door that everybody uses.

mod lists;
mod population;
mod progress;
mod refusals;
mod writes;

use drillmaster_models::{Dialect, Pager, endpoint};
use serde_json::{Value, json};

use super::population::FIRST_USER;
use crate::{Sandbox, VERACODE_KEY};

const DEVELOPERS: &str = "4bd68695e165af6ced227afz";
const QA: &str = "4acc432b734d1d55c318ef58";
const BASICS: &str = "5f5f18ff9dad493352660d2a";
const LESSON: &str = "5a5999d4ca50092ec5345ec4";
const NOBODY: &str = "000000000000000000000000";

fn academy() -> Sandbox {
    Sandbox::default()
}

/// Sends `METHOD target` with the key.
fn send(sandbox: &Sandbox, line: &str, body: &str) -> (u16, Value) {
    let (method, target) = line.split_once(' ').unwrap();
    let key = [("auth".to_owned(), VERACODE_KEY.to_owned())];
    let answer = sandbox.answer(method, target, &key, body.as_bytes());
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn get(sandbox: &Sandbox, target: &str) -> Value {
    let (status, answer) = send(sandbox, &format!("GET {target}"), "");
    assert_eq!(status, 200, "{target}: {answer}");
    answer
}

fn refuses(sandbox: &Sandbox, line: &str, body: &str, status: u16, words: &str) {
    let answer = send(sandbox, line, body);
    assert_eq!(answer, (status, json!({ "message": words })), "{line} {body}");
}

fn invite(sandbox: &Sandbox, email: &str) -> (u16, Value) {
    let body = json!({ "email": email, "senderId": FIRST_USER, "roleIds": [QA] });
    send(sandbox, "POST /api/invites", &body.to_string())
}

/// The answers to a call and all its further pages, as clients ask for them.
fn walk(sandbox: &Sandbox, name: &str, fields: &Value) -> Vec<Value> {
    let endpoint = endpoint(name).unwrap();
    let mut pager = Pager::new(endpoint, fields).unwrap();
    let mut items = Vec::new();
    while let Some(fields) = pager.request() {
        let request = endpoint.request(&fields, Dialect::Current).unwrap();
        let key = [("auth".to_owned(), VERACODE_KEY.to_owned())];
        let answer = sandbox.answer(request.method.as_str(), &request.target, &key, &request.body);
        items.extend(pager.accept(endpoint.answer(&answer, Dialect::Current).unwrap()).unwrap());
    }
    items
}

fn texts<'a>(items: &'a [Value], field: &str) -> Vec<&'a str> {
    items.iter().map(|item| item[field].as_str().unwrap_or_default()).collect()
}

fn users(sandbox: &Sandbox) -> Vec<Value> {
    walk(sandbox, "veracode.users", &json!({}))
}

fn user(sandbox: &Sandbox, email: &str) -> Option<Value> {
    users(sandbox).into_iter().find(|user| user["email"] == email)
}

fn written(sandbox: &Sandbox, endpoint: &str, subject: &str) -> Value {
    sandbox.writes()[endpoint][subject].clone()
}
