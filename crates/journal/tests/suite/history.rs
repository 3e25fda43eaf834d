//! What a history says about a run: its header, and how its rows ended.

use drillmaster_journal::{History, Journal};
use drillmaster_transport::cassette::EventReader;
use drillmaster_transport::cassette::{Event, Header};
use serde_json::json;

use super::{again, left, place, row};

/// The scopes and states of the rows that ended, in order.
fn told(events: &[Event]) -> Vec<(String, String)> {
    let (_folder, path) = place();
    left(&path, events);
    let history = History::read(&path).unwrap();
    for told in history.rows() {
        let told = told.unwrap();
        assert_eq!(history.row(&told.scope).unwrap().as_ref(), Some(&told));
        assert!(events.contains(&Event::Row(told)));
    }
    history.rows().map(Result::unwrap).map(|row| (row.scope, row.state)).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(scope, state)| ((*scope).to_owned(), (*state).to_owned())).collect()
}

#[test]
fn rows_come_in_the_order_in_which_they_ended() {
    let events = [row("bob", "done"), row("ada", "refused"), row("eve", "done")];
    assert_eq!(told(&events), pairs(&[("bob", "done"), ("ada", "refused"), ("eve", "done")]));
}

#[test]
fn the_last_event_of_a_row_counts() {
    let events = [row("ada", "failed"), row("bob", "done"), row("ada", "done")];
    assert_eq!(told(&events), pairs(&[("bob", "done"), ("ada", "done")]));
}

#[test]
fn a_row_that_is_retried_has_not_ended() {
    let events = [row("ada", "failed"), row("bob", "failed"), again("ada")];
    assert_eq!(told(&events), pairs(&[("bob", "failed")]));
    let events = [row("ada", "failed"), again("ada"), row("ada", "done")];
    assert_eq!(told(&events), pairs(&[("ada", "done")]));
}

#[test]
fn states_are_counted() {
    let (_folder, path) = place();
    left(&path, &[row("a", "failed"), row("b", "done"), row("c", "refused"), row("a", "done")]);
    let history = History::read(&path).unwrap();
    assert_eq!(history.counts(), [("done", 2), ("refused", 1)]);
    assert!(history.row("d").unwrap().is_none());
    assert!(!history.is_finished());
}

#[test]
fn the_header_holds_what_the_program_put_there() {
    let (_folder, path) = place();
    let run =
        json!({ "id": "2026-11-22-a", "target": { "on": "sandbox" }, "inputs": { "n": 1.5 } });
    let header = Header {
        script: Some("0".repeat(32)),
        run: run.as_object().unwrap().clone(),
        ..Header::default()
    };
    drop(Journal::create(&path, header.clone()).unwrap());
    assert_eq!(History::read(&path).unwrap().header(), &header);
    assert_eq!(EventReader::open(&path).unwrap().header(), &header);
}

#[test]
fn an_empty_history_knows_nothing() {
    let history = History::default();
    assert!(history.rows().next().is_none());
    assert!(history.counts().is_empty() && !history.is_finished());
    assert!(history.row("ada").unwrap().is_none());
}
