//! Fields of responses. A service may return more than is documented, so an undocumented field is only a warning, and
//! only if it looks like a documented one.

use std::collections::HashMap;

use drillmaster_models::{EndpointDef, SERVICES, endpoint, nearest};
use rhai::{AST, ASTNode, Expr, FnCallExpr, ImmutableString, Stmt};
use serde_json::Value;

use super::foreign_idioms::LENGTHS;
use super::values::declarations;
use super::{Finding, WALK, each_node};

/// Warnings about fields that look misspelt.
pub(super) fn warnings(ast: &AST) -> Vec<Finding> {
    let declared = declarations(ast);
    let mut variables: HashMap<ImmutableString, Shape> = HashMap::new();
    each_node(ast, |node| {
        let known = match node {
            ASTNode::Stmt(Stmt::Var(own, ..)) => {
                Shape::of(&own.1).map(|shape| (own.0.name.clone(), shape))
            }
            ASTNode::Stmt(Stmt::For(parts, ..)) => Shape::of(&parts.2.expr)
                .and_then(|list| list.item())
                .map(|shape| (parts.0.name.clone(), shape)),
            _ => None,
        };
        variables.extend(known.filter(|(name, _)| declared.get(name) == Some(&1)));
    });
    let mut found = Vec::new();
    each_node(ast, |node| {
        let ASTNode::Expr(Expr::Dot(parts, ..)) = node else { return };
        let shape = match &parts.lhs {
            Expr::Variable(own, ..) if own.2.is_empty() => variables.get(&own.1).cloned(),
            other => Shape::of(other),
        };
        let first = match &parts.rhs {
            Expr::Dot(rest, ..) | Expr::Index(rest, ..) => &rest.lhs,
            single => single,
        };
        if let (Some(shape), Expr::Property(property, position)) = (shape, first) {
            let warning = shape.unlikely(&property.2);
            found.extend(warning.map(|(message, meant)| Finding {
                position: *position,
                message,
                help: Some(format!("did you mean `{meant}`?")),
            }));
        }
    });
    found
}

/// What is documented about a value.
#[derive(Clone)]
struct Shape {
    endpoint: &'static EndpointDef,
    /// The schema of the whole response, to which `part` may refer.
    root: Value,
    part: Value,
}

impl Shape {
    /// The shape of a response, or of a part of one.
    fn of(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::FnCall(call, _) => Self::of_call(call),
            Expr::Dot(parts, ..) => {
                let Expr::Property(property, _) = &parts.rhs else { return None };
                Self::of(&parts.lhs)?.field(&property.2)
            }
            _ => None,
        }
    }

    fn of_call(call: &FnCallExpr) -> Option<Self> {
        if call.namespace.is_empty() {
            return None;
        }
        let service = SERVICES.into_iter().find(|own| own.name == call.namespace.root())?;
        let (stem, walks) = match call.name.strip_prefix(WALK) {
            Some(stem) => (stem, true),
            None => (call.name.as_str(), false),
        };
        let endpoint = endpoint(&format!("{}.{stem}", service.name)).ok()?;
        let root = endpoint.response_schema();
        let answer = Self { endpoint, part: root.clone(), root }.resolved();
        match endpoint.metadata.list.filter(|_| walks) {
            Some(list) if !list.items.is_empty() => answer.field(list.items),
            _ => Some(answer),
        }
    }

    /// The same with references (`$ref`) followed.
    fn resolved(mut self) -> Self {
        while let Some(to) = self.part["$ref"].as_str() {
            let Some(part) = self.root.pointer(to.trim_start_matches('#')) else { break };
            self.part = part.clone();
        }
        self
    }

    fn field(&self, name: &str) -> Option<Self> {
        let part = self.part["properties"].get(name)?.clone();
        Some(Self { part, ..self.clone() }.resolved())
    }

    fn item(&self) -> Option<Self> {
        let part = self.part.get("items")?.clone();
        Some(Self { part, ..self.clone() }.resolved())
    }

    /// A warning about a name, and the documented name that looks like it.
    fn unlikely(&self, name: &str) -> Option<(String, String)> {
        if self.part["type"] == "array" && LENGTHS.contains(&name) {
            return Some((format!("there is no `{name}` in an array"), "len()".to_owned()));
        }
        let fields = self.part["properties"].as_object()?;
        if fields.contains_key(name) {
            return None;
        }
        let meant = nearest(name, fields.keys().map(String::as_str))?;
        let message =
            format!("`{name}` is not a documented field of what {} returns", self.endpoint.name());
        Some((message, meant.to_owned()))
    }
}
