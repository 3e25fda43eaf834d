//! Which files of a script import which.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest chain of imports. Each import takes stack space.
pub(crate) const MAX_DEPTH: usize = 16;

/// A graph of imports without circles.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    imported: BTreeMap<PathBuf, Vec<PathBuf>>,
    depth: BTreeMap<PathBuf, usize>,
}

/// An import that would make a circle or too long a chain.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ImportError {
    /// What is wrong, with the files of the circle or chain.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: &'static str,
}

impl Imports {
    /// Adds an import. Both paths are canonical.
    pub(crate) fn add(&mut self, from: &Path, to: &Path) -> Result<(), ImportError> {
        let known = self.imported.get(from).is_some_and(|own| own.iter().any(|file| file == to));
        if known {
            return Ok(());
        }
        if let Some(path) = self.path(to, from) {
            let files: Vec<_> = [from].into_iter().chain(path).map(name).collect();
            return Err(ImportError {
                message: format!("modules import each other: {}", files.join(" → ")),
                help: "move the shared code into a module that imports neither",
            });
        }
        self.imported.entry(from.to_owned()).or_default().push(to.to_owned());
        let depth = self.depth.get(from).copied().unwrap_or(0) + 1;
        self.deepen(to, depth);
        if self.depth.values().any(|depth| *depth > MAX_DEPTH) {
            return Err(ImportError {
                message: format!(
                    "{} imports {}, which makes a chain of more than {MAX_DEPTH} imports",
                    name(from),
                    name(to)
                ),
                help: "import modules from the script itself, and not from each other",
            });
        }
        Ok(())
    }

    /// A path along imports.
    fn path<'a>(&'a self, from: &'a Path, to: &Path) -> Option<Vec<&'a Path>> {
        if from == to {
            return Some(vec![from]);
        }
        // There are no circles, and no paths longer than the limit.
        let rest = self.imported.get(from)?.iter().find_map(|file| self.path(file, to))?;
        Some([from].into_iter().chain(rest).collect())
    }

    /// Notes that a file, and with it the files it imports, is at least this deep.
    fn deepen(&mut self, file: &Path, depth: usize) {
        if self.depth.get(file).is_some_and(|known| *known >= depth) {
            return;
        }
        self.depth.insert(file.to_owned(), depth);
        if depth <= MAX_DEPTH {
            for below in self.imported.get(file).cloned().unwrap_or_default() {
                self.deepen(&below, depth + 1);
            }
        }
    }
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(edges: &[(&str, &str)]) -> Result<(), String> {
        let mut imports = Imports::default();
        let add = |(from, to): &(&str, &str)| imports.add(Path::new(from), Path::new(to));
        edges.iter().try_for_each(add).map_err(|error| error.message)
    }

    #[test]
    fn a_circle_is_reported_with_all_its_files() {
        let circle = |text: &str| Err(format!("modules import each other: {text}"));
        assert_eq!(added(&[("a", "a")]), circle("a → a"));
        assert_eq!(added(&[("s", "a"), ("a", "b"), ("b", "a")]), circle("b → a → b"));
        assert_eq!(added(&[("b", "c"), ("c", "a"), ("a", "b")]), circle("a → b → c → a"));
    }

    #[test]
    fn several_files_may_import_a_module() {
        added(&[("s", "a"), ("s", "b"), ("a", "c"), ("b", "c"), ("a", "b"), ("s", "a")]).unwrap();
    }

    #[test]
    fn too_long_a_chain_is_found_in_any_order() {
        let names: Vec<String> = (0..=MAX_DEPTH + 1).map(|index| index.to_string()).collect();
        let edges = |most: usize| -> Vec<_> {
            names.windows(2).take(most).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect()
        };
        added(&edges(MAX_DEPTH)).unwrap();
        let mut long = edges(MAX_DEPTH + 1);
        assert!(added(&long).unwrap_err().contains("more than 16 imports"));
        long.reverse();
        assert!(added(&long).unwrap_err().contains("more than 16 imports"));
    }
}
