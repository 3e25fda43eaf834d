//! Writes in a row to variables that are declared outside of it. Rows run in parallel, so what ends up in such a
//! variable would depend on their order. Rhai refuses the write when a row gets there; this finds it before the
//! first request.

use std::collections::{HashMap, HashSet};

use rhai::{AST, ASTNode, Expr, ImmutableString, Module, Position, Stmt, StmtBlock};

use super::arguments::{Closure, closure};
use super::{Finding, call_of, each_node};

type Names = HashSet<ImmutableString>;

/// Methods that change their value in place.
const CHANGES: [&str; 22] = [
    "append",
    "chop",
    "clear",
    "crop",
    "dedup",
    "drain",
    "extend",
    "fill_with",
    "insert",
    "make_lower",
    "make_upper",
    "mixin",
    "pad",
    "pop",
    "push",
    "remove",
    "retain",
    "reverse",
    "set",
    "shift",
    "sort",
    "truncate",
];

/// Writes to captured variables in the functions that a script passes to `each`.
pub(super) fn errors(ast: &AST) -> Vec<Finding> {
    let script = Script::new(ast);
    let mut inner = Names::new();
    let mut found = Vec::new();
    for work in &script.works {
        let mut assigned = Vec::new();
        script.follow(work, &script.captured(work), &mut inner, &mut assigned);
        found.push((&work.name, assigned));
    }
    // An `each` inside a row runs its rows one by one, so they may write to variables of the row.
    let outermost = found.into_iter().filter(|(work, _)| !inner.contains(*work));
    let mut seen = HashSet::new();
    outermost
        .flat_map(|(_, assigned)| assigned)
        .filter(|(_, position)| seen.insert((position.line(), position.position())))
        .map(|(name, position)| finding(&name, position))
        .collect()
}

fn finding(name: &str, position: Position) -> Finding {
    let message = format!(
        "`{name}` is declared outside of the row: rows run in parallel, so it is read-only here"
    );
    let help = "return it from the row and add it up afterwards, for example \
                for row in each(…).done() { total += row.points }";
    Finding { position, message, help: Some(help.to_owned()) }
}

/// The closures of a script.
struct Script<'a> {
    ast: &'a AST,
    /// The parameters of each function. A closure's captures come first.
    params: HashMap<ImmutableString, Vec<ImmutableString>>,
    /// Variables that are declared with a closure as their value.
    named: HashMap<ImmutableString, Closure>,
    /// The functions passed to `each`.
    works: Vec<Closure>,
}

impl<'a> Script<'a> {
    fn new(ast: &'a AST) -> Self {
        let functions = AsRef::<Module>::as_ref(ast).iter_script_fn_info();
        let params = functions.map(|(.., own)| (own.name.clone(), own.params.to_vec())).collect();
        let mut named = HashMap::new();
        each_node(ast, |node| {
            if let ASTNode::Stmt(Stmt::Var(declared, ..)) = node
                && let Some(found) = closure(&declared.1)
            {
                named.insert(declared.0.name.clone(), found);
            }
        });
        let mut works = Vec::new();
        each_node(ast, |node| {
            let work = work_of(node).and_then(|work| match work {
                Expr::Variable(parts, ..) => named.get(&parts.1).cloned(),
                other => closure(other),
            });
            works.extend(work);
        });
        Self { ast, params, named, works }
    }

    fn captured(&self, closure: &Closure) -> Names {
        let params = self.params.get(&closure.name).into_iter().flatten();
        params.take(closure.captured).cloned().collect()
    }

    /// Collects writes to the variables `outside` in a closure and in the closures inside it, whose names go to `inner`.
    fn follow(
        &self,
        work: &Closure,
        outside: &Names,
        inner: &mut Names,
        assigned: &mut Vec<(ImmutableString, Position)>,
    ) {
        let mut within = Vec::new();
        let mut body = self.ast.clone_functions_only();
        body.retain_functions(|_, _, name, _| name == work.name);
        let mut declared = Names::new();
        body.walk(&mut |path: &[ASTNode]| {
            let is_outside = |name: &ImmutableString| {
                outside.contains(name)
                    && !declared.contains(name)
                    && !path.windows(2).any(|pair| declares(&pair[0], &pair[1], name))
            };
            match path {
                [.., ASTNode::Stmt(Stmt::Assignment(parts))] => {
                    let root = root(&parts.1.lhs).filter(|(name, _)| is_outside(name));
                    assigned.extend(root);
                }
                [.., ASTNode::Expr(expr)] => {
                    let changed = changed_by_method(expr).filter(|(name, _)| is_outside(name));
                    assigned.extend(changed);
                    if let Some(found) = closure(expr) {
                        let captured = self.captured(&found);
                        let captured = captured.into_iter().filter(is_outside).collect();
                        within.push((found, captured));
                    }
                    // A closure from outside that the row calls also sees read-only copies.
                    if let Expr::Variable(parts, ..) = expr
                        && let Some(held) =
                            self.named.get(&parts.1).filter(|_| is_outside(&parts.1))
                    {
                        within.push((held.clone(), self.captured(held)));
                    }
                }
                [ASTNode::Stmt(Stmt::Var(own, ..))] => {
                    declared.insert(own.0.name.clone());
                }
                _ => {}
            }
            true
        });
        for (found, captured) in within {
            if inner.insert(found.name.clone()) {
                self.follow(&found, &captured, inner, assigned);
            }
        }
    }
}

/// The function passed to `each`, if this is a call of it.
fn work_of<'a>(node: &'a ASTNode<'a>) -> Option<&'a Expr> {
    let call = match node {
        ASTNode::Expr(Expr::MethodCall(call, _)) => call,
        node => call_of(node)?.0,
    };
    (call.name == "each" && call.namespace.is_empty()).then(|| call.args.last()).flatten()
}

/// The variable that a method call on it, or on a part of it, changes.
fn changed_by_method(expr: &Expr) -> Option<(ImmutableString, Position)> {
    let (Expr::Dot(parts, ..) | Expr::Index(parts, ..)) = expr else { return None };
    let Expr::Variable(own, _, position) = &parts.lhs else { return None };
    let mut rest = &parts.rhs;
    loop {
        let (link, next) = match rest {
            Expr::Dot(parts, ..) | Expr::Index(parts, ..) => (&parts.lhs, Some(&parts.rhs)),
            last => (last, None),
        };
        match link {
            // What a method returns is not part of the variable.
            Expr::MethodCall(call, _) => {
                let changes = CHANGES.contains(&call.name.as_str());
                return changes.then(|| (own.1.clone(), *position));
            }
            _ => rest = next?,
        }
    }
}

/// The variable that an assignment changes, as a whole or in part.
fn root(target: &Expr) -> Option<(ImmutableString, Position)> {
    match target {
        Expr::Variable(parts, _, position) => Some((parts.1.clone(), *position)),
        Expr::Dot(parts, ..) | Expr::Index(parts, ..) => root(&parts.lhs),
        _ => None,
    }
}

/// Whether `outer` declares the name before the statement inside it.
fn declares(outer: &ASTNode, within: &ASTNode, name: &str) -> bool {
    let ASTNode::Stmt(within) = within else { return false };
    let is_within = |statement: &Stmt| std::ptr::eq(statement, *within);
    let in_block = |block: &StmtBlock| {
        block.iter().any(is_within)
            && block.iter().take_while(|statement| !is_within(statement)).any(
                |statement| matches!(statement, Stmt::Var(declared, ..) if declared.0.name == name),
            )
    };
    match outer {
        ASTNode::Expr(Expr::Stmt(block)) | ASTNode::Stmt(Stmt::Block(block)) => in_block(block),
        ASTNode::Stmt(Stmt::For(parts, ..)) => {
            let counter = parts.1.as_ref().is_some_and(|counter| counter.name == name);
            parts.0.name == name || counter || in_block(&parts.2.body)
        }
        ASTNode::Stmt(Stmt::TryCatch(parts, ..)) => {
            let caught = matches!(&parts.expr, Expr::Variable(own, ..) if own.1 == name);
            in_block(&parts.body)
                || in_block(&parts.branch)
                || (caught && parts.branch.iter().any(is_within))
        }
        ASTNode::Stmt(Stmt::If(parts, ..) | Stmt::While(parts, ..) | Stmt::Do(parts, ..)) => {
            in_block(&parts.body) || in_block(&parts.branch)
        }
        _ => false,
    }
}
