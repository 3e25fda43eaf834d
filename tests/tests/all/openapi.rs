//! The OpenAPI descriptions under `docs/`: that they are OpenAPI 3.1, and tell all that is declared.
//! That they are up to date is for `cargo xtask codegen --check` to say.

use std::path::Path;

use drillmaster_models::{Credential, Dialect, EndpointDef, Means, SERVICES, Service};
use serde_json::{Map, Value};

/// The OpenAPI Initiative's own schema.
const SCHEMA: &str = include_str!("../../data/openapi-3.1.schema.json");

/// Something with a schema: a parameter, a header, a body.
const SCHEMA_FIELD: &str = "schema";

#[test]
fn the_descriptions_are_openapi_3_1() {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for (name, document) in descriptions() {
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{name} at {}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }
}

#[test]
fn a_document_that_is_not_openapi_is_told_apart() {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for (name, mut document) in descriptions() {
        let (_, item) = document["paths"].as_object_mut().unwrap().iter_mut().next().unwrap();
        let (_, operation) = item.as_object_mut().unwrap().iter_mut().next().unwrap();
        operation["parameters"] = "none".into();
        assert!(!validator.is_valid(&document), "{name}");
    }
}

#[test]
fn every_schema_is_json_schema_2020_12() {
    for (name, document) in descriptions() {
        for schema in schemas(&document) {
            let problem = jsonschema::draft202012::meta::validate(schema).err();
            assert!(problem.is_none(), "{name}: {problem:?} in {schema:#}");
        }
    }
}

#[test]
fn every_example_is_what_its_schema_says() {
    for (name, document) in descriptions() {
        let refusal = jsonschema::draft202012::new(&document["components"]["schemas"]["Refusal"]);
        let refusal = refusal.unwrap();
        for example in examples(&document) {
            assert!(refusal.is_valid(&example["value"]), "{name}: {example}");
        }
    }
}

#[test]
fn every_route_is_there() {
    each_call(|name, document, endpoint, dialect| {
        let metadata = endpoint.metadata(dialect).unwrap();
        let operation = operation(document, endpoint, dialect);
        assert_eq!(operation["operationId"], endpoint.name(), "{name}");
        let told = operation["parameters"].as_array().unwrap().iter();
        let told: Vec<&str> = told
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(told, metadata.path_fields().collect::<Vec<_>>(), "{name}: {}", endpoint.name());
    });
}

#[test]
fn nothing_is_there_that_is_not_declared() {
    for (name, document, service, dialect) in described() {
        let declared =
            service.endpoints().filter(|endpoint| endpoint.metadata(dialect).is_ok()).count();
        let paths = document["paths"].as_object().unwrap().values();
        let told: usize = paths.map(|item| item.as_object().map_or(0, Map::len)).sum();
        assert_eq!(told, declared, "{name}");
    }
}

#[test]
fn every_field_of_a_request_is_told() {
    each_call(|name, document, endpoint, dialect| {
        let (request, _) = endpoint.schemas(dialect).unwrap();
        let operation = operation(document, endpoint, dialect);
        let parameters = operation["parameters"].as_array().unwrap();
        let bodies = operation["requestBody"]["content"].as_object().into_iter().flatten();
        let bodies: Vec<&Value> = bodies.map(|(_, body)| &body["schema"]["properties"]).collect();
        for field in request["properties"].as_object().into_iter().flat_map(Map::keys) {
            let is_parameter = parameters.iter().any(|parameter| parameter["name"] == **field);
            let is_in_body = bodies.iter().any(|body| body[field].is_object());
            assert!(is_parameter != is_in_body, "{name}: `{field}` of {}", endpoint.name());
        }
    });
}

#[test]
fn every_documented_refusal_is_told() {
    each_call(|name, document, endpoint, dialect| {
        let metadata = endpoint.metadata(dialect).unwrap();
        let operation = operation(document, endpoint, dialect);
        let general = endpoint.service().errors.iter().filter(|spec| {
            spec.means != Means::Credential || metadata.credential != Credential::None
        });
        for spec in metadata.errors.iter().chain(general) {
            let response = &operation["responses"][spec.status.to_string()];
            let told =
                examples(response).iter().any(|example| example["value"]["message"] == spec.says);
            assert!(told, "{name}: {} {} of {}", spec.status, spec.says, endpoint.name());
        }
    });
}

#[test]
fn every_call_says_where_its_credential_goes() {
    each_call(|name, document, endpoint, dialect| {
        let operation = operation(document, endpoint, dialect);
        let security = operation["security"].as_array().unwrap();
        match endpoint.metadata(dialect).unwrap().credential {
            Credential::None => assert!(security.is_empty(), "{name}: {}", endpoint.name()),
            Credential::Header(header) => {
                let (scheme, _) = security[0].as_object().unwrap().iter().next().unwrap();
                let scheme = &document["components"]["securitySchemes"][scheme];
                assert_eq!(scheme["name"], header, "{name}: {}", endpoint.name());
                assert_eq!(scheme["in"], "header", "{name}: {}", endpoint.name());
            }
            Credential::FormField(field) => {
                let form = &operation["requestBody"]["content"];
                let form = &form["application/x-www-form-urlencoded"][SCHEMA_FIELD];
                assert!(form["properties"][field].is_object(), "{name}: {}", endpoint.name());
                let required = form["required"].as_array().unwrap();
                assert!(required.iter().any(|own| own == field), "{name}: {}", endpoint.name());
            }
        }
    });
}

/// Calls for every endpoint in every dialect that has it.
fn each_call(check: impl Fn(&str, &Value, &EndpointDef, Dialect)) {
    for (name, document, service, dialect) in described() {
        for endpoint in service.endpoints().filter(|endpoint| endpoint.metadata(dialect).is_ok()) {
            check(&name, &document, endpoint, dialect);
        }
    }
}

fn descriptions() -> impl Iterator<Item = (String, Value)> {
    described().into_iter().map(|(name, document, ..)| (name, document))
}

/// Every description, with what it describes.
fn described() -> Vec<(String, Value, &'static Service, Dialect)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi");
    let mut found = Vec::new();
    for service in SERVICES {
        let dialects: &[Dialect] =
            if service.has_legacy { &Dialect::ALL } else { &[Dialect::Current] };
        for dialect in dialects {
            let name = if service.has_legacy {
                format!("{}-{dialect}.json", service.name)
            } else {
                format!("{}.json", service.name)
            };
            let text = std::fs::read_to_string(folder.join(&name))
                .unwrap_or_else(|error| panic!("{name}: {error}; run `cargo xtask codegen`"));
            found.push((name, serde_json::from_str(&text).unwrap(), service, *dialect));
        }
    }
    found
}

fn operation<'a>(document: &'a Value, endpoint: &EndpointDef, dialect: Dialect) -> &'a Value {
    let metadata = endpoint.metadata(dialect).unwrap();
    &document["paths"][metadata.path][metadata.method.as_str().to_lowercase()]
}

/// Everything under a key `schema`, and the named schemas.
fn schemas(document: &Value) -> Vec<&Value> {
    let named = document["components"]["schemas"].as_object().into_iter().flat_map(Map::values);
    let mut found: Vec<&Value> = named.collect();
    under(document, SCHEMA_FIELD, &mut found);
    found
}

/// Every example in a part of a document.
fn examples(part: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    under(part, "examples", &mut found);
    found.into_iter().filter_map(Value::as_object).flat_map(Map::values).collect()
}

fn under<'a>(part: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match part {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == key {
                    found.push(field);
                } else {
                    under(field, key, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| under(item, key, found)),
        _ => {}
    }
}
