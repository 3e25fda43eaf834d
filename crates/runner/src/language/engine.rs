//! The script engine: Rhai with every endpoint as a function, and limits on everything else.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::module_resolvers::FileModuleResolver;
use rhai::{
    AST, Dynamic, Engine, EvalAltResult, Module, ModuleResolver, OptimizationLevel, Position,
    Scope, Shared,
};

use crate::diagnostic::{Category, Diagnostic};
use crate::execution::memory;
use crate::execution::row_context::{Output, RowContext};
use crate::execution::script_context::ScriptContext;
use crate::execution::script_error::{innermost, is_out_of_memory, message};
use crate::fs::folder_of;
use crate::language::imports::Imports;
use crate::language::{endpoints, limits, prelude, reading, shown};
use crate::value::{CallError, ScriptResult, frozen, runtime_error};

/// The most operations of a script. A roster of 100,000 rows leaves 10,000 to each, more than the calls of a row need,
/// and an endless loop reaches it within minutes instead of hours.
pub(crate) const MAX_OPERATIONS: u64 = 1_000_000_000;
/// How deep function calls may nest.
const MAX_CALL_LEVELS: usize = 64;
/// How deep expressions may nest, outside and inside of functions.
const MAX_EXPRESSION_DEPTH: (usize, usize) = (128, 64);

/// Builds an engine that compiles and describes the script at `path`. To run it, [`attach`] a context.
pub(crate) fn build(path: &Path) -> Engine {
    let mut engine = Engine::new();
    // No size limits: Rhai walks through the whole value at every push to check them.
    engine
        .set_max_operations(MAX_OPERATIONS)
        .set_max_call_levels(MAX_CALL_LEVELS)
        .set_max_expr_depths(MAX_EXPRESSION_DEPTH.0, MAX_EXPRESSION_DEPTH.1)
        .set_strict_variables(true)
        .set_optimization_level(OptimizationLevel::None)
        .set_fail_on_invalid_map_property(true)
        .disable_symbol("eval")
        .set_module_resolver(ScriptFolder::new(path));
    engine.on_map_missing_property(|map, name, _| Err(frozen::missing_key(map, name)));
    limits::register(&mut engine);
    reading::register(&mut engine);
    shown::register(&mut engine);
    prelude::register(&mut engine);
    endpoints::register(&mut engine);
    frozen::register(&mut engine);
    engine
}

/// Gives an engine the context that its native functions use.
pub(crate) fn attach(engine: &mut Engine, context: &Arc<ScriptContext>) {
    engine.set_default_tag(Dynamic::from(context.clone()));
    let print = context.clone();
    engine.on_print(move |text| print.output(Output::Print(text.to_owned())));
    let debug = context.clone();
    engine.on_debug(move |text, _, position| {
        debug.output(Output::Warn(format!("{position:?}: {text}")));
    });
    let (stop, memory) = (context.calls.stop.clone(), context.calls.memory.clone());
    // A row in progress is finished: half a row is worse than a short wait.
    engine.on_progress(move |_| {
        if memory.is_exceeded() {
            return Some(memory::EXCEEDED.into());
        }
        let ends = stop.is_cancelled() && RowContext::current().is_none();
        ends.then(|| "interrupted".into())
    });
}

/// Resolves imports within the script's folder, and nowhere else.
struct ScriptFolder {
    script: PathBuf,
    folder: PathBuf,
    files: FileModuleResolver,
    imports: Mutex<Imports>,
}

impl ScriptFolder {
    fn new(script: &Path) -> Self {
        let folder = folder_of(script);
        let files = FileModuleResolver::new_with_path(&folder);
        Self { script: script.to_owned(), folder, files, imports: Mutex::default() }
    }

    /// Why a file cannot import a module, if it cannot. Rhai names the script by its path, and a module as it was
    /// imported.
    fn refusal(&self, source: Option<&str>, module: &str) -> Option<String> {
        if let Some(why) = import_refusal(&self.folder, module) {
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

impl ModuleResolver for ScriptFolder {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> ScriptResult<Shared<Module>> {
        match self.refusal(source, path) {
            None => self.files.resolve(engine, source, path, position),
            Some(text) => Err(runtime_error(&text, position)),
        }
    }

    fn resolve_ast(
        &self,
        _: &Engine,
        _: Option<&str>,
        _: &str,
        _: Position,
    ) -> Option<ScriptResult<AST>> {
        None
    }
}

/// Why a script cannot import a module, if it cannot.
pub(crate) fn why_not_importable(script: &Path, module: &str) -> Option<String> {
    import_refusal(&folder_of(script), module)
}

/// The file of a module that is imported by this name.
pub(crate) fn module_file(folder: &Path, module: &str) -> PathBuf {
    folder.join(module).with_extension("rhai")
}

fn import_refusal(folder: &Path, module: &str) -> Option<String> {
    // Symbolic links and `..` are resolved before the comparison.
    let file = module_file(folder, module).canonicalize();
    match (file, folder.canonicalize()) {
        (Ok(file), Ok(folder)) if file.starts_with(&folder) => None,
        (Ok(_), _) => {
            Some(format!("`{module}` is outside of the script's folder: imports stay inside"))
        }
        _ => Some(format!("there is no module `{module}` beside the script")),
    }
}

/// Runs a script, and gives the value of its last statement.
pub(crate) fn run(engine: &Engine, ast: &AST, scope: &mut Scope<'static>) -> ScriptResult<Dynamic> {
    engine.eval_ast_with_scope(scope, ast)
}

/// Turns an error of the engine into a diagnostic; `locate` adds the place.
pub(crate) fn explain(
    error: EvalAltResult,
    locate: impl Fn(Diagnostic, Position, Option<&str>) -> Diagnostic,
) -> Diagnostic {
    let (mut error, file) = innermost(error);
    let position = error.take_position();
    let problem = match &error {
        EvalAltResult::ErrorRuntime(thrown, _) => match thrown.read_lock::<CallError>() {
            Some(call) => match &*call {
                CallError::Failed(error) => outside_rows(Diagnostic::call(error)),
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
            Diagnostic::script(format!("the script took more than {MAX_OPERATIONS} operations"))
                .with_help("is there a loop that never ends?")
        }
        other => Diagnostic::script(message(other)),
    };
    locate(problem, position, file.as_deref())
}

/// A call that fails outside of rows stops the script, whatever the reason.
fn outside_rows(problem: Diagnostic) -> Diagnostic {
    match problem.category {
        Category::Call | Category::Usage => Diagnostic { category: Category::Script, ..problem },
        _ => problem,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::execution::script_context::testing::offline;

    /// These grow in ways that no function of ours sees.
    #[test]
    fn scripts_that_take_memory_without_end_are_ended() {
        for source in [
            "let s = \"abcdefgh\"; loop { s = `${s}${s}`; }",
            "let a = [1]; loop { a = [a, a]; }",
            "let a = #{ b: 1 }; loop { a = #{ b: a, c: a }; }",
            "let a = []; let s = \"abcdefgh\"; loop { a.push(s + a.len()); }",
        ] {
            let context = offline();
            let _watch = context.calls.memory.watch_beyond(64 << 20).unwrap();
            let mut engine = build(Path::new("a.rhai"));
            attach(&mut engine, &context);
            let error = *engine.run(source).unwrap_err();
            let message = explain(error, |problem, _, _| problem).message;
            assert_eq!(message, memory::EXCEEDED, "{source}");
        }
    }
}
