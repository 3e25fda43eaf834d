//! Which crate may depend on which.

use serde_json::Value;

use super::Finding;
use crate::{Outcome, repository};

/// What a package may depend on.
struct Layer {
    package: &'static str,
    /// Our packages that it may import. Its tests may import others.
    imports: &'static [&'static str],
    /// Packages of others that it must not import.
    bans: &'static [&'static str],
}

const MODELS: &str = "drillmaster-models";
const REDACT: &str = "drillmaster-redact";
const TRANSPORT: &str = "drillmaster-transport";
const THM: &str = "drillmaster-thm";
const VERACODE: &str = "drillmaster-veracode";
const SANDBOX: &str = "drillmaster-sandbox";
const JOURNAL: &str = "drillmaster-journal";
const INTERCHANGE: &str = "drillmaster-interchange";
const RUNNER: &str = "drillmaster-runner";
const CLI: &str = "drillmaster";

/// Arguments and terminals belong to the command alone.
const TERMINAL: &[&str] =
    &["anstream", "clap", "indicatif", "rpassword", "rustyline", "terminal_size"];

const LAYERS: [Layer; 13] = [
    // No I/O, no async, no command line, no scripts.
    Layer {
        package: MODELS,
        imports: &[],
        bans: &["async-trait", "clap", "futures", "hyper", "reqwest", "rhai", "tokio"],
    },
    Layer {
        package: REDACT,
        imports: &[MODELS],
        bans: &["async-trait", "clap", "futures", "hyper", "reqwest", "rhai", "tokio"],
    },
    Layer { package: TRANSPORT, imports: &[MODELS, REDACT], bans: &["clap", "rhai"] },
    Layer { package: THM, imports: &[MODELS, TRANSPORT], bans: &["clap", "hyper", "rhai"] },
    Layer { package: VERACODE, imports: &[MODELS, TRANSPORT], bans: &["clap", "hyper", "rhai"] },
    // Its server uses hyper: it bounds, breaks and closes connections by hand.
    Layer { package: SANDBOX, imports: &[MODELS, TRANSPORT], bans: &["clap", "rhai"] },
    Layer { package: JOURNAL, imports: &[MODELS, REDACT, TRANSPORT], bans: &["clap", "rhai"] },
    Layer { package: INTERCHANGE, imports: &[MODELS, REDACT, TRANSPORT], bans: &["clap", "rhai"] },
    Layer {
        package: RUNNER,
        imports: &[MODELS, REDACT, TRANSPORT, SANDBOX, JOURNAL, INTERCHANGE],
        bans: TERMINAL,
    },
    Layer {
        package: CLI,
        imports: &[MODELS, REDACT, TRANSPORT, SANDBOX, JOURNAL, INTERCHANGE, RUNNER],
        bans: &[],
    },
    Layer {
        package: "drillmaster-tests",
        imports: &[
            MODELS,
            REDACT,
            TRANSPORT,
            THM,
            VERACODE,
            SANDBOX,
            JOURNAL,
            INTERCHANGE,
            RUNNER,
            CLI,
        ],
        bans: &[],
    },
    Layer {
        package: "xtask",
        imports: &[MODELS, TRANSPORT, SANDBOX, JOURNAL, INTERCHANGE, RUNNER, CLI],
        bans: &[],
    },
    // What is measured against has nothing of ours.
    Layer { package: "drillmaster-bare", imports: &[], bans: &[] },
];

/// A package of the workspace as its manifest has it.
pub(super) struct Package {
    name: String,
    manifest: String,
    /// The manifest's text.
    text: String,
    /// What it depends on outside of tests.
    dependencies: Vec<String>,
}

/// The packages of the workspace.
pub(super) fn packages() -> Outcome<Vec<Package>> {
    let mut cargo = repository::cargo();
    cargo.args(["metadata", "--format-version", "1", "--no-deps"]);
    let text = repository::output(&mut cargo)?;
    let metadata: Value = serde_json::from_str(&text)
        .map_err(|error| format!("`cargo metadata` is not JSON: {error}"))?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.map(package).collect()
}

fn package(metadata: &Value) -> Outcome<Package> {
    let path = metadata["manifest_path"].as_str().unwrap_or_default();
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let root = repository::root();
    let manifest = std::path::Path::new(path)
        .strip_prefix(&root)
        .map_or(path.into(), |own| own.to_string_lossy().replace('\\', "/"));
    let dependencies = metadata["dependencies"].as_array().into_iter().flatten();
    let dependencies = dependencies
        .filter(|dependency| dependency["kind"] != "dev")
        .filter_map(|dependency| dependency["name"].as_str())
        .map(str::to_owned);
    Ok(Package {
        name: metadata["name"].as_str().unwrap_or_default().to_owned(),
        manifest,
        text,
        dependencies: dependencies.collect(),
    })
}

/// Finds edges that the table does not have.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    packages.iter().flat_map(|package| check_one(package, packages)).collect()
}

fn check_one(package: &Package, packages: &[Package]) -> Vec<Finding> {
    let Package { name, manifest, .. } = package;
    let Some(layer) = LAYERS.iter().find(|layer| layer.package == name) else {
        let problem = format!(
            "`{name}` is not in the table of crates; add it in xtask/src/tidy/layers.rs and in \
             ARCHITECTURE.md"
        );
        return vec![Finding::new(manifest, 1, problem)];
    };
    let is_ours = |dependency: &&String| packages.iter().any(|own| own.name == **dependency);
    let unlisted = package
        .dependencies
        .iter()
        .filter(is_ours)
        .filter(|dependency| !layer.imports.contains(&dependency.as_str()))
        .map(|dependency| {
            let may = match layer.imports {
                [] => "none of our packages".to_owned(),
                imports => format!("only {}", imports.join(", ")),
            };
            (dependency, format!("`{name}` imports `{dependency}`, and may import {may}"))
        });
    let banned = package
        .dependencies
        .iter()
        .filter(|dependency| layer.bans.contains(&dependency.as_str()))
        .map(|dependency| {
            let problem = format!(
                "`{name}` must not depend on `{dependency}`; what needs it belongs in a package \
                 that may"
            );
            (dependency, problem)
        });
    unlisted
        .chain(banned)
        .map(|(dependency, problem)| {
            Finding::new(manifest, line_of(&package.text, dependency), problem)
        })
        .collect()
}

/// The line of a manifest that begins with this key, or the first.
fn line_of(manifest: &str, key: &str) -> usize {
    let begins = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    };
    manifest.lines().position(begins).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        let lines: Vec<String> =
            dependencies.iter().map(|name| format!("{name}.workspace = true")).collect();
        Package {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            text: format!("[dependencies]\n{}", lines.join("\n")),
            dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn problems(packages: &[Package]) -> Vec<String> {
        check(packages).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn edges_of_the_table_are_fine() {
        let house = [package(MODELS, &["serde"]), package(TRANSPORT, &["tokio", MODELS])];
        assert_eq!(problems(&house), Vec::<String>::new());
    }

    #[test]
    fn another_edge_is_found_at_its_line() {
        let house = [package(THM, &["serde", SANDBOX]), package(SANDBOX, &[])];
        let problem = "crates/drillmaster-thm/Cargo.toml:3: `drillmaster-thm` imports \
                       `drillmaster-sandbox`, and may import only drillmaster-models, \
                       drillmaster-transport";
        assert_eq!(problems(&house), [problem]);
    }

    #[test]
    fn what_a_package_must_not_know_is_found() {
        let found = problems(&[package(MODELS, &["tokio"])]);
        assert!(found[0].contains("must not depend on `tokio`"), "{found:?}");
    }

    #[test]
    fn a_package_without_a_place_is_found() {
        let found = problems(&[package("drillmaster-extra", &[])]);
        assert!(found[0].contains("is not in the table of crates"), "{found:?}");
    }

    #[test]
    fn a_longer_name_is_another_key() {
        assert_eq!(line_of("drillmaster-thm = 1\ndrillmaster = 1", "drillmaster"), 2);
    }
}
