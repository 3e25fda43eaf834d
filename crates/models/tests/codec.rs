//! What is written is read back the same: the client's half of the codec against the sandbox's.

use std::sync::LazyLock;

use drillmaster_models::{Dialect, Method, Payload, Spec, entries, wire};
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
static DECLARED: LazyLock<Vec<(&Spec, Vec<String>)>> = LazyLock::new(|| {
    let forms = entries().flat_map(|entry| Dialect::ALL.map(|dialect| (entry, dialect)));
    forms
        .filter_map(|(entry, dialect)| {
            let (request, _) = entry.schemas(dialect).ok()?;
            let names = request["properties"].as_object().into_iter().flatten();
            let names = names.map(|(name, _)| name.clone()).collect();
            Some((entry.spec(dialect).ok()?, names))
        })
        .collect()
});

fn comes_back(spec: &Spec, fields: Map<String, Value>) -> Result<(), TestCaseError> {
    let fields = Value::Object(fields);
    let request =
        wire::encode(spec, fields.clone()).map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert!(request.target.is_ascii(), "{}", request.target);
    let read = wire::fields_of(spec, &request.target, &request.body);
    prop_assert_eq!(read.map(Value::Object), Ok(fields), "{} {}", spec.name, request);
    Ok(())
}

proptest! {
    #[test]
    fn every_entry_reads_what_it_wrote(values in prop::collection::vec(segment(), 16)) {
        for (spec, names) in DECLARED.iter() {
            let values = values.iter().cycle().map(|value| Value::from(value.as_str()));
            comes_back(spec, names.iter().cloned().zip(values).collect())?;
        }
    }

    #[test]
    fn every_payload_takes_any_name_and_value(
        id in segment(),
        fields in prop::collection::hash_map("[^{}]{1,8}", text(), 0..6),
        payload in prop::sample::select(vec![Payload::Query, Payload::Form, Payload::Json]),
    ) {
        let spec = Spec { payload, ..Spec::get("thm.any", "/of/{id}/any") };
        let mut all: Map<String, Value> =
            fields.into_iter().map(|(name, value)| (name, value.into())).collect();
        all.insert("id".to_owned(), id.into());
        comes_back(&spec, all)?;
    }

    #[test]
    fn json_keeps_its_types(
        flag: bool,
        number: i64,
        texts in prop::collection::vec(text(), 0..4),
    ) {
        let spec = Spec::put("thm.any", "/any", "id");
        let fields = json!({ "flag": flag, "number": number, "texts": texts });
        comes_back(&spec, fields.as_object().cloned().unwrap_or_default())?;
    }

    #[test]
    fn a_comma_joins_a_list_and_hides_in_a_text(
        items in prop::collection::vec(text(), 1..4),
        joined in text(),
    ) {
        let spec = Spec::get("thm.any", "/any");
        let request = wire::encode(&spec, json!({ "items": items, "text": joined })).unwrap();
        prop_assert_eq!(request.target.matches(',').count(), items.len() - 1);
    }

    #[test]
    fn any_target_and_body_is_read_or_refused(target in "\\PC{0,40}", body: Vec<u8>) {
        for (spec, _) in DECLARED.iter() {
            let _ = wire::fields_of(spec, &target, &body);
        }
    }

    #[test]
    fn any_answer_is_read_or_refused(
        status in 100..600_u16,
        body in prop_oneof!["\\PC{0,40}", Just("[]".to_owned()), Just("{\"data\":1}".to_owned())],
    ) {
        let answer = wire::Response { status, headers: Vec::new(), body: body.into_bytes() };
        for entry in entries() {
            let _ = entry.answer(&answer, Dialect::Current);
        }
    }
}

#[test]
fn what_would_climb_out_of_the_path_is_refused() {
    let spec = Spec::get("thm.any", "/of/{id}/any");
    for climbing in ["", ".", ".."] {
        let error = wire::encode(&spec, json!({ "id": climbing })).unwrap_err();
        assert_eq!(error.field, "id");
    }
}

#[test]
fn null_and_absent_are_one() {
    let spec = Spec::get("thm.any", "/any");
    let request = wire::encode(&spec, json!({ "page": null })).unwrap();
    assert_eq!((request.method, request.target.as_str()), (Method::Get, "/any"));
}
