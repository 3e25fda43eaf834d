//! Calls of the services: whether there is such an endpoint, and whether it takes what it is given.

use drillmaster_models::{EndpointDef, Field, FieldError, FieldKind, SERVICES, endpoint};
use rhai::{Expr, FnCallExpr, Position};
use serde_json::{Map, Value, json};

use super::arguments::{Given, Kind, map_fields, may_be};
use super::{Analysis, Finding, WALK};
use crate::value::to_json;

impl Analysis {
    pub(super) fn entry_call(&mut self, call: &FnCallExpr, position: Position) {
        let module = call.namespace.root();
        // Any other module is one that the script imports: the compiler knows them.
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
                let message = format!("{} answers no list to walk through", endpoint.name());
                self.mistake(position, message, Some(format!("call {module}::{stem} instead")));
            }
            Ok(endpoint) => self.arguments(endpoint, call, position),
            Err(unknown) => {
                let help = match unknown.nearest {
                    Some(name) => format!("did you mean `{}`?", name.replace('.', "::")),
                    None => "`drillmaster endpoints` lists them all".to_owned(),
                };
                let message = format!("there is no endpoint `{module}::{}`", call.name);
                self.mistake(position, message, Some(help));
            }
        }
    }

    /// An endpoint that is named and not called.
    pub(super) fn uncalled(&mut self, module: &str, name: &str, position: Position) {
        let stem = name.strip_prefix(WALK).unwrap_or(name);
        if endpoint(&format!("{module}.{stem}")).is_ok() {
            let help =
                format!("write {module}::{name}(), with a map of its fields where it has some");
            let message = format!("`{module}::{name}` is not called");
            self.mistake(position, message, Some(help));
        }
    }

    /// What a loop goes over may be an answer that is no list.
    pub(super) fn loop_over(&mut self, answer: &Expr) {
        let Expr::FnCall(call, position) = answer else { return };
        if call.namespace.is_empty() {
            return;
        }
        let (module, name) = (call.namespace.root(), call.name.as_str());
        let Ok(endpoint) = endpoint(&format!("{module}.{name}")) else { return };
        if endpoint.response_schema()["type"] == "array" {
            return;
        }
        let help = if endpoint.metadata.list.is_some() {
            format!("walk through it by {module}::{WALK}{name}(…)")
        } else {
            format!("`drillmaster endpoints {}` tells what it answers", endpoint.name())
        };
        let message = format!("{} answers a map, and a loop goes over a list", endpoint.name());
        self.mistake(*position, message, Some(help));
    }

    fn arguments(&mut self, endpoint: &'static EndpointDef, call: &FnCallExpr, position: Position) {
        let mut required = endpoint.fields().iter().filter(|field| field.required);
        match call.args.as_slice() {
            [] => {
                if let Some(field) = required.next() {
                    let message = format!("{} needs the field `{}`", endpoint.name(), field.name);
                    self.mistake(position, message, Some(field.doc.clone()));
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
                        let error = FieldError::unknown(endpoint.name(), name, names());
                        let (message, help) = match error.problem.split_once("; ") {
                            Some((_, help)) => {
                                (format!("{} has no field `{name}`", endpoint.name()), help)
                            }
                            None => (error.to_string(), ""),
                        };
                        self.mistake(*position, message, Some(help.to_owned()));
                    }
                }
                // A misspelt field is not told a second time as a missing one.
                let knows =
                    |given: &Given| endpoint.fields().iter().any(|own| own.name == given.name);
                if !given.iter().all(knows) {
                    return;
                }
                self.values(endpoint, &given);
                let is_absent = |name: &str| given.iter().all(|given| given.name != name);
                if let Some(field) = required.find(|field| is_absent(&field.name)) {
                    let message = format!("{} needs the field `{}`", endpoint.name(), field.name);
                    self.mistake(one.position(), message, Some(field.doc.clone()));
                }
            }
            _ => {
                let (message, help) = one_map(endpoint, call);
                self.mistake(position, message, Some(help));
            }
        }
    }

    /// What stands in the text as it is can be looked at as the call itself will.
    fn values(&mut self, endpoint: &'static EndpointDef, given: &[Given]) {
        for Given { name, position, value } in given {
            let Some(Ok(value)) = value.as_ref().map(to_json) else { continue };
            let due = endpoint.fields().iter().filter(|field| field.required);
            let mut fields: Map<_, _> = due.map(|due| (due.name.clone(), sample(due))).collect();
            fields.insert(name.clone(), value);
            let Err(error) = endpoint.check(&Value::Object(fields)) else { continue };
            // Of another field it was a sample that did not fit.
            if error.field.split(['[', '.']).next() == Some(name) {
                let message = format!("{}: `{name}` {}", endpoint.name(), error.problem);
                self.mistake(*position, message, None);
            }
        }
    }
}

/// A value of the kind that a field takes.
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

/// The variable and its property where an argument has the form `value.property`.
fn property(argument: &Expr) -> Option<(&str, &str, Position)> {
    let Expr::Dot(parts, ..) = argument else { return None };
    match (&parts.lhs, &parts.rhs) {
        (Expr::Variable(of, ..), Expr::Property(property, position)) => {
            Some((&of.1, &property.2, *position))
        }
        _ => None,
    }
}

/// How every endpoint is called, to whoever calls it otherwise.
fn one_map(endpoint: &EndpointDef, call: &FnCallExpr) -> (String, String) {
    let message = format!("{} takes one map of its fields", endpoint.name());
    (message, format!("write it as {}::{}(#{{ … }})", call.namespace.root(), call.name))
}
