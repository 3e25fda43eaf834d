//! Files that cannot be imported, and their errors.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use drillmaster_interchange::{Format, ImportError, Options};
use serde_json::json;

use super::{CHROME, FIREFOX, VCRPY, as_format, import_error};
use crate::snapshot::snapshot;

fn any() -> Options {
    Options::default()
}

/// The error of each file.
#[track_caller]
fn assert_errors(name: &str, files: &[&str]) {
    let errors = files.iter().map(|file| {
        let shown: String = file.chars().take(60).collect();
        format!("{shown:?}\n  {}", import_error(file, &any()).to_string().replace('\n', "\n  "))
    });
    snapshot("interchange", name, &errors.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_file_of_an_unknown_format_is_an_error() {
    assert_errors(
        "error_other_format",
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
    assert!(import_error(b"\x1f\x8b\x08\0", &any()).to_string().contains("gzip"));
    assert!(import_error(b"\xff\xfe{\0", &any()).to_string().contains("UTF-16"));
}

#[test]
fn a_file_of_the_other_format_is_an_error() {
    let error = import_error(VCRPY, &as_format(Format::Har)).to_string();
    assert_eq!(error, "not a HAR file: it looks like a vcr cassette");
    let error = import_error(CHROME, &as_format(Format::Vcr)).to_string();
    assert_eq!(error, "not a vcr cassette: it looks like a HAR file");
}

/// Wherever the file ends, the error names the byte.
#[test]
fn a_har_file_that_is_cut_off_is_an_error() {
    for text in [CHROME, FIREFOX] {
        let whole = text.trim_end().len();
        for end in (16..whole).step_by(97).filter(|end| text.is_char_boundary(*end)) {
            match import_error(&text[..end], &as_format(Format::Har)) {
                ImportError::CutOff { byte, .. } => assert_eq!(byte, end),
                // Without its `log`, the format is unknown.
                ImportError::OtherFormat { .. } => assert!(end < 20),
                other => panic!("{end}: {other}"),
            }
        }
    }
    let end = CHROME.find("\"PUT\"").unwrap() + 3;
    let error = import_error(&CHROME[..end], &any()).to_string();
    assert_eq!(
        error,
        format!(
            "the file is cut off at byte {end}, in `log.entries[1].request.method`; save it again"
        )
    );
}

#[test]
fn an_invalid_value_is_named_by_its_path() {
    let entry = |request: &str| format!("{{\"log\":{{\"entries\":[{{\"request\":{request}}}]}}}}");
    assert_errors(
        "error_value",
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
fn a_file_without_requests_to_the_services_lists_its_requests() {
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
    assert_errors(
        "error_no_requests",
        &[
            &of(&["https://example.com/"]),
            &of(&["https://tryhackme.com/a?token=a-token", "data:text/plain,a", ""]),
            &of(&hosts),
            "interactions: []\nversion: 1\n",
        ],
    );
}

#[test]
fn invalid_yaml_is_named_by_its_line() {
    let interaction = |body: &str| {
        format!(
            "interactions:\n- request:\n    method: GET\n    uri: https://tryhackme.com/external/api/users\n    \
             body: {body}\n  response:\n    status: {{code: 200, message: OK}}\n    headers: {{}}\n    \
             body: {{string: ''}}\nversion: 1\n"
        )
    };
    assert_errors(
        "error_yaml",
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
fn yaml_that_expands_is_an_error() {
    let nested = format!("interactions: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(import_error(nested, &any()), ImportError::Line { .. }));
    let deep: Vec<String> = (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let deep = format!("interactions:\n{}", deep.concat());
    assert!(matches!(import_error(deep, &any()), ImportError::Line { .. }));
    let expands = |text: String| {
        let error = import_error(text, &any()).to_string();
        assert!(error.contains("too many or too deeply nested values"), "{error}");
    };
    let mut laughs = "interactions: []\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let again = format!("*a{}, ", n - 1).repeat(10);
        let _ = writeln!(laughs, "a{n}: &a{n} [{again}]");
    }
    expands(laughs);
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
    expands(of(1 << 20, 100));
    drillmaster_interchange::read(of(1 << 10, 100).as_bytes(), &any()).unwrap();
}

#[test]
fn deeply_nested_json_is_an_error() {
    let nested = format!("{{\"log\":{}", "[".repeat(100_000));
    import_error(nested, &any());
    let of = |field: &str| {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        format!("{{\"log\":{{\"entries\":[{{\"response\":{{\"{field}\":{deep}}}}}]}}}}")
    };
    // Unknown fields are skipped.
    assert!(matches!(import_error(of("_any"), &any()), ImportError::NoRequests(_)));
    assert!(matches!(import_error(of("_error"), &any()), ImportError::NotJson { .. }));
}

#[test]
fn bodies_that_are_too_large_when_decompressed_are_an_error() {
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
    let options = Options { max_decompressed_bytes: 3 << 20, ..Options::default() };
    assert!(drillmaster_interchange::read(of(3).as_bytes(), &options).is_ok());
    let error = import_error(of(4), &options).to_string();
    assert_eq!(
        error,
        "`log.entries[3].response.content.text` is too large: the decompressed bodies of the file have more than 3145728 bytes"
    );
}

#[test]
fn a_file_that_is_too_large_is_an_error() {
    let options = Options { max_bytes: 100, ..Options::default() };
    assert_eq!(import_error(CHROME, &options), ImportError::TooLarge(100));
}

#[test]
fn a_file_that_is_not_utf_8_is_named_by_its_byte() {
    assert_eq!(import_error(b"{\"log\":\"\xff\"}", &any()), ImportError::NotUtf8 { byte: 8 });
    assert_eq!(import_error(b"\xef\xbb\xbf{\xff", &any()), ImportError::NotUtf8 { byte: 4 });
}
