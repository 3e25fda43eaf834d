//! What is refused, and what is said about it.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use drillmaster_interchange::{Format, Options, Refused};
use serde_json::json;

use super::{CHROME, FIREFOX, VCRPY, as_format, refused};
use crate::snapshot::snapshot;

fn any() -> Options {
    Options::default()
}

/// The first line of each refusal.
#[track_caller]
fn refuses(name: &str, files: &[&str]) {
    let told = files.iter().map(|file| {
        let shown: String = file.chars().take(60).collect();
        format!("{shown:?}\n  {}", refused(file, &any()).to_string().replace('\n', "\n  "))
    });
    snapshot("interchange", name, &told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_file_that_is_something_else_is_refused() {
    refuses(
        "refused_something_else",
        &[
            "",
            " \n",
            "\u{feff}",
            "<!doctype html><html>",
            "{\"event\":\"cassette\",\"version\":1,\"program\":\"a\"}",
            "{\"info\":{\"name\":\"a\"},\"item\":[]}",
            "{\"openapi\":\"3.1.0\"}",
            "{}",
            "[]",
            "{\"entries\":[]}",
            "email,name\na,b\n",
            "name: a\nsteps: []\n",
            "5:hello,}",
            "PK\u{3}\u{4}",
        ],
    );
    assert!(refused(b"\x1f\x8b\x08\0", &any()).to_string().contains("gzip"));
    assert!(refused(b"\xff\xfe{\0", &any()).to_string().contains("UTF-16"));
}

#[test]
fn a_file_of_the_other_format_is_refused() {
    let error = refused(VCRPY, &as_format(Format::Har)).to_string();
    assert_eq!(error, "this is no HAR file: it looks like a vcr cassette");
    let error = refused(CHROME, &as_format(Format::Vcr)).to_string();
    assert_eq!(error, "this is no vcr cassette: it looks like a HAR file");
}

/// Wherever it ends, the byte is told.
#[test]
fn a_har_file_that_is_cut_off_is_refused() {
    for text in [CHROME, FIREFOX] {
        let whole = text.trim_end().len();
        for end in (16..whole).step_by(97).filter(|end| text.is_char_boundary(*end)) {
            match refused(&text[..end], &as_format(Format::Har)) {
                Refused::CutOff { byte, .. } => assert_eq!(byte, end),
                // Before its `log` is told, it could be anything.
                Refused::Other { .. } => assert!(end < 20),
                other => panic!("{end}: {other}"),
            }
        }
    }
    let end = CHROME.find("\"PUT\"").unwrap() + 3;
    let error = refused(&CHROME[..end], &any()).to_string();
    assert_eq!(
        error,
        format!(
            "the file is cut off at byte {end}, in `log.entries[1].request.method`; save it again"
        )
    );
}

#[test]
fn what_has_a_wrong_type_is_told_by_its_path() {
    let entry = |request: &str| format!("{{\"log\":{{\"entries\":[{{\"request\":{request}}}]}}}}");
    refuses(
        "refused_wrong",
        &[
            "{\"log\":7}",
            "{\"log\":{}}",
            "{\"log\":{\"version\":\"2.0\",\"entries\":[]}}",
            "{\"log\":{\"entries\":{}}}",
            "{\"log\":{\"entries\":[1]}}",
            &entry("{\"method\":7}"),
            &entry("{\"method\":\"GET\",\"url\":[]}"),
            &entry("{\"headers\":{}}"),
            &entry("{\"headers\":[{\"name\":true}]}"),
            &entry("{\"bodySize\":\"x\"}"),
            &entry("null,\"request\":{}"),
            "{\"log\":{\"entries\":[{\"response\":{\"status\":2.5}}]}}",
            "{\"log\":{\"entries\":[{\"response\":{\"status\":\"ok\"}}]}}",
            "{\"log\":{\"entries\":[]},}",
            "{\"log\":{\"entries\":[]}} x",
            "{\"log\":{\"entries\":[]}}",
            "{\"log\":{\"entries\":[{\"request\":{\"url\":\"http://[::1]/api/users\",\"method\":\"GET\"},\
             \"response\":{\"status\":200,\"content\":{\"text\":\"%%\",\"encoding\":\"base64\"}}}]}}",
            "{\"log\":{\"entries\":[{\"request\":{\"url\":\"http://[::1]/api/users\",\"method\":\"GET\"},\
             \"response\":{\"status\":20000}}]}}",
            "{\"log\":{\"entries\":[{\"request\":{\"url\":\"http://[::1]/api/users\",\"method\":\"GET\"},\
             \"response\":{\"status\":200,\"headers\":[{\"name\":\"content-encoding\",\"value\":\"gzip\"}],\
             \"content\":{\"text\":\"H4sIAAAA\",\"encoding\":\"base64\"}}}]}}",
        ],
    );
}

#[test]
fn a_file_without_a_request_to_the_services_says_what_it_had() {
    let of = |urls: &[&str]| {
        let entries: Vec<_> = urls
            .iter()
            .map(|url| json!({ "request": { "method": "GET", "url": url }, "response": { "status": 200 } }))
            .collect();
        json!({ "log": { "entries": entries } }).to_string()
    };
    let hosts: Vec<String> = (0..9).map(|n| format!("https://h{n}.example.com/a")).collect();
    let mut hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    hosts.push("https://h4.example.com/b?token=a-token");
    refuses(
        "refused_nothing",
        &[
            &of(&["https://example.com/"]),
            &of(&["https://tryhackme.com/a?token=a-token", "data:text/plain,a", ""]),
            &of(&hosts),
            "interactions: []\nversion: 1\n",
        ],
    );
}

#[test]
fn what_is_no_plain_yaml_is_refused_with_its_line() {
    let interaction = |body: &str| {
        format!(
            "interactions:\n- request:\n    method: GET\n    uri: https://tryhackme.com/external/api/users\n    \
             body: {body}\n  response:\n    status: {{code: 200, message: OK}}\n    headers: {{}}\n    \
             body: {{string: ''}}\nversion: 1\n"
        )
    };
    refuses(
        "refused_yaml",
        &[
            &interaction("!!python/object/apply:os.system ['true']"),
            &interaction("!!python/object:requests.models.Response {}"),
            &interaction("!ruby/object:Object {}"),
            &interaction("!!binary '%%%'"),
            &interaction("{text: a}"),
            &interaction("[a"),
            &interaction("*nowhere"),
            "interactions:\n- request: {method: GET}\n",
            "interactions:\n- request: 7\n",
            "interactions:\n\t- a\n",
            "interactions: 7\nversion: 1\n",
            "interactions: []\nversion: one\n",
            "interactions:\n- request: {method: [GET], uri: a}\n",
            &interaction("''").replace("200", "ok"),
            &interaction("''").replace("200", "2000"),
            "interactions: []\nversion: 2\n",
            "interactions: []\n---\ninteractions: []\n",
        ],
    );
}

#[test]
fn yaml_that_grows_is_refused() {
    let nested = format!("interactions: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(refused(nested, &any()), Refused::Line { .. }));
    let deep: Vec<String> = (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let deep = format!("interactions:\n{}", deep.concat());
    assert!(matches!(refused(deep, &any()), Refused::Line { .. }));
    let grows = |text: String| {
        let problem = refused(text, &any()).to_string();
        let told = ["this is more than is read", "alias replay"];
        assert!(told.iter().any(|told| problem.contains(told)), "{problem}");
    };
    let mut laughs = "interactions: []\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let again = format!("*a{}, ", n - 1).repeat(10);
        let _ = writeln!(laughs, "a{n}: &a{n} [{again}]");
    }
    grows(laughs);
    // One text, many times: by its length, and by their number.
    let of = |length: usize, times: usize| {
        let one = |body: &str| {
            format!(
                "- request: {{method: PUT, uri: 'http://localhost/api/v2/external/seats/users'}}\n  \
                 response: {{status: 200, body: {body}}}\n"
            )
        };
        let first = one(&format!("&long {}", "x".repeat(length)));
        format!("interactions:\n{first}{}", one("*long").repeat(times))
    };
    grows(of(1 << 20, 100));
    drillmaster_interchange::read(of(1 << 10, 100).as_bytes(), &any()).unwrap();
}

#[test]
fn json_that_is_nested_deeply_is_refused() {
    let nested = format!("{{\"log\":{}", "[".repeat(100_000));
    refused(nested, &any());
    let of = |field: &str| {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        format!("{{\"log\":{{\"entries\":[{{\"response\":{{\"{field}\":{deep}}}}}]}}}}")
    };
    // What nobody asks for is passed over.
    assert!(matches!(refused(of("_any"), &any()), Refused::Nothing(_)));
    assert!(matches!(refused(of("_error"), &any()), Refused::Damaged { .. }));
}

#[test]
fn bodies_that_grow_when_unpacked_are_refused() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![0; 1 << 20]).unwrap();
    let content =
        json!({ "text": BASE64_STANDARD.encode(bomb.finish().unwrap()), "encoding": "base64" });
    let entry = json!({
        "request": { "method": "GET", "url": "https://tryhackme.com/external/api/users" },
        "response": { "status": 200, "content": content,
            "headers": [{ "name": "content-encoding", "value": "gzip" }] },
    });
    let of = |count: usize| json!({ "log": { "entries": vec![&entry; count] } }).to_string();
    let options = Options { unpacked: 3 << 20, ..Options::default() };
    assert!(drillmaster_interchange::read(of(3).as_bytes(), &options).is_ok());
    let error = refused(of(4), &options).to_string();
    assert_eq!(
        error,
        "`log.entries[3].response.content.text`: unpacked, the bodies are larger than 3145728 bytes in all"
    );
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let options = Options { largest: 100, ..Options::default() };
    assert_eq!(refused(CHROME, &options), Refused::TooLarge(100));
}

#[test]
fn a_file_that_is_no_text_is_refused_with_its_byte() {
    assert_eq!(refused(b"{\"log\":\"\xff\"}", &any()), Refused::NotUtf8 { byte: 8 });
    assert_eq!(refused(b"\xef\xbb\xbf{\xff", &any()), Refused::NotUtf8 { byte: 4 });
}
