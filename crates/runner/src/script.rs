//! A script: read, compiled and analysed.

mod parse_errors;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhai::{AST, Dynamic, Engine, EvalAltResult, Map, ParseError, ParseErrorType, Position, Scope};

pub use crate::analysis::Input;
use crate::analysis::{self, Analysis, Column, Finding, Functions, InModule};
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
    analysis: Analysis,
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
            // Parse errors do not help when the file is a roster.
            Some(extension) if extension != "rhai" => Diagnostic {
                help: Some(format!("is {} a script? Script files end in .rhai", path.display())),
                ..problem
            },
            _ => problem,
        })
    }

    /// Compiles a script. `path` names it in errors, and imports are resolved relative to its folder.
    pub fn parse(path: impl AsRef<Path>, source: &str) -> Result<Self, Diagnostic> {
        // Some editors write a byte-order mark.
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
            .map_err(|error| parse_error(&engine, &path, before.source, &error))?;
        ast = before.functions.merge(&ast);
        ast.set_source(path.display().to_string());
        let analysis = analysis::analyse(&engine, &ast, &path);
        Ok(Self { path, source: before.source.into(), ast, analysis })
    }

    /// All parse errors of a file, given the first one. The parser can continue after an undefined variable, but
    /// not after any other error.
    pub fn parse_errors(path: &Path, first: Diagnostic) -> Vec<Diagnostic> {
        let mut found = vec![first];
        let Ok(source) = files::read_text(path, files::BY_HAND) else { return found };
        let source = source.strip_prefix('\u{feff}').unwrap_or(&source);
        let engine = engine::build(path);
        let text = without_interpreter(source);
        let (mut scope, mut last) = (Scope::new(), Position::NONE);
        while let Err(error) = engine.compile_with_scope(&scope, &text) {
            if !last.is_none() && error.1 != last {
                found.push(parse_error(&engine, path, source, &error));
            }
            last = error.1;
            match *error.0 {
                // A name that is already in scope would loop forever.
                ParseErrorType::VariableUndefined(name) if !scope.contains(&name) => {
                    scope.push(name, ());
                }
                _ => break,
            }
        }
        found
    }

    /// The path as it was given.
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

    /// The text of its `//!` lines.
    pub fn doc(&self) -> String {
        let lines = self.ast.doc().lines().map(|line| {
            let line = line.trim().trim_start_matches("//!");
            line.strip_prefix(' ').unwrap_or(line)
        });
        lines.collect::<Vec<_>>().join("\n").trim().to_owned()
    }

    /// The inputs it declares, in order.
    pub fn inputs(&self) -> &[Input] {
        &self.analysis.inputs
    }

    /// The columns that a roster must have, without duplicates, in the order the script uses them.
    pub fn columns(&self) -> Vec<&str> {
        self.columns_that(|column| !column.optional)
    }

    /// The columns it uses only if the roster has them, which it checks with `"x" in row`.
    pub fn optional_columns(&self) -> Vec<&str> {
        let needed = self.columns();
        let mut names = self.columns_that(|column| column.optional);
        names.retain(|name| !needed.iter().any(|own| own.eq_ignore_ascii_case(name)));
        names
    }

    fn columns_that(&self, counts: impl Fn(&Column) -> bool) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for column in self.analysis.columns.iter().filter(|column| counts(column)) {
            if !names.iter().any(|name| name.eq_ignore_ascii_case(&column.name)) {
                names.push(&column.name);
            }
        }
        names
    }

    /// Whether it reads a roster.
    pub fn uses_roster(&self) -> bool {
        self.analysis.uses_roster
    }

    /// The services it calls.
    pub fn services(&self) -> impl Iterator<Item = &'static str> {
        self.analysis.services.iter().copied()
    }

    /// Whether it or one of its modules calls an endpoint that can remove something.
    pub fn may_remove(&self) -> bool {
        let can = |name: &&'static str| {
            let write = endpoint(name).ok().and_then(|endpoint| endpoint.metadata.effect.write());
            write.is_some_and(|write| write.removes != Removes::Never || write.irreversible)
        };
        let modules = &self.analysis.modules;
        modules.unknown || self.analysis.endpoints.iter().chain(&modules.endpoints).any(can)
    }

    /// The hash of its text and its modules' texts, as 64 hex digits.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.source.as_bytes());
        for text in &self.analysis.modules.texts {
            // Without the length, the same text split at another place would have the same hash.
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Fails with all errors that can be found without running it.
    pub fn check(&self) -> Result<(), Vec<Diagnostic>> {
        let own = self.analysis.errors.iter().map(|finding| self.diagnostic(finding));
        let in_modules = self.analysis.in_modules.iter().map(|InModule { file, text, finding }| {
            let diagnostic = Diagnostic::script(&finding.message);
            let diagnostic = diagnostic.at(&file.display().to_string(), text, finding.position);
            Diagnostic { help: finding.help.clone(), ..diagnostic }
        });
        let errors: Vec<_> = own.chain(in_modules).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Unused declarations, code that is never reached, and other oddities that do not stop a run.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let warning =
            |finding| Diagnostic { severity: Severity::Warning, ..self.diagnostic(finding) };
        self.analysis.warnings.iter().map(warning).collect()
    }

    /// Checks that a roster has the columns the script needs.
    pub fn check_roster(&self, roster: &Roster) -> Result<(), Diagnostic> {
        let columns: &Columns = roster.columns();
        let mut needed = self.analysis.columns.iter().filter(|column| !column.optional);
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
                Err(Diagnostic { category: Category::Usage, ..self.diagnostic(&problem) })
            }
        }
    }

    /// The values of its inputs: those that were set, or their defaults.
    pub fn read_inputs(&self, set: &[(String, String)]) -> Result<Map, Diagnostic> {
        for (name, _) in set {
            if !self.inputs().iter().any(|input| input.name == *name) {
                return Err(self.no_such_input(name));
            }
        }
        self.take_inputs(set)
    }

    /// The same, ignoring names that it does not declare.
    pub fn take_inputs(&self, set: &[(String, String)]) -> Result<Map, Diagnostic> {
        let mut values = Map::new();
        for input in self.inputs() {
            // The last one wins: a resumed run's over the original run's.
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

    fn diagnostic(&self, finding: &Finding) -> Diagnostic {
        let diagnostic = self.place(Diagnostic::script(&finding.message), finding.position);
        Diagnostic { help: finding.help.clone().filter(|help| !help.is_empty()), ..diagnostic }
    }

    /// Adds a position in this script to a diagnostic.
    pub fn place(&self, problem: Diagnostic, position: Position) -> Diagnostic {
        problem.at(&self.path.display().to_string(), &self.source, position)
    }

    /// Turns an error of the engine into a diagnostic with its position.
    pub(crate) fn explain(&self, error: EvalAltResult) -> Diagnostic {
        engine::explain(error, |problem, position, file| match file {
            Some(file) if Path::new(file) != self.path => {
                // Rhai names a module as the import does: `words` for `words.rhai`.
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
        Err(Diagnostic::usage(format!("the input `{}` must be {kind}, not `{text}`", input.name)))
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

/// A diagnostic for an error of the parser.
fn parse_error(engine: &Engine, path: &Path, source: &str, error: &ParseError) -> Diagnostic {
    let functions = Functions::new(engine, &AST::empty());
    let rest = rest_of_line(source, error.1);
    let is_declared = |name: &str| declares(source, name);
    let is_function = |name: &str| functions.has(name);
    let (message, help) = parse_errors::explain(&error.0, rest, is_function, is_declared);
    let diagnostic = Diagnostic { help, ..Diagnostic::script(message) };
    diagnostic.at(&path.display().to_string(), source, error.1)
}

/// The text with its `#!` line blanked out, so that positions stay the same.
fn without_interpreter(text: &str) -> Cow<'_, str> {
    if !text.starts_with("#!") {
        return text.into();
    }
    let line = text.lines().next().unwrap_or_default();
    format!("{}{}", " ".repeat(line.chars().count()), &text[line.len()..]).into()
}

/// Whether a text declares a variable of this name.
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

/// The line of a text from a position to its end.
fn rest_of_line(text: &str, position: Position) -> &str {
    let line = position.line().and_then(|line| text.lines().nth(line - 1)).unwrap_or_default();
    let column = position.position().unwrap_or(1) - 1;
    line.char_indices().nth(column).map_or("", |(start, _)| &line[start..])
}
