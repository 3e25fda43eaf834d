//! The cassette format: events are read back as written, and an incomplete file is refused.

use drillmaster_models::{Method, wire};
use drillmaster_transport::cassette::lines::line;
use drillmaster_transport::cassette::{
    Body, ErrorEvent, Event, Header, ParseError, Recording, RequestEvent, ResponseEvent,
    ValueEvent, identity, parse,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

fn body_of(bytes: &[u8]) -> Option<Body> {
    (!bytes.is_empty()).then(|| Body::new(bytes))
}

fn request(scope: &str, ordinal: u64, target: &str, body: &[u8]) -> RequestEvent {
    let wire = wire::Request {
        method: Method::Put,
        target: target.to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_vec(),
    };
    RequestEvent {
        scope: scope.to_owned(),
        ordinal,
        endpoint: "thm.add_seat".to_owned(),
        hash: identity(&wire),
        method: wire.method.to_string(),
        target: wire.target,
        headers: wire.headers,
        body: body_of(&wire.body),
        repeats: None,
    }
}

fn response(scope: &str, ordinal: u64, body: &[u8]) -> ResponseEvent {
    ResponseEvent {
        scope: scope.to_owned(),
        ordinal,
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body_of(body),
        in_doubt_since: None,
    }
}

/// One event of each kind, with every form of body.
fn events() -> Vec<Event> {
    let lost = |kind: &str| ErrorEvent {
        scope: "ada@example.com".to_owned(),
        ordinal: 1,
        kind: kind.to_owned(),
        detail: "no answer".to_owned(),
        in_doubt_since: None,
    };
    vec![
        Event::Cassette(Header::default()),
        Event::Request(request("main", 0, "/a?x=1", br#"{"email":"ada@example.com"}"#)),
        Event::Request(request("ada@example.com", 1, "/b", b"")),
        Event::Value(ValueEvent {
            scope: "main".to_owned(),
            ordinal: 1,
            name: "now".to_owned(),
            value: json!({ "at": [1, 2.5, null] }),
        }),
        Event::Error(lost("timeout")),
        Event::Response(response("main", 0, "{\"name\":\"Ad\u{e4}\"}".as_bytes())),
        Event::Request(request("main", 2, "/c", b"plain {text")),
        Event::Response(response("main", 2, b"\xff\x00")),
        Event::End { interactions: 3 },
    ]
}

fn lines(events: &[Event]) -> String {
    let lines: Vec<_> = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    lines.join("\n")
}

/// The events as a recorder writes them.
fn sealed(events: &[Event]) -> String {
    events.iter().map(|event| String::from_utf8(line(event)).unwrap()).collect()
}

/// The text with each bit flipped once, if the result is still text.
fn flipped(text: &str) -> impl Iterator<Item = String> {
    (0..text.len() * 8).filter_map(move |bit| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        String::from_utf8(bytes).ok()
    })
}

fn pretty(events: &[Event]) -> String {
    let texts: Vec<_> =
        events.iter().map(|event| serde_json::to_string_pretty(event).unwrap()).collect();
    texts.join("\r\n\r\n  ") + "\n"
}

/// Everything in a recording, as text.
fn told(tape: &Recording) -> String {
    format!("{tape:?}")
}

#[test]
fn layout_does_not_matter() {
    let (lines, pretty) = (lines(&events()), pretty(&events()));
    assert_eq!(told(&parse(&lines).unwrap()), told(&parse(&pretty).unwrap()));
    let close: String = lines.lines().collect();
    assert_eq!(told(&parse(&lines).unwrap()), told(&parse(&close).unwrap()));
}

#[test]
fn a_cassette_that_is_cut_anywhere_is_refused() {
    for text in [lines(&events()), pretty(&events()), sealed(&events())] {
        let text = text.trim_end();
        assert!(parse(text).is_ok());
        for (cut, _) in text.char_indices() {
            let damage = parse(&text[..cut]).unwrap_err();
            let expected =
                if cut == 0 { ParseError::NotACassette } else { ParseError::CutOff(cut) };
            assert_eq!(damage, expected);
        }
    }
}

/// Every bit of every byte: reading never panics and never returns something else.
#[test]
fn a_flipped_bit_never_panics() {
    for text in flipped(&lines(&events())) {
        if let Err(damage) = parse(&text) {
            assert!(!damage.to_string().is_empty());
        }
    }
}

#[test]
fn a_flipped_bit_in_what_was_recorded_is_refused_or_changes_nothing() {
    let text = sealed(&events());
    let whole = told(&parse(&text).unwrap());
    for text in flipped(&text) {
        if let Ok(tape) = parse(&text) {
            assert_eq!(told(&tape), whole, "{text}");
        }
    }
}

#[test]
fn a_line_of_a_request_or_of_its_outcome_is_missed() {
    for (removed, says) in [
        (1, "outcome without a request"),
        (2, "outcome without a request"),
        (4, "request 1 of `ada@example.com` has no outcome"),
        (5, "request 0 of `main` has no outcome"),
        (6, "outcome without a request"),
        (7, "request 2 of `main` has no outcome"),
    ] {
        let mut events = events();
        events.remove(removed);
        let damage = parse(&sealed(&events)).unwrap_err().to_string();
        assert!(damage.contains(says), "{removed}: {damage}");
    }
    let mut events = events();
    events.drain(6..8);
    let damage = parse(&sealed(&events)).unwrap_err().to_string();
    assert!(damage.contains("it should have 3 interactions, and has 2"), "{damage}");
}

#[test]
fn a_recording_that_was_laid_out_anew_is_still_sound() {
    let texts = sealed(&events());
    let texts: Vec<Value> = texts.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pretty: Vec<_> = texts.iter().map(|event| format!("{event:#}")).collect();
    assert!(parse(&pretty.join("\n")).is_ok());
    let changed = pretty.join("\n").replace("no answer", "no anwser");
    assert!(parse(&changed).unwrap_err().to_string().contains("checksum"));
}

#[test]
fn another_version_is_named_whatever_else_it_holds() {
    let damage = parse(r#"{"event":"cassette","version":3,"made_by":"x"}"#).unwrap_err();
    assert_eq!(damage, ParseError::Version(3));
    assert!(damage.to_string().contains("record it again"));
}

#[test]
fn what_is_no_cassette_is_called_so() {
    for text in ["", "  \n", "key,name\n1,2\n", "{}", "[1]", "null", r#"{"event":"end"}"#] {
        assert_eq!(parse(text).unwrap_err(), ParseError::NotACassette, "{text}");
    }
}

/// Changes one line of a valid cassette, and checks that the error has the position of that line.
#[track_caller]
fn damaged(line: usize, change: impl Fn(&mut Value), says: &str) {
    let text = lines(&events());
    let mut texts: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut event: Value = serde_json::from_str(&texts[line]).unwrap();
    change(&mut event);
    texts[line] = event.to_string();
    let begin: usize = texts[..line].iter().map(|text| text.len() + 1).sum();
    match parse(&texts.join("\n")) {
        Err(ParseError::Damaged { byte, line: told, problem }) => {
            assert_eq!((byte, told), (begin, line + 1), "{problem}");
            assert!(problem.contains(says), "{problem}");
        }
        other => panic!("{says}: {other:?}"),
    }
}

#[test]
fn damage_names_the_byte_at_which_the_event_begins() {
    damaged(0, |event| event["program"] = 1.into(), "expected a string");
    damaged(0, |event| event["version"] = "1".into(), "version is missing");
    damaged(1, |event| event["method"] = "PATCH".into(), "`PATCH` is not an HTTP method");
    damaged(1, |event| event["target"] = "/b".into(), "hash does not match the request");
    damaged(1, |event| event["event"] = "question".into(), "unknown variant `question`");
    damaged(2, |event| event["ordinal"] = (-1).into(), "it must be a whole number from 0");
    damaged(3, |event| event["ordinal"] = (-1).into(), "the ordinal is -1");
    damaged(4, |event| event["ordinal"] = 7.into(), "without a request");
    for status in [json!(2000), json!(99), json!(-1), json!(70000), json!(200.5), json!("200")] {
        let says = format!("the status is {status}; it must be 100 to 999");
        damaged(5, |event| event["status"] = status.clone(), &says);
    }
    damaged(2, |event| event["header"] = json!([]), "unknown field `header`");
    damaged(3, |event| *event = json!(["end", 3]), "JSON object");
    damaged(4, |event| event["kind"] = "boredom".into(), "`boredom` is not a kind of error");
    damaged(5, |event| event["scope"] = "other".into(), "without a request");
    damaged(7, |event| event["ordinal"] = 0.into(), "second outcome");
    damaged(7, |event| event["body"] = json!({ "base64": "!" }), "Invalid symbol");
    damaged(
        8,
        |event| event["interactions"] = 2.into(),
        "it should have 2 interactions, and has 3",
    );
    damaged(5, |event| event["sum"] = "00000000".into(), "checksum is wrong");
}

#[test]
fn a_second_header_a_twin_and_anything_after_the_end_are_refused() {
    let (good, event) = (events(), |index: usize| events()[index].clone());
    for (extra, at, says) in [
        (event(0), 3, "second header"),
        (event(1), 6, "the same scope and number"),
        (event(8), 9, "follows the end"),
    ] {
        let mut events = good.clone();
        events.insert(at, extra);
        let damage = parse(&lines(&events)).unwrap_err().to_string();
        assert!(damage.contains(says), "{damage}");
    }
}

#[test]
fn a_body_is_json_only_where_that_keeps_every_byte() {
    for (bytes, is_json) in [
        (r#"{"a":[1,2.5,"x"]}"#, true),
        ("null", true),
        (r#"{"a": 1}"#, false),
        (r#"{"a":1,"a":2}"#, false),
        ("12345678901234567890123", false),
        ("1e400", false),
        (r#""\u00e4""#, false),
        ("plain", false),
    ] {
        let body = Body::new(bytes.as_bytes());
        assert_eq!(matches!(body, Body::Json(_)), is_json, "{bytes}");
        assert_eq!(body.bytes().unwrap(), bytes.as_bytes());
    }
}

/// Nested more deeply than a JSON reader accepts within an event, but not than it accepts in a body.
#[test]
fn a_deeply_nested_body_can_be_read_back() {
    for depth in [99, 100, 101, 126, 127, 128, 5_000] {
        let body = "[".repeat(depth) + &"]".repeat(depth);
        let text = lines(&[
            Event::Cassette(Header::default()),
            Event::Request(request("main", 0, "/", b"")),
            Event::Response(response("main", 0, body.as_bytes())),
            Event::End { interactions: 1 },
        ]);
        let tape = parse(&text).unwrap();
        let answer = tape.interactions[0].outcome.as_ref().unwrap();
        assert_eq!(answer.body, body.as_bytes(), "{depth}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((any::<String>(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        any_json().prop_map(|json| json.to_string().into_bytes()),
        any_json().prop_map(|json| serde_json::to_vec_pretty(&json).unwrap()),
        any::<String>().prop_map(String::into_bytes),
        vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #[test]
    fn any_body_comes_back_to_the_byte(bytes in any_body()) {
        let written = serde_json::to_string(&Body::new(&bytes)).unwrap();
        let body: Body = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(body.bytes().unwrap(), bytes);
    }

    #[test]
    fn any_event_comes_back(
        scope in any::<String>(),
        ordinal in any::<u64>(),
        target in any::<String>(),
        headers in vec((any::<String>(), any::<String>()), 0..4),
        status in 100..1000_u16,
        bodies in (any_body(), any_body()),
        value in any_json(),
    ) {
        let request = RequestEvent { headers: Vec::new(), ..request(&scope, ordinal, &target, &bodies.0) };
        let response = ResponseEvent { status, headers, ..response(&scope, ordinal, &bodies.1) };
        let detail = target.clone();
        let events = [
            Event::Cassette(Header { script: Some(target), ..Header::default() }),
            Event::Request(request.clone()),
            Event::Value(ValueEvent { scope: scope.clone(), ordinal, name: "x".to_owned(), value }),
            Event::Response(response.clone()),
            Event::Error(ErrorEvent { scope, ordinal, kind: "reset".to_owned(), detail, in_doubt_since: None }),
            Event::End { interactions: 1 },
        ];
        for event in &events {
            let written = serde_json::to_string_pretty(event).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Event>(&written).unwrap(), event);
        }
        let without_error = [&events[..4], &events[5..]].concat();
        let tape = parse(&pretty(&without_error)).unwrap();
        prop_assert_eq!(&tape.interactions[0].request, &request);
        let answer = tape.interactions[0].outcome.as_ref().unwrap();
        prop_assert_eq!(&answer.body, &bodies.1);
        prop_assert_eq!(&answer.headers, &response.headers);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        prop_assert!(parse(&text).is_err());
    }
}
