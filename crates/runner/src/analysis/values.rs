//! Methods and properties that values do not have.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};

use drillmaster_models::{SERVICES, nearest};
use rhai::{AST, ASTNode, Expr, FnCallExpr, ImmutableString, Module, Position, Stmt};

use super::calls::{Functions, KEYWORDS, takes};
use super::{Finding, WALK, each_node};
use crate::execution::each::{Outcomes, RosterRows};
use crate::language::endpoints::Walk;
use crate::outcome::Outcome;
use crate::roster::Row;

/// Names of methods in other languages, and here.
const FOREIGN_METHODS: [(&str, &str); 12] = [
    ("length", "len"),
    ("size", "len"),
    ("count", "len"),
    ("lower", "to_lower"),
    ("upper", "to_upper"),
    ("toLowerCase", "to_lower"),
    ("toUpperCase", "to_upper"),
    ("strip", "trim"),
    ("includes", "contains"),
    ("startswith", "starts_with"),
    ("endswith", "ends_with"),
    ("forEach", "for_each"),
];

/// Uses of methods and properties that do not exist.
pub(super) fn errors(functions: &Functions, ast: &AST) -> Vec<Finding> {
    let values = Values::new(functions, ast);
    let mut found = Vec::new();
    each_node(ast, |node| {
        if let ASTNode::Expr(Expr::Index(parts, _, position)) = node {
            found.extend(values.indexed(&parts.lhs, *position));
        }
        let ASTNode::Expr(expr @ Expr::Dot(parts, ..)) = node else { return };
        match values.type_of(&parts.lhs) {
            Some(id) => found.extend(values.error_in_chain(id, &parts.rhs)),
            // A chain is checked from its start.
            None => found.extend(values.unknown_method(expr)),
        }
    });
    found
}

/// How often each name is declared or assigned. A name with a count of one has the same value everywhere.
pub(super) fn declarations(ast: &AST) -> HashMap<ImmutableString, usize> {
    let mut declared: HashMap<ImmutableString, usize> = HashMap::new();
    let mut count = |name: &ImmutableString| *declared.entry(name.clone()).or_default() += 1;
    for (.., function) in AsRef::<Module>::as_ref(ast).iter_script_fn_info() {
        function.params.iter().for_each(&mut count);
    }
    each_node(ast, |node| match node {
        ASTNode::Stmt(Stmt::Var(own, ..)) => count(&own.0.name),
        ASTNode::Stmt(Stmt::For(parts, ..)) => {
            count(&parts.0.name);
            parts.1.iter().for_each(|counter| count(&counter.name));
        }
        ASTNode::Stmt(Stmt::TryCatch(parts, ..)) => {
            if let Expr::Variable(caught, ..) = &parts.expr {
                count(&caught.1);
            }
        }
        ASTNode::Stmt(Stmt::Assignment(parts)) => {
            if let Expr::Variable(target, ..) = &parts.1.lhs {
                count(&target.1);
            }
        }
        _ => {}
    });
    declared
}

/// The keys under which the script's maps may hold a function.
pub(super) fn keys(ast: &AST) -> HashSet<ImmutableString> {
    let mut keys = HashSet::new();
    each_node(ast, |node| match node {
        ASTNode::Expr(Expr::Map(parts, _)) => {
            keys.extend(parts.0.iter().map(|(key, _)| key.name.clone()));
        }
        ASTNode::Expr(Expr::StringConstant(text, _)) => {
            keys.insert(text.clone());
        }
        ASTNode::Expr(Expr::Property(property, _)) => {
            keys.insert(property.2.clone());
        }
        _ => {}
    });
    keys
}

/// What is known about a script's values.
struct Values<'a> {
    functions: &'a Functions,
    /// Variables that have one known type everywhere.
    variables: HashMap<ImmutableString, TypeId>,
    /// The keys under which the script's maps may hold a function.
    keys: HashSet<ImmutableString>,
    /// Whether the script imports modules, which may pass functions to it.
    imports: bool,
}

impl<'a> Values<'a> {
    fn new(functions: &'a Functions, ast: &AST) -> Self {
        let declared = declarations(ast);
        let mut imports = false;
        each_node(ast, |node| imports |= matches!(node, ASTNode::Stmt(Stmt::Import(..))));
        let mut values = Self { functions, variables: HashMap::new(), keys: keys(ast), imports };
        // Variables come after their declarations, so one pass is enough.
        each_node(ast, |node| {
            let known = match node {
                ASTNode::Stmt(Stmt::Var(own, ..)) => {
                    values.type_of_chain(&own.1).map(|id| (own.0.name.clone(), id))
                }
                ASTNode::Stmt(Stmt::For(parts, ..)) => values
                    .type_of_chain(&parts.2.expr)
                    .and_then(item_of)
                    .map(|id| (parts.0.name.clone(), id)),
                _ => None,
            };
            values.variables.extend(known.filter(|(name, _)| declared[name] == 1));
        });
        values
    }

    /// The type of a value, if it is one of ours and can be known.
    fn type_of(&self, expr: &Expr) -> Option<TypeId> {
        match expr {
            Expr::Variable(parts, ..) if parts.2.is_empty() => {
                self.variables.get(&parts.1).copied()
            }
            Expr::FnCall(call, _) if call.namespace.is_empty() => {
                self.functions.returned_type(&call.name, None, call.args.len())
            }
            Expr::FnCall(call, _) => {
                let of_service =
                    SERVICES.iter().any(|service| service.name == call.namespace.root());
                let walks = of_service && call.name.starts_with(WALK);
                walks.then(TypeId::of::<Walk>)
            }
            _ => None,
        }
    }

    /// The same, after the methods that are called on it.
    fn type_of_chain(&self, expr: &Expr) -> Option<TypeId> {
        let Expr::Dot(parts, ..) = expr else { return self.type_of(expr) };
        let mut id = self.type_of(&parts.lhs)?;
        let mut rest = &parts.rhs;
        loop {
            let (link, next) = split(rest);
            let Expr::MethodCall(call, _) = link else { return None };
            id = self.functions.returned_type(&call.name, Some(id), call.args.len() + 1)?;
            match next {
                Some(next) => rest = next,
                None if matches!(rest, Expr::Index(..)) => return None,
                None => return Some(id),
            }
        }
    }

    /// The first method or property in a chain that does not exist.
    fn error_in_chain(&self, mut id: TypeId, mut rest: &Expr) -> Option<Finding> {
        loop {
            let (link, next) = split(rest);
            let kind = self.functions.type_name(id)?;
            match link {
                Expr::MethodCall(call, position) => {
                    if let Some(finding) = self.wrong_method(id, kind, call, *position) {
                        return Some(finding);
                    }
                    id = self.functions.returned_type(&call.name, Some(id), call.args.len() + 1)?;
                }
                Expr::Property(property, position) => {
                    return self.wrong_property(id, kind, &property.2, *position);
                }
                _ => return None,
            }
            rest = next?;
        }
    }

    fn wrong_method(
        &self,
        id: TypeId,
        kind: &str,
        call: &FnCallExpr,
        position: Position,
    ) -> Option<Finding> {
        let name = call.name.as_str();
        if KEYWORDS.contains(&name) || self.functions.has_own(name) {
            return None;
        }
        let methods = || self.functions.methods_of(id).filter(|(own, _)| *own == name);
        if methods().any(|(_, own)| own.params.len() == call.args.len() + 1) {
            return None;
        }
        let lengths: Vec<usize> = methods().map(|(_, own)| own.params.len() - 1).collect();
        if !lengths.is_empty() {
            let message = takes(name, lengths.into_iter(), call.args.len());
            return Some(Finding { position, message, help: None });
        }
        let mut own: Vec<&str> = self.functions.methods_of(id).map(|(name, _)| name).collect();
        own.retain(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        let help =
            nearest(name, own.iter().copied()).map(|meant| format!("did you mean `{meant}`?"));
        let message = format!("a value of type {kind} has no method `{name}`");
        Some(Finding { position, message, help })
    }

    /// Rows have properties, their cells and what they returned; lists have only methods.
    fn wrong_property(
        &self,
        id: TypeId,
        kind: &str,
        name: &str,
        position: Position,
    ) -> Option<Finding> {
        if !is_list(id) {
            return None;
        }
        let is_method = self.functions.methods_of(id).any(|(own, _)| own == name);
        let help = if is_method {
            format!("it is a method: write {name}()")
        } else {
            "loop over it with `for item in …`".to_owned()
        };
        let message = format!("there is no `{name}` in a value of type {kind}");
        Some(Finding { position, message, help: Some(help) })
    }

    /// An index into a list that can only be looped over.
    fn indexed(&self, list: &Expr, position: Position) -> Option<Finding> {
        let id = self.type_of_chain(list).filter(|id| is_list(*id))?;
        let kind = self.functions.type_name(id)?;
        let message = format!("a value of type {kind} cannot be indexed with [ ]");
        let help = Some("loop over it with `for item in …`".to_owned());
        Some(Finding { position, message, help })
    }

    /// A method that no type, function or map of the script has.
    fn unknown_method(&self, expr: &Expr) -> Option<Finding> {
        let Expr::Dot(parts, ..) = expr else { return None };
        let (Expr::MethodCall(call, position), _) = split(&parts.rhs) else { return None };
        let name = call.name.as_str();
        if self.imports || self.functions.has(name) || self.keys.contains(name) {
            return None;
        }
        let foreign = FOREIGN_METHODS.iter().find(|(other, _)| *other == name).map(|(_, own)| *own);
        let meant = foreign.or_else(|| self.functions.nearest(name));
        let help = meant.map(|meant| format!("did you mean `{meant}`?"));
        Some(Finding { position: *position, message: format!("there is no method `{name}`"), help })
    }
}

/// The first link of a chain, and the rest.
fn split(chain: &Expr) -> (&Expr, Option<&Expr>) {
    match chain {
        Expr::Dot(parts, ..) => (&parts.lhs, Some(&parts.rhs)),
        // The type of an item is unknown.
        Expr::Index(parts, ..) => (&parts.lhs, None),
        single => (single, None),
    }
}

/// Whether this is a list of ours, which has only methods.
fn is_list(id: TypeId) -> bool {
    [TypeId::of::<RosterRows>(), TypeId::of::<Outcomes>(), TypeId::of::<Walk>()].contains(&id)
}

/// The type of a list's items.
fn item_of(list: TypeId) -> Option<TypeId> {
    let items = [
        (TypeId::of::<RosterRows>(), TypeId::of::<Row>()),
        (TypeId::of::<Outcomes>(), TypeId::of::<Outcome>()),
    ];
    items.into_iter().find(|(own, _)| *own == list).map(|(_, item)| item)
}
