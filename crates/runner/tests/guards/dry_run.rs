//! A dry run sends no write, and lists each write as it would have been sent.

use std::sync::Arc;

use async_trait::async_trait;
use drillmaster_models::{Dialect, EndpointDef, Field, FieldKind, endpoint, endpoints};
use drillmaster_runner::guards::{DryRun, PlannedWrite};
use drillmaster_transport::cassette::identity;
use drillmaster_transport::{
    Capture, Connection, Error, Purpose, RejectAll, Request, Response, Scope, Transport,
};
use serde_json::{Value, json};

use crate::scripted::Scripted;

type Below = Arc<Capture<RejectAll>>;

/// A dry run, a connection to it, and what got past it.
fn dry_run() -> (Arc<DryRun<Below>>, Connection, Below) {
    let below = Arc::new(Capture::new(RejectAll));
    let dry_run = Arc::new(DryRun::new(below.clone()));
    (dry_run.clone(), Connection::new(dry_run), below)
}

/// Something in these fields of an endpoint, and this text in those that hold text.
fn example(endpoint: &EndpointDef, text: &str, these: impl FnMut(&&Field) -> bool) -> Value {
    let sample = |kind: &FieldKind| match kind {
        FieldKind::Flag => json!(true),
        FieldKind::Texts => json!(["a b", "c&d"]),
        FieldKind::Choices(words) => json!([words[0]]),
        FieldKind::Whole | FieldKind::Number => json!(1),
        FieldKind::Text => json!(text),
        FieldKind::Choice(words) => json!(words[0]),
    };
    let fields = endpoint.fields().iter().filter(these);
    fields.map(|field| (field.name.clone(), sample(&field.kind))).collect()
}

#[tokio::test]
async fn every_write_is_answered_told_in_full_and_not_sent() {
    for (endpoint, dialect) in
        endpoints().flat_map(|endpoint| Dialect::ALL.map(|dialect| (endpoint, dialect)))
    {
        let Some(write) = endpoint.metadata.effect.write() else { continue };
        let fields = example(endpoint, "ada+1@example.com", |_| true);
        let Ok(request) = endpoint.request(&fields, dialect) else {
            continue;
        };
        let (dry_run, connection, below) = dry_run();
        let connection = connection.with_dialect(dialect);
        let answer = connection.call(endpoint, &fields).await.unwrap();
        assert_eq!(answer, endpoint.predict(&fields).unwrap(), "{} {dialect}", endpoint.name());
        assert!(below.requests().is_empty(), "{} {dialect}", endpoint.name());
        let planned = PlannedWrite {
            scope: "main".to_owned(),
            ordinal: 0,
            endpoint: endpoint.name().to_owned(),
            subject: fields[write.subject].as_str().unwrap().to_owned(),
            hash: identity(&request),
            removes: write.takes_away(&fields),
            irreversible: write.irreversible,
            fields,
        };
        assert_eq!(dry_run.take("main"), [planned], "{} {dialect}", endpoint.name());
    }
}

#[tokio::test]
async fn every_read_is_sent_and_none_is_planned() {
    for endpoint in endpoints().filter(|endpoint| endpoint.metadata.effect.is_read()) {
        let (dry_run, connection, below) = dry_run();
        // Some texts are days, and any text may look like one; some fields exclude each other.
        let fields = example(endpoint, "2026-09-01", |field| field.required);
        let error = connection.call(endpoint, &fields).await.unwrap_err();
        assert!(error.is_setup(), "{error}");
        assert_eq!(below.requests().len(), 1, "{}", endpoint.name());
        assert!(dry_run.take("main").is_empty(), "{}", endpoint.name());
    }
}

#[tokio::test]
async fn both_dialects_are_told_in_the_current_ones_words() {
    let leave = endpoint("thm.leave_room").unwrap();
    let fields = json!({ "extUserId": "ada", "roomCode": "linux1" });
    for dialect in Dialect::ALL {
        let (dry_run, connection, _) = dry_run();
        connection.with_dialect(dialect).call(leave, &fields).await.unwrap();
        let plan = dry_run.take("main");
        assert_eq!((&plan[0].fields, plan[0].subject.as_str()), (&fields, "ada"));
    }
}

#[tokio::test]
async fn an_update_removes_where_it_disables() {
    let update = endpoint("veracode.update_user").unwrap();
    for (fields, removes) in [
        (json!({ "id": "a", "disabled": true }), true),
        (json!({ "id": "a", "disabled": false }), false),
        (json!({ "id": "a", "name": "disabled" }), false),
    ] {
        let (dry_run, connection, _) = dry_run();
        connection.call(update, &fields).await.unwrap();
        assert_eq!(dry_run.take("main")[0].removes, removes, "{fields}");
    }
}

#[tokio::test]
async fn a_row_is_taken_with_its_inner_rows_once_and_without_others() {
    let (dry_run, connection, _) = dry_run();
    let add = endpoint("thm.add_seat").unwrap();
    for name in ["a", "a#/c", "a!", "a#2", "a#/b", "ab", "a##/b", "main", "a#/b#/c"] {
        let row = connection.within(Arc::new(Scope::new(name)));
        for email in ["one@example.com", "two@example.com"] {
            row.call(add, &json!({ "email": email })).await.unwrap();
        }
    }
    let places = |scope: &str| -> Vec<_> {
        let plan = dry_run.take(scope);
        plan.into_iter().map(|write| (write.scope, write.ordinal)).collect()
    };
    let both = |name: &str| [(name.to_owned(), 0), (name.to_owned(), 1)];
    assert_eq!(places("a"), [both("a"), both("a#/b"), both("a#/b#/c"), both("a#/c")].concat());
    assert!(places("a").is_empty());
    for name in ["a!", "a#2", "a##/b", "ab", "main"] {
        assert_eq!(places(name), both(name), "{name}");
    }
}

#[tokio::test]
async fn a_row_is_told_in_the_order_of_its_ordinals_whatever_came_first() {
    let (dry_run, _, _) = dry_run();
    let add = endpoint("thm.add_seat").unwrap();
    for ordinal in [2, 0, 1] {
        let wire = add.request(&json!({ "email": "a@example.com" }), Dialect::Current).unwrap();
        let request = Request {
            wire: wire.into(),
            metadata: &add.metadata,
            scope: "a".into(),
            ordinal,
            purpose: Purpose::Call,
        };
        dry_run.send(request).await.unwrap();
    }
    let ordinals: Vec<_> = dry_run.take("a").iter().map(|write| write.ordinal).collect();
    assert_eq!(ordinals, [0, 1, 2]);
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_neither_answered_nor_sent() {
    let (dry_run, _, below) = dry_run();
    let add = endpoint("thm.add_seat").unwrap();
    let mut wire = add.request(&json!({ "email": "a@example.com" }), Dialect::Current).unwrap();
    wire.body = b"no JSON".to_vec();
    let request = Request {
        wire: wire.into(),
        metadata: &add.metadata,
        scope: "a".into(),
        ordinal: 0,
        purpose: Purpose::Call,
    };
    let error = dry_run.send(request).await.unwrap_err();
    assert!(error.is_invalid() && !error.is_in_doubt(), "{error}");
    assert!(below.requests().is_empty() && dry_run.take("a").is_empty());
}

#[tokio::test]
async fn a_read_is_answered_by_the_service() {
    let page = json!({ "users": [], "nextPage": null });
    let connection = Connection::new(DryRun::new(Scripted::saying([page])));
    let users = endpoint("veracode.users").unwrap();
    assert_eq!(connection.call(users, &json!({})).await.unwrap()["users"], json!([]));
}

#[test]
fn a_plan_can_be_kept_in_a_file() {
    let planned = PlannedWrite {
        scope: "a".to_owned(),
        ordinal: 3,
        endpoint: "thm.add_seat".to_owned(),
        subject: "ada@example.com".to_owned(),
        fields: json!({ "email": "ada@example.com" }),
        hash: "0".repeat(32),
        removes: false,
        irreversible: false,
    };
    let text = serde_json::to_string(&planned).unwrap();
    assert!(text.contains(r#""entry":"thm.add_seat""#), "{text}");
    assert_eq!(serde_json::from_str::<PlannedWrite>(&text).unwrap(), planned);
}

/// Gives a value of its own.
struct Die;

#[async_trait]
impl Transport for Die {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        RejectAll.send(request).await
    }

    fn value(&self, _: &Scope, _: &str, _: Value) -> Result<Value, Error> {
        Ok(json!(6))
    }
}

#[test]
fn values_come_from_below() {
    assert_eq!(Connection::new(DryRun::new(Die)).value("die", json!(1)).unwrap(), json!(6));
}
