//! TryHackMe through the door that everybody uses.

mod legacy;
mod refusals;

use drillmaster_models::wire;
use serde_json::{Value, json};

use crate::population::{Person, people};
use crate::{Options, Sandbox, THM_KEY};

/// Sends a request with the key. A JSON body is sent as JSON, a text as a form with the key in it.
fn send(sandbox: &Sandbox, method: &str, target: &str, body: &Value) -> wire::Response {
    let key = [("THM-API-KEY".to_owned(), THM_KEY.to_owned())];
    let body = match body {
        Value::Null => String::new(),
        Value::String(form) => format!("apiKey={THM_KEY}&{form}"),
        json => json.to_string(),
    };
    sandbox.answer(method, target, &key, body.as_bytes())
}

fn json_of(response: &wire::Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

fn get(sandbox: &Sandbox, target: &str) -> Value {
    let response = send(sandbox, "GET", target, &Value::Null);
    assert_eq!(response.status, 200, "{target}: {response}");
    json_of(&response)
}

/// Posts an order for a link and gives its address.
fn link(sandbox: &Sandbox, ext_user_id: &str, room: &str) -> String {
    let order = json!({ "extUserId": ext_user_id, "roomCode": room });
    let answer = send(sandbox, "POST", "/external/api/authenticate", &order);
    json_of(&answer)["url"].as_str().unwrap_or_default().to_owned()
}

fn seat(sandbox: &Sandbox, method: &str, email: &str) -> wire::Response {
    send(sandbox, method, SEATS, &json!({ "email": email }))
}

const SEATS: &str = "/api/v2/external/seats/users";

fn academy() -> Sandbox {
    Sandbox::default()
}

/// A registered person without a seat (the second of every five), and an api-user.
fn waiting() -> Person {
    people(1, 7).remove(6)
}

fn seated() -> Person {
    people(1, 1).remove(0)
}

/// A person who is an api-user and has not registered.
fn invited() -> Person {
    people(1, 151).remove(150)
}

#[test]
fn a_seat_is_given_and_taken_away() {
    let sandbox = academy();
    let person = waiting();
    let given = seat(&sandbox, "PUT", &person.email);
    let expected = json!({ "status": "success", "data": { "username": person.username } });
    assert_eq!(json_of(&given), expected);
    assert_eq!(json_of(&seat(&sandbox, "DELETE", &person.email)), expected);
    let writes = sandbox.writes();
    assert_eq!(writes["thm.add_seat"], json!({ person.email.as_str(): 1 }));
    assert_eq!(writes["thm.remove_seat"], json!({ person.email.as_str(): 1 }));
}

#[test]
fn a_freed_seat_can_be_given_to_another() {
    let sandbox = Sandbox::new(Options { seats: 1, ..Options::default() });
    assert_eq!(seat(&sandbox, "PUT", &waiting().email).status, 400);
    assert_eq!(seat(&sandbox, "DELETE", &seated().email).status, 200);
    assert_eq!(seat(&sandbox, "PUT", &waiting().email).status, 200);
}

#[test]
fn refused_calls_write_nothing() {
    let sandbox = academy();
    seat(&sandbox, "PUT", &seated().email);
    seat(&sandbox, "PUT", "nobody@example.com");
    seat(&sandbox, "DELETE", &waiting().email);
    assert_eq!(sandbox.writes(), json!({}));
}

#[test]
fn authenticate_has_three_outcomes() {
    let sandbox = academy();
    let fresh = link(&sandbox, "nobody-yet", "linux1");
    let again = link(&sandbox, "nobody-yet", "linux1");
    let joins = link(&sandbox, &waiting().external_id, "linux1");
    assert!(fresh.contains("/external/api/register?token="), "{fresh}");
    assert_eq!(fresh, again);
    assert!(joins.contains("/external/join?token="), "{joins}");
    assert_eq!(sandbox.writes(), json!({ "thm.authenticate": { "nobody-yet": 1 } }));
}

#[test]
fn a_registration_link_is_good_until_the_person_has_registered() {
    let sandbox = academy();
    let leads_to = |url: &str| {
        let token = url.split_once("token=").map_or("", |(_, token)| token);
        let target = format!("/external/api/register?token={token}");
        let answer = sandbox.answer("GET", &target, &[], b"");
        assert_eq!(answer.status, 302);
        answer.header("location").map(str::to_owned)
    };
    assert_eq!(leads_to(&link(&sandbox, "nobody-yet", "linux1")).as_deref(), Some("/signup"));
    let invited = link(&sandbox, &invited().external_id, "linux1");
    assert_eq!(leads_to(&invited).as_deref(), Some("/signup"));
    let joins = link(&sandbox, &waiting().external_id, "linux1");
    assert_eq!(leads_to(&joins).as_deref(), Some("/404"));
    assert_eq!(leads_to("").as_deref(), Some("/404"));
}

#[test]
fn users_are_those_on_seats_and_api_users_who_registered() {
    let sandbox = academy();
    let listed = get(&sandbox, "/external/api/users");
    assert_eq!(listed["status"], true);
    let find = |email: &str| {
        let users = listed["users"].as_array()?;
        users.iter().find(|user| user["email"] == email)
    };
    let api_user = find(&waiting().email).unwrap();
    assert_eq!(api_user["extUserId"], waiting().external_id);
    assert!(find(&invited().email).is_none());
    // Of the seated, only api-users have the field at all.
    let plain = find(&people(1, 3)[2].email.clone()).unwrap();
    assert!(plain.get("extUserId").is_some());
    let on_a_seat = find(&people(1, 6)[5].email.clone()).unwrap();
    assert!(on_a_seat.get("extUserId").is_none());
    for field in ["username", "avatar", "totalPoint", "monthlyPoints", "dateSignedUp"] {
        assert!(api_user.get(field).is_some(), "{field}");
    }
}

#[test]
fn a_seat_makes_a_user_listed() {
    let sandbox = academy();
    let person = people(1, 2).remove(1);
    let listed = || {
        let answer = get(&sandbox, "/external/api/users");
        let users = answer["users"].as_array().cloned().unwrap_or_default();
        users.iter().any(|user| user["email"] == person.email)
    };
    assert!(!listed());
    seat(&sandbox, "PUT", &person.email);
    assert!(listed());
}

#[test]
fn scores_follow_from_answers_and_ranks_from_scores() {
    let board = get(&academy(), "/api/v2/external/scoreboard?roomCode=linux1");
    assert_eq!(board["status"], "success");
    let lines = board["data"].as_array().unwrap();
    assert!(lines.len() > 10);
    let mut last = u64::MAX;
    for (line, place) in lines.iter().zip(1_u64..) {
        let tasks = line["tasks"].as_object().unwrap();
        let answers = tasks.values().filter_map(Value::as_array).flatten();
        let sum: u64 = answers.filter_map(|answer| answer["score"].as_u64()).sum();
        assert_eq!(line["score"], sum);
        assert_eq!(line["rank"], place);
        assert!(sum <= last);
        last = sum;
    }
}

#[test]
fn who_leaves_a_room_leaves_its_scoreboard() {
    let sandbox = academy();
    let target = "/api/v2/external/scoreboard?roomCode=acme-capstone";
    let on_board = |username: &str| {
        let board = get(&sandbox, target);
        let lines = board["data"].as_array().cloned().unwrap_or_default();
        lines.iter().any(|line| line["username"] == username)
    };
    let everybody = people(1, 120);
    let member = everybody.iter().step_by(2).find(|one| on_board(&one.username)).unwrap();
    let order = json!({ "extUserId": member.external_id, "roomCode": "acme-capstone" });
    for _ in 0..2 {
        let left = send(&sandbox, "POST", "/external/api/leaveRoom", &order);
        assert_eq!((left.status, json_of(&left)), (200, json!({})));
    }
    assert!(!on_board(&member.username));
    let once = json!({ member.external_id.as_str(): 1 });
    assert_eq!(sandbox.writes()["thm.leave_room"], once);
}

#[test]
fn rooms_of_other_companies_are_out_of_sight() {
    let sandbox = academy();
    let rooms = get(&sandbox, "/external/api/rooms");
    let rooms = rooms["roomInfo"].as_array().unwrap();
    assert!(rooms.iter().all(|room| room["code"] != "globex-review"));
    assert_eq!(rooms.iter().filter(|room| room["public"] == false).count(), 2);
    assert!(rooms.iter().all(|room| room.get("users").is_none()));
    let exists = |code: &str| get(&sandbox, &format!("/external/api/roomExists?roomCode={code}"));
    assert_eq!(exists("acme-capstone"), json!({ "roomExists": true }));
    assert_eq!(exists("no-such-room"), json!({ "roomExists": false }));
}

#[test]
fn questions_come_with_their_answers() {
    let questions = get(&academy(), "/external/api/questions?roomCode=linux1");
    assert_eq!(
        questions["questions"][0]["infoList"][0],
        json!({
            "questionNo": 1,
            "question": "Which command prints the directory you are in?",
            "answer": "pwd",
            "hint": "Three letters",
            "extraPoints": 0,
        })
    );
}

#[test]
fn a_time_report_adds_up_by_kind_of_room() {
    let sandbox = academy();
    let emails: Vec<String> = people(1, 20).into_iter().map(|one| one.email).collect();
    let seconds = |kinds: Value| {
        let order = json!({
            "userEmails": emails,
            "from": "2025-01-01T00:00:00.000Z",
            "to": "2026-12-31T00:00:00.000Z",
            "roomTypes": kinds,
        });
        let report = send(&sandbox, "POST", "/api/v2/external/reports/time", &order);
        let report = json_of(&report)["data"].take();
        let users = report["users"].as_array().cloned().unwrap_or_default();
        let all: Vec<u64> = users.iter().filter_map(|user| user["totalSeconds"].as_u64()).collect();
        assert_eq!(report["minSeconds"].as_u64(), all.iter().min().copied());
        assert_eq!(report["maxSeconds"].as_u64(), all.iter().max().copied());
        all.iter().sum::<u64>()
    };
    let (walked, challenged) = (seconds(json!(["walkthrough"])), seconds(json!(["challenge"])));
    assert!(walked > 0 && challenged > 0);
    assert_eq!(seconds(Value::Null), walked + challenged);
}
