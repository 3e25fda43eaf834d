//! The script engine: Rhai with every endpoint as a function, and fences around everything else.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::module_resolvers::FileModuleResolver;
use rhai::{
    AST, Dynamic, Engine, EvalAltResult, Module, ModuleResolver, OptimizationLevel, Position,
    Scope, Shared,
};

use crate::diagnostic::{Category, Diagnostic};
use crate::execution::context::RunContext;
use crate::execution::memory;
use crate::execution::row_context::{Output, RowContext};
use crate::execution::script_error::{innermost, is_out_of_memory, message};
use crate::fs::folder_of;
use crate::language::imports::Imports;
use crate::language::{endpoints, limits, prelude, reading, shown};
use crate::value::{CallError, frozen};

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
            None => Diagnostic::script(message(&error)),
        },
        EvalAltResult::ErrorTerminated(token, _) if is_out_of_memory(token) => {
            Diagnostic::script(memory::EXCEEDED).with_help(
                "does a text or list grow without end? Go through long lists row by row, and keep what is needed",
            )
        }
        EvalAltResult::ErrorTerminated(..) => {
            Diagnostic { category: Category::Interrupted, ..Diagnostic::script("interrupted") }
        }
        EvalAltResult::ErrorTooManyOperations(_) => {
            Diagnostic::script(format!("the script took more than {OPERATIONS} operations"))
                .with_help("is there a loop that never ends?")
        }
        other => Diagnostic::script(message(other)),
    };
    place(problem, position, file.as_deref())
}

/// A call that fails outside of any row stops the script, whoever is to blame.
fn in_a_script(problem: Diagnostic) -> Diagnostic {
    match problem.category {
        Category::Call | Category::Usage => Diagnostic { category: Category::Script, ..problem },
        _ => problem,
    }
}
