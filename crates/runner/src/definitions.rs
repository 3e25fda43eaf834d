//! Definitions of the script language for editors: a `.d.rhai` file per module.

use std::path::Path;
use std::sync::Arc;

use crate::engine;
use crate::host::Host;

/// The definition files by name, in order: one for each service and one for everything else.
///
/// ```
/// let files = drillmaster::definitions::files();
/// assert!(files.iter().any(|(name, text)| name == "thm.d.rhai" && text.contains("fn add_seat")));
/// ```
pub fn files() -> Vec<(String, String)> {
    let engine = engine::build(&Arc::new(Host::idle()), Path::new("script.rhai"));
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
