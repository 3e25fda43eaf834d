//! What is refused, and in which words.

use std::collections::BTreeSet;

use drillmaster_models::{Credential, Dialect, ErrorSpec, Reply, endpoint as endpoint_of, thm};
use serde_json::{Value, json};

use super::{SEATS, academy, json_of, seated, send, waiting};
use crate::population::Person;
use crate::{Options, Sandbox};

#[test]
fn a_missing_field_is_refused_by_name() {
    let sandbox = academy();
    let order = json!({ "roomCode": "linux1" });
    let answer = send(&sandbox, "POST", "/external/api/authenticate", &order);
    assert_eq!(json_of(&answer)["message"], "extUserId is required.");
    let answer = send(&sandbox, "GET", "/external/api/questions", &Value::Null);
    assert_eq!((answer.status, json_of(&answer)["message"].is_string()), (400, true));
    let answer = send(&sandbox, "POST", "/api/v2/external/reports/time", &json!({}));
    assert_eq!(json_of(&answer)["message"], "userEmails is required.");
}

/// A request that must be refused: how many seats there are, then what is sent.
type Provocation = (usize, &'static str, &'static str, &'static str, Value);

fn provocations() -> Vec<Provocation> {
    let email = |person: Person| json!({ "email": person.email });
    let board = "/api/v2/external/scoreboard";
    vec![
        (250, "thm.add_seat", "PUT", SEATS, json!({})),
        (250, "thm.add_seat", "PUT", SEATS, json!({ "email": "nobody@example.com" })),
        (250, "thm.add_seat", "PUT", SEATS, email(seated())),
        (0, "thm.add_seat", "PUT", SEATS, email(waiting())),
        (250, "thm.remove_seat", "DELETE", SEATS, json!({})),
        (250, "thm.remove_seat", "DELETE", SEATS, email(waiting())),
        (250, "thm.scoreboard", "GET", board, Value::Null),
        (250, "thm.scoreboard", "GET", "/api/v2/external/scoreboard?roomCode=nope", Value::Null),
        (
            250,
            "thm.room_exists",
            "GET",
            "/external/api/roomExists?roomCode=globex-review",
            Value::Null,
        ),
    ]
}

#[test]
fn every_documented_refusal_of_an_endpoint_can_be_met() {
    let mut met = BTreeSet::new();
    for (seats, endpoint, method, target, body) in provocations() {
        let answer =
            send(&Sandbox::new(Options { seats, ..Options::default() }), method, target, &body);
        let said = json_of(&answer);
        let words = said["message"].as_str().unwrap_or_default();
        let endpoint = endpoint_of(endpoint).unwrap();
        let is_met = |spec: &&ErrorSpec| spec.status == answer.status && spec.matches(words);
        let spec = endpoint.errors().find(is_met);
        let spec = spec.unwrap_or_else(|| panic!("{}: {answer}", endpoint.name()));
        met.insert((endpoint.name(), spec.says));
        if matches!(endpoint.metadata.reply, Reply::Data) {
            assert_eq!(said["status"], "error");
            assert!(said["stack"].as_str().is_some_and(|stack| stack.contains(words)));
        }
    }
    for endpoint in thm::SERVICE.endpoints() {
        for spec in endpoint.metadata.errors {
            assert!(
                met.contains(&(endpoint.name(), spec.says)),
                "{}: {}",
                endpoint.name(),
                spec.says
            );
        }
    }
}

#[test]
fn every_endpoint_with_a_credential_refuses_a_wrong_one_and_none() {
    for dialect in Dialect::ALL {
        let sandbox = academy().speaking(dialect);
        for endpoint in thm::SERVICE.endpoints() {
            let Ok(metadata) = endpoint.metadata(dialect) else {
                continue;
            };
            if metadata.credential == Credential::None {
                continue;
            }
            let wrong = [("thm-api-key".to_owned(), "a-wrong-key".to_owned())];
            for headers in [&wrong[..], &[]] {
                let answer =
                    sandbox.answer(metadata.method.as_str(), metadata.path, headers, b"apiKey=x");
                assert_eq!(answer.status, 403, "{}", endpoint.name());
                let message = json_of(&answer)["message"].take();
                assert_eq!(message, "API Key is invalid or has expired.");
            }
        }
    }
}
