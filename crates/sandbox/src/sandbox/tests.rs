//! The door itself, whatever stands behind it.

use drillmaster_models::{Dialect, endpoint, endpoints};
use drillmaster_transport::{Purpose, Request, Scope, Transport};
use serde_json::{Value, json};

use super::*;
use crate::{MOST_LEARNERS, Options, THM_KEY, VERACODE_DISABLED_KEY, VERACODE_KEY};

fn academy() -> Sandbox {
    Sandbox::new(Options { learners: 100, seats: 60, ..Options::default() })
}

fn keys() -> [(String, String); 2] {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    [pair("thm-api-key", THM_KEY), pair("auth", VERACODE_KEY)]
}

fn said(response: &wire::Response) -> Value {
    serde_json::from_slice::<Value>(&response.body).unwrap_or_default()["message"].take()
}

#[test]
fn security_labs_tells_what_is_wrong_with_a_credential() {
    let sandbox = academy();
    let refusal = |auth: Option<&str>| {
        let headers: Vec<_> =
            auth.map(|auth| ("auth".to_owned(), auth.to_owned())).into_iter().collect();
        let answer = sandbox.answer("GET", "/api/users", &headers, b"");
        (answer.status, said(&answer))
    };
    assert_eq!(refusal(None), (403, json!("ApiCredential invalid")));
    assert_eq!(refusal(Some("other:secret")), (404, json!("ApiCredential missing")));
    assert_eq!(refusal(Some("sandbox-key:other")), (401, json!("rotated")));
    assert_eq!(refusal(Some(VERACODE_DISABLED_KEY)), (401, json!("disabled")));
}

#[test]
fn an_unknown_path_a_wrong_method_and_a_broken_body_are_answered_in_json() {
    let sandbox = academy();
    let answer = |method: &str, target: &str, body: &[u8]| {
        let answer = sandbox.answer(method, target, &keys(), body);
        assert!(said(&answer).is_string(), "{answer}");
        answer
    };
    assert_eq!(answer("GET", "/no/such/path", b"").status, 404);
    let wrong = answer("PATCH", "/api/v2/external/seats/users", b"");
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("PUT, DELETE")));
    for body in [&b"{\"email\""[..], b"[]", b"\xff\xfe", b"null"] {
        assert_eq!(answer("PUT", "/api/v2/external/seats/users", body).status, 400);
    }
}

/// Strange requests to every endpoint: nothing panics, and what is said is JSON or a redirect.
#[test]
fn nothing_that_is_sent_can_break_it() {
    let bodies = ["", "{}", "[]", "{\"email\":7,\"roomCode\":[],\"userEmails\":{}}", "a=%FF&&=&b"];
    let queries = ["", "?", "?page=-1&limit=x&sort=%00", "?roomCode=%F0%9F%92%A9&page=1e9"];
    for dialect in Dialect::ALL {
        let sandbox = academy().speaking(dialect);
        for route in sandbox.routes.iter() {
            for (body, query) in bodies.iter().flat_map(|body| queries.map(|query| (body, query))) {
                let target = format!("{}{query}", route.metadata.path.replace(['{', '}'], "%7B"));
                let method = route.metadata.method.as_str();
                let answer = sandbox.answer(method, &target, &keys(), body.as_bytes());
                let is_json = serde_json::from_slice::<Value>(&answer.body).is_ok();
                assert!(is_json || answer.header("location").is_some(), "{target}: {answer}");
            }
        }
    }
}

#[test]
fn writes_can_be_read_with_one_of_the_sandboxs_keys() {
    for key in keys() {
        let answer = academy().answer("GET", "/_sandbox/writes", std::slice::from_ref(&key), b"");
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
        assert_eq!(academy().answer("POST", "/_sandbox/writes", &[key], b"").status, 405);
    }
}

#[test]
fn nothing_is_told_about_the_sandbox_without_a_key_of_it() {
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for (headers, status) in [
        (vec![], 401),
        (header("authorization", THM_KEY), 401),
        (header("thm-api-key", "another"), 403),
        (header("auth", VERACODE_DISABLED_KEY), 403),
        (header("auth", ""), 403),
    ] {
        for path in ["/_sandbox/writes", "/_sandbox/writes?x=1", "/_sandbox/nothing"] {
            let answer = academy().answer("GET", path, &headers, b"");
            assert_eq!(answer.status, status, "{path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn in_the_process_no_credential_is_needed() {
    for dialect in Dialect::ALL {
        let sandbox = academy().speaking(dialect);
        let rooms = endpoint("thm.rooms").unwrap();
        let request = Request {
            wire: rooms.request(&json!({}), dialect).unwrap().into(),
            metadata: rooms.metadata(dialect).unwrap(),
            scope: Scope::MAIN.into(),
            ordinal: 0,
            purpose: Purpose::Call,
        };
        let answer = sandbox.send(request).await.unwrap();
        let rooms = rooms.answer(&answer, dialect).unwrap();
        assert_eq!(rooms["roomInfo"][0]["code"], "linux1");
    }
}

#[test]
fn a_saved_academy_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("academy.json");
    let first = academy();
    let order = br#"{ "extUserId": "somebody", "roomCode": "linux1" }"#;
    let ask = |sandbox: &Sandbox| {
        let answer = sandbox.answer("POST", "/external/api/authenticate", &keys(), order);
        String::from_utf8(answer.body).unwrap()
    };
    let link = ask(&first);
    first.save(&file).unwrap();
    let second = Sandbox::load(&file).unwrap();
    assert_eq!(ask(&second), link);
    assert_eq!(second.writes(), first.writes());
    // All else is the same as well: what is saved again is the same file.
    let saved = std::fs::read(&file).unwrap();
    second.save(&file).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), saved);
}

#[test]
fn a_damaged_state_is_told_by_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("academy.json");
    std::fs::write(&file, "{\n  \"now\": 7\n}").unwrap();
    let error = Sandbox::load(&file).unwrap_err().to_string();
    assert!(error.contains("academy.json is damaged") && error.contains("line 2"), "{error}");
    let error = Sandbox::load(folder.path().join("none.json")).unwrap_err().to_string();
    assert!(error.contains("cannot read"), "{error}");
    let error = academy().save(folder.path().join("none/academy.json")).unwrap_err();
    assert!(error.to_string().contains("cannot save"), "{error}");
}

/// Before the work and after it.
#[test]
fn a_place_that_takes_no_state_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("academy.json");
    std::fs::write(&file, "as it was").unwrap();
    for (path, says) in [
        (PathBuf::new(), "it is not the name of a file; add one"),
        (folder.path().to_owned(), "it is not the name of a file; add one"),
        (folder.path().join("none/academy.json"), "its folder does not exist; create it"),
        (file.join("academy.json"), "its folder does not exist; create it"),
    ] {
        let checked = Sandbox::check_state_path(&path).unwrap_err().to_string();
        assert!(checked.contains(says), "{checked}");
        assert_eq!(academy().save(&path).unwrap_err().to_string(), checked);
    }
    Sandbox::check_state_path(&file).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "as it was");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// The kernel's own folder takes no files, not even the superuser's.
#[cfg(target_os = "linux")]
#[test]
fn the_file_beside_is_not_named() {
    let error = academy().save("/proc/academy.json").unwrap_err().to_string();
    assert!(error.contains("/proc/academy.json") && !error.contains(".tmp"), "{error}");
}

#[test]
fn the_same_seed_gives_the_same_answers() {
    for route in academy().routes.iter().filter(|route| route.metadata.effect.is_read()) {
        let target = route.metadata.path.replace("{roomCode}", "linux1");
        let ask = || academy().answer(route.metadata.method.as_str(), &target, &keys(), b"{}");
        assert_eq!(ask(), ask(), "{target}");
    }
}

#[test]
fn no_academy_has_more_learners_than_fit_into_memory() {
    let crowded = Options { learners: usize::MAX, ..Options::default() };
    assert_eq!(crowded.within_bounds().learners, MOST_LEARNERS);
}

#[test]
fn each_dialect_has_the_entries_it_declares() {
    for dialect in Dialect::ALL {
        let declared = endpoints().filter(|endpoint| endpoint.metadata(dialect).is_ok()).count();
        assert_eq!(academy().speaking(dialect).routes.len(), declared);
    }
}

#[test]
fn a_call_that_panicked_does_not_stop_the_others() {
    let sandbox = academy();
    let other = sandbox.clone();
    let panicked = std::thread::spawn(move || {
        let _guard = other.lock();
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    assert_eq!(sandbox.answer("GET", "/external/api/rooms", &keys(), b"").status, 200);
}
