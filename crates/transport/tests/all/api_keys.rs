//! An API key that a service echoes is masked in every spelling, and nothing else is.

use base64::Engine;
use base64::prelude::{
    BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD,
};
use drillmaster_journal::Journal;
use drillmaster_transport::Response;
use drillmaster_transport::cassette::{
    ErrorEvent, Event, Header, Sanitizer, SealError, ValueEvent,
};
use drillmaster_transport::redact::ApiKeys;
use proptest::prelude::*;
use serde_json::json;

/// In the form that the services issue.
const REALISTIC: [&str; 2] = [
    "qZ7/w3Xk+9vBt1LmR0sDf6/HyUeAa5+cN2oPgJi8",
    "5f3c9a7be1d04826:d41c7730b9ae52f86c0f1e9d3b7a4856e2c8f0a19b6d",
];

/// Spells a text. If only some letters are escaped, `odd` selects them.
type Spelling = fn(&str, u64) -> String;

fn each(text: &str, write: impl Fn(u8) -> String) -> String {
    text.bytes().map(write).collect()
}

/// Escapes some letters, and all that begin an escape.
fn some(text: &str, odd: u64, escape: u8, write: impl Fn(u8) -> String) -> String {
    let place = |(at, byte): (usize, u8)| {
        let is_written = byte == escape || odd >> (at % 64) & 1 == 1;
        if is_written { write(byte) } else { char::from(byte).to_string() }
    };
    text.bytes().enumerate().map(place).collect()
}

fn signs(text: &str, write: impl Fn(u8) -> String) -> String {
    each(text, |byte| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { write(byte) }
    })
}

fn html_name(byte: u8) -> String {
    match byte {
        b'/' => "&sol;".to_owned(),
        b'+' => "&plus;".to_owned(),
        b':' => "&colon;".to_owned(),
        b'%' => "&percnt;".to_owned(),
        b'\\' => "&bsol;".to_owned(),
        b'&' => "&amp;".to_owned(),
        b'"' => "&quot;".to_owned(),
        byte => char::from(byte).to_string(),
    }
}

const SPELLINGS: &[(&str, Spelling)] = &[
    ("plain", |text, _| text.to_owned()),
    ("quoted", |text, _| serde_json::Value::from(text).to_string()),
    ("slashes escaped", |text, _| {
        text.replace('\\', "\\\\").replace('"', "\\\"").replace('/', "\\/")
    }),
    ("signs as \\u", |text, _| signs(text, |byte| format!("\\u{byte:04x}"))),
    ("some as \\u", |text, odd| some(text, odd, b'\\', |byte| format!("\\u{byte:04X}"))),
    ("all as \\u", |text, _| each(text, |byte| format!("\\u{byte:04x}"))),
    ("in an address", |text, _| signs(text, |byte| format!("%{byte:02X}"))),
    ("in an address, small", |text, _| signs(text, |byte| format!("%{byte:02x}"))),
    ("in an address, slashes left", |text, _| {
        signs(text, |byte| if byte == b'/' { "/".to_owned() } else { format!("%{byte:02x}") })
    }),
    ("all in an address", |text, _| each(text, |byte| format!("%{byte:02x}"))),
    ("HTML by names", |text, _| each(text, html_name)),
    ("HTML decimal", |text, _| signs(text, |byte| format!("&#{byte};"))),
    ("some as HTML", |text, odd| some(text, odd, b'&', |byte| format!("&#x{byte:x};"))),
    ("all as HTML", |text, _| each(text, |byte| format!("&#X{byte:04X};"))),
    ("base64", |text, _| BASE64_STANDARD.encode(text)),
    ("base64 without padding", |text, _| BASE64_STANDARD_NO_PAD.encode(format!("x{text}"))),
    ("base64 of addresses", |text, _| BASE64_URL_SAFE.encode(format!("to {text} and on"))),
    ("base64 in an address", |text, _| {
        format!("https://x.example/some-where/{}/b", BASE64_URL_SAFE_NO_PAD.encode(text))
    }),
    ("base64 behind a word", |text, _| {
        format!("key-{}", BASE64_STANDARD.encode(format!("k={text}")))
    }),
    ("small", |text, _| text.to_lowercase()),
    ("large", |text, _| text.to_uppercase()),
];

#[track_caller]
fn nothing_left(keys: &ApiKeys, text: &str) {
    let text = format!(r#"{{"status": "error", "message": "you sent {text}."}}"#);
    let answer = Response {
        status: 400,
        headers: vec![("location".to_owned(), format!("/next?key={text}&page=2"))],
        body: text.clone().into_bytes(),
    };
    let masked = keys.mask_response(answer);
    let body = String::from_utf8(masked.body).unwrap();
    assert!(body.contains("[credential]"), "{text}\n{body}");
    assert!(body.starts_with(r#"{"status": "error", "message": "you sent "#), "{body}");
    assert!(body.ends_with(r#"."}"#), "{body}");
    assert_eq!(keys.mask(body.clone()), body, "{text}");
    assert!(masked.headers[0].1.contains("[credential]"), "{:?}", masked.headers);
}

#[test]
fn each_spelling_of_a_key_and_of_its_halves_is_masked() {
    for key in REALISTIC {
        for part in std::iter::once(key).chain(key.split(':')) {
            for (name, spelling) in SPELLINGS {
                println!("{name}: {part}");
                nothing_left(&ApiKeys::new(key), &spelling(part, 0x5a5a_96c3));
            }
        }
    }
}

proptest! {
    /// Nested spellings, such as a URL in JSON, or JSON in base64 in HTML.
    #[test]
    fn nested_spellings_are_masked(
        key in prop_oneof![
            Just(REALISTIC[0].to_owned()),
            Just(REALISTIC[1].to_owned()),
            "[A-Za-z0-9+/=_.-]{8,40}",
            // Not what begins an escape itself, which no service has in its keys.
            "[!-$\'-\\[\\]-~]{8,40}",
        ],
        mut wraps in prop::collection::vec((0..SPELLINGS.len(), any::<u64>()), 1..4),
    ) {
        // A change of case comes first, and base64 is looked for in base64 once.
        let mut base64 = 0;
        wraps.retain(|(spelling, _)| {
            base64 += usize::from(SPELLINGS[*spelling].0.starts_with("base64"));
            !SPELLINGS[*spelling].0.starts_with("base64") || base64 < 2
        });
        wraps.sort_by_key(|(spelling, _)| !["small", "large"].contains(&SPELLINGS[*spelling].0));
        let text = wraps.iter().fold(key.clone(), |text, (spelling, odd)| SPELLINGS[*spelling].1(&text, *odd));
        let masked = ApiKeys::new(&key).mask(format!("<{text}>"));
        prop_assert!(masked.contains("[credential]"), "{key} as {text} is left in {masked}");
        prop_assert_eq!(ApiKeys::new(&key).mask(masked.clone()), masked);
    }

    #[test]
    fn a_text_without_a_key_stays(text in any::<String>(), key in "[A-Za-z0-9+/]{8,40}") {
        prop_assert_eq!(ApiKeys::new(&key).mask(text.clone()), text);
    }
}

#[test]
fn only_the_key_is_masked() {
    let keys = ApiKeys::new(REALISTIC[0]);
    let key = REALISTIC[0];
    for (text, due) in [
        (format!("{key}{key}"), "[credential][credential]"),
        (format!("k={key}&page=2%2F"), "k=[credential]&page=2%2F"),
        (format!("\"{}\\n\"", key.replace('/', "\\/")), "\"[credential]\\n\""),
        (format!("t {}== x", BASE64_STANDARD_NO_PAD.encode(key)), "t [credential]== x"),
        (key[1..].to_owned(), &key[1..]),
        (format!("{}x", &key[..key.len() - 1]), &format!("{}x", &key[..key.len() - 1])),
    ] {
        assert_eq!(keys.mask(text), due);
    }
    assert_eq!(ApiKeys::new(REALISTIC[1]).mask(REALISTIC[1]), "[credential]:[credential]");
}

/// A service that reads a header as a form sees a space instead of a plus.
#[test]
fn a_plus_that_was_read_as_a_space_is_masked() {
    let key = REALISTIC[0];
    assert_eq!(ApiKeys::new(key).mask(key.replace('+', " ")), "[credential]");
    assert_eq!(ApiKeys::new(key).mask(key.replace('+', "%20")), "[credential]");
}

/// A short key is no secret, and would be found by chance.
#[test]
fn a_short_key_is_ignored() {
    assert_eq!(ApiKeys::new("abc").mask("abc"), "abc");
    assert_eq!(ApiKeys::new("ab:cd").mask("ab cd ab:cd"), "ab cd [credential]");
    assert_eq!(ApiKeys::new("&#97;").mask("a &amp;#97;"), "a [credential]");
    assert!(ApiKeys::new("").is_empty());
}

#[test]
fn bytes_around_a_key_stay() {
    let body = [b"\xff\xfe".as_slice(), REALISTIC[0].as_bytes(), b"\xff"].concat();
    let answer = Response { status: 200, headers: Vec::new(), body };
    assert_eq!(ApiKeys::new(REALISTIC[0]).mask_response(answer).body, b"\xff\xfe[credential]\xff");
}

/// Fingerprints can be stored, and do not reveal the key.
#[test]
fn keys_are_stored_as_fingerprints() {
    for key in REALISTIC {
        let written = serde_json::to_string(&ApiKeys::new(key)).unwrap();
        assert!(!written.contains(&key[..8]), "{written}");
        let read: ApiKeys = serde_json::from_str(&written).unwrap();
        assert_eq!(read, ApiKeys::new(key));
        assert_eq!(read.mask(format!("({key})")), ApiKeys::new(key).mask(format!("({key})")));
    }
}

/// The check before a cassette is written knows the keys of the journal's header, in every spelling.
#[test]
fn no_cassette_with_a_key_is_written() {
    for key in REALISTIC {
        for (name, spelling) in SPELLINGS {
            let header = Header { keys: ApiKeys::new(key), ..Header::default() };
            let lost = Event::Error(ErrorEvent {
                scope: "main".to_owned(),
                ordinal: 0,
                kind: "reset".to_owned(),
                detail: format!("the server said <{}>", spelling(key, 0x5a5a_96c3)),
                in_doubt_since: None,
            });
            let request = crate::seal::exchange(
                "main",
                0,
                "thm.rooms",
                &json!({}),
                &Response { status: 200, headers: Vec::new(), body: Vec::new() },
            )[0]
            .clone();
            let unsealed = Sanitizer::default().events(header, [request, lost]).unwrap_err();
            assert!(matches!(unsealed, SealError::Key(_)), "{name}: {unsealed}");
            let message = unsealed.to_string();
            assert!(
                message.starts_with("the error 0 of `main`: it contains the API key of a service"),
                "{message}"
            );
        }
    }
}

/// A run that was resumed with another key has both in its journal's headers.
#[tokio::test]
async fn a_journal_knows_the_keys_of_all_its_parts() {
    for key in REALISTIC {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.journal");
        let [first, second] =
            REALISTIC.map(|key| Header { keys: ApiKeys::new(key), ..Header::default() });
        let journal = Journal::create(&path, first).unwrap();
        let scope = "main".to_owned();
        let value = json!([format!("told by {}", key.to_uppercase())]);
        let value = ValueEvent { scope, ordinal: 0, name: "now".to_owned(), value };
        journal.append(&Event::Value(value)).unwrap();
        journal.append(&Event::Resumed(second)).unwrap();
        journal.close().await.unwrap();
        drop(journal);
        let unsealed = Sanitizer::default().journal(&path).unwrap_err();
        assert!(matches!(unsealed, SealError::Key(_)), "{unsealed}");
    }
}
