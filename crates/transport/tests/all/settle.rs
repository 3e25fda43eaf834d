//! How doubtful writes are settled, and how often their effect takes place.

use std::sync::Arc;

use drillmaster_models::entry;
use drillmaster_sandbox::{InviteOutcome, Sandbox};
use drillmaster_transport::{Capture, Connection, Error, Fault, Lost, Response, Transport};
use serde_json::{Value, json};

use crate::scripted::Scripted;

/// Calls an entry once and settles what is in doubt. Gives the answer, what was sent, and the effects.
async fn settled(
    sandbox: &Sandbox,
    faults: &str,
    name: &str,
    fields: Value,
) -> (Result<Value, Error>, Vec<String>) {
    let services: Arc<dyn Transport> =
        Arc::new(Fault::new(sandbox.clone(), faults.parse().unwrap()));
    let capture = Arc::new(Capture::new(services));
    let connection = Connection::new(capture.clone());
    let entry = entry(name).unwrap();
    let answer = match connection.call(entry, &fields).await {
        Err(doubt) => {
            assert!(doubt.is_in_doubt(), "{doubt}");
            connection.settle(entry, &fields, doubt).await
        }
        answer => answer,
    };
    let sent = capture.requests();
    (answer, sent.iter().map(|request| request.spec.name.to_owned()).collect())
}

fn academy() -> Sandbox {
    Sandbox::academy(1, 200, 250)
}

/// An administrator, somebody who has an account and no seat, and somebody unknown to Security Labs.
async fn people(sandbox: &Sandbox) -> (String, &'static str, &'static str) {
    let users = entry("veracode.users").unwrap();
    let page = Connection::new(sandbox.clone()).call(users, &json!({})).await.unwrap();
    let sender = page["users"][0]["id"].as_str().unwrap().to_owned();
    (sender, "kian.rutherford@example.com", "ada.lovelace@example.com")
}

#[tokio::test(start_paused = true)]
async fn an_invite_answered_500_was_sent_once_and_is_found_by_a_look() {
    let sandbox = academy().answering_invites(InviteOutcome::Unknown);
    let (sender, _, stranger) = people(&sandbox).await;
    let fields = json!({ "email": stranger, "senderId": sender });
    let (answer, sent) = settled(&sandbox, "seed=1", "veracode.invite", fields).await;
    assert_eq!(answer.unwrap()["email"], stranger);
    assert_eq!(sandbox.writes()["veracode.invite"][stranger], 1);
    assert_eq!(sent.iter().filter(|name| *name == "veracode.invite").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_invite_lost_before_its_effect_is_sent_again_after_a_look() {
    let sandbox = academy();
    let (sender, _, stranger) = people(&sandbox).await;
    let fields = json!({ "email": stranger, "senderId": sender });
    let (answer, _) =
        settled(&sandbox, "veracode.invite:reset-before@1", "veracode.invite", fields).await;
    assert!(answer.is_ok());
    assert_eq!(sandbox.writes()["veracode.invite"][stranger], 1);
}

#[tokio::test(start_paused = true)]
async fn a_seat_is_settled_by_a_repeat_whether_or_not_it_was_given() {
    for faults in ["reset-before@1", "reset-after@1", "500-before@1", "500-after@1", "garbage@1"] {
        let sandbox = academy();
        let (_, waiting, _) = people(&sandbox).await;
        let (answer, sent) =
            settled(&sandbox, faults, "thm.add_seat", json!({ "email": waiting })).await;
        assert!(answer.is_ok(), "{faults}");
        assert_eq!(sandbox.writes()["thm.add_seat"][waiting], 1, "{faults}");
        assert_eq!(sent, ["thm.add_seat", "thm.add_seat"], "{faults}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_repeat_says_that_nothing_was_done() {
    let sandbox = academy();
    let fields = json!({ "email": "nobody@example.com" });
    let (answer, _) = settled(&sandbox, "reset-before@1", "thm.add_seat", fields).await;
    assert_eq!(answer.unwrap_err().words(), Some("email not found."));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_settled_stays_in_doubt() {
    let sandbox = academy();
    let (_, waiting, _) = people(&sandbox).await;
    let fields = json!({ "email": waiting });
    let (answer, sent) = settled(&sandbox, "reset-before=100%", "thm.add_seat", fields).await;
    assert!(answer.unwrap_err().is_in_doubt());
    assert_eq!(sent.len(), 6);
    assert!(sandbox.writes()["thm.add_seat"].is_null());
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_the_way_of_settling_does_not_hide_the_doubt() {
    let refused = Response::json(401, &json!({ "status": "error", "message": "Invalid API Key." }));
    for then in [Ok(refused), Err(Error::unwritten("the journal cannot be written"))] {
        let reset = Error::lost(Lost::Reset, "in the middle");
        let connection = Connection::new(Scripted::new([Err(reset), then]));
        let fields = json!({ "email": "ada@example.com" });
        let error = connection.call_and_settle(entry("thm.add_seat").unwrap(), &fields).await;
        assert!(error.unwrap_err().is_in_doubt());
    }
}
