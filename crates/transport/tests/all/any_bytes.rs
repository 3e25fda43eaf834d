//! Any response can be sealed: collecting, replacing and the leak check agree about any bytes.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use drillmaster_transport::Response;
use drillmaster_transport::cassette::{
    Body, ErrorEvent, Event, Header, Sanitizer, SealedCassette, parse,
};
use drillmaster_transport::redact::Policy;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::seal::exchange;

fn answer(status: u16, body: &[u8]) -> Response {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Response { status, headers, body: body.to_vec() }
}

fn asked(answer: &Response) -> [Event; 2] {
    exchange("main", 0, "thm.rooms", &json!({}), answer)
}

fn sealed(events: impl IntoIterator<Item = Event>) -> Result<SealedCassette, TestCaseError> {
    let sealed = Sanitizer::default().events(Header::default(), events);
    sealed.map_err(|error| TestCaseError::fail(error.to_string()))
}

/// Checks that a body without private values says the same after sealing.
fn same_after_sealing(body: &[u8]) -> Result<(), TestCaseError> {
    let sealed = sealed(asked(&answer(200, body)))?;
    let tape = parse(sealed.text()).unwrap();
    let after = &tape.interactions[0].outcome.as_ref().unwrap().body;
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    prop_assert!(after == body || (read(body).is_some() && read(after) == read(body)));
    Ok(())
}

/// Texts that private values begin or end with, or resemble.
const TELLING: &[&str] = &[
    ":",
    "=",
    "@",
    "%",
    "+",
    "\\",
    "/",
    "-",
    "_",
    ".",
    ",",
    ";",
    "&",
    "?",
    "#",
    "\"",
    "'",
    " ",
    "\n",
    "\0",
    "{",
    "}",
    "[",
    "]",
    "{\"",
    "\":\"",
    "pw",
    "Pw:",
    "token=",
    "\"apiKey\": ",
    "Bearer ",
    "authorization: ",
    "email",
    "name",
    "%40",
    "%25",
    "%C3",
    "%EB",
    "%zz",
    "\\u00",
    "\\u0040",
    "\\ud800",
    "\\\\",
    "eyJ",
    "eyJhbGciOiJub25lIn0.",
    "example",
    ".example",
    "ada",
    "Ada",
    "@corp.example",
    "learner-0001",
    "Learner 0001",
    "token-0001",
    "https://",
    "0",
    "1815",
    "ß",
    "ẞ",
    "ſ",
    "İ",
    "ı",
    "K",
    "Σ",
    "ς",
    "ë",
    "Ë",
    "张",
    "\u{301}",
    "\u{fffd}",
    "\u{feff}",
];

/// Pieces nested in each other in every encoding.
fn private_looking() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => select(TELLING).prop_map(|word| word.as_bytes().to_vec()),
        1 => "\\PC{1,4}".prop_map(String::into_bytes),
        2 => "[a-zA-Z0-9]{1,9}".prop_map(String::into_bytes),
        1 => "[A-Za-z0-9+/_-]{6,24}={0,2}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 1..6),
        2 => vec(0x80..=0xff_u8, 1..4),
    ];
    let pieces = vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    pieces.prop_recursive(3, 24, 4, |inner| {
        let wrapped = (inner.clone(), select(WRAPS)).prop_map(|(inner, wrap)| wrap(&inner));
        vec(prop_oneof![inner, wrapped], 1..4).prop_map(|pieces| pieces.concat())
    })
}

/// A byte that is never part of a private value.
fn harmless() -> impl Strategy<Value = u8> {
    any::<u8>().prop_map(|byte| if b"@=:%".contains(&byte) { b'.' } else { byte })
}

/// Encodes a text within another.
type Wrap = fn(&[u8]) -> Vec<u8>;

const WRAPS: &[Wrap] = &[
    |bytes| BASE64_STANDARD.encode(bytes).into_bytes(),
    |bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
    |bytes| percent_encode(bytes, NON_ALPHANUMERIC).to_string().into_bytes(),
    |bytes| json!(String::from_utf8_lossy(bytes)).to_string().into_bytes(),
    |bytes| [b"x", bytes].concat(),
    |bytes| [b"pw=", bytes, b"&"].concat(),
    <[u8]>::to_ascii_uppercase,
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -9;<>?A-Z\\[-~é]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("field_[a-z]{0,4}", inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Events with these bytes in one of the places for arbitrary text.
fn events_with(bytes: &[u8], place: usize) -> Vec<Event> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match place {
        0 => asked(&answer(200, bytes)).into(),
        1 => asked(&answer(400, &serde_json::to_vec(&json!({ "message": text })).unwrap())).into(),
        2 => asked(&answer(200, &serde_json::to_vec(&json!([{ text: [bytes] }])).unwrap())).into(),
        3 => {
            let headers = vec![("location".to_owned(), text)];
            asked(&Response { headers, ..answer(302, b"") }).into()
        }
        4 => exchange("main", 0, "thm.scoreboard", &json!({ "roomCode": text }), &answer(200, b""))
            .into(),
        // As the key of a row.
        5 => exchange(&text.replace('#', "##"), 0, "thm.rooms", &json!({}), &answer(200, b"{}"))
            .into(),
        _ => {
            let [request, _] = asked(&answer(200, b""));
            let (scope, kind) = ("main".to_owned(), "timeout".to_owned());
            let lost = ErrorEvent { scope, ordinal: 0, kind, detail: text, in_doubt_since: None };
            vec![request, Event::Error(lost)]
        }
    }
}

const PLACES: usize = 7;

proptest! {
    #[test]
    fn any_bytes_are_sealed_as_they_are(body in vec(harmless(), 0..200)) {
        same_after_sealing(&body)?;
    }

    #[test]
    fn any_json_says_the_same_after_sealing(json in any_json(), pretty in any::<bool>()) {
        let body = if pretty { serde_json::to_vec_pretty(&json) } else { serde_json::to_vec(&json) };
        same_after_sealing(&body.unwrap())?;
    }

    #[test]
    fn private_looking_bytes_can_be_sealed_anywhere(bytes in private_looking(), place in 0..PLACES) {
        sealed(events_with(&bytes, place))?;
    }
}

/// A body or an escape that is not UTF-8 is read as Latin-1.
#[test]
fn a_value_is_found_in_latin_1() {
    let after = |body: &[u8]| {
        let policy = Policy::default().value("Zoë Müller");
        let events = asked(&answer(200, body));
        let sealed = Sanitizer::default().policy(policy).events(Header::default(), events).unwrap();
        let tape = parse(sealed.text()).unwrap();
        tape.interactions[0].outcome.as_ref().unwrap().body.clone()
    };
    let body = b"to ZO\xcb M\xfcller, Zo%EB%20M%FCller and \xe9";
    assert_eq!(after(body), b"to value-0001, value-0001 and \xe9");
    let named = b"{\"displayName\":\"J\xfcrgen\",\"note\":\"of j\xdcrgen\"}";
    let text = String::from_utf8_lossy(&after(named)).into_owned();
    assert_eq!(text, "{\"displayName\":\"learner-0001\",\"note\":\"of learner-0001\"}");
}

/// Regressions: each of these was refused once.
#[test]
fn once_refused_texts_are_sealed() {
    let bodies: [&[u8]; 1] = [&[80, 119, 58, 128, 128, 0, 128, 128, 128]];
    for body in bodies {
        for place in 0..PLACES {
            sealed(events_with(body, place)).unwrap();
        }
    }
}

#[test]
fn unusual_json_stays_as_it_is() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        r#"{"a":1,"a":2}"#,
        "123456789012345678901234567890.123",
        "{\"a\": 1e400}",
        "{\"a\":0.10}",
        "\"\\ud800\"",
        "[1,]",
        deep.as_str(),
    ] {
        same_after_sealing(body.as_bytes()).unwrap();
    }
    let spaced =
        Response { status: 200, headers: vec![], body: b"{ \"b\": 1,\n \"a\": 2.5 }".to_vec() };
    let text = sealed(asked(&spaced)).unwrap().text().to_owned();
    assert!(text.contains("\"json\": {\n      \"a\": 2.5,\n      \"b\": 1\n    }"), "{text}");
    assert_eq!(Body::new(&spaced.body), Body::Text(String::from_utf8(spaced.body).unwrap()));
}
