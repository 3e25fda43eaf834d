//! Idioms of other languages that compile here but do something else. No correct script has any of them. They are
//! warnings all the same, because the script may never reach them.

use std::collections::{HashMap, HashSet};

use rhai::{AST, ASTNode, Expr, FnCallExpr, ImmutableString, Position, Stmt};

use super::calls::Functions;
use super::values::{declarations, keys};
use super::{Finding, call_of, each_node};

/// The names that other languages give to the length of texts and arrays.
pub(super) const LENGTHS: [&str; 3] = ["length", "size", "count"];

/// Methods that change a value in place and return nothing.
struct InPlace<'a> {
    functions: &'a Functions,
    /// Keys of maps, which may hold functions of the same name.
    keys: HashSet<ImmutableString>,
}

/// Warnings about such idioms.
pub(super) fn warnings(functions: &Functions, ast: &AST) -> Vec<Finding> {
    let declared = declarations(ast);
    let in_place = InPlace { functions, keys: keys(ast) };
    let lists = texts_and_arrays(ast, &declared);
    let mut found = outside_of_rows(functions, ast);
    each_node(ast, |node| {
        let call = call_of(node).filter(|(call, _)| call.op_token.is_none());
        let arguments = call.into_iter().flat_map(|(call, _)| call.args.iter());
        found
            .extend(arguments.chain(assigned(node)).filter_map(|chain| in_place.at_the_end(chain)));
        match node {
            ASTNode::Expr(Expr::StringConstant(text, position)) => {
                let name = template(text, &declared);
                found.extend(name.map(|name| plain_template(&name, *position)));
            }
            ASTNode::Expr(Expr::Dot(parts, ..) | Expr::Index(parts, ..)) => {
                if let Expr::MethodCall(call, position) = &parts.lhs {
                    found.extend(in_place.misused(call, *position));
                }
                found.extend(length_of(&lists, &parts.lhs, &parts.rhs));
            }
            _ => {}
        }
    });
    found
}

/// The variable that a string in double quotes seems to interpolate.
fn template(text: &str, declared: &HashMap<ImmutableString, usize>) -> Option<String> {
    let names = text.split("${").skip(1).map(|rest| {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        &rest[..end]
    });
    let mut names = names.filter(|name| declared.contains_key(*name));
    names.next().filter(|_| text.contains('}')).map(str::to_owned)
}

fn plain_template(name: &str, position: Position) -> Finding {
    let message = format!("`${{{name}}}` is not replaced in a string in double quotes");
    let help = format!("write the string in backticks: `… ${{{name}}} …`");
    Finding { position, message, help: Some(help) }
}

/// The value that a statement assigns.
fn assigned<'a>(node: &ASTNode<'a>) -> Option<&'a Expr> {
    match node {
        ASTNode::Stmt(Stmt::Var(declared, ..)) => Some(&declared.1),
        ASTNode::Stmt(Stmt::Assignment(parts)) => Some(&parts.1.rhs),
        _ => None,
    }
}

impl InPlace<'_> {
    /// Such a method at the end of a chain whose value is used.
    fn at_the_end(&self, chain: &Expr) -> Option<Finding> {
        let mut link = chain;
        while let Expr::Dot(parts, ..) | Expr::Index(parts, ..) = link {
            link = &parts.rhs;
        }
        let Expr::MethodCall(call, position) = link else { return None };
        self.misused(call, *position)
    }

    /// Such a method whose value is used.
    fn misused(&self, call: &FnCallExpr, position: Position) -> Option<Finding> {
        let name = call.name.as_str();
        if self.keys.contains(name) || !self.functions.returns_nothing(name, call.args.len() + 1) {
            return None;
        }
        let message = format!("`{name}` changes its value in place and returns nothing");
        let help = match name {
            "make_upper" => "to_upper() returns a new string".to_owned(),
            "make_lower" => "to_lower() returns a new string".to_owned(),
            _ => format!(
                "call {name} on a variable in a statement of its own, then use the variable"
            ),
        };
        Some(Finding { position, message, help: Some(help) })
    }
}

/// Variables that always hold a string or an array.
fn texts_and_arrays(
    ast: &AST,
    declared: &HashMap<ImmutableString, usize>,
) -> HashMap<ImmutableString, &'static str> {
    let mut found = HashMap::new();
    each_node(ast, |node| {
        if let ASTNode::Stmt(Stmt::Var(own, ..)) = node
            && declared[&own.0.name] == 1
            && let Some(kind) = kind_of(&own.1)
        {
            found.insert(own.0.name.clone(), kind);
        }
    });
    found
}

fn kind_of(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::StringConstant(..) | Expr::InterpolatedString(..) => Some("a string"),
        Expr::Array(..) => Some("an array"),
        _ => None,
    }
}

fn length_of(
    lists: &HashMap<ImmutableString, &'static str>,
    of: &Expr,
    asked: &Expr,
) -> Option<Finding> {
    let kind = match of {
        Expr::Variable(parts, ..) if parts.2.is_empty() => lists.get(&parts.1).copied(),
        other => kind_of(other),
    }?;
    let first = match asked {
        Expr::Dot(parts, ..) | Expr::Index(parts, ..) => &parts.lhs,
        single => single,
    };
    let Expr::Property(property, position) = first else { return None };
    let name = LENGTHS.into_iter().find(|name| property.2 == *name)?;
    let message = format!("there is no `{name}` in {kind}");
    Some(Finding { position: *position, message, help: Some("write .len()".to_owned()) })
}

/// Functions for rows outside of rows, closures and functions.
fn outside_of_rows(functions: &Functions, ast: &AST) -> Vec<Finding> {
    let mut found = Vec::new();
    for statement in ast.statements() {
        statement.walk(&mut Vec::new(), &mut |path: &[ASTNode]| {
            if let Some((call, position)) = path.last().and_then(call_of)
                && call.namespace.is_empty()
                && call.args.len() == 1
                && !functions.has_own(&call.name)
            {
                found.extend(row_function_outside(&call.name, position));
            }
            true
        });
    }
    found
}

fn row_function_outside(name: &str, position: Position) -> Option<Finding> {
    let (does, help) = match name {
        "note" | "unchanged" => ("does nothing outside of one", "use warn(…) or print(…)"),
        "skip" => (
            "stops the script outside of one",
            "use throw to stop with an error, or return to end the script",
        ),
        _ => return None,
    };
    let message = format!("`{name}` is for rows, and {does}");
    Some(Finding { position, message, help: Some(help.to_owned()) })
}
