//! Writes that earlier parts of a run left in doubt are resolved by the current state of the service.

use std::sync::Arc;

use drillmaster_models::{EndpointDef, Pager, endpoint};
use drillmaster_sandbox::{Options, Sandbox};
use drillmaster_transport::cassette::Event;
use drillmaster_transport::{
    Capture, Connection, FaultInjector, RejectAll, Request, ResolvePolicy, Response, Scope,
    Transport,
};
use serde_json::{Value, json};

use super::{asked, going_on, left, place};
use crate::scripted::Scripted;

const SOMEBODY: &str = "ada.lovelace@example.com";

/// A service that counts how often each invite was sent.
fn academy() -> Sandbox {
    Sandbox::new(Options { learners: 20, reinvite: true, ..Options::default() })
}

fn row_of(transport: impl Transport + 'static) -> Connection {
    let patient = ResolvePolicy { wait: true, ..ResolvePolicy::default() };
    Connection::new(transport).resolving(patient).within(Arc::new(Scope::new("ada")))
}

fn invite() -> &'static EndpointDef {
    endpoint("veracode.invite").unwrap()
}

async fn fields(sandbox: &Sandbox) -> Value {
    let users = endpoint("veracode.users").unwrap();
    let page = Connection::new(sandbox.clone()).call(users, &json!({})).await.unwrap();
    json!({ "email": SOMEBODY, "senderId": page["users"][0]["id"] })
}

/// The invite as a request, with this number in its row.
async fn wire(sandbox: &Sandbox, ordinal: u64) -> Request {
    let capture = Arc::new(Capture::new(RejectAll));
    let _ = row_of(capture.clone()).call(invite(), &fields(sandbox).await).await;
    Request { ordinal, ..capture.requests().remove(0) }
}

fn times_invited(sandbox: &Sandbox) -> u64 {
    sandbox.writes()["veracode.invite"][SOMEBODY].as_u64().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn parts_that_were_killed_while_resolving_do_not_use_up_the_tries() {
    let sandbox = academy();
    let (_folder, path) = place();
    let mut events: Vec<Event> = Vec::new();
    for part in 0..9 {
        events.push(asked(&wire(&sandbox, part).await));
    }
    left(&path, &events);
    let (_journal, _history, transport) = going_on(&path, sandbox.clone());
    row_of(transport).call_and_resolve(invite(), &fields(&sandbox).await).await.unwrap();
    assert_eq!(times_invited(&sandbox), 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_by_an_earlier_part_is_no_reason_to_send_again() {
    let sandbox = academy();
    let fields = fields(&sandbox).await;
    let (_folder, path) = place();
    left(&path, &[asked(&wire(&sandbox, 0).await)]);
    {
        // The second part checks, finds no invite, and is killed before it sends one.
        let (_journal, _history, transport) = going_on(&path, sandbox.clone());
        let row = row_of(transport);
        assert!(row.call(invite(), &fields).await.unwrap_err().is_in_doubt());
        let users = endpoint("veracode.users").unwrap();
        let mut pager = Pager::new(users, &json!({})).unwrap();
        while let Some(page) = pager.request() {
            pager.accept(row.call(users, &page).await.unwrap()).unwrap();
        }
    }
    // The request of the first part takes effect late.
    Connection::new(sandbox.clone()).call(invite(), &fields).await.unwrap();
    let (_journal, _history, transport) = going_on(&path, sandbox.clone());
    row_of(transport).call_and_resolve(invite(), &fields).await.unwrap();
    assert_eq!(times_invited(&sandbox), 1);
}

#[tokio::test(start_paused = true)]
async fn every_part_checks_again_what_no_part_could_resolve() {
    let sandbox = academy();
    let fields = fields(&sandbox).await;
    let (_folder, path) = place();
    left(&path, &[]);
    for part in 0..2 {
        let faults = "veracode.invite:reset-before=100%".parse().unwrap();
        let down = Arc::new(Capture::new(FaultInjector::new(sandbox.clone(), faults)));
        let (_journal, _history, transport) = going_on(&path, down.clone());
        let doubt = row_of(transport).call_and_resolve(invite(), &fields).await.unwrap_err();
        assert!(doubt.is_in_doubt());
        let sent = down.requests();
        let sent = sent.iter().filter(|request| request.metadata.name == "veracode.invite").count();
        // One repeat, after the horizon of the first request.
        assert_eq!(sent, if part == 0 { 2 } else { 1 });
    }
    let (_journal, _history, transport) = going_on(&path, sandbox.clone());
    row_of(transport).call_and_resolve(invite(), &fields).await.unwrap();
    assert_eq!(times_invited(&sandbox), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_refused_credential_is_sent_again() {
    let sandbox = academy();
    let (_folder, path) = place();
    left(&path, &[]);
    let rooms = endpoint("thm.rooms").unwrap();
    let refusing = Scripted::new([Ok(Response::json(
        401,
        &json!({ "status": "error", "message": "Invalid API Key." }),
    ))]);
    {
        let (_journal, _history, transport) = going_on(&path, refusing);
        let error = row_of(transport).call(rooms, &json!({})).await.unwrap_err();
        assert!(error.is_credential(), "{error}");
    }
    let (_journal, _history, transport) = going_on(&path, sandbox);
    row_of(transport).call(rooms, &json!({})).await.unwrap();
}
