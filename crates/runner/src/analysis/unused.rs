//! Unused inputs and imports, and inputs in code that is never reached. The script runs all the same, so these are
//! warnings.

use std::collections::HashSet;

use rhai::{AST, ASTNode, Expr, FnPtr, ImmutableString, Position, Stmt};

use super::{Finding, call_of, each_node};

/// Unused declarations.
pub(super) fn warnings(ast: &AST) -> Vec<Finding> {
    let used = Used::new(ast);
    let mut found = Vec::new();
    each_node(ast, |node| match node {
        ASTNode::Stmt(Stmt::Var(declared, _, position)) => {
            if let Some((input, at)) = input_of(&declared.1)
                && !used.variables.contains(&declared.0.name)
            {
                let at = if at.is_none() { *position } else { at };
                found.push(unused(&input, at));
            }
        }
        ASTNode::Stmt(Stmt::Import(parts, position)) => {
            let alias = &parts.1;
            if !alias.name.is_empty() && !used.modules.contains(&alias.name) {
                let message = format!("the module `{}` is imported but never used", alias.name);
                let help = "remove the import or use it".to_owned();
                let position = if alias.pos.is_none() { *position } else { alias.pos };
                found.push(Finding { position, message, help: Some(help) });
            }
        }
        _ => {}
    });
    blocks(ast, |statements| {
        let stop = statements.iter().position(stops);
        let unreached = stop.map_or(&[][..], |stop| &statements[stop + 1..]);
        inputs_in(unreached).for_each(|(input, at)| {
            let why = "its block ends before it";
            found.push(unreachable(&input, at, why));
        });
        // The last statement's value is the block's; the others' values are dropped.
        let before = &statements[..statements.len().saturating_sub(1)];
        found.extend(before.iter().filter_map(dropped).map(|(input, at)| unused(&input, at)));
    });
    found.extend(uncalled(ast, &used));
    found
}

fn unused(input: &str, position: Position) -> Finding {
    let message = format!("the input `{input}` is declared but never used");
    let help = "use it or remove it: people who run the script are asked for it".to_owned();
    Finding { position, message, help: Some(help) }
}

fn unreachable(input: &str, position: Position, why: &str) -> Finding {
    let message = format!("the script never reaches the input `{input}`: {why}");
    let help = "declare it at the start of the script, or remove it".to_owned();
    Finding { position, message, help: Some(help) }
}

/// The names that a script uses.
#[derive(Default)]
struct Used {
    variables: HashSet<ImmutableString>,
    modules: HashSet<ImmutableString>,
    /// Functions that calls or strings name.
    functions: HashSet<ImmutableString>,
}

impl Used {
    fn new(ast: &AST) -> Self {
        let mut used = Self::default();
        each_node(ast, |node| {
            if let Some((call, _)) = call_of(node) {
                if !call.namespace.is_empty() {
                    used.modules.insert(call.namespace.root().into());
                }
                used.functions.insert(call.name.clone());
            }
            match node {
                ASTNode::Expr(Expr::Variable(parts, ..)) => {
                    if !parts.2.is_empty() {
                        used.modules.insert(parts.2.root().into());
                    }
                    used.variables.insert(parts.1.clone());
                    // A function can be passed by its name.
                    used.functions.insert(parts.1.clone());
                }
                ASTNode::Stmt(Stmt::Export(parts, ..)) => {
                    used.variables.insert(parts.0.name.clone());
                }
                ASTNode::Expr(Expr::MethodCall(call, _)) => {
                    used.functions.insert(call.name.clone());
                }
                ASTNode::Expr(Expr::StringConstant(text, _)) => {
                    used.functions.insert(text.clone());
                }
                ASTNode::Expr(Expr::DynamicConstant(value, _)) => {
                    let pointer = value.read_lock::<FnPtr>();
                    used.functions.extend(pointer.map(|pointer| pointer.fn_name().into()));
                }
                _ => {}
            }
        });
        used
    }
}

/// The input that an expression declares.
fn input_of(expr: &Expr) -> Option<(String, Position)> {
    let Expr::FnCall(call, position) = expr else { return None };
    let is_input = call.name == "input" && call.namespace.is_empty();
    match call.args.first() {
        Some(Expr::StringConstant(name, _)) if is_input => Some((name.to_string(), *position)),
        _ => None,
    }
}

/// The input that a statement declares without using its value.
fn dropped(statement: &Stmt) -> Option<(String, Position)> {
    match statement {
        Stmt::Expr(expr) => input_of(expr),
        Stmt::FnCall(call, position) => input_of(&Expr::FnCall(call.clone(), *position)),
        _ => None,
    }
}

/// Whether nothing after a statement runs.
fn stops(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Return(..) | Stmt::BreakLoop(..))
}

fn inputs_in(statements: &[Stmt]) -> impl Iterator<Item = (String, Position)> {
    let mut found = Vec::new();
    for statement in statements {
        statement.walk(&mut Vec::new(), &mut |path: &[ASTNode]| {
            if let Some(ASTNode::Expr(expr)) = path.last() {
                found.extend(input_of(expr));
            }
            if let [.., ASTNode::Stmt(statement @ Stmt::FnCall(..))] = path {
                found.extend(dropped(statement));
            }
            true
        });
    }
    found.into_iter()
}

/// Visits the statements of the script, of its functions and of every block.
fn blocks(ast: &AST, mut look: impl FnMut(&[Stmt])) {
    look(ast.statements());
    for (_, body) in &functions_of(ast) {
        look(body);
    }
    each_node(ast, |node| match node {
        ASTNode::Stmt(Stmt::Block(block)) | ASTNode::Expr(Expr::Stmt(block)) => {
            look(block.statements());
        }
        ASTNode::Stmt(
            Stmt::If(parts, ..)
            | Stmt::While(parts, ..)
            | Stmt::Do(parts, ..)
            | Stmt::TryCatch(parts, ..),
        ) => {
            look(parts.body.statements());
            look(parts.branch.statements());
        }
        ASTNode::Stmt(Stmt::For(parts, ..)) => look(parts.2.body.statements()),
        _ => {}
    });
}

/// Inputs in functions that are never called. Functions of a module are called by the scripts that import it.
fn uncalled(ast: &AST, used: &Used) -> Vec<Finding> {
    if ast.statements().iter().all(|statement| matches!(statement, Stmt::Noop(..))) {
        return Vec::new();
    }
    functions_of(ast)
        .into_iter()
        .filter(|(name, _)| !name.contains('$') && !used.functions.contains(name.as_str()))
        .flat_map(|(name, body)| {
            let why = format!("nothing calls the function `{name}`");
            let finding = |(input, at): (String, Position)| unreachable(&input, at, &why);
            inputs_in(&body).map(finding).collect::<Vec<_>>()
        })
        .collect()
}

/// The functions of a script with their statements.
fn functions_of(ast: &AST) -> Vec<(String, Vec<Stmt>)> {
    let functions = ast.iter_functions().map(|own| (own.name.to_owned(), own.params.len()));
    let body = |(name, params): (String, usize)| {
        let mut one = ast.clone_functions_only();
        one.retain_functions(|_, _, own, length| own == name && length == params);
        let mut statements = Vec::new();
        one.walk(&mut |path: &[ASTNode]| {
            if let [ASTNode::Stmt(statement)] = path {
                statements.push((*statement).clone());
            }
            true
        });
        (name, statements)
    };
    functions.map(body).collect()
}
