//! `cargo xtask codegen`: generates documents and editor definitions from the list of endpoints, and pictures of
//! the program.

mod commands;
mod endpoints;
mod openapi;
mod pictures;
mod shape;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use drillmaster_models::{Dialect, SERVICES};

use crate::{Outcome, repository};

/// Folders that contain only generated files.
const FOLDERS: [&str; 3] = ["docs/openapi", "docs/pictures", "docs/rhai"];

/// Texts of files by their paths from the root.
type Files = BTreeMap<String, String>;

/// All generated files.
fn generated() -> Outcome<Files> {
    let mut files = from_endpoints();
    files.insert("docs/commands.md".to_owned(), commands::commands());
    files.insert("docs/scripts.md".to_owned(), commands::scripts()?);
    files.extend(pictures::files()?);
    Ok(files)
}

/// The files that are generated from the list of endpoints.
pub(crate) fn from_endpoints() -> Files {
    let document = [("docs/endpoints.md".to_owned(), endpoints::document())];
    let descriptions = SERVICES.into_iter().flat_map(|service| {
        let dialects: &[Dialect] =
            if service.has_legacy { &Dialect::ALL } else { &[Dialect::Current] };
        dialects.iter().map(|dialect| {
            let name = if service.has_legacy {
                format!("docs/openapi/{}-{dialect}.json", service.name)
            } else {
                format!("docs/openapi/{}.json", service.name)
            };
            (name, format!("{:#}\n", openapi::description(service, *dialect)))
        })
    });
    let definitions = drillmaster_runner::language::definitions::files()
        .into_iter()
        .map(|(name, text)| (format!("docs/rhai/{name}"), text));
    document.into_iter().chain(descriptions).chain(definitions).collect()
}

/// Updates the generated files.
pub(crate) fn write() -> Outcome {
    let generated = generated()?;
    for path in stale(&generated, &found(&generated)?) {
        let file = repository::root().join(path);
        let result = match generated.get(path) {
            Some(text) => {
                let folder = file.parent().unwrap_or(Path::new("."));
                fs::create_dir_all(folder).and_then(|()| fs::write(&file, text))
            }
            None => fs::remove_file(&file),
        };
        result.map_err(|error| format!("cannot update {path}: {error}"))?;
        println!("updated {path}");
    }
    Ok(())
}

/// Fails if a generated file is not up to date.
pub(crate) fn check() -> Outcome {
    let generated = generated()?;
    let found = found(&generated)?;
    let stale: Vec<&str> = stale(&generated, &found).into_iter().collect();
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!(
        "generated files are stale: {}; run `cargo xtask codegen` and commit the changes",
        stale.join(", ")
    ))
}

/// The existing files at the paths of generated files, and all others in their folders.
fn found(generated: &Files) -> Outcome<Files> {
    let root = repository::root();
    let mut paths: BTreeSet<String> = generated.keys().cloned().collect();
    for folder in FOLDERS {
        // A missing folder has no files.
        for file in fs::read_dir(root.join(folder)).into_iter().flatten() {
            let file = file.map_err(|error| format!("cannot list {folder}: {error}"))?;
            paths.insert(format!("{folder}/{}", file.file_name().to_string_lossy()));
        }
    }
    let text = |path: &String| {
        let bytes = fs::read(root.join(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(paths.into_iter().filter_map(|path| text(&path).map(|text| (path, text))).collect())
}

/// The files that differ, are missing, or are no longer generated.
fn stale<'a>(generated: &'a Files, found: &'a Files) -> BTreeSet<&'a str> {
    let paths = generated.keys().chain(found.keys());
    let differs = |path: &&String| generated.get(*path) != found.get(*path);
    paths.filter(differs).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn changed_missing_and_abandoned_files_are_stale() {
        let generated = files(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let found = files(&[("a", "1"), ("b", "old"), ("d", "4")]);
        assert_eq!(stale(&generated, &found), BTreeSet::from(["b", "c", "d"]));
    }

    #[test]
    fn generating_twice_gives_the_same_files() {
        assert_eq!(from_endpoints(), from_endpoints());
    }

    #[test]
    fn each_service_has_a_description_per_dialect() {
        let paths: Vec<String> = from_endpoints().into_keys().collect();
        let descriptions: Vec<&str> =
            paths.iter().filter_map(|path| path.strip_prefix("docs/openapi/")).collect();
        assert_eq!(descriptions, ["thm-current.json", "thm-legacy.json", "veracode.json"]);
    }
}
