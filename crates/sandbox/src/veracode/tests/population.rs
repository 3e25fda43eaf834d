//! Who is there at the start, and how the state is kept.

use std::collections::BTreeSet;

use serde_json::json;

use super::{NOBODY, academy, get, send, texts, users};
use crate::population::people;
use crate::veracode::State;
use crate::veracode::population::FIRST_USER;
use crate::{Options, Sandbox};

#[test]
fn a_class_can_be_drawn_from_the_first_people() {
    for seed in 1..20 {
        let sandbox = Sandbox::new(Options { seed, learners: 60, seats: 80, ..Options::default() });
        let team = users(&sandbox);
        let emails: BTreeSet<_> = texts(&team, "email").into_iter().collect();
        let strangers =
            people(seed, 60).iter().filter(|person| !emails.contains(&*person.email)).count();
        assert!((20..45).contains(&strangers), "seed {seed}: {strangers}");
        assert_eq!((&team[0]["id"], &team[0]["isAdmin"]), (&json!(FIRST_USER), &json!(true)));
    }
}

#[test]
fn the_default_team_has_all_kinds_of_users() {
    let team = users(&academy());
    let count = |field: &str, value: bool| team.iter().filter(|user| user[field] == value).count();
    assert!((80..120).contains(&team.len()));
    assert!(count("isAdmin", true) > 1 && count("isDisabled", true) > 0);
    assert!((5..30).contains(&count("joined", false)));
}

#[test]
fn more_people_change_nothing_about_the_first_ones() {
    let (few, many) = (
        users(&Sandbox::new(Options { learners: 100, seats: 9, ..Options::default() })),
        users(&Sandbox::new(Options { learners: 300, seats: 9, ..Options::default() })),
    );
    assert_eq!(few, many[..few.len()]);
}

#[test]
fn the_state_is_read_back_as_it_was_written() {
    let state = State::populated(&people(1, 50), 1, Options::default().now);
    let json = serde_json::to_value(&state).unwrap();
    let read: State = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), json);
    assert!(read.team.id_by_email(&people(1, 1)[0].email).is_some());
}

#[test]
fn a_state_with_an_address_twice_is_refused() {
    let state = State::populated(&people(1, 50), 1, Options::default().now);
    let mut json = serde_json::to_value(&state).unwrap();
    let twin = json["team"]["users"][FIRST_USER].clone();
    json["team"]["users"][NOBODY] = twin;
    let error = serde_json::from_value::<State>(json).unwrap_err();
    assert!(error.to_string().contains("two users of the team have the address"));
}

/// The samples of the document, with its ids.
const SAMPLES: [&str; 11] = [
    "/api/users?page=0",
    "/api/users/details?campaignIds=5f5f18ff9dad493352660d2a,5f5f19099dad493352660d2b&roleIds=5f5f190f9dad493352660d2c,5f5f19159dad493352660d2d&startTime=1600067874107&endTime=1600067881636&sort=name&sortType=ASC&phrase=Chris&limit=10&page=0",
    "/api/onboarding?campaignIds=5f5f18ff9dad493352660d2a,5f5f19099dad493352660d2b&roleIds=5f5f190f9dad493352660d2c,5f5f19159dad493352660d2d&startTime=1600067874107&endTime=1600067881636&sort=name&sortType=ASC&phrase=Chris&limit=10&page=0",
    "/api/campaigns/progress?campaignIds=5f5f18ff9dad493352660d2a,5f5f19099dad493352660d2b&roleIds=5f5f190f9dad493352660d2c,5f5f19159dad493352660d2d&sort=name&sortType=ASC&phrase=Chris&limit=10&page=0",
    "/api/engagement/time?campaignIds=5f5f18ff9dad493352660d2a,5f5f19099dad493352660d2b&roleIds=5f5f190f9dad493352660d2c,5f5f19159dad493352660d2d",
    "/api/progress?page=0",
    "/api/lessons?page=0",
    "/api/lessons/5a5999d4ca50092ec5345ec4/progress?page=0",
    "/api/lessons/search?phrase=XSS",
    "/api/roles",
    "/api/roles/4bd68695e165af6ced227afz/progress?page=0",
];

#[test]
fn the_documents_samples_are_answered() {
    let sandbox = academy();
    for target in SAMPLES {
        get(&sandbox, target);
    }
    let invite = r#"{"email":"test@hunter2.com","senderId":"cb4f412c59ef801d0e6de1c6","roleIds":["4acc432b734d1d55c318ef58"],"admin":false,"sendEmail":true}"#;
    assert_eq!(send(&sandbox, "POST /api/invites", invite).0, 201);
}
