//! Which files of a script import which.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How many imports may lead from the script to a module. Each takes its part of the stack.
pub(crate) const MOST_DEEP: usize = 16;

/// Imports that lead to an end: no module imports itself by way of others.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    imported: BTreeMap<PathBuf, Vec<PathBuf>>,
    depth: BTreeMap<PathBuf, usize>,
}

/// An import that cannot be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Endless {
    /// What is wrong, with the files on the way.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: &'static str,
}

impl Imports {
    /// Takes note that one file imports another, both under the names that the system has for them.
    pub(crate) fn add(&mut self, from: &Path, to: &Path) -> Result<(), Endless> {
        let known = self.imported.get(from).is_some_and(|own| own.iter().any(|file| file == to));
        if known {
            return Ok(());
        }
        if let Some(way) = self.way(to, from) {
            let files: Vec<_> = [from].into_iter().chain(way).map(name).collect();
            return Err(Endless {
                message: format!("modules import each other: {}", files.join(" → ")),
                help: "move what both need into a module of its own, which imports neither",
            });
        }
        self.imported.entry(from.to_owned()).or_default().push(to.to_owned());
        let depth = self.depth.get(from).copied().unwrap_or(0) + 1;
        self.sink(to, depth);
        if self.depth.values().any(|depth| *depth > MOST_DEEP) {
            return Err(Endless {
                message: format!(
                    "{} imports {}, which leads to more than {MOST_DEEP} imports in a row",
                    name(from),
                    name(to)
                ),
                help: "import modules from the script itself, and not from each other",
            });
        }
        Ok(())
    }

    /// A way along imports.
    fn way<'a>(&'a self, from: &'a Path, to: &Path) -> Option<Vec<&'a Path>> {
        if from == to {
            return Some(vec![from]);
        }
        // There is no circle, and no way longer than the limit.
        let rest = self.imported.get(from)?.iter().find_map(|file| self.way(file, to))?;
        Some([from].into_iter().chain(rest).collect())
    }

    /// Takes note that a file is at least so deep, and those below it.
    fn sink(&mut self, file: &Path, depth: usize) {
        if self.depth.get(file).is_some_and(|known| *known >= depth) {
            return;
        }
        self.depth.insert(file.to_owned(), depth);
        if depth <= MOST_DEEP {
            for below in self.imported.get(file).cloned().unwrap_or_default() {
                self.sink(&below, depth + 1);
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
        edges.iter().try_for_each(add).map_err(|endless| endless.message)
    }

    #[test]
    fn a_circle_is_told_with_all_files_on_it() {
        let circle = |text: &str| Err(format!("modules import each other: {text}"));
        assert_eq!(added(&[("a", "a")]), circle("a → a"));
        assert_eq!(added(&[("s", "a"), ("a", "b"), ("b", "a")]), circle("b → a → b"));
        assert_eq!(added(&[("b", "c"), ("c", "a"), ("a", "b")]), circle("a → b → c → a"));
    }

    #[test]
    fn a_module_may_be_imported_by_several() {
        added(&[("s", "a"), ("s", "b"), ("a", "c"), ("b", "c"), ("a", "b"), ("s", "a")]).unwrap();
    }

    #[test]
    fn a_way_that_is_too_long_is_told_in_whatever_order_it_is_found() {
        let names: Vec<String> = (0..=MOST_DEEP + 1).map(|index| index.to_string()).collect();
        let edges = |most: usize| -> Vec<_> {
            names.windows(2).take(most).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect()
        };
        added(&edges(MOST_DEEP)).unwrap();
        let mut long = edges(MOST_DEEP + 1);
        assert!(added(&long).unwrap_err().contains("more than 16 imports"));
        long.reverse();
        assert!(added(&long).unwrap_err().contains("more than 16 imports"));
    }
}
