//! Exporting a cassette as HAR and importing it gives the same cassette.

use drillmaster_interchange::{Options, har, read, write_cassette};
use drillmaster_models::{Method, endpoints};
use drillmaster_transport::cassette::{
    Body, Header, Interaction, Recording, RequestEvent, ValueEvent, identity, parse,
};
use drillmaster_transport::{Error, NetworkError, Response};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// Headers that are not credentials.
fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name =
        prop_oneof![Just("content-type".to_owned()), Just("X-Any".to_owned()), "x-[a-z]{1,6}"];
    let value = prop_oneof![
        Just("application/x-www-form-urlencoded".to_owned()),
        Just("gzip".to_owned()),
        any::<String>()
    ];
    vec((name, value), 0..4)
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..40),
        any::<String>().prop_map(String::into_bytes),
        Just(br#"{"b":1,"a":[1.50,null]}"#.to_vec()),
        Just(b"b=1&a=2".to_vec()),
    ]
}

fn outcomes() -> impl Strategy<Value = Result<Response, Error>> {
    let answer = (100..1000_u16, headers(), bodies())
        .prop_map(|(status, headers, body)| Ok(Response { status, headers, body }));
    let lost = (select(&NetworkError::ALL[..]), any::<String>())
        .prop_map(|(how, detail)| Err(Error::network(how, detail)));
    let unsent = any::<String>().prop_map(|detail| Err(Error::setup(detail)));
    prop_oneof![4 => answer, 1 => lost, 1 => unsent]
}

fn interactions() -> impl Strategy<Value = Interaction> {
    let names: Vec<String> = endpoints()
        .map(|endpoint| endpoint.name().to_owned())
        .chain(["gone.entry".to_owned()])
        .collect();
    let request = (
        prop_oneof![Just("main".to_owned()), any::<String>()],
        select(names),
        select(&Method::ALL[..]),
        prop_oneof!["/[a-z]{0,6}(\\?[a-z]=[a-z%+&]{0,6})?", any::<String>()],
        headers(),
        bodies(),
    );
    (request, outcomes()).prop_map(|((scope, endpoint, method, target, headers, body), outcome)| {
        let mut request = RequestEvent {
            scope,
            ordinal: 0,
            endpoint,
            hash: String::new(),
            method: method.to_string(),
            target,
            headers,
            body: (!body.is_empty()).then(|| Body::new(&body)),
            repeats: None,
        };
        request.hash = identity(&request.wire().unwrap());
        Interaction { request, outcome }
    })
}

fn recordings() -> impl Strategy<Value = Recording> {
    let value = (any::<String>(), any::<u64>(), any::<String>(), any::<i64>(), any::<String>())
        .prop_map(|(scope, ordinal, name, number, text)| ValueEvent {
            scope,
            ordinal,
            name,
            value: json!({ "number": number, "text": text, "list": [null, true] }),
        });
    let header = (any::<String>(), any::<Option<String>>(), any::<String>()).prop_map(
        |(program, script, input)| Header {
            program,
            script,
            run: [("set".to_owned(), Value::from(input))].into_iter().collect(),
            ..Header::default()
        },
    );
    (header, vec(interactions(), 0..6), vec(value, 0..3)).prop_map(
        |(header, mut interactions, values)| {
            // Each has a number of its own.
            for (index, interaction) in interactions.iter_mut().enumerate() {
                interaction.request.ordinal = 3 * index as u64;
            }
            Recording { header, interactions, values }
        },
    )
}

/// Two recordings are the same if their cassettes are.
fn text_of(recording: &Recording) -> String {
    let mut out = Vec::new();
    write_cassette(recording, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn har_of(recording: &Recording) -> Vec<u8> {
    let mut out = Vec::new();
    har::write(recording, &mut out).unwrap();
    out
}

proptest! {
    #[test]
    fn har_keeps_a_cassette(recording in recordings()) {
        let imported = read(&har_of(&recording), &Options::default()).unwrap();
        prop_assert_eq!(imported.skipped.count(), 0);
        prop_assert_eq!(imported.recording.header.clone(), recording.header.clone());
        prop_assert_eq!(text_of(&imported.recording), text_of(&recording));
    }

    #[test]
    fn a_written_cassette_is_read_back(recording in recordings()) {
        let again = parse(&text_of(&recording)).unwrap();
        prop_assert_eq!(text_of(&again), text_of(&recording));
    }
}

#[test]
fn exported_fields_survive_other_tools() {
    let recording = parse(include_str!("../../../cassettes/two_seats.cassette")).unwrap();
    let har = String::from_utf8(har_of(&recording)).unwrap();
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let shown = har.replace(&version, "\"version\": \"[version]\"");
    crate::snapshot::snapshot("interchange", "exported", &shown);
    let imported = read(har.as_bytes(), &Options::default()).unwrap();
    assert_eq!(text_of(&imported.recording), text_of(&recording));

    // A tool that drops custom fields keeps the requests; they are imported as outside of rows.
    let mut plain: Value = serde_json::from_str(&har).unwrap();
    plain["log"].as_object_mut().unwrap().shift_remove("_drillmaster");
    for entry in plain["log"]["entries"].as_array_mut().unwrap() {
        entry.as_object_mut().unwrap().shift_remove("_drillmaster");
    }
    let without = read(plain.to_string().as_bytes(), &Options::default()).unwrap().recording;
    let hashes = |recording: &Recording| -> Vec<String> {
        recording.interactions.iter().map(|interaction| interaction.request.hash.clone()).collect()
    };
    assert_eq!(hashes(&without), hashes(&recording));
}

#[test]
fn a_credential_added_to_an_export_is_not_imported() {
    let recording = parse(include_str!("../../../cassettes/two_seats.cassette")).unwrap();
    let mut har: Value = serde_json::from_slice(&har_of(&recording)).unwrap();
    let own = &mut har["log"]["entries"][0];
    let header = |name: &str| json!({ "name": name, "value": "planted-secret" });
    own["request"]["headers"].as_array_mut().unwrap().extend(["THM-API-KEY", "Cookie"].map(header));
    own["response"]["headers"].as_array_mut().unwrap().push(header("Set-Cookie"));
    let imported = read(har.to_string().as_bytes(), &Options::default()).unwrap();
    assert_eq!(text_of(&imported.recording), text_of(&recording));
}

#[test]
fn two_requests_with_one_number_are_an_error() {
    let recording = parse(include_str!("../../../cassettes/two_seats.cassette")).unwrap();
    let mut har: Value = serde_json::from_slice(&har_of(&recording)).unwrap();
    let first = har["log"]["entries"][0].clone();
    har["log"]["entries"].as_array_mut().unwrap().push(first);
    let error = read(har.to_string().as_bytes(), &Options::default()).unwrap_err().to_string();
    assert_eq!(error, "`log.entries[3]` has the scope and number of an earlier request");
}

/// Another tool may add a request to an export, without a number.
#[test]
fn a_request_that_cannot_be_numbered_is_an_error() {
    let recording = parse(include_str!("../../../cassettes/two_seats.cassette")).unwrap();
    let mut har: Value = serde_json::from_slice(&har_of(&recording)).unwrap();
    let entries = har["log"]["entries"].as_array_mut().unwrap();
    let mut foreign = entries[0].clone();
    foreign.as_object_mut().unwrap().shift_remove("_drillmaster");
    entries.push(foreign);
    entries[0]["_drillmaster"]["scope"] = "main".into();
    let last = |number: u64| {
        let mut har = har.clone();
        har["log"]["entries"][0]["_drillmaster"]["ordinal"] = number.into();
        read(har.to_string().as_bytes(), &Options::default())
    };
    assert!(parse(&text_of(&last(u64::MAX - 1).unwrap().recording)).is_ok());
    let error = last(u64::MAX).unwrap_err().to_string();
    assert_eq!(error, "`log.entries[3]` cannot be numbered: the largest number is already in use");
}
