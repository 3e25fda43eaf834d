//! Definitions of the script language for editors: a `.d.rhai` file per module.

use std::path::Path;
use std::sync::Arc;

use crate::execution::context::RunContext;
use crate::language::engine;

/// The definition files by name, in order: one for each service and one for everything else.
///
/// ```
/// let files = drillmaster_runner::definitions::files();
/// assert!(files.iter().any(|(name, text)| name == "thm.d.rhai" && text.contains("fn add_seat")));
/// ```
pub fn files() -> Vec<(String, String)> {
    let engine = engine::build(&Arc::new(RunContext::idle()), Path::new("script.rhai"));
    let mut files: Vec<_> = engine
        .definitions()
        .include_standard_packages(false)
        .iter_files()
        .map(|(name, text)| (name, for_scripts(&text)))
        .collect();
    files.sort();
    files
}

/// The module's line and what is documented. The rest is plumbing, such as the functions behind `row["name"]`,
/// or is there to say why a script must not use it.
fn for_scripts(definitions: &str) -> String {
    let parts = definitions
        .split("\n\n")
        .filter(|part| part.starts_with("module ") || part.starts_with("///"));
    parts.collect::<Vec<_>>().join("\n\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::files;

    /// Parses a definition as the language server does, and gives the function that it declares, without its
    /// types: `fn each(rows: Roster, work: Fn) -> Rows;` declares `fn each(rows, work) {}`.
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
        let sound = types.into_iter().chain([returns]).all(is_type);
        sound.then(|| format!("fn {name}({}) {{}}", names.join(", ")))
    }

    #[test]
    fn every_definition_is_one_that_the_language_has() {
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
                // Its own parser knows which names are reserved.
                if let Err(error) = engine.compile(&function) {
                    panic!("{file}: {function}: {error}");
                }
            }
        }
    }
}
