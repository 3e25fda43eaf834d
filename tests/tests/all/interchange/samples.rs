//! What is imported from each tool's file.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use drillmaster_interchange::{Options, read, write_cassette};
use drillmaster_models::endpoint;
use drillmaster_models::thm::{AddSeat, ListUsers};
use drillmaster_transport::{Connection, NetworkError, Replay};
use serde_json::{Value, json};

use super::{
    CHROME, FIREFOX, HARS, MITMPROXY, RUBY_VCR, TOOL, VCRPY, VCRS, body, cassette_of, describe,
    import,
};
use crate::snapshot::snapshot;

#[track_caller]
fn assert_import(name: &str, text: &str) {
    snapshot("interchange", name, &describe(&import(text)));
}

#[test]
fn chrome_files_are_imported() {
    assert_import("chrome", CHROME);
}

#[test]
fn firefox_files_are_imported() {
    assert_import("firefox", FIREFOX);
}

#[test]
fn mitmproxy_files_are_imported() {
    assert_import("mitmproxy", MITMPROXY);
}

#[test]
fn files_with_few_fields_are_imported() {
    assert_import("tool", TOOL);
}

#[test]
fn vcrpy_cassettes_are_imported() {
    assert_import("vcrpy", VCRPY);
}

#[test]
fn vcr_for_ruby_cassettes_are_imported() {
    assert_import("ruby_vcr", RUBY_VCR);
}

#[test]
fn credentials_and_cookies_are_not_imported() {
    for text in HARS.iter().chain(&VCRS) {
        let all = cassette_of(&import(text));
        for planted in ["-secret", "-cookie", "api-key", "apiKey"] {
            assert!(text.contains(planted) <= !all.contains(planted), "{planted} in {all}");
        }
    }
}

#[test]
fn an_imported_recording_replays_drillmasters_requests() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut text = Vec::new();
        write_cassette(&import(VCRPY).recording, &mut text).unwrap();
        let replay = Replay::parse(String::from_utf8(text).unwrap()).unwrap();
        let connection = Connection::new(replay);
        let users = connection.send(&ListUsers {}).await.unwrap();
        assert_eq!(users.users.len(), 1);
        let seat = AddSeat { email: "ada@example.com".to_owned() };
        let refusal = connection.send(&seat).await.unwrap_err();
        assert_eq!(refusal.words(), Some("email not found."));
    });
}

/// A HAR file with one request.
fn har(request: &Value, response: &Value) -> String {
    json!({ "log": { "entries": [{ "request": request, "response": response }] } }).to_string()
}

fn get(url: &str) -> Value {
    json!({ "method": "GET", "url": url })
}

fn answer(headers: &Value, content: &Value) -> Value {
    json!({ "status": 200, "headers": headers, "content": content })
}

fn users() -> Value {
    get("https://tryhackme.com/external/api/users")
}

/// A request is imported as drillmaster sends it.
#[test]
fn escapes_are_those_of_drillmasters_requests() {
    let ours = endpoint("thm.room_exists").unwrap();
    let ours =
        ours.request(&json!({ "roomCode": "a b/é+c" }), drillmaster_models::Dialect::Current);
    let ours = ours.unwrap().target;
    for spelling in ["a%20b%2fé%2Bc", "a+b/%c3%a9%2bc", "%61+b%2F%C3%A9%2Bc"] {
        let url = format!("https://tryhackme.com/external/api/roomExists?roomCode={spelling}");
        let imported = import(&har(&get(&url), &json!({ "status": 200 })));
        assert_eq!(imported.recording.interactions[0].request.target, ours, "{spelling}");
    }
}

#[test]
fn a_local_host_is_matched_by_path() {
    let entry_at = |url: &str| {
        import(&har(&get(url), &json!({ "status": 200 }))).recording.interactions[0]
            .request
            .endpoint
            .clone()
    };
    for host in
        ["http://127.0.0.1:8080", "http://[::1]:1", "http://localhost", "http://box.test", ""]
    {
        assert_eq!(entry_at(&format!("{host}/external/api/users")), "thm.users", "{host}");
        assert_eq!(entry_at(&format!("{host}/api/users")), "veracode.users", "{host}");
    }
    assert_eq!(entry_at("https://www.tryhackme.com/external/api/users"), "thm.users");
    assert_eq!(entry_at("https://securitylabs.veracode.eu/api/users"), "veracode.users");
}

#[test]
fn requests_to_an_added_host_are_imported() {
    let text = har(&get("https://gateway.example.com/api/users"), &json!({ "status": 200 }));
    let options = Options { hosts: vec!["gateway.example.com".to_owned()], ..Options::default() };
    assert_eq!(read(text.as_bytes(), &options).unwrap().recording.interactions.len(), 1);
    assert!(read(text.as_bytes(), &Options::default()).is_err());
}

#[test]
fn network_errors_of_chrome_keep_their_kind() {
    let kinds = [
        ("net::ERR_CONNECTION_REFUSED", NetworkError::Connect),
        ("net::ERR_NAME_NOT_RESOLVED", NetworkError::Connect),
        ("net::ERR_BLOCKED_BY_CLIENT", NetworkError::Connect),
        ("net::ERR_CONNECTION_TIMED_OUT", NetworkError::Connect),
        ("net::ERR_TIMED_OUT", NetworkError::Timeout),
        ("Read timeout", NetworkError::ConnectionLost),
        ("net::ERR_CONNECTION_RESET", NetworkError::ConnectionLost),
        ("", NetworkError::ConnectionLost),
    ];
    for (detail, kind) in kinds {
        let lost = json!({ "status": 0, "_error": detail });
        let imported = import(&har(&users(), &lost));
        let error = imported.recording.interactions[0].outcome.as_ref().unwrap_err();
        assert_eq!(error.network_error(), Some(kind), "{detail}");
    }
}

#[test]
fn requests_are_ordered_by_time() {
    let at = |time: Option<&str>, page: u32| {
        let url = format!("https://securitylabs.veracode.com/api/users?page={page}");
        json!({ "startedDateTime": time, "request": get(&url), "response": { "status": 200 } })
    };
    let entries = [
        at(Some("2025-01-01T12:00:00+02:00"), 1),
        at(None, 2),
        at(Some("2025-01-01T09:00:00Z"), 0),
        at(Some("2025-01-01T10:00:00.000Z"), 3),
    ];
    let imported = import(&json!({ "log": { "entries": entries } }).to_string());
    let requests: Vec<_> = imported.recording.interactions.iter().map(|own| &own.request).collect();
    let pages: Vec<_> = requests.iter().map(|request| request.target.as_str()).collect();
    assert_eq!(pages, [0, 1, 2, 3].map(|page| format!("/api/users?page={page}")));
    let ordinals: Vec<_> = requests.iter().map(|request| request.ordinal).collect();
    assert_eq!(ordinals, [0, 1, 2, 3]);
}

/// However a tool saves a compressed body, the imported body is the same.
#[test]
fn bodies_are_decompressed() {
    let plain = br#"{"users":[]}"#;
    let packed = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        write(&mut bytes);
        bytes
    };
    let level = flate2::Compression::default();
    let gzip = packed(&|out| flate2::write::GzEncoder::new(out, level).write_all(plain).unwrap());
    let zlib = packed(&|out| flate2::write::ZlibEncoder::new(out, level).write_all(plain).unwrap());
    let raw =
        packed(&|out| flate2::write::DeflateEncoder::new(out, level).write_all(plain).unwrap());
    let twice = packed(&|out| flate2::write::GzEncoder::new(out, level).write_all(&zlib).unwrap());
    for (coding, bytes) in [
        ("gzip", &gzip),
        ("GZIP", &gzip),
        ("x-gzip", &gzip),
        ("deflate", &zlib),
        ("deflate", &raw),
        ("deflate, gzip", &twice),
        ("gzip", &plain.to_vec()),
        ("br", &plain.to_vec()),
        ("zstd", &plain.to_vec()),
        ("identity", &plain.to_vec()),
    ] {
        let headers = json!([{ "name": "Content-Encoding", "value": coding }]);
        let content = json!({ "text": BASE64_STANDARD.encode(bytes), "encoding": "base64" });
        let imported = import(&har(&users(), &answer(&headers, &content)));
        assert_eq!(body(&imported, 0), plain, "{coding}");
    }
}

#[test]
fn a_response_without_a_saved_body_is_skipped() {
    let saved =
        json!({ "request": users(), "response": answer(&json!([]), &json!({ "text": "{}" })) });
    let unsaved =
        json!({ "request": users(), "response": answer(&json!([]), &json!({ "size": 7 })) });
    let imported = import(&json!({ "log": { "entries": [saved, unsaved] } }).to_string());
    assert_eq!((imported.recording.interactions.len(), imported.skipped.count()), (1, 1));
    assert!(imported.skipped.to_string().contains("whose body the file does not contain"));
}

#[test]
fn a_vcr_cassette_may_be_json() {
    let text = json!({ "version": 1, "interactions": [{
        "request": { "method": "GET", "uri": users()["url"], "body": null, "headers": {} },
        "response": { "status": { "code": 200, "message": "OK" }, "headers": {}, "body": { "string": "{}" } },
    }] });
    assert_eq!(body(&import(&text.to_string()), 0), b"{}");
}
