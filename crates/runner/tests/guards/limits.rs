//! A guard stops a run before it goes too far, and not sooner.

use std::sync::Arc;

use drillmaster_models::{Dialect, endpoint};
use drillmaster_runner::guards::{DryRun, Guard, Limits, Removals};
use drillmaster_transport::{Capture, Connection, Error, RejectAll, Scope, Stopped};
use serde_json::{Value, json};

type Rehearsal = Arc<DryRun<RejectAll>>;

/// A guarded dry run, and what got past the guard.
fn guarded(limits: Limits) -> (Connection, Arc<Capture<Rehearsal>>, Rehearsal) {
    let dry_run = Arc::new(DryRun::new(RejectAll));
    let below = Arc::new(Capture::new(dry_run.clone()));
    (Connection::new(Guard::new(below.clone(), limits)), below, dry_run)
}

fn removals(limit: usize) -> Limits {
    Limits { removals: Some(limit), ..Limits::default() }
}

async fn call(
    connection: &Connection,
    scope: &str,
    name: &str,
    fields: Value,
) -> Result<Value, Error> {
    let row = connection.within(Arc::new(Scope::new(scope)));
    row.call(endpoint(name).unwrap(), &fields).await
}

async fn unseat(connection: &Connection, scope: &str, email: &str) -> Result<Value, Error> {
    call(connection, scope, "thm.remove_seat", json!({ "email": email })).await
}

/// Removals in these scopes, of these people, and how many they are.
const COUNTED: [(&str, &str, usize); 11] = [
    ("a", "ada", 1),
    ("a", "ada", 1),
    ("a", "eve", 1),
    ("a#2", "ada", 1),
    ("a#/b", "bob", 1),
    ("a#2#/b", "bob", 1),
    ("a##2", "ada", 2),
    ("#main", "ada", 3),
    ("main", "ada", 4),
    ("main", "bob", 5),
    ("main", "ada", 5),
];

#[tokio::test]
async fn a_row_counts_once_and_outside_rows_each_person_does() {
    for limit in 0..=5 {
        let (connection, _, _) = guarded(removals(limit));
        for (scope, email, count) in COUNTED {
            let removed = unseat(&connection, scope, email).await;
            assert_eq!(removed.is_ok(), count <= limit, "{limit}: {email} in {scope}");
            if removed.is_err() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_dry_run_counts_as_the_guard_does() {
    let (connection, _, dry_run) = guarded(Limits::default());
    let mut removals = Removals::default();
    for (scope, email, count) in COUNTED {
        unseat(&connection, scope, email).await.unwrap();
        let counts: Vec<_> =
            dry_run.take(scope).iter().map(|write| removals.count(write)).collect();
        assert_eq!(counts, [count], "{email} in {scope}");
    }
}

#[tokio::test]
async fn the_write_that_goes_too_far_is_not_sent_and_rows_that_were_begun_can_be_finished() {
    let (connection, below, _) = guarded(removals(1));
    unseat(&connection, "a", "ada").await.unwrap();
    let error = unseat(&connection, "b", "bob").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "thm.remove_seat: `bob`: the run may remove something from at most 1, and this would be one \
         more; not sent"
    );
    assert_eq!(error.stopped_by(), Some(Stopped::Removals));
    assert!(!error.is_in_doubt() && !error.is_retryable() && !error.is_setup());

    let fields = json!({ "extUserId": "ada", "roomCode": "linux1" });
    call(&connection, "a", "thm.leave_room", fields).await.unwrap();
    call(&connection, "a", "thm.add_seat", json!({ "email": "ada" })).await.unwrap();
    assert!(unseat(&connection, "c", "eve").await.unwrap_err().is_stopped());
    assert_eq!(below.requests().len(), 3);
}

#[tokio::test]
async fn reads_go_on_after_a_stop() {
    let (connection, below, _) = guarded(removals(0));
    assert!(unseat(&connection, "a", "ada").await.unwrap_err().is_stopped());
    let read = call(&connection, "a", "veracode.users", json!({})).await;
    assert!(!read.unwrap_err().is_stopped());
    assert_eq!(below.requests().len(), 1);
}

#[tokio::test]
async fn what_removes_nothing_is_not_counted() {
    let (connection, _, _) = guarded(removals(0));
    for (name, fields) in [
        ("thm.add_seat", json!({ "email": "ada" })),
        ("veracode.update_user", json!({ "id": "a", "name": "Ada" })),
        ("veracode.update_user", json!({ "id": "a", "disabled": false })),
    ] {
        assert!(call(&connection, "a", name, fields).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn disabling_is_a_removal() {
    let (connection, below, _) = guarded(removals(0));
    let fields = json!({ "id": "a", "disabled": true });
    let error = call(&connection, "a", "veracode.update_user", fields).await.unwrap_err();
    assert_eq!(error.stopped_by(), Some(Stopped::Removals));
    assert!(below.requests().is_empty());
}

#[tokio::test]
async fn both_dialects_are_counted() {
    for dialect in Dialect::ALL {
        let (connection, below, _) = guarded(removals(1));
        let connection = connection.with_dialect(dialect);
        let leave = endpoint("thm.leave_room").unwrap();
        let fields = |id: &str| json!({ "extUserId": id, "roomCode": "linux1" });
        connection.call(leave, &fields("ada")).await.unwrap();
        connection.call(leave, &fields("ada")).await.unwrap();
        let error = connection.call(leave, &fields("bob")).await.unwrap_err();
        assert_eq!(error.stopped_by(), Some(Stopped::Removals), "{dialect}");
        assert_eq!(below.requests().len(), 2, "{dialect}");
    }
}

#[tokio::test]
async fn what_cannot_be_undone_needs_to_be_allowed() {
    let delete = || json!({ "id": "a" });
    let (connection, below, _) = guarded(Limits::default());
    let error = call(&connection, "a", "veracode.delete_user", delete()).await.unwrap_err();
    assert_eq!(error.stopped_by(), Some(Stopped::Irreversible));
    assert_eq!(error.to_string(), "veracode.delete_user: `a`: this cannot be undone; not sent");
    assert!(below.requests().is_empty());

    let (connection, below, _) = guarded(Limits { irreversible: true, ..Limits::default() });
    call(&connection, "a", "veracode.delete_user", delete()).await.unwrap();
    assert_eq!(below.requests().len(), 1);
}

#[tokio::test]
async fn what_may_be_done_for_good_is_a_removal_all_the_same() {
    let limits = Limits { removals: Some(0), irreversible: true };
    let (connection, _, _) = guarded(limits);
    let error = call(&connection, "a", "veracode.delete_user", json!({ "id": "a" })).await;
    assert_eq!(error.unwrap_err().stopped_by(), Some(Stopped::Removals));
}

#[tokio::test]
async fn rows_side_by_side_remove_no_more_than_the_limit() {
    let (connection, below, _) = guarded(removals(5));
    let rows = (0..50).map(|row| {
        let connection = connection.clone();
        tokio::spawn(async move { unseat(&connection, &format!("row {row}"), "ada").await.is_ok() })
    });
    let ended = futures::future::join_all(rows).await;
    assert_eq!(ended.into_iter().filter(|ok| *ok.as_ref().unwrap()).count(), 5);
    assert_eq!(below.requests().len(), 5);
}
