//! What a script will do, read from its syntax tree before any of it runs: the inputs it declares, the
//! columns it needs, the services it calls, and the mistakes that would only show half-way through a roster.

use std::collections::{BTreeSet, HashSet};

use drillmaster_models::{Entry, FieldError, SERVICES, entry, nearest};
use rhai::{AST, ASTNode, Engine, Expr, FnCallExpr, ImmutableString, Module, Position, Stmt};
use rhai::{Dynamic, FnPtr};

/// The prefix of the functions that walk through an entry's list.
pub(crate) const WALK: &str = "all_";

/// What was found in a script.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) inputs: Vec<Input>,
    pub(crate) columns: Vec<Column>,
    pub(crate) services: BTreeSet<&'static str>,
    pub(crate) mistakes: Vec<Mistake>,
    pub(crate) uses_roster: bool,
}

/// An input that a script declares by asking for it: `input("room", "what it is", default)`.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name, for `--set`.
    pub name: String,
    /// What it is.
    pub doc: String,
    /// What it is when not set; `None`: it must be set. Its type is the input's type.
    pub default: Option<Dynamic>,
}

/// A column that a script takes from each row.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) position: Position,
}

/// Something wrong with a script.
#[derive(Debug, Clone)]
pub(crate) struct Mistake {
    pub(crate) position: Position,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// Looks a script through. `engine` is the one that it will run in.
pub(crate) fn survey(engine: &Engine, ast: &AST) -> Survey {
    let mut survey = Survey::default();
    let known = Known::of(engine, ast);
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
            let mut columns = Columns::of(&parts.0.name);
            for statement in parts.2.body.iter() {
                statement.walk(&mut path, &mut |path: &[ASTNode]| {
                    path.last().inspect(|node| columns.look(node));
                    true
                });
            }
            survey.columns.extend(columns.needed());
        }
        let Some((call, position)) = call_of(node) else {
            return;
        };
        if call.namespace.is_empty() {
            survey.plain_call(&known, call, position);
            if call.name == "each"
                && call.args.first().is_some_and(|items| is_roster(items, &rosters))
            {
                row_closures.extend(call.args.last().and_then(closure_name));
            }
        } else if call.namespace.path.len() == 1 {
            survey.entry_call(call, position);
        }
    });
    // A closure's body has no type that can be named; where it stands in the text can be told.
    for (.., function) in AsRef::<Module>::as_ref(ast).iter_script_fn_info() {
        let row = function.params.last().filter(|_| row_closures.contains(&function.name));
        let Some(row) = row else { continue };
        let (start, end) = (function.body.start_position(), function.body.end_position());
        let mut columns = Columns::of(row);
        ast.walk(&mut |path: &[ASTNode]| {
            let inside = match (path.first(), path.last()) {
                (Some(root), _) if end.is_none() => start_of(root) == start,
                (_, Some(node)) => (place(start)..=place(end)).contains(&place(node.position())),
                _ => false,
            };
            if let Some(node) = path.last().filter(|_| inside) {
                columns.look(node);
            }
            true
        });
        survey.columns.extend(columns.needed());
    }
    survey.columns.sort_by_key(|column| place(column.position));
    survey.mistakes.sort_by_key(|mistake| place(mistake.position));
    survey
}

impl Survey {
    fn mistake(&mut self, position: Position, message: String, help: Option<String>) {
        self.mistakes.push(Mistake { position, message, help });
    }

    fn plain_call(&mut self, known: &Known, call: &FnCallExpr, position: Position) {
        let name = call.name.as_str();
        match name {
            "roster" => self.uses_roster = true,
            "input" => self.input(call, position),
            _ if call.op_token.is_some() || known.has(name) => {}
            _ => {
                let help = known.nearest(name).map(|meant| format!("did you mean `{meant}`?"));
                self.mistake(position, format!("there is no function `{name}`"), help);
            }
        }
    }

    fn input(&mut self, call: &FnCallExpr, position: Position) {
        let literals: Option<Vec<Dynamic>> = call.args.iter().map(literal).collect();
        let text =
            |value: Option<&Dynamic>| value.and_then(|value| value.clone().into_string().ok());
        let (Some(literals), 1..=3) = (literals, call.args.len()) else {
            let help = "write it as input(\"room\", \"what it is\") or with a default as the third";
            let message = "an input is declared by literals alone".to_owned();
            return self.mistake(position, message, Some(help.to_owned()));
        };
        let Some(name) = text(literals.first()) else {
            return self.mistake(position, "an input's name is a text".to_owned(), None);
        };
        if self.inputs.iter().any(|input| input.name == name) {
            return;
        }
        let doc = text(literals.get(1)).unwrap_or_default();
        self.inputs.push(Input { name, doc, default: literals.get(2).cloned() });
    }

    fn entry_call(&mut self, call: &FnCallExpr, position: Position) {
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
        match entry(&format!("{module}.{stem}")) {
            Ok(entry) if walks && entry.spec.list.is_none() => {
                let message = format!("{} answers no list to walk through", entry.name());
                self.mistake(position, message, Some(format!("call {module}::{stem} instead")));
            }
            Ok(entry) => self.arguments(entry, call, position),
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

    fn arguments(&mut self, entry: &'static Entry, call: &FnCallExpr, position: Position) {
        let mut required = entry.fields().iter().filter(|field| field.required);
        match call.args.as_slice() {
            [] => {
                if let Some(field) = required.next() {
                    let message = format!("{} needs the field `{}`", entry.name(), field.name);
                    self.mistake(position, message, Some(field.doc.clone()));
                }
            }
            [one] => {
                let Some(given) = map_keys(one) else { return };
                for (name, position) in &given {
                    let names = || entry.fields().iter().map(|field| field.name.as_str());
                    if !names().any(|own| own == name) {
                        let error = FieldError::unknown(entry.name(), name, names());
                        let (message, help) = match error.problem.split_once("; ") {
                            Some((_, help)) => {
                                (format!("{} has no field `{name}`", entry.name()), help)
                            }
                            None => (error.to_string(), ""),
                        };
                        self.mistake(*position, message, Some(help.to_owned()));
                    }
                }
                // A misspelt field is not told a second time as a missing one.
                let knows = |name: &String| entry.fields().iter().any(|own| own.name == *name);
                if !given.iter().all(|(name, _)| knows(name)) {
                    return;
                }
                let is_absent = |name: &str| given.iter().all(|(own, _)| own != name);
                if let Some(field) = required.find(|field| is_absent(&field.name)) {
                    let message = format!("{} needs the field `{}`", entry.name(), field.name);
                    self.mistake(one.position(), message, Some(field.doc.clone()));
                }
            }
            _ => {
                let message = format!("{} takes one map of its fields", entry.name());
                let help =
                    format!("write it as {}::{}(#{{ … }})", call.namespace.root(), call.name);
                self.mistake(position, message, Some(help));
            }
        }
    }
}

/// The columns that a piece of script takes from a row.
struct Columns<'a> {
    row: &'a str,
    taken: Vec<Column>,
    /// Columns that the script asks for by `"x" in row`: it can do without them.
    optional: HashSet<String>,
}

impl<'a> Columns<'a> {
    fn of(row: &'a str) -> Self {
        Self { row, taken: Vec::new(), optional: HashSet::new() }
    }

    fn look(&mut self, node: &ASTNode) {
        let is_row = |expr: &Expr| matches!(expr, Expr::Variable(parts, ..) if parts.1 == self.row);
        match node {
            ASTNode::Expr(Expr::Dot(parts, ..)) if is_row(&parts.lhs) => {
                // `row.a.b` nests to the right.
                let first = match &parts.rhs {
                    Expr::Dot(rest, ..) | Expr::Index(rest, ..) => &rest.lhs,
                    other => other,
                };
                if let Expr::Property(property, position) = first {
                    self.taken.push(Column { name: property.2.to_string(), position: *position });
                }
            }
            ASTNode::Expr(Expr::Index(parts, ..)) if is_row(&parts.lhs) => {
                if let Expr::StringConstant(name, position) = &parts.rhs {
                    self.taken.push(Column { name: name.to_string(), position: *position });
                }
            }
            node => {
                if let Some((call, _)) = call_of(node)
                    && call.name == "contains"
                    && let [row, Expr::StringConstant(name, _)] = call.args.as_slice()
                    && is_row(row)
                {
                    self.optional.insert(name.to_lowercase());
                }
            }
        }
    }

    fn needed(self) -> impl Iterator<Item = Column> {
        let optional = self.optional;
        self.taken.into_iter().filter(move |column| !optional.contains(&column.name.to_lowercase()))
    }
}

/// The functions that a script may call without a module.
struct Known {
    names: HashSet<String>,
}

impl Known {
    fn of(engine: &Engine, ast: &AST) -> Self {
        let keywords = [
            "print",
            "debug",
            "type_of",
            "call",
            "curry",
            "is_def_var",
            "is_def_fn",
            "is_shared",
            "Fn",
        ];
        let own = ast.iter_functions().map(|function| function.name.to_owned());
        let native = engine.collect_fn_metadata(
            None,
            |info| info.namespace.is_empty().then(|| info.metadata.name.to_string()),
            true,
        );
        let names = keywords.into_iter().map(str::to_owned).chain(own).chain(native);
        Self { names: names.collect() }
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    fn nearest(&self, name: &str) -> Option<&str> {
        let callable = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        nearest(name, self.names.iter().map(String::as_str).filter(callable))
    }
}

/// Where the text of a statement begins. A closure without braces is a statement of one expression, and
/// tells no end.
fn start_of(node: &ASTNode) -> Position {
    match node {
        ASTNode::Stmt(Stmt::Expr(expr)) => expr.start_position(),
        other => other.position(),
    }
}

/// A position that can be compared.
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

/// The name of the function that a closure was hoisted to.
fn closure_name(expr: &Expr) -> Option<ImmutableString> {
    match expr {
        Expr::DynamicConstant(value, _) => {
            value.read_lock::<FnPtr>().map(|pointer| pointer.fn_name().into())
        }
        // A closure that captures: `{ share …; curry(Fn("…"), …) }`.
        Expr::Stmt(block) => block.iter().find_map(|statement| match statement {
            Stmt::Expr(expr) => closure_name(expr),
            _ => None,
        }),
        Expr::FnCall(call, _) if call.name == "curry" => call.args.first().and_then(closure_name),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<Dynamic> {
    match expr {
        Expr::StringConstant(text, _) => Some(text.clone().into()),
        Expr::IntegerConstant(number, _) => Some((*number).into()),
        Expr::FloatConstant(number, _) => Some((**number).into()),
        Expr::BoolConstant(flag, _) => Some((*flag).into()),
        Expr::DynamicConstant(value, _) => Some((**value).clone()),
        _ => None,
    }
}

fn map_keys(expr: &Expr) -> Option<Vec<(String, Position)>> {
    match expr {
        Expr::Map(parts, _) => {
            Some(parts.0.iter().map(|(ident, _)| (ident.name.to_string(), ident.pos)).collect())
        }
        Expr::DynamicConstant(value, position) => {
            let map = value.read_lock::<rhai::Map>()?;
            Some(map.keys().map(|name| (name.to_string(), *position)).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::script::Script;

    /// What is wrong with a script, a line each.
    fn mistakes(source: &str) -> String {
        let script = match Script::parse("a.rhai", source) {
            Ok(script) => script,
            Err(problem) => return problem.to_string(),
        };
        let problems = script.check().err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    fn columns(source: &str) -> String {
        Script::parse("a.rhai", source).unwrap().columns().join(" ")
    }

    #[test]
    fn a_right_script_has_no_mistakes() {
        assert_eq!(mistakes("for user in veracode::all_users() { print(user.email); }"), "");
        assert_eq!(mistakes("fn twice(x) { x * 2 } print(twice(2)); [1].map(|x| twice(x));"), "");
        assert_eq!(mistakes("thm::scoreboard(#{ roomCode: \"x\" })"), "");
    }

    #[test]
    fn an_unknown_endpoint_is_told_with_the_one_that_was_meant() {
        let told = "a.rhai:1:6: there is no endpoint `thm::rums` (did you mean `thm::rooms`?)";
        assert_eq!(mistakes("thm::rums()"), told);
    }

    #[test]
    fn a_list_that_is_none_cannot_be_walked_through() {
        let told =
            "a.rhai:1:6: thm.add_seat answers no list to walk through (call thm::add_seat instead)";
        assert_eq!(mistakes("thm::all_add_seat(#{ email: \"x\" })"), told);
    }

    #[test]
    fn a_misspelt_field_is_told_at_its_place() {
        let told = "a.rhai:1:18: thm.add_seat has no field `emial` (did you mean `email`?)";
        assert!(mistakes("thm::add_seat(#{ emial: \"x\" })").starts_with(told));
    }

    #[test]
    fn a_missing_field_is_told() {
        assert!(
            mistakes("thm::scoreboard()").contains("thm.scoreboard needs the field `roomCode`")
        );
        assert!(mistakes("thm::scoreboard(#{})").contains("needs the field `roomCode`"));
    }

    #[test]
    fn unknown_functions_modules_and_variables_are_told() {
        assert!(
            mistakes("rooster()")
                .contains("there is no function `rooster` (did you mean `roster`?)")
        );
        assert!(mistakes("thn::rooms()").contains("ndefined module: thn (did you mean `thm`?)"));
        assert!(mistakes("print(roomm)").contains("roomm"));
        assert!(mistakes("eval(\"1\")").contains("eval"));
    }

    #[test]
    fn an_input_is_declared_by_literals() {
        assert!(mistakes("let a = \"x\"; input(a)").contains("declared by literals"));
    }

    #[test]
    fn columns_are_found_in_rows_of_every_kind() {
        let source = "let x = 1; each(roster(), |row| { row.email + x }); \
                      let rows = roster(); for row in rows { print(row[\"first name\"]); } \
                      each(rows, |r| r.id.len());";
        assert_eq!(columns(source), "email first name id");
    }

    #[test]
    fn a_column_that_is_asked_for_first_is_not_needed() {
        assert_eq!(
            columns("for row in roster() { if \"team\" in row { row.team } else { row.id } }"),
            "id"
        );
    }
}
