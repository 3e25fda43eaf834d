//! Assignments to keys of an empty map. In drillmaster an assignment does not add keys to a map, so that a misspelt key
//! is an error; in other languages, and in Rhai by default, it does.

use std::collections::HashSet;

use rhai::{AST, ASTNode, Expr, Stmt};

use super::values::declarations;
use super::{Finding, each_node};

/// Assignments to keys of a map that starts empty and gets no keys.
pub(super) fn errors(ast: &AST) -> Vec<Finding> {
    let declared = declarations(ast);
    let mut empty = HashSet::new();
    each_node(ast, |node| {
        if let ASTNode::Stmt(Stmt::Var(own, ..)) = node
            && is_empty_map(&own.1)
            && declared[&own.0.name] == 1
        {
            empty.insert(own.0.name.clone());
        }
    });
    // A method may add keys, and so may a function that gets the map.
    each_node(ast, |node| match node {
        ASTNode::Expr(Expr::Dot(parts, ..)) => {
            if let (
                Expr::Variable(own, ..),
                Expr::MethodCall(..) | Expr::Dot(..) | Expr::Index(..),
            ) = (&parts.lhs, &parts.rhs)
            {
                empty.remove(&own.1);
            }
        }
        ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => {
            for argument in &call.args {
                if let Expr::Variable(own, ..) = argument {
                    empty.remove(&own.1);
                }
            }
        }
        _ => {}
    });
    let mut found = Vec::new();
    each_node(ast, |node| {
        let ASTNode::Stmt(Stmt::Assignment(parts)) = node else { return };
        let (Expr::Dot(target, ..) | Expr::Index(target, ..)) = &parts.1.lhs else { return };
        let Expr::Variable(own, _, position) = &target.lhs else { return };
        if empty.contains(&own.1) {
            let name = &own.1;
            found.push(Finding {
                position: *position,
                message: format!("`{name}` is an empty map, and an assignment does not add keys"),
                help: Some(format!("add keys with {name}.set(key, value)")),
            });
        }
    });
    found
}

fn is_empty_map(value: &Expr) -> bool {
    match value {
        Expr::Map(parts, _) => parts.0.is_empty(),
        Expr::DynamicConstant(value, _) => {
            value.read_lock::<rhai::Map>().is_some_and(|map| map.is_empty())
        }
        _ => false,
    }
}
