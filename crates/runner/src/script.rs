//! A script that was read, compiled and looked through.

mod complaints;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhai::{AST, Dynamic, Engine, EvalAltResult, Map, ParseError, ParseErrorType, Position, Scope};

pub use crate::analysis::Input;
use crate::analysis::{Analysis, Column, Elsewhere, Finding, Functions, survey};
use crate::diagnostic::{Category, Diagnostic, Severity};
use crate::language::engine;
use crate::roster::{Columns, Roster};
use drillmaster_models::{Removes, endpoint, nearest};
use drillmaster_transport::files;

/// A script, ready to run.
///
/// ```
/// use drillmaster_runner::script::Script;
///
/// let script = Script::parse("demo.rhai", r#"
///     //! Says hello to a room.
///     print(input("room", "the code of a room"));
/// "#).unwrap();
/// assert_eq!(script.doc(), "Says hello to a room.");
/// assert_eq!(script.inputs()[0].name, "room");
/// assert!(Script::parse("demo.rhai", "thm::rums()").unwrap().check().is_err());
/// ```
#[derive(Debug)]
pub struct Script {
    path: PathBuf,
    source: Arc<str>,
    ast: AST,
    survey: Analysis,
}

/// The script lines before a piece of script, as in a REPL.
pub struct Preceding<'a> {
    /// Their variables.
    pub scope: &'a Scope<'static>,
    /// Their functions.
    pub functions: &'a AST,
    /// The text of the lines and the piece, in which errors are shown.
    pub source: &'a str,
}

impl Script {
    /// Reads and compiles a script file.
    pub fn open(path: &Path) -> Result<Self, Diagnostic> {
        let source = files::read_text(path, files::BY_HAND).map_err(|error| {
            let problem = format!("cannot read the script {}: {error}", path.display());
            Diagnostic::usage(problem)
        })?;
        Self::parse(path, &source).map_err(|problem| match path.extension() {
            // Its own mistakes are not what is wrong with a roster.
            Some(extension) if extension != "rhai" => Diagnostic {
                help: Some(format!(
                    "is {} a script? A script's name ends in .rhai",
                    path.display()
                )),
                ..problem
            },
            _ => problem,
        })
    }

    /// Compiles a script. `path` names it in errors; what it imports is looked for beside it.
    pub fn parse(path: impl AsRef<Path>, source: &str) -> Result<Self, Diagnostic> {
        // Some editors write a mark first that says how the text is encoded.
        let source = source.strip_prefix('\u{feff}').unwrap_or(source);
        let nothing = Preceding { scope: &Scope::new(), functions: &AST::empty(), source };
        Self::parse_after(path.as_ref(), source, &nothing)
    }

    /// Compiles a piece of script that follows lines which have run.
    pub fn parse_after(
        path: &Path,
        text: &str,
        before: &Preceding<'_>,
    ) -> Result<Self, Diagnostic> {
        let path = path.to_owned();
        let engine = engine::build(&path);
        let text = without_interpreter(text);
        let mut ast = engine
            .compile_with_scope(before.scope, &text)
            .map_err(|error| complaint(&engine, &path, before.source, &error))?;
        ast = before.functions.merge(&ast);
        ast.set_source(path.display().to_string());
        let survey = survey(&engine, &ast, &path);
        Ok(Self { path, source: before.source.into(), ast, survey })
    }

    /// All that the compiler complains of in a file, of which it told the first. It goes on behind a variable
    /// that there is not, and stops at anything else.
    pub fn complaints(path: &Path, first: Diagnostic) -> Vec<Diagnostic> {
        let mut found = vec![first];
        let Ok(source) = files::read_text(path, files::BY_HAND) else { return found };
        let source = source.strip_prefix('\u{feff}').unwrap_or(&source);
        let engine = engine::build(path);
        let text = without_interpreter(source);
        let (mut scope, mut last) = (Scope::new(), Position::NONE);
        while let Err(error) = engine.compile_with_scope(&scope, &text) {
            if !last.is_none() && error.1 != last {
                found.push(complaint(&engine, path, source, &error));
            }
            last = error.1;
            match *error.0 {
                // What is told a second time would be told for ever.
                ParseErrorType::VariableUndefined(name) if !scope.contains(&name) => {
                    scope.push(name, ());
                }
                _ => break,
            }
        }
        found
    }

    /// The file as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The script's text.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// The compiled script.
    pub fn ast(&self) -> &AST {
        &self.ast
    }

    /// What its `//!` lines say.
    pub fn doc(&self) -> String {
        let lines = self.ast.doc().lines().map(|line| {
            let line = line.trim().trim_start_matches("//!");
            line.strip_prefix(' ').unwrap_or(line)
        });
        lines.collect::<Vec<_>>().join("\n").trim().to_owned()
    }

    /// The inputs that it declares, in order.
    pub fn inputs(&self) -> &[Input] {
        &self.survey.inputs
    }

    /// The columns that a roster must have, in the order in which the script names them, each once.
    pub fn columns(&self) -> Vec<&str> {
        self.columns_that(|column| !column.optional)
    }

    /// The columns that it uses where a roster has them: it asks by `"x" in row`. In order, each once.
    pub fn optional_columns(&self) -> Vec<&str> {
        let needed = self.columns();
        let mut names = self.columns_that(|column| column.optional);
        names.retain(|name| !needed.iter().any(|own| own.eq_ignore_ascii_case(name)));
        names
    }

    fn columns_that(&self, counts: impl Fn(&Column) -> bool) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for column in self.survey.columns.iter().filter(|column| counts(column)) {
            if !names.iter().any(|name| name.eq_ignore_ascii_case(&column.name)) {
                names.push(&column.name);
            }
        }
        names
    }

    /// Whether it asks for a roster.
    pub fn uses_roster(&self) -> bool {
        self.survey.uses_roster
    }

    /// The services that it calls.
    pub fn services(&self) -> impl Iterator<Item = &'static str> {
        self.survey.services.iter().copied()
    }

    /// Whether it may take something away from somebody: it calls an endpoint that can, itself or in a module.
    pub fn may_remove(&self) -> bool {
        let can = |name: &&'static str| {
            let write = endpoint(name).ok().and_then(|endpoint| endpoint.metadata.effect.write());
            write.is_some_and(|write| write.removes != Removes::Never || write.irreversible)
        };
        let modules = &self.survey.modules;
        modules.unknown || self.survey.endpoints.iter().chain(&modules.endpoints).any(can)
    }

    /// The hash of its text and of the modules that it imports, as 64 hex digits.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.source.as_bytes());
        for text in &self.survey.modules.texts {
            // The length keeps two texts apart from the same text split elsewhere.
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Fails with all that can be seen to be wrong without running it.
    pub fn check(&self) -> Result<(), Vec<Diagnostic>> {
        let own = self.survey.mistakes.iter().map(|mistake| self.problem(mistake));
        let elsewhere = self.survey.elsewhere.iter().map(|Elsewhere { file, text, mistake }| {
            let problem = Diagnostic::script(&mistake.message);
            let place = problem.at(&file.display().to_string(), text, mistake.position);
            Diagnostic { help: mistake.help.clone(), ..place }
        });
        let problems: Vec<_> = own.chain(elsewhere).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// What is declared and never used, or never come to. It stops nothing.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let warning = |mistake| Diagnostic { severity: Severity::Warning, ..self.problem(mistake) };
        self.survey.warnings.iter().map(warning).collect()
    }

    /// Checks that a roster has what the script takes from it.
    pub fn check_roster(&self, roster: &Roster) -> Result<(), Diagnostic> {
        let columns: &Columns = roster.columns();
        let mut needed = self.survey.columns.iter().filter(|column| !column.optional);
        let absent = needed.find(|column| columns.find(&column.name).is_none());
        match absent {
            None => Ok(()),
            Some(column) => {
                let path = roster.path().display();
                let problem = Finding {
                    position: column.position,
                    message: format!(
                        "{path} line {}: the roster has no column `{}`",
                        roster.header_line(),
                        column.name
                    ),
                    help: Some(columns.suggest(&column.name)),
                };
                Err(Diagnostic { category: Category::Usage, ..self.problem(&problem) })
            }
        }
    }

    /// Reads what was set for its inputs.
    pub fn read_inputs(&self, set: &[(String, String)]) -> Result<Map, Diagnostic> {
        for (name, _) in set {
            if !self.inputs().iter().any(|input| input.name == *name) {
                return Err(self.no_such_input(name));
            }
        }
        self.take_inputs(set)
    }

    /// The same where more may be set than it declares.
    pub fn take_inputs(&self, set: &[(String, String)]) -> Result<Map, Diagnostic> {
        let mut values = Map::new();
        for input in self.inputs() {
            // The last one wins: what a resumed run is told, before what it was told at first.
            let given = set.iter().rev().find(|(name, _)| *name == input.name);
            let value = match (given, &input.default) {
                (Some((_, text)), default) => read_input(input, text, default.as_ref())?,
                (None, Some(default)) => default.clone(),
                (None, None) => {
                    let name = &input.name;
                    let problem = format!("{} needs the input `{name}`", self.path.display());
                    let what = match input.doc.as_str() {
                        "" => String::new(),
                        doc => format!(" ({doc})"),
                    };
                    return Err(Diagnostic::usage(problem)
                        .with_help(format!("give it as --set {name}=VALUE{what}")));
                }
            };
            values.insert(input.name.as_str().into(), value);
        }
        Ok(values)
    }

    fn no_such_input(&self, name: &str) -> Diagnostic {
        let names = || self.inputs().iter().map(|input| input.name.as_str());
        let help = match (nearest(name, names()), names().next()) {
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, Some(_)) => format!("its inputs are {}", names().collect::<Vec<_>>().join(", ")),
            (None, None) => "it has none".to_owned(),
        };
        Diagnostic::usage(format!("{} has no input `{name}`", self.path.display())).with_help(help)
    }

    fn problem(&self, mistake: &Finding) -> Diagnostic {
        let problem = self.place(Diagnostic::script(&mistake.message), mistake.position);
        Diagnostic { help: mistake.help.clone().filter(|help| !help.is_empty()), ..problem }
    }

    /// Says where in this script a problem is.
    pub fn place(&self, problem: Diagnostic, position: Position) -> Diagnostic {
        problem.at(&self.path.display().to_string(), &self.source, position)
    }

    /// Turns an error of the engine into a problem with its place.
    pub(crate) fn explain(&self, error: EvalAltResult) -> Diagnostic {
        engine::explain(error, |problem, position, file| match file {
            Some(file) if Path::new(file) != self.path => {
                // An import is called as the script calls it: `words` for `words.rhai` beside it.
                let file = self.path.with_file_name(file).with_extension("rhai");
                let source = files::read_text(&file, files::BY_HAND).unwrap_or_default();
                problem.at(&file.display().to_string(), &source, position)
            }
            _ => self.place(problem, position),
        })
    }
}

fn read_input(input: &Input, text: &str, default: Option<&Dynamic>) -> Result<Dynamic, Diagnostic> {
    let refuse = |kind: &str| {
        Err(Diagnostic::usage(format!("the input `{}` is `{text}`, and {kind} is due", input.name)))
    };
    match default {
        Some(default) if default.is_int() => {
            text.parse::<i64>().map_or_else(|_| refuse("a whole number"), |value| Ok(value.into()))
        }
        Some(default) if default.is_float() => {
            text.parse::<f64>().map_or_else(|_| refuse("a number"), |value| Ok(value.into()))
        }
        Some(default) if default.is_bool() => {
            text.parse::<bool>().map_or_else(|_| refuse("true or false"), |value| Ok(value.into()))
        }
        _ => Ok(text.to_owned().into()),
    }
}

/// What the compiler complains of, in our words.
fn complaint(engine: &Engine, path: &Path, source: &str, error: &ParseError) -> Diagnostic {
    let functions = Functions::of(engine, &AST::empty());
    let after = rest_of_line(source, error.1);
    let is_declared = |name: &str| declares(source, name);
    let is_function = |name: &str| functions.has(name);
    let (message, help) = complaints::told(&error.0.to_string(), after, is_function, is_declared);
    let problem = Diagnostic { help, ..Diagnostic::script(message) };
    problem.at(&path.display().to_string(), source, error.1)
}

/// The text without its first line, where that names what runs the script. All stays in its place.
fn without_interpreter(text: &str) -> Cow<'_, str> {
    if !text.starts_with("#!") {
        return text.into();
    }
    let line = text.lines().next().unwrap_or_default();
    format!("{}{}", " ".repeat(line.chars().count()), &text[line.len()..]).into()
}

/// Whether a line of a text declares a variable of this name.
fn declares(text: &str, name: &str) -> bool {
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let mut last = "";
    words.any(|word| {
        let declares = matches!(last, "let" | "const") && word == name;
        if !word.is_empty() {
            last = word;
        }
        declares
    })
}

/// The rest of the line behind a place in a text.
fn rest_of_line(text: &str, position: Position) -> &str {
    let line = position.line().and_then(|line| text.lines().nth(line - 1)).unwrap_or_default();
    let column = position.position().unwrap_or(1) - 1;
    line.char_indices().nth(column).map_or("", |(start, _)| &line[start..])
}
