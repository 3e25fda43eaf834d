//! The modules that a script imports, and those that they import.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use drillmaster_models::endpoint;
use rhai::{AST, ASTNode, Engine, Expr, Stmt};

use super::{Finding, WALK, call_of, each_node};
use crate::fs::folder_of;
use crate::language::engine::{module_file, why_not_importable};
use crate::language::imports::Imports;
use drillmaster_transport::files;

/// What is known of a script's modules.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    /// Their texts, in the order of the files' names.
    pub(crate) texts: Vec<String>,
    /// The names of the endpoints that they call.
    pub endpoints: BTreeSet<&'static str>,
    /// Imports that lead to no end, and in which module; `None` in the script itself.
    pub(super) endless: Vec<(Option<PathBuf>, Finding)>,
    /// Whether some could not be looked into: their names are made as the script runs.
    pub(crate) unknown: bool,
}

/// A module that was read.
pub(super) struct Read {
    pub(super) file: PathBuf,
    pub(super) text: String,
    pub(super) ast: AST,
}

impl Modules {
    /// Them, and each as it was read.
    pub(super) fn of(engine: &Engine, ast: &AST, script: &Path) -> (Self, Vec<Read>) {
        let (mut modules, mut read) = (Self::default(), Vec::new());
        let (mut seen, mut imports) = (BTreeSet::new(), Imports::default());
        let mut next = modules.imports(ast, script, None, &mut imports);
        while let Some(file) = next.pop() {
            if !seen.insert(file.clone()) {
                continue;
            }
            // What cannot be read or compiled is told where it is imported.
            let Ok(text) = files::read_text(&file, files::BY_HAND) else { continue };
            let Ok(ast) = engine.compile(&text) else { continue };
            modules.endpoints.extend(entries_of(&ast));
            next.extend(modules.imports(&ast, script, Some(&file), &mut imports));
            read.push(Read { file, text, ast });
        }
        let text = |file: &PathBuf| files::read_text(file, files::BY_HAND).ok();
        modules.texts = seen.iter().filter_map(text).collect();
        (modules, read)
    }

    /// The files that a module imports, or the script itself. All are looked for beside the script.
    fn imports(
        &mut self,
        ast: &AST,
        script: &Path,
        module: Option<&Path>,
        imports: &mut Imports,
    ) -> Vec<PathBuf> {
        let as_named = |file: PathBuf| file.canonicalize().unwrap_or(file);
        let from = as_named(module.unwrap_or(script).to_owned());
        let mut files = Vec::new();
        each_node(ast, |node| {
            let ASTNode::Stmt(Stmt::Import(parts, ..)) = node else { return };
            let Expr::StringConstant(name, position) = &parts.0 else {
                self.unknown = true;
                return;
            };
            if why_not_importable(script, name).is_some() {
                return;
            }
            let file = module_file(&folder_of(script), name);
            match imports.add(&from, &as_named(file.clone())) {
                Ok(()) => files.push(file),
                Err(endless) => self.endless.push((
                    module.map(Path::to_owned),
                    Finding {
                        position: *position,
                        message: endless.message,
                        help: Some(endless.help.to_owned()),
                    },
                )),
            }
        });
        files
    }

    /// Those of the imports that lead to no end which are in this module, or in the script itself.
    pub(super) fn endless_in(&self, module: Option<&Path>) -> impl Iterator<Item = Finding> {
        let there = self.endless.iter().filter(move |(file, _)| file.as_deref() == module);
        there.map(|(_, mistake)| mistake.clone())
    }
}

/// The names of the endpoints that are called.
pub(super) fn entries_of(ast: &AST) -> BTreeSet<&'static str> {
    let mut endpoints = BTreeSet::new();
    each_node(ast, |node| {
        let Some((call, _)) = call_of(node) else { return };
        if call.namespace.path.len() == 1 {
            let stem = call.name.strip_prefix(WALK).unwrap_or(&call.name);
            let name = format!("{}.{stem}", call.namespace.root());
            endpoints.extend(endpoint(&name).map(drillmaster_models::EndpointDef::name));
        }
    });
    endpoints
}
