//! Laws: what is true for every endpoint of both services, so that code that works from the list can rely on it.

use std::collections::{BTreeMap, BTreeSet};

use drillmaster_models::wire::{self, Response};
use drillmaster_models::{
    Absence, Dialect, EndpointDef, FieldKind, List, Means, Metadata, Payload, Removes, Resolve,
    SERVICES, Sensitivity, Texts, endpoint, endpoints, nearest,
};
use serde_json::{Value, json};

/// The declaration of an endpoint in one of its dialects, with the schemas of request and answer.
struct Form {
    dialect: Dialect,
    metadata: &'static Metadata,
    request: Value,
    answer: Value,
}

/// Every declaration: one for each endpoint, and one more for each legacy form.
fn forms() -> impl Iterator<Item = Form> {
    let both = |endpoint: &'static EndpointDef| {
        [(endpoint, Dialect::Current), (endpoint, Dialect::Legacy)]
    };
    endpoints()
        .flat_map(both)
        .filter(|(endpoint, dialect)| *dialect == Dialect::Current || endpoint.legacy.is_some())
        .map(|(endpoint, dialect)| {
            let (request, answer) = endpoint.schemas(dialect).unwrap();
            let metadata = endpoint.metadata(dialect).unwrap();
            Form { dialect, metadata, request, answer }
        })
}

#[test]
fn there_are_33_declarations() {
    assert_eq!(endpoints().count(), 11 + 15);
    assert_eq!(forms().count(), 33);
}

#[test]
fn a_services_probe_is_a_read_of_its_own_that_lists_and_needs_no_field() {
    for service in SERVICES {
        let probe = endpoint(service.probe).unwrap();
        assert_eq!(probe.service().name, service.name);
        assert!(
            probe.metadata.effect.is_read() && probe.metadata.list.is_some(),
            "{}",
            service.probe
        );
        assert!(probe.fields().iter().all(|field| !field.required), "{}", service.probe);
        assert!(Dialect::ALL.iter().all(|it| probe.metadata(*it).is_ok()), "{}", service.probe);
    }
}

#[test]
fn names_are_service_and_stem_and_unique() {
    let mut names = BTreeSet::new();
    for endpoint in endpoints() {
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let (service, stem) = endpoint.name().split_once('.').unwrap();
        assert_eq!(service, endpoint.service().name);
        assert!(plain(stem), "{}", endpoint.name());
        assert!(names.insert(endpoint.name()), "{} twice", endpoint.name());
    }
}

#[test]
fn a_service_lists_its_endpoints() {
    for service in SERVICES {
        let prefix = format!("{}.", service.name);
        assert!(service.endpoints().count() > 10, "{}", service.name);
        for endpoint in service.endpoints() {
            assert!(endpoint.name().starts_with(&prefix), "{}: {}", service.name, endpoint.name());
        }
    }
}

#[test]
fn no_two_endpoints_share_method_and_path() {
    let mut routes = BTreeMap::new();
    for Form { dialect, metadata, .. } in forms() {
        // The name of a field in a path does not distinguish two routes.
        let shape: Vec<_> = metadata
            .path
            .split('/')
            .map(|part| if part.starts_with('{') { "{}" } else { part })
            .collect();
        let route = (dialect.name(), metadata.service(), metadata.method.as_str(), shape.join("/"));
        if let Some(other) = routes.insert(route, metadata.name) {
            panic!("{} and {other} are both {} {}", metadata.name, metadata.method, metadata.path);
        }
    }
}

#[test]
fn a_path_starts_at_the_root_and_needs_no_escaping() {
    for Form { metadata, .. } in forms() {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/{}-_".contains(c);
        assert!(metadata.path.starts_with('/'), "{}", metadata.name);
        assert!(metadata.path.chars().all(plain), "{}", metadata.name);
        assert!(!metadata.path.ends_with('/'), "{}", metadata.name);
    }
}

#[test]
fn names_in_a_path_are_required_fields() {
    for Form { metadata, request, .. } in forms() {
        for name in metadata.path_fields() {
            let required = request["required"].as_array().into_iter().flatten();
            assert!(
                request["properties"].get(name).is_some(),
                "{}: `{name}` is not a field",
                metadata.name
            );
            assert!(
                required.into_iter().any(|own| own == name),
                "{}: `{name}` is optional",
                metadata.name
            );
        }
    }
}

#[test]
fn every_endpoint_and_field_is_documented() {
    for endpoint in endpoints() {
        assert!(
            endpoint.summary().ends_with('.'),
            "{}: the summary is not a sentence: {}",
            endpoint.name(),
            endpoint.summary()
        );
        assert!(!endpoint.summary().contains(". "), "{}: more than one sentence", endpoint.name());
        for field in endpoint.fields() {
            assert!(!field.doc.is_empty(), "{}: `{}`", endpoint.name(), field.name);
        }
    }
}

#[test]
fn every_property_of_an_answer_is_documented() {
    for Form { metadata, answer, .. } in forms() {
        for (name, property) in properties(&answer) {
            let doc = property["description"].as_str().unwrap_or_default();
            assert!(!doc.is_empty(), "{}: `{name}` of the answer", metadata.name);
        }
    }
}

#[test]
fn schemas_stand_alone() {
    for Form { metadata, request, answer, .. } in forms() {
        let text = format!("{request}{answer}");
        assert!(!text.contains("\"$ref\""), "{}", metadata.name);
    }
}

#[test]
fn an_unknown_field_is_refused_with_a_suggestion() {
    for endpoint in endpoints() {
        for field in endpoint.fields() {
            let misspelt = format!("{}x", field.name);
            let error = endpoint.check(&json!({ misspelt.as_str(): "" })).unwrap_err();
            let meant =
                nearest(&misspelt, endpoint.fields().iter().map(|own| own.name.as_str())).unwrap();
            assert_eq!(error.endpoint, endpoint.name());
            assert_eq!(error.field, misspelt);
            assert_eq!(meant, field.name);
            assert!(error.to_string().contains(&format!("`{meant}`?")), "{error}");
        }
        assert!(endpoint.check(&json!({ "zzzzzzzzz": 1 })).is_err());
    }
}

#[test]
fn the_types_refuse_unknown_fields_too() {
    for Form { metadata, request, .. } in forms() {
        assert_eq!(request["additionalProperties"], false, "{}", metadata.name);
    }
}

#[test]
fn a_missing_field_is_named() {
    for endpoint in endpoints() {
        let Some(first) = endpoint.fields().iter().find(|field| field.required) else {
            continue;
        };
        let error = endpoint.check(&json!({})).unwrap_err();
        assert_eq!(error.field, first.name);
        assert!(error.problem.starts_with("is missing"), "{error}");
    }
}

#[test]
fn a_list_and_its_ids_are_in_the_answer() {
    for Form { metadata, answer, .. } in forms() {
        let Some(list) = metadata.list else { continue };
        let item = item_of(&answer, &list);
        assert!(item.is_some(), "{}: no list in `{}`", metadata.name, list.items);
        assert!(
            list.id.is_empty() || item.unwrap()["properties"].get(list.id).is_some(),
            "{}: items have no `{}`",
            metadata.name,
            list.id
        );
    }
}

#[test]
fn hidden_fields_are_in_the_answer() {
    for Form { metadata, answer, .. } in forms() {
        let names: BTreeSet<_> = properties(&answer).map(|(name, _)| name).collect();
        for hidden in metadata.hidden {
            assert!(names.contains(hidden), "{}: no `{hidden}` to hide", metadata.name);
        }
    }
}

#[test]
fn subjects_are_required_fields() {
    for endpoint in endpoints() {
        let Some(write) = endpoint.metadata.effect.write() else {
            continue;
        };
        let field = endpoint.fields().iter().find(|field| field.name == write.subject);
        assert!(
            field.is_some_and(|field| field.required),
            "{}: `{}`",
            endpoint.name(),
            write.subject
        );
    }
}

#[test]
fn what_is_irreversible_removes() {
    for write in endpoints().filter_map(|endpoint| endpoint.metadata.effect.write()) {
        assert!(write.removes == Removes::Always || !write.irreversible);
    }
}

#[test]
fn a_field_that_makes_a_write_a_removal_is_a_flag() {
    for endpoint in endpoints() {
        if let Some(Removes::When(name)) =
            endpoint.metadata.effect.write().map(|write| write.removes)
        {
            let field = endpoint.fields().iter().find(|field| field.name == name);
            let kind = field.map(|field| &field.kind);
            assert_eq!(kind, Some(&FieldKind::Flag), "{}: `{name}`", endpoint.name());
        }
    }
}

#[test]
fn probes_look_at_a_field_that_both_sides_have() {
    for one in endpoints() {
        let Some(Resolve::Probe { endpoint: name, field, .. }) =
            one.metadata.effect.write().map(|write| write.resolve)
        else {
            continue;
        };
        let probe = endpoint(name).unwrap();
        let list = probe.metadata.list.expect("a probe lists");
        assert!(list.complete, "{name} may leave people out, so absence from it proves nothing");
        let schema = probe.response_schema();
        let item = item_of(&schema, &list).unwrap();
        assert!(probe.metadata.effect.is_read(), "{name}");
        assert!(item["properties"].get(field).is_some(), "{name}: no `{field}`");
        assert!(one.fields().iter().any(|own| own.name == field), "{}: no `{field}`", one.name());
    }
}

#[test]
fn a_write_resolved_by_a_refusal_declares_one_that_means_already() {
    for endpoint in endpoints() {
        let resolve = endpoint.metadata.effect.write().map(|write| write.resolve);
        if matches!(
            resolve,
            Some(Resolve::Refusal | Resolve::Probe { absence: Absence::Repeatable, .. })
        ) {
            let already = endpoint.metadata.errors.iter().any(|spec| spec.means == Means::Already);
            assert!(already, "{}", endpoint.name());
        }
    }
}

#[test]
fn an_answer_without_its_list_is_refused() {
    let odd = [
        Response { status: 200, headers: Vec::new(), body: Vec::new() },
        Response { status: 204, headers: Vec::new(), body: Vec::new() },
        Response::json(200, &json!({})),
        Response::json(200, &json!({ "message": "maintenance" })),
        Response::json(200, &json!({ "status": "success", "data": {} })),
        Response::json(200, &json!({ "status": "success", "data": null })),
    ];
    for endpoint in endpoints() {
        for dialect in Dialect::ALL {
            let Ok(Some(list)) = endpoint.metadata(dialect).map(|metadata| metadata.list) else {
                continue;
            };
            let with_items = |value: Value| {
                let items =
                    if list.items.is_empty() { value } else { json!({ list.items: value }) };
                // In the envelope of this endpoint.
                wire::respond(endpoint.metadata(dialect).unwrap(), &items)
            };
            let odd_items =
                [json!(null), json!({}), json!("none"), json!([1]), json!([null]), json!([[]])];
            for answer in odd.iter().cloned().chain(odd_items.map(with_items)) {
                let read = endpoint.answer(&answer, dialect);
                assert!(
                    read.is_err(),
                    "{} ({dialect}): {answer} is read as {read:?}",
                    endpoint.name()
                );
            }
        }
    }
}

#[test]
fn a_text_has_one_meaning_per_endpoint() {
    for endpoint in endpoints() {
        for spec in endpoint.errors() {
            let first = endpoint.errors().find(|other| other.matches(spec.says));
            assert_eq!(first.unwrap().means, spec.means, "{}: {}", endpoint.name(), spec.says);
        }
    }
}

#[test]
fn a_refusal_that_stands_for_an_answer_has_its_shape() {
    for endpoint in endpoints() {
        for spec in endpoint.errors() {
            if let Means::Answer(text) = spec.means {
                let answer: Value = serde_json::from_str(text).unwrap();
                let sent = endpoint.answer_to_wire(answer.clone(), Dialect::Current);
                let read = endpoint.answer(&sent.unwrap(), Dialect::Current).unwrap();
                assert_eq!(read, answer, "{}", endpoint.name());
            }
        }
    }
}

#[test]
fn a_legacy_form_declares_the_same_name_errors_and_effect() {
    for endpoint in endpoints() {
        let Some(legacy) = &endpoint.legacy else {
            continue;
        };
        let (old, new) = (&legacy.metadata, &endpoint.metadata);
        assert_eq!(old.name, new.name);
        assert_eq!(old.method, new.method, "{}", new.name);
        assert_eq!(old.errors, new.errors, "{}", new.name);
        assert_eq!(old.hidden, new.hidden, "{}", new.name);
        // Callers name the subject as in the current dialect, whatever is sent.
        assert_eq!(old.effect, new.effect, "{}", new.name);
        assert!(endpoint.service().has_legacy, "{}", new.name);
    }
}

#[test]
fn a_declaration_names_its_dialect() {
    for Form { dialect, metadata, .. } in forms() {
        assert_eq!(metadata.dialect, dialect, "{}", metadata.name);
    }
}

#[test]
fn a_get_has_no_body() {
    for Form { metadata, .. } in forms() {
        if metadata.method.as_str() == "GET" {
            assert_eq!(metadata.payload, Payload::Query, "{}", metadata.name);
        }
    }
}

/// The schema of an item of a list.
fn item_of<'a>(answer: &'a Value, list: &List) -> Option<&'a Value> {
    let holder = match list.items {
        "" => answer,
        items => answer["properties"].get(items)?,
    };
    holder.get("items")
}

/// All named properties of a schema, however deep.
fn properties(schema: &Value) -> Box<dyn Iterator<Item = (&str, &Value)> + '_> {
    match schema {
        Value::Object(parts) => {
            let own = parts.get("properties").and_then(Value::as_object);
            let own = own.into_iter().flatten();
            let own = own.map(|(name, property)| (name.as_str(), property));
            Box::new(own.chain(parts.values().flat_map(properties)))
        }
        Value::Array(parts) => Box::new(parts.iter().flat_map(properties)),
        _ => Box::new(std::iter::empty()),
    }
}

#[test]
fn a_write_predicts_an_answer_of_its_own_shape_from_its_own_fields() {
    let sample = |kind: &FieldKind| match kind {
        FieldKind::Flag => json!(true),
        FieldKind::Texts | FieldKind::Choices(_) => json!(["x"]),
        FieldKind::Whole | FieldKind::Number => json!(1),
        FieldKind::Text | FieldKind::Choice(_) => json!("x"),
    };
    for endpoint in endpoints() {
        let Some(write) = endpoint.metadata.effect.write() else { continue };
        let fields =
            endpoint.fields().iter().map(|field| (field.name.clone(), sample(&field.kind)));
        let predicted = endpoint.predict(&Value::Object(fields.collect())).unwrap();
        let template: Value = serde_json::from_str(write.predicts).unwrap();
        for name in template.as_object().unwrap().keys() {
            let filled = predicted[name].to_string();
            assert!(!predicted[name].is_null(), "{}: nothing fills `{name}`", endpoint.name());
            assert!(!filled.contains('{'), "{}: nothing fills {filled}", endpoint.name());
        }
    }
}

#[test]
fn an_error_about_a_type_names_no_rust_types() {
    let error = |name: &str, fields: Value| endpoint(name).unwrap().check(&fields).unwrap_err();
    assert_eq!(
        error("veracode.users_details", json!({ "limit": -3 })).to_string(),
        "veracode.users_details: field `limit` must be a whole number of 0 or more, not `-3`"
    );
    assert_eq!(
        error("veracode.users_details", json!({ "limit": "many" })).to_string(),
        "veracode.users_details: field `limit` must be a whole number of 0 or more, not `\"many\"`"
    );
    let fields = json!({
        "userEmails": ["ada@example.com"], "from": "2026-09-01", "to": "2026-09-02", "roomTypes": ["maze"],
    });
    assert_eq!(
        error("thm.time_report", fields).to_string(),
        "thm.time_report: field `roomTypes[0]` must be one of walkthrough, challenge, not `\"maze\"`"
    );
}

#[test]
fn a_list_of_choices_takes_only_its_own_words() {
    let report = endpoint("thm.time_report").unwrap();
    let field = report.fields().iter().find(|field| field.name == "roomTypes").unwrap();
    assert_eq!(field.read_text("challenge, walkthrough"), Ok(json!(["challenge", "walkthrough"])));
    let refused = field.read_text("challenge,maze").unwrap_err();
    assert_eq!(refused, "must be one of walkthrough, challenge, not `maze`");
}

/// These texts are shared in recordings as they are. Review every new line: is it really never private? If it
/// can be, mark the field with `x-sensitivity`.
#[test]
fn harmless_texts() {
    let mut lines = BTreeSet::new();
    for endpoint in endpoints() {
        let sides = [("request", endpoint.request_texts()), ("answer", endpoint.answer_texts())];
        for (side, texts) in sides {
            let paths = paths_of(texts, Sensitivity::Harmless);
            lines.extend(paths.into_iter().map(|path| format!("{} {side}{path}", endpoint.name())));
        }
    }
    let listing = lines.into_iter().collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(listing);
}

#[test]
fn hidden_fields_are_answers() {
    for Form { metadata, .. } in forms() {
        let answers =
            paths_of(endpoint(metadata.name).unwrap().answer_texts(), Sensitivity::Answer);
        for hidden in metadata.hidden {
            let suffix = format!(".{hidden}");
            let is_answer = answers.iter().any(|path| path.ends_with(&suffix));
            assert!(is_answer, "{}: `{hidden}`", metadata.name);
        }
    }
}

/// The paths of all texts with this sensitivity.
fn paths_of(texts: &Texts, sensitivity: Sensitivity) -> Vec<String> {
    let mut found = Vec::new();
    // A list of texts is named by its items.
    if texts.sensitivity == Some(sensitivity) && !texts.is_list() {
        found.push(String::new());
    }
    let mut add = |prefix: &str, below: &Texts| {
        let paths = paths_of(below, sensitivity);
        found.extend(paths.into_iter().map(|path| format!("{prefix}{path}")));
    };
    for (name, field) in texts.fields() {
        add(&format!(".{name}"), field);
    }
    if let Some(items) = texts.items() {
        add("[]", items);
    }
    if let Some(values) = texts.values() {
        add(".*", values);
    }
    found
}
