//! Every documented refusal over HTTP, with its status and words.

use drillmaster_models::{
    Credential, Dialect, EndpointDef, ErrorSpec, endpoints, thm, veracode, wire,
};
use drillmaster_sandbox::VERACODE_DISABLED_KEY;
use serde_json::json;

use crate::server::{Answer, Server};

/// The id of the admin, of nobody, and of another team's role, which no list shows.
const ADMIN: &str = "cb4f412c59ef801d0e6de1c6";
const NOBODY: &str = "5f5f00000000000000000000";
const FOREIGN: &str = "3c0e3057dfece0c2c7362cbe";

/// Request | body | status | words. Requests go with the keys of both services.
const REFUSALS: &str = r#"
PUT /api/v2/external/seats/users | {} | 400 | email is required.
PUT /api/v2/external/seats/users | {"email": "nobody@example.com"} | 400 | email not found.
PUT /api/v2/external/seats/users | {"email": "hassan.wiegand@example.com"} | 400 | User already assigned to seat.
DELETE /api/v2/external/seats/users | {} | 400 | email is required.
DELETE /api/v2/external/seats/users | {"email": "ayse.arslan@example.com"} | 400 | User is not currently in a company seat.
GET /api/v2/external/scoreboard | | 400 | roomCode query parameter is mandatory
GET /api/v2/external/scoreboard?roomCode=linux99 | | 404 | Room not found.
GET /external/api/roomExists?roomCode=globex-review | | 404 | Room not found.
GET /api/users/details?campaignIds=x-1 | | 400 | Invalid campaign id: x-1
GET /api/users/details?roleIds=x-1 | | 400 | Invalid role id: x-1
GET /api/users/details?campaignIds=$NOBODY | | 404 | Campaign(s) not found by id(s): $NOBODY
GET /api/users/details?roleIds=$NOBODY | | 404 | Role(s) not found by id(s): $NOBODY
GET /api/users/details?startTime=soon&endTime=2 | | 400 | startTime is invalid
GET /api/users/details?endTime=2 | | 400 | startTime is undefined
GET /api/users/details?startTime=1&endTime=late | | 400 | endTime is invalid
GET /api/users/details?startTime=1 | | 400 | endTime is undefined
GET /api/users/details?sort=shoe-size | | 400 | sort is invalid
GET /api/users/details?sortType=UP | | 400 | sortType is invalid
GET /api/users/details?limit=51 | | 400 | limit is invalid
GET /api/users/details?phrase=$X50 | | 400 | phrase must be less than 50 characters
GET /api/users/1/progress | | 400 | invalid user id
GET /api/users/$NOBODY/progress | | 404 | user not found
PUT /api/users/1 | {} | 400 | User id is invalid
PUT /api/users/$NOBODY | {} | 400 | User not found
PUT /api/users/$ADMIN | {"email": "ada"} | 400 | Email is invalid
PUT /api/users/$ADMIN | {"name": "$X50"} | 400 | Name must be less than 25 characters
PUT /api/users/$ADMIN | {"roleIds": "QA"} | 400 | Invalid roleIds
DELETE /api/users/1 | | 400 | User id is invalid
DELETE /api/users/$NOBODY | | 400 | User not found
GET /api/onboarding?campaignIds=x-1 | | 400 | Invalid campaign id: x-1
GET /api/onboarding?roleIds=x-1 | | 400 | Invalid role id: x-1
GET /api/onboarding?campaignIds=$NOBODY | | 404 | Campaign(s) not found by id(s): $NOBODY
GET /api/onboarding?roleIds=$NOBODY | | 404 | Role(s) not found by id(s): $NOBODY
GET /api/onboarding?startTime=soon&endTime=2 | | 400 | startTime is invalid
GET /api/onboarding?endTime=2 | | 400 | startTime is undefined
GET /api/onboarding?startTime=1&endTime=late | | 400 | endTime is invalid
GET /api/onboarding?startTime=1 | | 400 | endTime is undefined
GET /api/onboarding?sort=shoe-size | | 400 | sort is invalid
GET /api/onboarding?sortType=UP | | 400 | sortType is invalid
GET /api/onboarding?limit=0 | | 400 | limit is invalid
GET /api/onboarding?phrase=$X50 | | 400 | phrase must be less than 50 characters
GET /api/campaigns/progress?assignmentIds=$NOBODY&campaignIds=$NOBODY | | 400 | assignmentIds and campaignIds are mutually exclusive
GET /api/campaigns/progress?assignmentIds=x-1 | | 400 | Invalid assignment id: x-1
GET /api/campaigns/progress?campaignIds=x-1 | | 400 | Invalid campaign id: x-1
GET /api/campaigns/progress?roleIds=x-1 | | 400 | Invalid role id: x-1
GET /api/campaigns/progress?campaignIds=$NOBODY | | 404 | Campaign(s) not found by id(s): $NOBODY
GET /api/campaigns/progress?roleIds=$NOBODY | | 404 | Role(s) not found by id(s): $NOBODY
GET /api/campaigns/progress?sort=shoe-size | | 400 | sort is invalid
GET /api/campaigns/progress?sortType=UP | | 400 | sortType is invalid
GET /api/campaigns/progress?limit=many | | 400 | limit is invalid
GET /api/campaigns/progress?phrase=$X50 | | 400 | phrase must be less than 50 characters
GET /api/engagement/time?assignmentIds=$NOBODY&campaignIds=$NOBODY | | 400 | assignmentIds and campaignIds are mutually exclusive
GET /api/engagement/time?assignmentIds=x-1 | | 400 | Invalid assignment id: x-1
GET /api/engagement/time?campaignIds=x-1 | | 400 | Invalid campaign id: x-1
GET /api/engagement/time?roleIds=x-1 | | 400 | Invalid role id: x-1
GET /api/engagement/time?assignmentIds=$NOBODY | | 404 | Assignments(s) not found by id(s): $NOBODY
GET /api/engagement/time?campaignIds=$NOBODY | | 404 | Campaign(s) not found by id(s): $NOBODY
GET /api/engagement/time?roleIds=$NOBODY | | 404 | Role(s) not found by id(s): $NOBODY
GET /api/lessons/1/progress | | 400 | invalid lesson id
GET /api/lessons/$NOBODY/progress | | 404 | lesson not found
GET /api/lessons/search?phrase=$X50$X50$X50$X50$X50$X50x | | 400 | invalid phrase
GET /api/roles/$NOBODY/progress | | 404 | Role not found
GET /api/roles/$FOREIGN/progress | | 403 | Role does not belong to team
POST /api/invites | {"email": "ada@", "senderId": "$ADMIN"} | 400 | Email is invalid
POST /api/invites | {"email": "ada@hunter2.com", "senderId": "$ADMIN", "roleIds": "QA"} | 400 | Role ids are invalid
POST /api/invites | {"email": "ada@hunter2.com", "senderId": "me"} | 400 | Sender id is invalid
POST /api/invites | {"email": "ada@hunter2.com", "senderId": "$NOBODY"} | 400 | Sender not found
POST /api/invites | {"email": "hassan.wiegand@example.com", "senderId": "$ADMIN"} | 400 | Invite already exists
"#;

fn filled() -> String {
    REFUSALS
        .replace("$NOBODY", NOBODY)
        .replace("$FOREIGN", FOREIGN)
        .replace("$ADMIN", ADMIN)
        .replace("$X50", &"x".repeat(50))
}

/// The cells of each line.
fn lines(table: &str) -> impl Iterator<Item = [&str; 4]> {
    let lines = table.lines().filter(|line| !line.is_empty());
    lines.map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        cells.try_into().unwrap_or_else(|_| panic!("four cells are due: {line}"))
    })
}

#[track_caller]
fn refuses(answer: &Answer, status: u16, words: &str) {
    assert_eq!((answer.status, answer.words().as_str()), (status, words));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[test]
fn every_documented_refusal_has_its_status_and_words_and_changes_nothing() {
    let server = Server::start("");
    let mut caller = server.call();
    for [request, body, status, words] in lines(&filled()) {
        let answer = caller.send(request, body);
        assert_eq!(
            (answer.status.to_string().as_str(), answer.words().as_str()),
            (status, words),
            "{request} {body}"
        );
        // The v2 endpoints of TryHackMe wrap their refusals.
        if request.contains("/api/v2/") {
            assert_eq!(answer.json()["status"], "error", "{request}");
            assert!(answer.json()["stack"].is_string(), "{request}");
        }
    }
    assert_eq!(server.writes(), json!({}));
}

/// No refusal that an endpoint declares is missing in the table, but for two: another test provokes the one,
/// and the other is only the live service's way to say what the document says in other words.
#[test]
fn the_table_has_every_refusal_that_is_declared() {
    let table = filled();
    let met = |endpoint: &EndpointDef, spec: &ErrorSpec| {
        lines(&table).any(|[request, _, status, words]| {
            let (method, target) = request.split_once(' ').unwrap();
            let path = target.split('?').next().unwrap();
            method == endpoint.metadata.method.as_str()
                && wire::match_path(endpoint.metadata.path, path).is_some()
                && status == spec.status.to_string()
                && spec.matches(words)
        })
    };
    let missing: Vec<_> = endpoints()
        .flat_map(|endpoint| endpoint.metadata.errors.iter().map(move |spec| (endpoint, spec)))
        .filter(|(endpoint, spec)| !met(endpoint, spec))
        .map(|(endpoint, spec)| format!("{} {} {}", endpoint.name(), spec.status, spec.says))
        .collect();
    let elsewhere = [
        "thm.add_seat 400 no available seats in dashboard.",
        "veracode.invite 403 {what}already exists",
    ];
    assert_eq!(missing, elsewhere);
}

#[test]
fn a_full_dashboard_refuses_a_seat() {
    let server = Server::start("--seats 90");
    let body = r#"{"email": "ayse.arslan@example.com"}"#;
    let answer = server.call().send("PUT /api/v2/external/seats/users", body);
    refuses(&answer, 400, "no available seats in dashboard.");
}

#[test]
fn an_invite_may_fail_with_an_unknown_error_and_be_created_all_the_same() {
    let server = Server::start("--invite-outcome 500");
    let body = format!(r#"{{"email": "test@hunter2.com", "senderId": "{ADMIN}"}}"#);
    refuses(&server.call().send("POST /api/invites", &body), 500, "unknown error");
    assert_eq!(server.writes(), json!({ "veracode.invite": { "test@hunter2.com": 1 } }));
    refuses(&server.call().send("POST /api/invites", &body), 400, "Invite already exists");
}

#[test]
fn an_invite_that_is_sent_twice_is_counted_twice_where_that_is_asked_for() {
    let server = Server::start("--invite-again");
    let body = format!(r#"{{"email": "test@hunter2.com", "senderId": "{ADMIN}"}}"#);
    for _ in 0..2 {
        assert_eq!(server.call().send("POST /api/invites", &body).status, 201);
    }
    assert_eq!(server.writes(), json!({ "veracode.invite": { "test@hunter2.com": 2 } }));
}

/// A key and secret that are the sandbox's but for the secret.
const ROTATED_KEY: &str = "sandbox-key:another-secret";

#[test]
fn security_labs_tells_what_is_wrong_with_a_credential() {
    let server = Server::start("");
    let mut caller = server.call();
    let given = [
        (None, 403, "ApiCredential invalid"),
        (Some("nobodys-key:secret"), 404, "ApiCredential missing"),
        (Some(ROTATED_KEY), 401, "rotated"),
        (Some(VERACODE_DISABLED_KEY), 401, "disabled"),
    ];
    for endpoint in veracode::SERVICE.endpoints() {
        let line = format!(
            "{} {}",
            endpoint.metadata.method,
            endpoint.metadata.path.replace(['{', '}'], "")
        );
        for (credential, status, words) in given {
            let headers: Vec<_> =
                credential.map(|credential| ("auth", credential)).into_iter().collect();
            refuses(&caller.send_with(&line, &headers, b""), status, words);
        }
    }
    assert_eq!(server.writes(), json!({}));
}

#[test]
fn tryhackme_has_one_answer_for_a_wrong_key_and_for_none() {
    for dialect in Dialect::ALL {
        let server = Server::start(&format!("--dialect {dialect}"));
        let mut caller = server.call();
        let specs = thm::SERVICE.endpoints().filter_map(|endpoint| endpoint.metadata(dialect).ok());
        for metadata in specs.filter(|metadata| metadata.credential != Credential::None) {
            let line = format!("{} {}", metadata.method, metadata.path.replace(['{', '}'], ""));
            for headers in [&[("THM-API-KEY", "a-wrong-key")][..], &[]] {
                let answer = caller.send_with(&line, headers, b"");
                refuses(&answer, 403, "API Key is invalid or has expired.");
            }
        }
        assert_eq!(server.writes(), json!({}));
    }
}
