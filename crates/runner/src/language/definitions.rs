//! Definitions of the script language for editors: a `.d.rhai` file per module.

use std::collections::BTreeSet;
use std::path::Path;

use drillmaster_models::SERVICES;

use crate::language::engine;

/// The definition files by name: one for each service and one for everything else.
///
/// ```
/// let files = drillmaster_runner::language::definitions::files();
/// assert!(files.iter().any(|(name, text)| name == "thm.d.rhai" && text.contains("fn add_seat")));
/// ```
pub fn files() -> Vec<(String, String)> {
    let engine = engine::build(Path::new("script.rhai"));
    let mut files: Vec<_> = engine
        .definitions()
        .include_standard_packages(false)
        .iter_files()
        .map(|(name, text)| (name, for_scripts(&text)))
        .collect();
    files.sort();
    files
}

/// The names of the documented functions outside of modules, for completion.
pub fn function_names() -> BTreeSet<String> {
    let is_of_service = |name: &str| {
        SERVICES.iter().any(|service| {
            name.strip_prefix(service.name).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    let texts = files().into_iter().filter(|(name, _)| !is_of_service(name)).map(|(_, text)| text);
    texts.flat_map(|text| declared_names(&text)).collect()
}

/// The names of all functions that can be called on a value: the documented ones and Rhai's.
pub fn method_names() -> BTreeSet<String> {
    let engine = engine::build(Path::new("script.rhai"));
    let native = engine.collect_fn_metadata(
        None,
        |info| info.namespace.is_empty().then(|| info.metadata.name.to_string()),
        true,
    );
    let is_name = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    function_names().into_iter().chain(native.into_iter().filter(is_name)).collect()
}

/// The functions that definitions declare. Properties, which are declared as `get name`, are left out.
fn declared_names(definitions: &str) -> Vec<String> {
    let declared = definitions.lines().filter_map(|line| line.trim().strip_prefix("fn "));
    let names = declared.filter_map(|rest| rest.split_once('(')).map(|(name, _)| name.trim());
    names.filter(|name| !name.contains(' ')).map(str::to_owned).collect()
}

/// The module's line and the documented functions. The others are plumbing, such as those behind `row["name"]`, or
/// only say why a script must not use them.
fn for_scripts(definitions: &str) -> String {
    let parts = definitions
        .split("\n\n")
        .filter(|part| part.starts_with("module ") || part.starts_with("///"));
    parts.collect::<Vec<_>>().join("\n\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::files;

    /// Parses a definition as the language server does, and gives the declared function without its types: `fn each(rows: Roster, work: Fn) -> Rows;` declares `fn each(rows, work) {}`.
    fn declared(definition: &str) -> Option<String> {
        let rest = definition.strip_prefix("fn ")?.strip_suffix(';')?;
        let (rest, returns) = rest.rsplit_once(" -> ")?;
        let (name, params) = rest.strip_suffix(')')?.split_once('(')?;
        // A property.
        let name = name.strip_prefix("get ").unwrap_or(name);
        let params = params.split(", ").filter(|param| !param.is_empty());
        let params: Option<Vec<_>> = params.map(|param| param.split_once(": ")).collect();
        let (names, types): (Vec<_>, Vec<_>) = params?.into_iter().unzip();
        let is_type = |name: &str| {
            let is_word = !name.is_empty() && name.chars().all(char::is_alphanumeric);
            ["?", "()"].contains(&name) || is_word
        };
        let is_valid = types.into_iter().chain([returns]).all(is_type);
        is_valid.then(|| format!("fn {name}({}) {{}}", names.join(", ")))
    }

    #[test]
    fn every_definition_is_valid_in_the_language() {
        let engine = rhai::Engine::new_raw();
        for (file, text) in files() {
            let mut parts = text.trim_end().split("\n\n");
            let module = parts.next().and_then(|part| part.strip_prefix("module "));
            let module = module.and_then(|part| part.strip_suffix(';')).unwrap_or_default();
            assert!(["static", "thm", "veracode"].contains(&module), "{file}: {module}");
            for part in parts {
                let comment = part.lines().take_while(|line| line.starts_with("///")).count();
                let lines: Vec<_> = part.lines().skip(comment).collect();
                assert!(comment > 0 && lines.len() == 1, "{file}: {part}");
                let function = declared(lines[0]).unwrap_or_else(|| panic!("{file}: {part}"));
                // The parser knows which names are reserved.
                if let Err(error) = engine.compile(&function) {
                    panic!("{file}: {function}: {error}");
                }
            }
        }
    }
}
