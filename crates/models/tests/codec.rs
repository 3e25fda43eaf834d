//! What is written is read back the same: the client's half of the codec against the sandbox's.

use std::sync::LazyLock;

use drillmaster_models::{Dialect, Metadata, Method, Payload, endpoints, wire};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Texts that are most likely to go wrong on the way, and any others.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[#%/,&=+?{}.: \"\\\\]{1,8}",
        "\\PC{1,12}",
        ".{1,12}",
        Just("ada+class@example.com".to_owned()),
        Just("%2F..%2f".to_owned()),
        Just("Zoë 🜁 &c.".to_owned()),
    ]
}

/// Texts that can be a part of an address.
fn segment() -> impl Strategy<Value = String> {
    text().prop_filter("no address has such a part", |text| {
        !matches!(text.as_str(), "." | ".." | "null")
    })
}

/// Every declaration, in both dialects, with the names of its fields.
static DECLARED: LazyLock<Vec<(&Metadata, Vec<String>)>> = LazyLock::new(|| {
    let forms = endpoints().flat_map(|endpoint| Dialect::ALL.map(|dialect| (endpoint, dialect)));
    forms
        .filter_map(|(endpoint, dialect)| {
            let (request, _) = endpoint.schemas(dialect).ok()?;
            let names = request["properties"].as_object().into_iter().flatten();
            let names = names.map(|(name, _)| name.clone()).collect();
            Some((endpoint.metadata(dialect).ok()?, names))
        })
        .collect()
});

fn comes_back(metadata: &Metadata, fields: Map<String, Value>) -> Result<(), TestCaseError> {
    let fields = Value::Object(fields);
    let request =
        wire::encode(metadata, fields.clone()).map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert!(request.target.is_ascii(), "{}", request.target);
    let read = wire::read_fields(metadata, &request.target, &request.body);
    prop_assert_eq!(read.map(Value::Object), Ok(fields), "{} {}", metadata.name, request);
    Ok(())
}

proptest! {
    #[test]
    fn every_entry_reads_what_it_wrote(values in prop::collection::vec(segment(), 16)) {
        for (metadata, names) in DECLARED.iter() {
            let values = values.iter().cycle().map(|value| Value::from(value.as_str()));
            comes_back(metadata, names.iter().cloned().zip(values).collect())?;
        }
    }

    #[test]
    fn every_payload_takes_any_name_and_value(
        id in segment(),
        fields in prop::collection::hash_map("[^{}]{1,8}", text(), 0..6),
        payload in prop::sample::select(vec![Payload::Query, Payload::Form, Payload::Json]),
    ) {
        let metadata = Metadata { payload, ..Metadata::get("thm.any", "/of/{id}/any") };
        let mut all: Map<String, Value> =
            fields.into_iter().map(|(name, value)| (name, value.into())).collect();
        all.insert("id".to_owned(), id.into());
        comes_back(&metadata, all)?;
    }

    #[test]
    fn json_keeps_its_types(
        flag: bool,
        number: i64,
        texts in prop::collection::vec(text(), 0..4),
    ) {
        let metadata = Metadata::put("thm.any", "/any", "id");
        let fields = json!({ "flag": flag, "number": number, "texts": texts });
        comes_back(&metadata, fields.as_object().cloned().unwrap_or_default())?;
    }

    #[test]
    fn a_comma_joins_a_list_and_hides_in_a_text(
        items in prop::collection::vec(text(), 1..4),
        joined in text(),
    ) {
        let metadata = Metadata::get("thm.any", "/any");
        let request = wire::encode(&metadata, json!({ "items": items, "text": joined })).unwrap();
        prop_assert_eq!(request.target.matches(',').count(), items.len() - 1);
    }

    #[test]
    fn any_target_and_body_is_read_or_refused(target in "\\PC{0,40}", body: Vec<u8>) {
        for (metadata, _) in DECLARED.iter() {
            let _ = wire::read_fields(metadata, &target, &body);
        }
    }

    #[test]
    fn any_answer_is_read_or_refused(
        status in 100..600_u16,
        body in prop_oneof!["\\PC{0,40}", Just("[]".to_owned()), Just("{\"data\":1}".to_owned())],
    ) {
        let answer = wire::Response { status, headers: Vec::new(), body: body.into_bytes() };
        for endpoint in endpoints() {
            let _ = endpoint.answer(&answer, Dialect::Current);
        }
    }
}

#[test]
fn what_would_climb_out_of_the_path_is_refused() {
    let metadata = Metadata::get("thm.any", "/of/{id}/any");
    for climbing in ["", ".", ".."] {
        let error = wire::encode(&metadata, json!({ "id": climbing })).unwrap_err();
        assert_eq!(error.field, "id");
    }
}

#[test]
fn null_and_absent_are_one() {
    let metadata = Metadata::get("thm.any", "/any");
    let request = wire::encode(&metadata, json!({ "page": null })).unwrap();
    assert_eq!((request.method, request.target.as_str()), (Method::Get, "/any"));
}
