//! The older dialect.

use std::collections::BTreeSet;

use drillmaster_models::Dialect;
use serde_json::json;

use super::{academy, get, json_of, send};
use crate::{Options, Sandbox, THM_KEY};

fn legacy() -> Sandbox {
    Sandbox::new(Options { dialect: Dialect::Legacy, ..Options::default() })
}

#[test]
fn legacy_takes_forms_and_answers_in_its_own_shapes() {
    let sandbox = legacy();
    let form = json!("userId=nobody-yet&roomCode=linux1");
    let answer = send(&sandbox, "POST", "/external/api/authenticate", &form);
    assert!(json_of(&answer)["url"].is_string(), "{answer}");
    let rooms = get(&sandbox, "/external/api/rooms");
    let rooms = rooms.as_array().unwrap();
    let with_users = rooms.iter().filter(|room| room["users"].is_array());
    assert_eq!(with_users.count(), 2);
    let users = get(&sandbox, "/external/api/users");
    assert!(users["users"][0].get("totalPoint").is_none());
    let board = get(&sandbox, "/external/api/scoreboard/linux1");
    let best = &board[0];
    assert_eq!((&best["data"], &best["rankNo"]), (&json!(["", 0]), &json!(1)));
    assert!(best["taskData"][0]["taskNo"].is_i64());
    assert_eq!(get(&sandbox, "/external/api/roomExists/linux1"), json!({ "roomExists": true }));
    assert!(get(&sandbox, "/external/api/questions/linux1")["questions"].is_array());
}

#[test]
fn legacy_knows_only_api_users() {
    let listed = |target: &str, list: &str, name: &str, sandbox: &Sandbox| {
        let lines = get(sandbox, target)[list].take();
        let lines = lines.as_array().cloned().unwrap_or_default();
        lines.iter().map(|line| line[name].to_string()).collect::<BTreeSet<_>>()
    };
    let current = listed("/external/api/users", "users", "email", &academy());
    let legacy = listed("/external/api/users", "users", "email", &legacy());
    assert!(legacy.is_subset(&current) && legacy.len() < current.len());
}

#[test]
fn legacy_names_a_missing_field_as_it_spells_it() {
    let form = json!("roomCode=linux1");
    let answer = send(&legacy(), "POST", "/external/api/authenticate", &form);
    assert_eq!(answer.status, 400);
    assert_eq!(json_of(&answer), json!({ "message": "userId is required." }));
}

#[test]
fn legacy_wants_the_key_in_the_form() {
    let key = [("THM-API-KEY".to_owned(), THM_KEY.to_owned())];
    let form = b"userId=a&roomCode=linux1";
    let answer = legacy().answer("POST", "/external/api/authenticate", &key, form);
    assert_eq!(answer.status, 403);
}
