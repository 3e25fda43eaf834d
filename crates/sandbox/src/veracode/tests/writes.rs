//! What writes leave behind.

use drillmaster_models::{Dialect, Failure, Means, endpoint, wire};
use serde_json::json;

use super::{DEVELOPERS, QA, academy, get, invite, refuses, send, user, users, written};
use crate::population::people;
use crate::veracode::population::FIRST_USER;
use crate::{InviteOutcome, Options, Sandbox};

#[test]
fn an_invite_makes_a_user_who_has_not_joined() {
    let sandbox = academy();
    let (status, answer) = invite(&sandbox, "ada@hunter2.example");
    let roles = json!([QA, DEVELOPERS]);
    assert_eq!(status, 201);
    assert_eq!(
        answer,
        json!({ "email": "ada@hunter2.example", "admin": false, "roleIds": roles, "senderId": FIRST_USER })
    );
    let ada = user(&sandbox, "ada@hunter2.example").unwrap();
    assert_eq!((&ada["joined"], &ada["roles"]), (&json!(false), &json!(["QA", "Developers"])));
    let invited = &get(&sandbox, "/api/roles")[0]["invitedUsers"];
    assert!(invited.as_array().unwrap().contains(&ada["id"]));
    assert_eq!(
        invite(&sandbox, "Ada@Hunter2.example"),
        (400, json!({ "message": "Invite already exists" }))
    );
    assert_eq!(written(&sandbox, "veracode.invite", "ada@hunter2.example"), 1);
}

#[test]
fn an_invite_is_carried_out_whatever_is_answered() {
    for outcome in InviteOutcome::ALL {
        let sandbox = Sandbox::new(Options { invite_outcome: outcome, ..Options::default() });
        let (status, answer) = invite(&sandbox, "ada@hunter2.example");
        assert_eq!(status, outcome.status());
        assert_eq!(answer["message"] == "unknown error", outcome == InviteOutcome::Unknown);
        assert!(user(&sandbox, "ada@hunter2.example").is_some());
        assert_eq!(written(&sandbox, "veracode.invite", "ada@hunter2.example"), 1);
    }
}

#[test]
fn an_open_invite_can_be_made_to_go_out_twice() {
    for outcome in InviteOutcome::ALL {
        let options = Options { reinvite: true, invite_outcome: outcome, ..Options::default() };
        let sandbox = Sandbox::new(options);
        let first = invite(&sandbox, "ada@hunter2.example");
        let one = users(&sandbox);
        assert_eq!(invite(&sandbox, "ada@hunter2.example"), first);
        assert_eq!(written(&sandbox, "veracode.invite", "ada@hunter2.example"), 2);
        assert_eq!(users(&sandbox), one);
    }
}

#[test]
fn somebody_who_has_joined_is_never_invited_again() {
    let sandbox = Sandbox::new(Options { reinvite: true, ..Options::default() });
    let member = users(&sandbox)[0]["email"].as_str().unwrap().to_owned();
    let refusal = (400, json!({ "message": "Invite already exists" }));
    assert_eq!(invite(&sandbox, &member), refusal);
    assert_eq!(sandbox.writes(), json!({}));
}

#[test]
fn the_second_invite_means_already() {
    let sandbox = academy();
    invite(&sandbox, "ada@hunter2.example");
    let (status, answer) = invite(&sandbox, "ada@hunter2.example");
    let answer = wire::Response::json(status, &answer);
    let failure =
        endpoint("veracode.invite").unwrap().answer(&answer, Dialect::Current).unwrap_err();
    assert!(matches!(failure, Failure::Refused { means: Means::Already, .. }));
}

#[test]
fn an_update_changes_only_what_is_given() {
    let sandbox = academy();
    let line = format!("PUT /api/users/{FIRST_USER}");
    let person = people(1, 1).remove(0);
    let (status, answer) = send(&sandbox, &line, r#"{"name":"Ada","disabled":"true"}"#);
    assert_eq!(status, 200);
    assert_eq!((&answer["email"], &answer["name"]), (&json!(person.email), &json!("Ada")));
    assert_eq!((&answer["admin"], &answer["disabled"]), (&json!(true), &json!(true)));
    let (_, answer) = send(
        &sandbox,
        &line,
        &json!({ "roleIds": [QA], "email": "ada@hunter2.example" }).to_string(),
    );
    assert_eq!(answer["roleIds"], json!([QA]));
    assert_eq!(user(&sandbox, "ada@hunter2.example").unwrap()["name"], "Ada");
    assert!(user(&sandbox, &person.email).is_none());
    assert_eq!(written(&sandbox, "veracode.update_user", FIRST_USER), 2);
}

#[test]
fn an_address_of_somebody_else_is_refused() {
    let sandbox = academy();
    let taken = users(&sandbox)[1]["email"].clone();
    let body = json!({ "email": taken }).to_string();
    refuses(&sandbox, &format!("PUT /api/users/{FIRST_USER}"), &body, 400, "Email is invalid");
}

#[test]
fn a_deleted_user_is_gone_and_may_be_invited_again() {
    let sandbox = academy();
    let second = users(&sandbox)[1].clone();
    let line = format!("DELETE /api/users/{}", second["id"].as_str().unwrap());
    assert_eq!(send(&sandbox, &line, ""), (200, json!({})));
    refuses(&sandbox, &line, "", 400, "User not found");
    let email = second["email"].as_str().unwrap();
    assert!(user(&sandbox, email).is_none());
    assert_eq!(written(&sandbox, "veracode.delete_user", second["id"].as_str().unwrap()), 1);
    assert_eq!(invite(&sandbox, email).0, 201);
    assert!(
        get(
            &sandbox,
            &format!("/api/users/{}/progress", second["id"].as_str().unwrap())
        )["lessons"][0]
            .is_null()
    );
}
