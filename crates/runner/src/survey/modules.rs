//! The modules that a script imports, and those that they import.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use drillmaster_models::entry;
use rhai::{AST, ASTNode, Engine, Expr, Stmt};

use super::{WALK, call_of, each_node};
use crate::engine::{folder_of, why_not_importable};

/// What is known of a script's modules.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    /// Their texts, in the order of the files' names.
    pub(crate) texts: Vec<String>,
    /// The names of the entries that they call.
    pub(crate) entries: BTreeSet<&'static str>,
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
        let mut seen = BTreeSet::new();
        let mut next = modules.imports(ast, script);
        while let Some(file) = next.pop() {
            if !seen.insert(file.clone()) {
                continue;
            }
            // What cannot be read or compiled is told where it is imported.
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            let Ok(ast) = engine.compile(&text) else { continue };
            modules.entries.extend(entries_of(&ast));
            next.extend(modules.imports(&ast, script));
            read.push(Read { file, text, ast });
        }
        let text = |file: &PathBuf| std::fs::read_to_string(file).ok();
        modules.texts = seen.iter().filter_map(text).collect();
        (modules, read)
    }

    /// The files that are imported. All are looked for beside the script.
    fn imports(&mut self, ast: &AST, script: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        each_node(ast, |node| {
            let ASTNode::Stmt(Stmt::Import(parts, ..)) = node else { return };
            match &parts.0 {
                Expr::StringConstant(module, _) => {
                    if why_not_importable(script, module).is_none() {
                        files.push(folder_of(script).join(module.as_str()).with_extension("rhai"));
                    }
                }
                _ => self.unknown = true,
            }
        });
        files
    }
}

/// The names of the entries that are called.
pub(super) fn entries_of(ast: &AST) -> BTreeSet<&'static str> {
    let mut entries = BTreeSet::new();
    each_node(ast, |node| {
        let Some((call, _)) = call_of(node) else { return };
        if call.namespace.path.len() == 1 {
            let stem = call.name.strip_prefix(WALK).unwrap_or(&call.name);
            let name = format!("{}.{stem}", call.namespace.root());
            entries.extend(entry(&name).map(drillmaster_models::Entry::name));
        }
    });
    entries
}
