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

/// What is known about a script's modules.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    /// Their texts, in the order of the file names.
    pub(crate) texts: Vec<String>,
    /// The endpoints that they call.
    pub endpoints: BTreeSet<&'static str>,
    /// Circular or too long import chains, each with its module; `None` for the script itself.
    pub(super) error: Vec<(Option<PathBuf>, Finding)>,
    /// Whether some modules are unknown, because their names are computed when the script runs.
    pub(crate) unknown: bool,
}

/// A module's file, text and syntax tree.
pub(super) struct Module {
    pub(super) file: PathBuf,
    pub(super) text: String,
    pub(super) ast: AST,
}

impl Modules {
    /// Reads the modules of a script.
    pub(super) fn read(engine: &Engine, ast: &AST, script: &Path) -> (Self, Vec<Module>) {
        let (mut modules, mut read) = (Self::default(), Vec::new());
        let (mut seen, mut imports) = (BTreeSet::new(), Imports::default());
        let mut next = modules.imports(ast, script, None, &mut imports);
        while let Some(file) = next.pop() {
            if !seen.insert(file.clone()) {
                continue;
            }
            // Files that cannot be read or compiled are errors of their import.
            let Ok(text) = files::read_text(&file, files::BY_HAND) else { continue };
            let Ok(ast) = engine.compile(&text) else { continue };
            modules.endpoints.extend(endpoints_of(&ast));
            next.extend(modules.imports(&ast, script, Some(&file), &mut imports));
            read.push(Module { file, text, ast });
        }
        let text = |file: &PathBuf| files::read_text(file, files::BY_HAND).ok();
        modules.texts = seen.iter().filter_map(text).collect();
        (modules, read)
    }

    /// The files that a module or the script itself imports. All paths are relative to the script's folder.
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
                Err(error) => self.error.push((
                    module.map(Path::to_owned),
                    Finding {
                        position: *position,
                        message: error.message,
                        help: Some(error.help.to_owned()),
                    },
                )),
            }
        });
        files
    }

    /// The import errors of a module, or of the script itself.
    pub(super) fn errors_in(&self, module: Option<&Path>) -> impl Iterator<Item = Finding> {
        let in_module = self.error.iter().filter(move |(file, _)| file.as_deref() == module);
        in_module.map(|(_, finding)| finding.clone())
    }
}

/// The endpoints that are called.
pub(super) fn endpoints_of(ast: &AST) -> BTreeSet<&'static str> {
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
