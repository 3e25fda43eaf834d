//! The script engine: Rhai with every endpoint as a function, and fences around everything else.

use crate::language::{limits, memory, reading, shown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use drillmaster_models::endpoint;
use rhai::module_resolvers::FileModuleResolver;
use rhai::{
    AST, Array, Dynamic, Engine, EvalAltResult, Identifier, ImmutableString, Map, Module,
    ModuleResolver, OptimizationLevel, Position, Scope, Shared,
};
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::execution::context::{CallError, RunContext};
use crate::execution::row_context::{Output, RowContext};
use crate::exit::Exit;
use crate::frozen::{self, FrozenArray, FrozenMap};
use crate::language::endpoints;
use crate::language::imports::Imports;
use crate::language::prelude;

/// The operations that a script may take. A roster of 100,000 rows leaves 10,000 to each, more than a row of
/// calls is ever made of, and a loop without end meets it within minutes instead of hours.
pub(crate) const OPERATIONS: u64 = 1_000_000_000;
/// How deep functions may call each other.
const CALL_LEVELS: usize = 64;
/// How deep expressions may nest, outside and inside of functions.
const EXPRESSION_DEPTH: (usize, usize) = (128, 64);

/// Builds the engine in which the script at `path` runs.
pub(crate) fn build(host: &Arc<RunContext>, path: &Path) -> Engine {
    let mut engine = Engine::new();
    // No size limits: Rhai walks the whole value at every push to check them.
    engine
        .set_max_operations(OPERATIONS)
        .set_max_call_levels(CALL_LEVELS)
        .set_max_expr_depths(EXPRESSION_DEPTH.0, EXPRESSION_DEPTH.1)
        .set_strict_variables(true)
        .set_optimization_level(OptimizationLevel::None)
        .set_fail_on_invalid_map_property(true)
        .disable_symbol("eval")
        .set_module_resolver(BesideTheScript::of(path));
    engine.on_map_missing_property(|map, name, _| Err(frozen::missing_key(map, name)));
    let world = host.clone();
    engine.on_print(move |text| world.say(Output::Data(text.to_owned())));
    let world = host.clone();
    engine.on_debug(move |text, _, position| {
        world.say(Output::People(format!("{position:?}: {text}")));
    });
    let (stop, memory) = (host.stop.clone(), host.memory.clone());
    // A row in flight is finished: half a row is worse than a moment's wait.
    engine.on_progress(move |_| {
        if memory.is_exceeded() {
            return Some(memory::EXCEEDED.into());
        }
        let ends = stop.is_requested() && RowContext::current().is_none();
        ends.then(|| "interrupted".into())
    });
    limits::register(&mut engine);
    reading::register(&mut engine);
    shown::register(&mut engine);
    prelude::register(&mut engine, host);
    endpoints::register(&mut engine, host);
    frozen::register(&mut engine);
    engine
}

/// Imports come from the script's folder and below, and from nowhere else.
struct BesideTheScript {
    script: PathBuf,
    folder: PathBuf,
    files: FileModuleResolver,
    imports: Mutex<Imports>,
}

impl BesideTheScript {
    fn of(script: &Path) -> Self {
        let folder = folder_of(script);
        let files = FileModuleResolver::new_with_path(&folder);
        Self { script: script.to_owned(), folder, files, imports: Mutex::default() }
    }

    /// Why a file cannot import a module, if it cannot. A file is named as its errors are: the script by its path,
    /// a module as it was imported.
    fn why_not(&self, source: Option<&str>, module: &str) -> Option<String> {
        if let Some(why) = why_not_imported(&self.folder, module) {
            return Some(why);
        }
        let is_module = |source: &&str| Path::new(source) != self.script;
        let from = source.filter(is_module).map(|source| module_file(&self.folder, source));
        let from = from.unwrap_or_else(|| self.script.clone());
        let [from, to] = [from, module_file(&self.folder, module)]
            .map(|file| file.canonicalize().unwrap_or(file));
        let mut imports = self.imports.lock().unwrap_or_else(PoisonError::into_inner);
        imports
            .add(&from, &to)
            .err()
            .map(|endless| format!("{}; {}", endless.message, endless.help))
    }
}

impl ModuleResolver for BesideTheScript {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        match self.why_not(source, path) {
            None => self.files.resolve(engine, source, path, position),
            Some(text) => Err(EvalAltResult::ErrorRuntime(text.into(), position).into()),
        }
    }

    fn resolve_ast(
        &self,
        _: &Engine,
        _: Option<&str>,
        _: &str,
        _: Position,
    ) -> Option<Result<AST, Box<EvalAltResult>>> {
        None
    }
}

/// The folder that a file is in, or is to be in.
pub fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Why a script cannot import a module, if it cannot.
pub(crate) fn why_not_importable(script: &Path, module: &str) -> Option<String> {
    why_not_imported(&folder_of(script), module)
}

/// The file of a module, which is called as an import calls it.
pub(crate) fn module_file(folder: &Path, module: &str) -> PathBuf {
    folder.join(module).with_extension("rhai")
}

fn why_not_imported(folder: &Path, module: &str) -> Option<String> {
    // Symbolic links and `..` are followed before looking where they lead.
    let file = module_file(folder, module).canonicalize();
    match (file, folder.canonicalize()) {
        (Ok(file), Ok(folder)) if file.starts_with(&folder) => None,
        (Ok(_), _) => {
            Some(format!("`{module}` is outside of the script's folder: imports stay inside"))
        }
        _ => Some(format!("there is no module `{module}` beside the script")),
    }
}

/// Runs a script to its end, and gives what its last statement comes to.
pub(crate) fn run(
    engine: &Engine,
    ast: &AST,
    scope: &mut Scope<'static>,
) -> Result<Dynamic, Box<EvalAltResult>> {
    engine.eval_ast_with_scope(scope, ast)
}

/// The error at the bottom of a stack of calls, and the file it came from where that is told.
pub(crate) fn innermost(error: EvalAltResult) -> (EvalAltResult, Option<String>) {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, source, inner, position) => {
            let (inner, file) = innermost(*inner);
            let source = Some(source).filter(|source| !source.is_empty());
            (positioned(inner, position), file.or(source))
        }
        EvalAltResult::ErrorInModule(file, inner, position) => {
            let (inner, deeper) = innermost(*inner);
            let file = deeper.or_else(|| (!inner.position().is_none()).then_some(file));
            (positioned(inner, position), file)
        }
        other => (other, None),
    }
}

/// An error with the position of its call, where it has none of its own.
fn positioned(mut error: EvalAltResult, position: Position) -> EvalAltResult {
    if error.position().is_none() {
        error.set_position(position);
    }
    error
}

/// Turns an error of the engine into a problem; `place` says where it is.
pub(crate) fn explain(
    error: EvalAltResult,
    place: impl Fn(Diagnostic, Position, Option<&str>) -> Diagnostic,
) -> Diagnostic {
    let (mut error, file) = innermost(error);
    let position = error.take_position();
    let problem = match &error {
        EvalAltResult::ErrorRuntime(thrown, _) => match thrown.read_lock::<CallError>() {
            Some(call) => match &*call {
                CallError::Failed(error) => in_a_script(Diagnostic::call(error)),
                CallError::Skipped(reason) => Diagnostic::script(reason),
            },
            None => Diagnostic::script(words_of(thrown)),
        },
        EvalAltResult::ErrorTerminated(token, _) if is_memory(token) => {
            Diagnostic::script(memory::EXCEEDED).with_help(
                "does a text or list grow without end? Go through long lists row by row, and keep what is needed",
            )
        }
        EvalAltResult::ErrorTerminated(..) => {
            Diagnostic { exit: Exit::Interrupted, ..Diagnostic::script("interrupted") }
        }
        EvalAltResult::ErrorTooManyOperations(_) => {
            Diagnostic::script(format!("the script took more than {OPERATIONS} operations"))
                .with_help("is there a loop that never ends?")
        }
        other => Diagnostic::script(in_plain_words(other)),
    };
    place(problem, position, file.as_deref())
}

fn is_memory(token: &Dynamic) -> bool {
    token.read_lock::<ImmutableString>().is_some_and(|text| text.as_str() == memory::EXCEEDED)
}

/// A call that fails outside of any row stops the script, whoever is to blame.
fn in_a_script(problem: Diagnostic) -> Diagnostic {
    match problem.exit {
        Exit::Rows | Exit::Usage => Diagnostic { exit: Exit::Script, ..problem },
        _ => problem,
    }
}

/// What a script said by `throw`.
pub(crate) fn words_of(thrown: &Dynamic) -> String {
    if thrown.is_unit() {
        return "the script stopped itself and did not say why".to_owned();
    }
    frozen::thaw(thrown).to_string()
}

/// What the engine has to say, less its own terms.
pub(crate) fn in_plain_words(error: &EvalAltResult) -> String {
    let text = error.to_string();
    let quoted: Vec<_> = text.split('\'').collect();
    match (error, quoted.as_slice()) {
        (EvalAltResult::ErrorTerminated(token, _), _) if is_memory(token) => {
            memory::EXCEEDED.to_owned()
        }
        (EvalAltResult::ErrorDotExpr(..), ["Unknown property ", name, _, kind, ..]) => {
            format!("there is no `{name}` in a value of type {kind}")
        }
        (EvalAltResult::ErrorFunctionNotFound(call, _), _) => match entry_called(call) {
            Some((endpoint, given)) => {
                format!(
                    "{endpoint} takes one map of its fields, such as #{{ email: row.email }}, not {given}"
                )
            }
            None => format!("there is no function {call}"),
        },
        _ => in_lower_case(&text),
    }
}

/// The endpoint that a call such as `thm::add_seat (Row)` meant, and what it was given.
fn entry_called(call: &str) -> Option<(&'static str, &str)> {
    let (name, given) = call.split_once(" (")?;
    let endpoint = endpoint(&name.replace("::", ".")).ok()?;
    Some((endpoint.name(), given.trim_end_matches(')')))
}

fn in_lower_case(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// A script's value as JSON, or why it has none.
pub fn to_json(value: &Dynamic) -> Result<Value, String> {
    json_of(value, DEEPEST)
}

/// How deep a value may be nested that is sent or written down: recordings hold no more inside of an event.
pub(crate) const DEEPEST: usize = 100;

fn json_of(value: &Dynamic, left: usize) -> Result<Value, String> {
    // What every call is made of, without the way over serde.
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(text.as_str().into());
    }
    if let Some(fields) = value.read_lock::<FrozenMap>() {
        return json_of_map(fields.as_map(), left);
    }
    if let Some(items) = value.read_lock::<FrozenArray>() {
        return json_of_array(items.as_array(), left);
    }
    if let Some(fields) = value.read_lock::<Map>() {
        return json_of_map(&fields, left);
    }
    if let Some(items) = value.read_lock::<Array>() {
        return json_of_array(&items, left);
    }
    rhai::serde::from_dynamic(value).map_err(|_| {
        // The last part of the name is the one that scripts know.
        let kind = value.type_name().rsplit("::").next().unwrap_or_default();
        format!("a {kind} cannot be sent or written down; take a text or a number out of it")
    })
}

fn json_of_map(fields: &Map, left: usize) -> Result<Value, String> {
    let left = deeper(left)?;
    let field = |(name, value): (&Identifier, _)| Ok((name.to_string(), json_of(value, left)?));
    fields.iter().map(field).collect()
}

fn json_of_array(items: &Array, left: usize) -> Result<Value, String> {
    let left = deeper(left)?;
    items.iter().map(|item| json_of(item, left)).collect()
}

fn deeper(left: usize) -> Result<usize, String> {
    left.checked_sub(1).ok_or_else(|| {
        format!("a value that is nested more than {DEEPEST} deep cannot be sent or written down")
    })
}

/// JSON as a script's value.
pub(crate) fn from_json(value: &Value) -> Result<Dynamic, Box<EvalAltResult>> {
    rhai::serde::to_dynamic(value)
}
