//! Pages, filters and order.

use std::collections::BTreeSet;

use drillmaster_models::{Paging, SERVICES};
use serde_json::{Value, json};

use super::{DEVELOPERS, LESSON, QA, academy, get, invite, texts, users, walk};
use crate::population::people;
use crate::veracode::population::FIRST_USER;

#[test]
fn every_list_is_walked_completely_and_without_repetition() {
    let sandbox = academy();
    let subjects = [("veracode.lesson_progress", LESSON), ("veracode.role_progress", DEVELOPERS)];
    for endpoint in SERVICES[1].endpoints() {
        let Some(list) = endpoint.metadata.list.filter(|list| list.paging != Paging::Whole) else {
            continue;
        };
        let subject = subjects.iter().find(|(name, _)| *name == endpoint.name());
        let fields = |limit: u32| match subject {
            Some((_, id)) => json!({ "id": id, "limit": limit }),
            None => json!({ "limit": limit }),
        };
        let (small, large) = (
            walk(&sandbox, endpoint.name(), &fields(7)),
            walk(&sandbox, endpoint.name(), &fields(50)),
        );
        assert!(small.len() > 21, "{} is too short to be walked", endpoint.name());
        assert_eq!(small, large, "{}", endpoint.name());
        if !list.id.is_empty() {
            let ids: BTreeSet<_> = texts(&small, list.id).into_iter().collect();
            assert_eq!(ids.len(), small.len(), "{}", endpoint.name());
        }
    }
}

#[test]
fn a_page_past_the_end_is_empty_and_the_last() {
    let sandbox = academy();
    let users = get(&sandbox, "/api/users?page=4000000000");
    assert_eq!(users, json!({ "nextPage": null, "users": [] }));
    let found = get(&sandbox, "/api/lessons/search?page=99&limit=10");
    assert_eq!((&found["lessons"], &found["pages"]["next"]), (&json!([]), &json!(null)));
    assert_eq!(found["pages"]["previous"], 98);
}

#[test]
fn the_address_of_the_next_page_sends_the_filters_again() {
    let sandbox = academy();
    let target = format!("/api/users/details?roleIds={DEVELOPERS},{QA}&phrase=a&sort=name&limit=2");
    let first = get(&sandbox, &target);
    let next = first["pages"]["nextUrl"].as_str().unwrap();
    assert_eq!(next, format!("{target}&page=1"));
    let second = get(&sandbox, next);
    assert_eq!(second["pages"]["current"], 1);
    assert_eq!(second["pages"]["total"], first["pages"]["total"]);
    assert_eq!(second["pages"]["previousUrl"], format!("{target}&page=0"));
    let next = get(&sandbox, "/api/users?limit=3")["nextPage"].clone();
    assert_eq!(next, "/api/users?limit=3&page=1");
    let next = get(&sandbox, &format!("/api/roles/{DEVELOPERS}/progress"))[0]["nextPage"].clone();
    assert_eq!(next, format!("/api/roles/{DEVELOPERS}/progress?page=1"));
}

#[test]
fn a_list_follows_the_team() {
    let sandbox = academy();
    let total = || get(&sandbox, "/api/onboarding?sort=name")["pages"]["total"].as_i64().unwrap();
    let before = total();
    invite(&sandbox, "new@hunter2.example");
    assert_eq!(total(), before + 1);
}

#[test]
fn a_phrase_finds_names_and_no_addresses() {
    let sandbox = academy();
    let found =
        |phrase: &str| walk(&sandbox, "veracode.users_details", &json!({ "phrase": phrase }));
    let name = people(1, 1)[0].name.to_uppercase();
    assert!(texts(&found(&name), "id").contains(&FIRST_USER));
    assert!(found("@example.com").is_empty());
}

#[test]
fn roles_narrow_users() {
    let sandbox = academy();
    let of = |roles: Value| walk(&sandbox, "veracode.onboarding", &json!({ "roleIds": roles }));
    let testers = of(json!([QA]));
    let has_role =
        |user: &Value| user["roles"].as_array().unwrap().iter().any(|role| role["id"] == QA);
    assert!(!testers.is_empty() && testers.iter().all(has_role));
    assert_eq!(of(json!([QA, DEVELOPERS])).len(), users(&sandbox).len());
}

#[test]
fn users_come_in_the_order_asked_for() {
    let sandbox = academy();
    let sorted = |sort: &str, way: &str| {
        walk(&sandbox, "veracode.onboarding", &json!({ "sort": sort, "sortType": way }))
    };
    let mut names = texts(&sorted("name", "ASC"), "name")
        .into_iter()
        .map(str::to_lowercase)
        .collect::<Vec<_>>();
    assert!(names.is_sorted());
    names.reverse();
    let down = sorted("name", "DESC");
    assert_eq!(texts(&down, "name").into_iter().map(str::to_lowercase).collect::<Vec<_>>(), names);
    let active = sorted("lastActive", "ASC");
    assert!(active.iter().map(|user| user["lastActive"].as_i64()).is_sorted());
    let reached = sorted("milestone", "ASC");
    let mut stages = texts(&reached, "milestone");
    stages.dedup();
    assert_eq!(stages, ["notSignedUp", "notStarted", "started", "finished"]);
    assert!(sorted("role", "DESC").len() == active.len());
}

#[test]
fn a_search_goes_through_tags() {
    let sandbox = academy();
    let found = walk(&sandbox, "veracode.search_lessons", &json!({ "phrase": "owasp #8" }));
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|lesson| lesson["tags"][0] == "OWASP #8"));
    let all = walk(&sandbox, "veracode.search_lessons", &json!({}));
    assert_eq!(all.len(), walk(&sandbox, "veracode.lessons", &json!({})).len());
}
