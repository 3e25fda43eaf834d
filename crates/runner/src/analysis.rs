//! What a script will do, read from its syntax tree before it runs: the inputs it declares, the columns it needs, the
//! services it calls, and errors that would otherwise show only half-way through a roster.

mod arguments;
mod calls;
mod captured_writes;
mod columns;
mod empty_map;
mod endpoints;
mod foreign_idioms;
mod modules;
mod response_fields;
#[cfg(test)]
mod tests;
mod unused;
mod values;

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use rhai::Dynamic;
use rhai::{AST, ASTNode, Engine, Expr, FnCallExpr, ImmutableString, Module, Position, Stmt};

use self::arguments::{Kind, closure, literal, may_be};
pub(crate) use self::calls::Functions;
pub(crate) use self::columns::Column;
use self::columns::Columns;
pub(crate) use self::modules::Modules;
use self::modules::endpoints_of;
use crate::language::endpoints::WALK;
use crate::language::engine::why_not_importable;

/// What a script declares, needs and gets wrong.
#[derive(Debug, Default)]
pub(crate) struct Analysis {
    pub(crate) inputs: Vec<Input>,
    pub(crate) columns: Vec<Column>,
    pub(crate) services: BTreeSet<&'static str>,
    /// The endpoints that it calls itself, without those its modules call.
    pub endpoints: BTreeSet<&'static str>,
    pub(crate) modules: Modules,
    pub(crate) errors: Vec<Finding>,
    /// Errors in the modules that it imports.
    pub(crate) in_modules: Vec<InModule>,
    /// Oddities that do not stop a run.
    pub(crate) warnings: Vec<Finding>,
    pub(crate) uses_roster: bool,
    /// Properties passed to an endpoint instead of a map: errors if they are columns of a row.
    bare: Vec<Finding>,
}

/// An input that a script declares by asking for it: `input("room", "what it is", default)`.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name, for `--set`.
    pub name: String,
    /// Its description.
    pub doc: String,
    /// The value if it is not set, which also gives its type. `None`: it must be set.
    pub default: Option<Dynamic>,
}

/// An error or a warning, with its position in the script.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) position: Position,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// A finding in a module.
#[derive(Debug, Clone)]
pub(crate) struct InModule {
    pub(crate) file: PathBuf,
    pub text: String,
    pub(crate) finding: Finding,
}

/// Analyses a script and its modules. `engine` is the engine that runs it, `path` its file.
pub(crate) fn analyse(engine: &Engine, ast: &AST, path: &Path) -> Analysis {
    let (modules, files) = Modules::read(engine, ast, path);
    let mut analysis = analyse_file(engine, ast, path, modules);
    analysis.errors.extend(analysis.modules.errors_in(None));
    for modules::Module { file, text, ast } in files {
        let mut found = analyse_file(engine, &ast, path, Modules::default()).errors;
        found.extend(analysis.modules.errors_in(Some(&file)));
        let there = |finding| InModule { file: file.clone(), text: text.clone(), finding };
        analysis.in_modules.extend(found.into_iter().map(there));
    }
    analysis
}

/// Analyses one file.
fn analyse_file(engine: &Engine, ast: &AST, path: &Path, modules: Modules) -> Analysis {
    let mut analysis = Analysis { endpoints: endpoints_of(ast), modules, ..Analysis::default() };
    let of_modules = analysis.modules.endpoints.iter().filter_map(|name| name.split_once('.'));
    analysis.services.extend(of_modules.map(|(service, _)| service));
    let functions = Functions::new(engine, ast);
    let declared = values::declarations(ast);
    let mut rosters = HashSet::new();
    each_node(ast, |node| match node {
        ASTNode::Stmt(Stmt::Var(declared, ..)) if is_roster(&declared.1, &HashSet::new()) => {
            rosters.insert(declared.0.name.clone());
        }
        _ => {}
    });
    let mut row_closures = HashSet::new();
    each_node(ast, |node| {
        if let ASTNode::Stmt(Stmt::For(parts, ..)) = node
            && is_roster(&parts.2.expr, &rosters)
        {
            let mut path = Vec::new();
            let mut columns = Columns::new(&parts.0.name);
            for statement in parts.2.body.iter() {
                statement.walk(&mut path, &mut |path: &[ASTNode]| {
                    path.last().inspect(|node| columns.visit(node));
                    true
                });
            }
            analysis.columns.extend(columns.into_columns());
        }
        if let ASTNode::Stmt(Stmt::Import(parts, ..)) = node
            && let Expr::StringConstant(module, position) = &parts.0
            && let Some(trouble) = why_not_importable(path, module)
        {
            analysis.error(*position, trouble, None);
        }
        match node {
            ASTNode::Stmt(Stmt::For(parts, ..)) => analysis.loop_over(&parts.2.expr),
            ASTNode::Expr(Expr::Variable(parts, _, position)) if !parts.2.is_empty() => {
                analysis.endpoint_without_call(parts.2.root(), &parts.1, *position);
            }
            _ => {}
        }
        let Some((call, position)) = call_of(node) else {
            return;
        };
        if call.namespace.is_empty() {
            analysis.plain_call(&functions, |name| declared.contains_key(name), call, position);
            if call.name == "each"
                && call.args.first().is_some_and(|items| is_roster(items, &rosters))
            {
                row_closures.extend(call.args.last().and_then(closure).map(|found| found.name));
            }
        } else if call.namespace.path.len() == 1 {
            analysis.endpoint_call(call, position);
        }
    });
    // Rhai's type for a closure's body is private, so nodes are matched to it by position.
    for (.., function) in AsRef::<Module>::as_ref(ast).iter_script_fn_info() {
        let row = function.params.last().filter(|_| row_closures.contains(&function.name));
        let Some(row) = row else { continue };
        let (start, end) = (function.body.start_position(), function.body.end_position());
        let mut columns = Columns::new(row);
        ast.walk(&mut |path: &[ASTNode]| {
            let inside = match (path.first(), path.last()) {
                (Some(root), _) if end.is_none() => start_of(root) == start,
                (_, Some(node)) => (place(start)..=place(end)).contains(&place(node.position())),
                _ => false,
            };
            if let Some(node) = path.last().filter(|_| inside) {
                columns.visit(node);
            }
            true
        });
        analysis.columns.extend(columns.into_columns());
    }
    let columns: HashSet<_> = analysis.columns.iter().map(|column| column.position).collect();
    let cells = analysis.bare.extract_if(.., |bare| columns.contains(&bare.position));
    analysis.errors.extend(cells);
    analysis.errors.extend(captured_writes::errors(ast));
    analysis.errors.extend(empty_map::errors(ast));
    analysis.errors.extend(values::errors(&functions, ast));
    analysis.warnings = unused::warnings(ast);
    analysis.warnings.extend(response_fields::warnings(ast));
    analysis.warnings.extend(foreign_idioms::warnings(&functions, ast));
    analysis.columns.sort_by_key(|column| place(column.position));
    analysis.errors.sort_by_key(|finding| place(finding.position));
    analysis.warnings.sort_by_key(|warning| place(warning.position));
    analysis
}

impl Analysis {
    fn error(&mut self, position: Position, message: String, help: Option<String>) {
        self.errors.push(Finding { position, message, help });
    }

    /// A call of a function. `declares` says whether the script has a variable of a name.
    fn plain_call(
        &mut self,
        functions: &Functions,
        declares: impl Fn(&str) -> bool,
        call: &FnCallExpr,
        position: Position,
    ) {
        let name = call.name.as_str();
        match name {
            "roster" => self.uses_roster = true,
            "input" => self.input(call, position),
            "each" => self.each(functions, call, position),
            _ if call.op_token.is_some() => {}
            _ if functions.has(name) => {
                if let Some((message, help)) = functions.check_call(call) {
                    self.error(position, message, Some(help));
                }
            }
            _ => {
                let own = || format!("call a function in a variable with {name}.call(…)");
                let near = functions.nearest(name).map(|meant| format!("did you mean `{meant}`?"));
                let help = declares(name).then(own).or(near);
                self.error(position, format!("there is no function `{name}`"), help);
            }
        }
    }

    fn input(&mut self, call: &FnCallExpr, position: Position) {
        let literals: Option<Vec<Dynamic>> = call.args.iter().map(literal).collect();
        let text =
            |value: Option<&Dynamic>| value.and_then(|value| value.clone().into_string().ok());
        let (Some(literals), 1..=3) = (literals, call.args.len()) else {
            let help = "write it as input(\"room\", \"description\") or input(\"room\", \"description\", default)";
            let message = "an input's name, description and default must be literals".to_owned();
            return self.error(position, message, Some(help.to_owned()));
        };
        let Some(name) = text(literals.first()) else {
            return self.error(position, "an input's name must be a string".to_owned(), None);
        };
        if let Some(first) = self.inputs.iter().find(|input| input.name == name) {
            let differs = literals.get(2).is_some_and(|default| !is_default(first, default));
            if differs {
                let message =
                    format!("the input `{name}` is already declared with another default");
                let help = "declare it once and keep it in a variable";
                self.error(position, message, Some(help.to_owned()));
            }
            return;
        }
        let doc = text(literals.get(1)).unwrap_or_default();
        self.inputs.push(Input { name, doc, default: literals.get(2).cloned() });
    }

    /// `each(rows, work)` or `each(items, "key", work)`, as far as the arguments are known.
    fn each(&mut self, functions: &Functions, call: &FnCallExpr, position: Position) {
        let help = match call.args.as_slice() {
            [rows, work] if may_be(rows, Kind::List) && may_be(work, Kind::Function) => None,
            [rows, ..] if call.args.len() == 3 && is_roster(rows, &HashSet::new()) => Some(
                "the key of a roster's rows is its first column, or the column that `--key` names"
                    .to_owned(),
            ),
            [rows, key, work]
                if may_be(rows, Kind::List)
                    && may_be(key, Kind::Text)
                    && may_be(work, Kind::Function) =>
            {
                None
            }
            _ => Some(
                "write it as each(roster(), |row| …) or each(items, \"key\", |item| …)".to_owned(),
            ),
        };
        if help.is_some() {
            let message = "`each` takes rows and a function".to_owned();
            return self.error(position, message, help);
        }
        let work = call.args.last().and_then(closure);
        let takes = work.and_then(|work| {
            let params = functions.params_of(&work.name)?;
            Some(params.saturating_sub(work.captured))
        });
        if let Some(takes) = takes.filter(|takes| *takes != 1) {
            let message =
                format!("the function of `each` takes {takes} values, but gets one: the row");
            let help = "write it as |row| …".to_owned();
            self.error(position, message, Some(help));
        }
    }
}

/// Where a statement starts. A closure without braces is a statement of one expression that has no end position.
fn start_of(node: &ASTNode) -> Position {
    match node {
        ASTNode::Stmt(Stmt::Expr(expr)) => expr.start_position(),
        other => other.position(),
    }
}

/// A position as something that can be compared.
fn place(position: Position) -> (usize, usize) {
    (position.line().unwrap_or(0), position.position().unwrap_or(0))
}

fn each_node(ast: &AST, mut look: impl FnMut(&ASTNode)) {
    ast.walk(&mut |path: &[ASTNode]| {
        path.last().inspect(|node| look(node));
        true
    });
}

fn call_of<'a>(node: &'a ASTNode<'a>) -> Option<(&'a FnCallExpr, Position)> {
    match node {
        ASTNode::Stmt(Stmt::FnCall(call, position))
        | ASTNode::Expr(Expr::FnCall(call, position)) => Some((call, *position)),
        _ => None,
    }
}

fn is_roster(expr: &Expr, rosters: &HashSet<ImmutableString>) -> bool {
    match expr {
        Expr::FnCall(call, _) => call.namespace.is_empty() && call.name == "roster",
        Expr::Variable(parts, ..) => rosters.contains(&parts.1),
        _ => false,
    }
}

/// Whether an input has this default.
fn is_default(input: &Input, default: &Dynamic) -> bool {
    input.default.as_ref().is_some_and(|first| {
        first.type_id() == default.type_id() && first.to_string() == default.to_string()
    })
}
