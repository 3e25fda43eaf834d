//! Which module imports which, inside a crate.
//!
//! At every level, modules that stand side by side (each with all that is below it) must not import each other in a
//! circle. A module and its own children may. The runner's modules also stand in layers.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use super::Finding;

/// The layers of the runner's modules. A module imports its own folder, its own layer and the layers before it.
const RUNNER: &str = "crates/runner/src/";
const LAYERS: [&[&str]; 9] = [
    &[
        "outcome",
        "diagnostic",
        "exit",
        "run_spec",
        "report_data",
        "roster",
        "fs",
        "output",
        "log",
        "guards",
    ],
    &["value"],
    &["execution"],
    &["language"],
    &["analysis"],
    &["script"],
    &["run"],
    &["report"],
    &["snapshot"],
];

/// A source file as a module of its crate.
struct Module {
    /// The path of the file from the root of the repository.
    file: String,
    /// The names on the way from the root of the crate; empty for the root.
    path: Vec<String>,
    /// What it imports or names, as paths from the root of the crate, with the lines.
    uses: Vec<(usize, Vec<String>)>,
    /// Names that it hands on, and where they come from.
    exports: BTreeMap<String, Vec<String>>,
}

/// An import of one module by another.
struct Import<'a> {
    from: &'a Module,
    line: usize,
    to: &'a [String],
}

/// Checks the sources of all crates, given with their paths.
pub(super) fn check(sources: &[(String, String)]) -> Vec<Finding> {
    let mut crates: BTreeMap<&str, Vec<Module>> = BTreeMap::new();
    for (file, text) in sources {
        let Some((folder, rest)) = file.split_once("/src/") else { continue };
        let Some(path) = module_path(rest) else { continue };
        let Ok(parsed) = syn::parse_file(text) else { continue };
        crates.entry(folder).or_default().push(Module::new(file, path, &parsed));
    }
    crates.into_values().flat_map(|modules| check_crate(&modules)).collect()
}

/// The module that a file below `src` is.
fn module_path(file: &str) -> Option<Vec<String>> {
    let stem = file.strip_suffix(".rs")?;
    let names = stem.split('/').filter(|name| *name != "mod").map(str::to_owned);
    let path: Vec<_> = names.collect();
    // Tests may look anywhere.
    if path.iter().any(|name| name == "tests") {
        return None;
    }
    Some(if matches!(stem, "lib" | "main") { Vec::new() } else { path })
}

impl Module {
    fn new(file: &str, path: Vec<String>, parsed: &syn::File) -> Self {
        let mut module =
            Self { file: file.to_owned(), path, uses: Vec::new(), exports: BTreeMap::new() };
        module.visit_file(parsed);
        module
    }

    /// A path as it is written in this module, from the root of the crate; none for one of another crate.
    fn absolute(&self, written: &[String]) -> Option<Vec<String>> {
        let mut base = self.path.clone();
        let mut rest = written;
        match written.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    base.pop()?;
                    rest = &rest[1..];
                }
            }
            _ => return None,
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    fn take(&mut self, line: usize, written: &[String], public_name: Option<&str>) {
        let absolute = self.absolute(written).or_else(|| {
            // `pub use child::Name` needs no `self`.
            public_name.map(|_| self.path.iter().chain(written).cloned().collect())
        });
        let Some(absolute) = absolute else { return };
        if let Some(name) = public_name {
            self.exports.insert(name.to_owned(), absolute.clone());
        }
        self.uses.push((line, absolute));
    }

    fn take_tree(&mut self, tree: &syn::UseTree, before: &[String], is_public: bool) {
        let with = |name: &syn::Ident| {
            let mut path = before.to_vec();
            path.push(name.to_string());
            path
        };
        match tree {
            syn::UseTree::Path(part) => self.take_tree(&part.tree, &with(&part.ident), is_public),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.take_tree(tree, before, is_public);
                }
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                let line = name.ident.span().start().line;
                self.take(line, before, before.last().map(String::as_str).filter(|_| is_public));
            }
            syn::UseTree::Name(name) => {
                let spelt = name.ident.to_string();
                let line = name.ident.span().start().line;
                self.take(line, &with(&name.ident), is_public.then_some(spelt.as_str()));
            }
            syn::UseTree::Rename(name) => {
                let spelt = name.rename.to_string();
                let line = name.ident.span().start().line;
                self.take(line, &with(&name.ident), is_public.then_some(spelt.as_str()));
            }
            syn::UseTree::Glob(glob) => {
                self.take(glob.star_token.spans[0].start().line, before, None);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if is_for_tests(&item.attrs) {
            return;
        }
        let is_public = !matches!(item.vis, syn::Visibility::Inherited);
        self.take_tree(&item.tree, &[], is_public);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        // A module within a file would need paths of its own; those that there are, are tests or small.
        if !is_for_tests(&item.attrs) && item.content.is_none() {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if names.len() > 1
            && let Some(first) = path.segments.first()
        {
            self.take(first.ident.span().start().line, &names, None);
        }
        visit::visit_path(self, path);
    }
}

/// Whether an item is there for tests alone.
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
    })
}

fn check_crate(modules: &[Module]) -> Vec<Finding> {
    let known: BTreeMap<&[String], &Module> =
        modules.iter().map(|module| (module.path.as_slice(), module)).collect();
    let imports: Vec<Import<'_>> = modules
        .iter()
        .flat_map(|from| from.uses.iter().map(move |(line, path)| (from, *line, path)))
        .filter_map(|(from, line, path)| Some(Import { from, line, to: target(&known, path, 0)? }))
        .filter(|import| import.from.path != import.to)
        .collect();
    let mut findings = circles(&imports);
    findings.extend(imports.iter().filter_map(against_layers));
    findings
}

/// The module that a path leads to, through names that are handed on.
fn target<'a>(
    known: &BTreeMap<&'a [String], &'a Module>,
    path: &[String],
    depth: usize,
) -> Option<&'a [String]> {
    let length = (0..=path.len()).rev().find(|length| known.contains_key(&path[..*length]))?;
    let (found, module) = known.get_key_value(&path[..length])?;
    let handed_on = path.get(length).and_then(|name| module.exports.get(name));
    match handed_on {
        Some(origin) if depth < 8 && *origin != path => target(known, origin, depth + 1),
        _ => Some(found),
    }
}

/// Siblings that import each other in a circle, at every level.
fn circles(imports: &[Import<'_>]) -> Vec<Finding> {
    // For each parent, which child (with all below it) imports which, and where.
    let mut levels: BTreeMap<&[String], BTreeMap<&str, BTreeMap<&str, &Import<'_>>>> =
        BTreeMap::new();
    for import in imports {
        let (from, to) = (import.from.path.as_slice(), import.to);
        let common = from.iter().zip(to).take_while(|(one, other)| one == other).count();
        if let (Some(one), Some(other)) = (from.get(common), to.get(common)) {
            let level = levels.entry(&from[..common]).or_default();
            level.entry(one).or_default().entry(other).or_insert(import);
        }
    }
    let mut findings = Vec::new();
    for graph in levels.values() {
        for circle in components(graph) {
            let names: Vec<_> = circle.iter().copied().collect();
            for (one, other) in circle.iter().flat_map(|one| {
                graph[one]
                    .keys()
                    .filter(|other| circle.contains(*other))
                    .map(move |other| (one, other))
            }) {
                let import = graph[one][other];
                let problem = format!(
                    "`{one}` imports `{other}` in a circle of {}: move what both need below them",
                    names.join(", ")
                );
                findings.push(Finding::new(&import.from.file, import.line, problem));
            }
        }
    }
    findings
}

/// The groups of nodes that reach each other, of two or more.
fn components<'a>(
    graph: &BTreeMap<&'a str, BTreeMap<&'a str, &Import<'_>>>,
) -> Vec<BTreeSet<&'a str>> {
    let reach = |start: &'a str| {
        let (mut seen, mut left) = (BTreeSet::new(), vec![start]);
        while let Some(node) = left.pop() {
            let next = graph.get(node).into_iter().flat_map(|next| next.keys().copied());
            left.extend(next.filter(|next| seen.insert(*next)));
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|node| (*node, reach(node))).collect();
    let mut found: Vec<BTreeSet<&str>> = Vec::new();
    for (node, seen) in &reached {
        if seen.contains(node) && !found.iter().any(|circle| circle.contains(node)) {
            let back = |other: &&&str| reached.get(**other).is_some_and(|seen| seen.contains(node));
            found.push(seen.iter().filter(back).copied().collect());
        }
    }
    found.retain(|circle| circle.len() > 1);
    found
}

/// An import of a module that stands in a later layer of the runner.
fn against_layers(import: &Import<'_>) -> Option<Finding> {
    if !import.from.file.starts_with(RUNNER) {
        return None;
    }
    let layer = |path: &[String]| {
        let top = path.first()?;
        LAYERS.iter().position(|layer| layer.contains(&top.as_str()))
    };
    let (from, to) = (import.from.path.first()?, import.to.first()?);
    let problem = match (layer(&import.from.path), layer(import.to)) {
        (None, _) => format!("`{from}` has no layer; give it one in xtask/src/tidy/modules.rs"),
        (Some(own), Some(other)) if other > own => {
            format!("`{from}` imports `{to}`, which stands in a later layer")
        }
        _ => return None,
    };
    Some(Finding::new(&import.from.file, import.line, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(sources: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<_> =
            sources.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
        check(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn siblings_in_a_circle_are_found() {
        let found = problems(&[
            ("crates/x/src/lib.rs", "mod a; mod b;"),
            ("crates/x/src/a.rs", "use crate::b::B; struct A;"),
            ("crates/x/src/b.rs", "fn b() { super::a::f() }"),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("crates/x/src/a.rs:1: `a` imports `b` in a circle of a, b"));
    }

    #[test]
    fn names_that_are_handed_on_lead_to_their_module() {
        let found = problems(&[
            ("crates/x/src/lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
            ("crates/x/src/a.rs", "use crate::B; pub struct A;"),
            ("crates/x/src/b.rs", "use crate::A; pub struct B;"),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_module_and_its_children_may_import_each_other() {
        let found = problems(&[
            ("crates/x/src/lib.rs", "mod a;"),
            ("crates/x/src/a.rs", "mod b; use self::b::B; pub struct A;"),
            ("crates/x/src/a/b.rs", "use super::A; use crate::a::c; pub struct B;"),
            ("crates/x/src/a/c.rs", "use super::A;"),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn what_is_below_a_module_counts_as_that_module() {
        let found = problems(&[
            ("crates/x/src/a.rs", "mod inner;"),
            ("crates/x/src/a/inner.rs", "use crate::b::B;"),
            ("crates/x/src/b.rs", "use crate::a::A;"),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn tests_may_import_anything() {
        let text = "#[cfg(test)] mod tests { use crate::b::B; } #[cfg(test)] use crate::b::C;";
        let found =
            problems(&[("crates/x/src/a.rs", text), ("crates/x/src/b.rs", "use crate::a::A;")]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_module_of_the_runner_imports_no_later_layer() {
        let found = problems(&[
            ("crates/runner/src/execution.rs", "use crate::run::Run;"),
            ("crates/runner/src/run.rs", ""),
            ("crates/runner/src/elsewhere.rs", "use crate::run::Run;"),
        ]);
        assert_eq!(
            found,
            [
                "crates/runner/src/execution.rs:1: `execution` imports `run`, which stands in a \
                 later layer",
                "crates/runner/src/elsewhere.rs:1: `elsewhere` has no layer; give it one in \
                 xtask/src/tidy/modules.rs",
            ]
        );
    }
}
