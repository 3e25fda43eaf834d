//! Calls of endpoints: whether the endpoint exists and takes these fields.

use drillmaster_models::{EndpointDef, Field, FieldKind, SERVICES, endpoint, nearest};
use rhai::{Expr, FnCallExpr, Position};
use serde_json::{Map, Value, json};

use super::arguments::{Given, Kind, map_fields, may_be};
use super::{Analysis, Finding, WALK};
use crate::value::to_json;

impl Analysis {
    pub(super) fn endpoint_call(&mut self, call: &FnCallExpr, position: Position) {
        let module = call.namespace.root();
        // Any other module is imported, and Rhai's parser knows its names.
        let Some(service) = SERVICES.into_iter().find(|service| service.name == module) else {
            return;
        };
        self.services.insert(service.name);
        let (stem, walks) = match call.name.strip_prefix(WALK) {
            Some(stem) => (stem, true),
            None => (call.name.as_str(), false),
        };
        match endpoint(&format!("{module}.{stem}")) {
            Ok(endpoint) if walks && endpoint.metadata.list.is_none() => {
                let message = format!("{} does not return a list", endpoint.name());
                self.error(position, message, Some(format!("call {module}::{stem} instead")));
            }
            Ok(endpoint) => self.arguments(endpoint, call, position),
            Err(unknown) => {
                let help = match unknown.nearest {
                    Some(name) => format!("did you mean `{}`?", name.replace('.', "::")),
                    None => "`drillmaster endpoints` lists them all".to_owned(),
                };
                let message = format!("there is no endpoint `{module}::{}`", call.name);
                self.error(position, message, Some(help));
            }
        }
    }

    /// An endpoint that is named but not called.
    pub(super) fn endpoint_without_call(&mut self, module: &str, name: &str, position: Position) {
        let stem = name.strip_prefix(WALK).unwrap_or(name);
        if endpoint(&format!("{module}.{stem}")).is_ok() {
            let help =
                format!("call it as {module}::{name}(), with a map of fields if it needs any");
            let message = format!("`{module}::{name}` is not called");
            self.error(position, message, Some(help));
        }
    }

    /// A loop over the response of an endpoint that does not return a list.
    pub(super) fn loop_over(&mut self, response: &Expr) {
        let Expr::FnCall(call, position) = response else { return };
        if call.namespace.is_empty() {
            return;
        }
        let (module, name) = (call.namespace.root(), call.name.as_str());
        let Ok(endpoint) = endpoint(&format!("{module}.{name}")) else { return };
        if endpoint.response_schema()["type"] == "array" {
            return;
        }
        let help = if endpoint.metadata.list.is_some() {
            format!("loop over {module}::{WALK}{name}(…) instead")
        } else {
            format!("`drillmaster endpoints {}` shows what it returns", endpoint.name())
        };
        let message = format!("{} returns a map, but a loop needs a list", endpoint.name());
        self.error(*position, message, Some(help));
    }

    fn arguments(&mut self, endpoint: &'static EndpointDef, call: &FnCallExpr, position: Position) {
        let mut required = endpoint.fields().iter().filter(|field| field.required);
        match call.args.as_slice() {
            [] => {
                if let Some(field) = required.next() {
                    let message = format!("{} needs the field `{}`", endpoint.name(), field.name);
                    self.error(position, message, Some(field.doc.clone()));
                }
            }
            [one] if may_be(one, Kind::Map) => {
                if let Some((of, property, position)) = property(one) {
                    let (message, help) = one_map(endpoint, call);
                    let help = help.replace('…', &format!("{property}: {of}.{property}"));
                    self.bare.push(Finding { position, message, help: Some(help) });
                }
                let Some(given) = map_fields(one) else { return };
                for Given { name, position, .. } in &given {
                    let names = || endpoint.fields().iter().map(|field| field.name.as_str());
                    if !names().any(|own| own == name) {
                        let help = match nearest(name, names()) {
                            Some(meant) => format!("did you mean `{meant}`?"),
                            None if endpoint.fields().is_empty() => "it has no fields".to_owned(),
                            None => {
                                format!("its fields are {}", names().collect::<Vec<_>>().join(", "))
                            }
                        };
                        let message = format!("{} has no field `{name}`", endpoint.name());
                        self.error(*position, message, Some(help));
                    }
                }
                // A misspelt field would be reported again as missing.
                let knows =
                    |given: &Given| endpoint.fields().iter().any(|own| own.name == given.name);
                if !given.iter().all(knows) {
                    return;
                }
                self.values(endpoint, &given);
                let is_absent = |name: &str| given.iter().all(|given| given.name != name);
                if let Some(field) = required.find(|field| is_absent(&field.name)) {
                    let message = format!("{} needs the field `{}`", endpoint.name(), field.name);
                    self.error(one.position(), message, Some(field.doc.clone()));
                }
            }
            _ => {
                let (message, help) = one_map(endpoint, call);
                self.error(position, message, Some(help));
            }
        }
    }

    /// Checks literal values as the call itself will.
    fn values(&mut self, endpoint: &'static EndpointDef, given: &[Given]) {
        for Given { name, position, value } in given {
            let Some(Ok(value)) = value.as_ref().map(to_json) else { continue };
            let required = endpoint.fields().iter().filter(|field| field.required);
            let mut fields: Map<_, _> =
                required.map(|field| (field.name.clone(), sample(field))).collect();
            fields.insert(name.clone(), value);
            let Err(error) = endpoint.check(&Value::Object(fields)) else { continue };
            // An error of another field is about its sample.
            if error.field.split(['[', '.']).next() == Some(name) {
                let message = format!("{}: `{name}` {}", endpoint.name(), error.problem);
                self.error(*position, message, None);
            }
        }
    }
}

/// A value that a field takes.
fn sample(field: &Field) -> Value {
    match &field.kind {
        FieldKind::Text => json!("x"),
        FieldKind::Choice(words) => json!(words.first()),
        FieldKind::Whole | FieldKind::Number => json!(1),
        FieldKind::Flag => json!(true),
        FieldKind::Texts => json!(["x"]),
        FieldKind::Choices(words) => json!(words.get(..1)),
    }
}

/// The variable and the property of an argument `variable.property`.
fn property(argument: &Expr) -> Option<(&str, &str, Position)> {
    let Expr::Dot(parts, ..) = argument else { return None };
    match (&parts.lhs, &parts.rhs) {
        (Expr::Variable(of, ..), Expr::Property(property, position)) => {
            Some((&of.1, &property.2, *position))
        }
        _ => None,
    }
}

/// The message and help for a call whose argument is not one map.
fn one_map(endpoint: &EndpointDef, call: &FnCallExpr) -> (String, String) {
    let message = format!("{} takes one map of its fields", endpoint.name());
    (message, format!("write it as {}::{}(#{{ … }})", call.namespace.root(), call.name))
}
