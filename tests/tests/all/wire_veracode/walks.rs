//! Lists in pages: both styles, and where a walk ends.

use drillmaster_models::{Pager, endpoint};
use serde_json::{Value, json};

use super::{reads, sent};

/// Walks a list over these answers; gives what was asked for and the ids that came out.
fn walk(name: &str, fields: &Value, answers: &[Value]) -> (Vec<String>, Vec<Value>) {
    let mut pager = Pager::new(endpoint(name).unwrap(), fields).unwrap();
    let (mut asked, mut found) = (Vec::new(), Vec::new());
    for answer in answers {
        let Some(fields) = pager.request() else { break };
        asked.push(sent(name, &fields).unwrap().target);
        let answer = reads(name, answer);
        found.extend(pager.accept(answer).unwrap().into_iter().map(|item| item["id"].clone()));
    }
    assert_eq!(pager.request(), None, "the walk has not ended");
    (asked, found)
}

#[test]
fn a_walk_sends_its_own_filters_and_counts_for_itself() {
    // The document's own "next" addresses point at another endpoint and have lost the filters.
    let page = |id: &str, next: Value| json!({ "pages": { "next": next, "nextUrl": "/api/onboarding?page=7" }, "users": [{ "id": id }] });
    let last = json!({ "pages": { "next": null, "nextUrl": null }, "users": [{ "id": "b" }] });
    let (asked, found) = walk(
        "veracode.users_details",
        &json!({ "roleIds": ["r", "s"], "phrase": "a b" }),
        &[page("a", json!(2)), last],
    );
    assert_eq!(
        asked,
        [
            "/api/users/details?roleIds=r,s&phrase=a%20b&limit=50&page=0",
            "/api/users/details?roleIds=r,s&phrase=a%20b&limit=50&page=1",
        ]
    );
    assert_eq!(found, ["a", "b"]);
}

#[test]
fn a_walk_ends_at_null_at_absence_and_at_a_page_that_repeats() {
    let page = |next: Value, ids: &[&str]| {
        let users: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        json!({ "nextPage": next, "users": users })
    };
    let more = json!("/api/users?page=1");
    let walk = |answers: &[Value]| walk("veracode.users", &json!({}), answers).1;
    assert_eq!(walk(&[page(more.clone(), &["a"]), page(Value::Null, &["b"])]), ["a", "b"]);
    assert_eq!(walk(&[json!({ "users": [{ "id": "a" }] })]), ["a"]);
    assert_eq!(walk(&[page(more.clone(), &["a"]), page(more.clone(), &["a"])]), ["a"]);
    assert_eq!(walk(&[page(more, &["a", "b"]), page(Value::Null, &["b", "c"])]), ["a", "b", "c"]);
}

#[test]
fn a_users_progress_comes_whole() {
    let answer = json!({ "lessons": [{ "lessonId": "l" }] });
    let (asked, _) = walk("veracode.user_progress", &json!({ "id": "a" }), &[answer]);
    assert_eq!(asked, ["/api/users/a/progress"]);
}

#[test]
fn found_lessons_have_no_id_and_a_relative_address() {
    let lesson = json!({ "title": "Bad Cookie", "url": "/lesson/bad-cookie" });
    let page = |next: Value| json!({ "pages": { "next": next }, "lessons": [lesson] });
    // Alike pages end the walk, since there is no id to tell their lessons by.
    let (asked, found) =
        walk("veracode.search_lessons", &json!({}), &[page(json!(1)), page(json!(2))]);
    assert_eq!((asked.len(), found.len()), (2, 1));
}

#[test]
fn the_pages_of_a_role_are_merged_by_user() {
    let page = |next: Value, ids: [&str; 2]| json!([{ "id": "r", "nextPage": next, "users": ids.map(|id| json!({ "id": id })) }]);
    let pages =
        [page(json!("/api/roles/r/progress?page=1"), ["a", "b"]), page(Value::Null, ["b", "c"])];
    let (asked, found) = walk("veracode.role_progress", &json!({ "id": "r" }), &pages);
    assert_eq!(asked[1], "/api/roles/r/progress?page=1&limit=50");
    assert_eq!(found, ["a", "b", "c"]);
}
