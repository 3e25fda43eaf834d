//! Walking through lists page by page, whatever the service says about the next page.

use std::sync::Arc;

use drillmaster_models::veracode::{ListProgress, ListUsers, ListUsersDetails};
use drillmaster_models::{Endpoint, endpoint};
use drillmaster_transport::{
    Capture, Connection, Error, NetworkError, RejectAll, Request, Response,
};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use crate::scripted::Scripted;

/// The other style of paging: `pages` with the number and the URL of the next one.
fn details(ids: &[&str], next: Option<u32>) -> Value {
    let users: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
    // As in the documentation's example, the URL is that of another endpoint and has lost the filters.
    let url = next.map(|next| format!("https://elsewhere.example/api/lessons?page={next}"));
    json!({ "users": users, "pages": { "current": 0, "next": next, "nextUrl": url } })
}

fn users(ids: &[&str], more: bool) -> Value {
    let users: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
    let next = more.then_some("/api/elsewhere?page=9");
    json!({ "users": users, "nextPage": next })
}

/// Walks through these answers. Returns the ids in order, and the requests.
async fn walk<E: Endpoint>(
    request: &E,
    answers: impl IntoIterator<Item = Value>,
) -> (Vec<String>, Vec<String>) {
    let capture = Arc::new(Capture::new(Scripted::saying(answers)));
    let items = Connection::new(capture.clone()).items::<_, Value>(request);
    let items: Vec<_> = items.try_collect().await.unwrap();
    let ids = items.iter().map(|item| item["id"].as_str().unwrap().to_owned());
    let lines = capture.requests().iter().map(Request::line).collect();
    (ids.collect(), lines)
}

#[tokio::test]
async fn pages_are_counted_here_and_the_callers_filters_sent_again() {
    let request = ListUsersDetails {
        role_ids: vec!["r1".to_owned(), "r2".to_owned()],
        phrase: Some("a&b".to_owned()),
        limit: Some(2),
        ..ListUsersDetails::default()
    };
    let answers =
        [details(&["a", "b"], Some(7)), details(&["c", "d"], Some(1)), details(&["e"], None)];
    let (ids, lines) = walk(&request, answers).await;
    assert_eq!(ids, ["a", "b", "c", "d", "e"]);
    let line =
        |page| format!("GET /api/users/details?roleIds=r1,r2&phrase=a%26b&limit=2&page={page}");
    assert_eq!(lines, [line(0), line(1), line(2)]);
}

#[tokio::test]
async fn the_next_page_style_works_the_same_way() {
    let request = ListUsers { limit: Some(2), ..ListUsers::default() };
    let answers = [users(&["a", "b"], true), users(&["c"], false)];
    let (ids, lines) = walk(&request, answers).await;
    assert_eq!(ids, ["a", "b", "c"]);
    let line = |page| format!("GET /api/users?page={page}&limit=2");
    assert_eq!(lines, [line(0), line(1)]);
}

#[tokio::test]
async fn a_walk_starts_at_the_callers_page() {
    let request = ListUsers { page: Some(3), ..ListUsers::default() };
    let (_, lines) = walk(&request, [users(&["a"], true), users(&["b"], false)]).await;
    let line = |page| format!("GET /api/users?page={page}&limit=50");
    assert_eq!(lines, [line(3), line(4)]);
}

#[tokio::test]
async fn ids_that_come_again_are_dropped() {
    let answers = [users(&["a", "b"], true), users(&["b", "c", "c"], true), users(&["d"], false)];
    let (ids, _) = walk(&ListUsers::default(), answers).await;
    assert_eq!(ids, ["a", "b", "c", "d"]);
}

/// A service that always says "there is more" must not be called forever.
#[tokio::test]
async fn a_page_that_repeats_ends_the_walk() {
    let answers = [users(&["a", "b"], true), users(&["b", "a"], true)];
    let (ids, lines) = walk(&ListUsers::default(), answers).await;
    assert_eq!((ids.len(), lines.len()), (2, 2));

    let answers = [details(&["a"], Some(1)), details(&["a"], Some(1))];
    let (ids, lines) = walk(&ListUsersDetails::default(), answers).await;
    assert_eq!((ids.len(), lines.len()), (1, 2));

    let (ids, lines) = walk(&ListUsers::default(), [users(&[], true)]).await;
    assert_eq!((ids.len(), lines.len()), (0, 1));
}

#[tokio::test]
async fn an_error_ends_the_walk() {
    let answers = [
        Ok(Response::json(200, &users(&["a"], true))),
        Err(Error::network(NetworkError::Timeout, "too late")),
    ];
    let connection = Connection::new(Scripted::new(answers));
    let items: Vec<_> = connection.items::<_, Value>(&ListUsers::default()).collect().await;
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].as_ref().unwrap()["id"], "a");
    let error = items[1].as_ref().unwrap_err();
    assert_eq!(error.network_error(), Some(NetworkError::Timeout));
    assert_eq!(error.endpoint(), Some("veracode.users"));
}

#[tokio::test]
async fn pages_are_asked_for_only_as_their_items_are() {
    let capture = Arc::new(Capture::new(Scripted::saying([users(&["a", "b"], true)])));
    let connection = Connection::new(capture.clone());
    let items = connection.items::<_, Value>(&ListUsers::default());
    assert!(capture.requests().is_empty());
    let taken: Vec<_> = items.take(2).collect().await;
    assert_eq!(taken.len(), 2);
    assert_eq!(capture.requests().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_walked_is_refused_before_anything_is_sent() {
    let connection = Connection::new(RejectAll);
    let add_seat = endpoint("thm.add_seat").unwrap();
    let walk = connection.walk(add_seat, &json!({ "email": "ada@example.com" }));
    let items: Vec<_> = walk.collect().await;
    assert_eq!(items.len(), 1);
    assert!(items[0].as_ref().unwrap_err().is_invalid());

    let request = ListProgress { limit: Some(51), ..ListProgress::default() };
    let items: Vec<_> = connection.items::<_, Value>(&request).collect().await;
    assert_eq!(items.len(), 1);
    let error = items[0].as_ref().unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("limit"), "{error}");
}
