//! What a script declares and never uses. It runs all the same, so that these are warnings.

use std::collections::HashSet;

use rhai::{AST, ASTNode, Expr, FnPtr, ImmutableString, Position, Stmt};

use super::{Finding, call_of, each_node};

/// What is declared for nothing.
pub(super) fn warnings(ast: &AST) -> Vec<Finding> {
    let used = Used::of(ast);
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
                let message = format!("the module `{}` is imported and never used", alias.name);
                let help = "leave the import out, or call something of it".to_owned();
                let position = if alias.pos.is_none() { *position } else { alias.pos };
                found.push(Finding { position, message, help: Some(help) });
            }
        }
        _ => {}
    });
    blocks(ast, |statements| {
        let stop = statements.iter().position(stops);
        let behind = stop.map_or(&[][..], |stop| &statements[stop + 1..]);
        inputs_in(behind).for_each(|(input, at)| {
            let why = "it stands behind the end of its block";
            found.push(unreachable(&input, at, why));
        });
        // All but the last come to nothing.
        let before = &statements[..statements.len().saturating_sub(1)];
        found.extend(before.iter().filter_map(dropped).map(|(input, at)| unused(&input, at)));
    });
    found.extend(uncalled(ast, &used));
    found
}

fn unused(input: &str, position: Position) -> Finding {
    let message = format!("the input `{input}` is declared and never used");
    let help = "use it, or leave it out: whoever runs the script is asked for it".to_owned();
    Finding { position, message, help: Some(help) }
}

fn unreachable(input: &str, position: Position, why: &str) -> Finding {
    let message = format!("the script never comes to the input `{input}`: {why}");
    let help = "declare it at the beginning of the script, or leave it out".to_owned();
    Finding { position, message, help: Some(help) }
}

/// What is made use of by name.
#[derive(Default)]
struct Used {
    variables: HashSet<ImmutableString>,
    modules: HashSet<ImmutableString>,
    /// Functions, as far as calls and texts name them.
    functions: HashSet<ImmutableString>,
}

impl Used {
    fn of(ast: &AST) -> Self {
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
                    // A function may be handed over by its name.
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

/// The input that an expression is.
fn input_of(expr: &Expr) -> Option<(String, Position)> {
    let Expr::FnCall(call, position) = expr else { return None };
    let is_input = call.name == "input" && call.namespace.is_empty();
    match call.args.first() {
        Some(Expr::StringConstant(name, _)) if is_input => Some((name.to_string(), *position)),
        _ => None,
    }
}

/// The input that a statement declares and does nothing with.
fn dropped(statement: &Stmt) -> Option<(String, Position)> {
    match statement {
        Stmt::Expr(expr) => input_of(expr),
        Stmt::FnCall(call, position) => input_of(&Expr::FnCall(call.clone(), *position)),
        _ => None,
    }
}

/// Whether nothing behind a statement is run.
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

/// Looks at the statements of every block, and at those of the script and of its functions.
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

/// The inputs in functions that are never called. In a module they are called by whoever imports it.
fn uncalled(ast: &AST, used: &Used) -> Vec<Finding> {
    if ast.statements().iter().all(|statement| matches!(statement, Stmt::Noop(..))) {
        return Vec::new();
    }
    functions_of(ast)
        .into_iter()
        .filter(|(name, _)| !name.contains('$') && !used.functions.contains(name.as_str()))
        .flat_map(|(name, body)| {
            let why = format!("nothing calls the function `{name}`");
            let told = |(input, at): (String, Position)| unreachable(&input, at, &why);
            inputs_in(&body).map(told).collect::<Vec<_>>()
        })
        .collect()
}

/// The functions of a script, and the statements that each is made of.
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
