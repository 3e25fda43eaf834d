//! `cargo xtask codegen`: what people and editors read, made from the list of endpoints, and pictures of the program.

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

/// Folders that hold generated files and nothing else.
const FOLDERS: [&str; 3] = ["docs/openapi", "docs/pictures", "docs/rhai"];

/// Files by their path from the root.
type Files = BTreeMap<String, String>;

/// Everything that is generated.
fn generated() -> Outcome<Files> {
    let mut files = of_the_entries();
    files.insert("docs/commands.md".to_owned(), commands::commands());
    files.insert("docs/scripts.md".to_owned(), commands::scripts()?);
    files.extend(pictures::files()?);
    Ok(files)
}

/// What is made from the list of endpoints.
pub(crate) fn of_the_entries() -> Files {
    let guide = [("docs/endpoints.md".to_owned(), endpoints::guide())];
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
    guide.into_iter().chain(descriptions).chain(definitions).collect()
}

/// Brings the generated files up to date.
pub(crate) fn write() -> Outcome {
    let generated = generated()?;
    for path in stale(&generated, &found(&generated)?) {
        let file = repository::root().join(path);
        let done = match generated.get(path) {
            Some(text) => {
                let folder = file.parent().unwrap_or(Path::new("."));
                fs::create_dir_all(folder).and_then(|()| fs::write(&file, text))
            }
            None => fs::remove_file(&file),
        };
        done.map_err(|error| format!("cannot refresh {path}: {error}"))?;
        println!("refreshed {path}");
    }
    Ok(())
}

/// Fails where a generated file is not what it would be.
pub(crate) fn check() -> Outcome {
    let generated = generated()?;
    let found = found(&generated)?;
    let stale: Vec<&str> = stale(&generated, &found).into_iter().collect();
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!(
        "generated files are stale: {}; run `cargo xtask codegen` and commit what it changes",
        stale.join(", ")
    ))
}

/// What is where generated files are expected, and what else is in their folders.
fn found(generated: &Files) -> Outcome<Files> {
    let root = repository::root();
    let mut paths: BTreeSet<String> = generated.keys().cloned().collect();
    for folder in FOLDERS {
        // A folder that is not there holds nothing.
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
    fn what_is_generated_twice_is_the_same() {
        assert_eq!(of_the_entries(), of_the_entries());
    }

    #[test]
    fn each_service_has_a_description_per_dialect() {
        let paths: Vec<String> = of_the_entries().into_keys().collect();
        let descriptions: Vec<&str> =
            paths.iter().filter_map(|path| path.strip_prefix("docs/openapi/")).collect();
        assert_eq!(descriptions, ["thm-current.json", "thm-legacy.json", "veracode.json"]);
    }
}
