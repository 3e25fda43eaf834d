//! The builds under test.

use std::path::PathBuf;

use clap::ValueEnum;

use super::Variant;
use crate::{Outcome, repository};

/// The profile of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Profile {
    /// Quick to build
    #[default]
    Dev,
    /// As released
    Release,
}

/// Builds a variant and returns the path of its program. Each has a folder of its own, so that a broken build
/// never replaces another one.
pub(super) fn build(variant: Variant, profile: Profile) -> Outcome<PathBuf> {
    let target = target()?;
    let own = target.join("torture").join(variant.name());
    let (name, folder) = match profile {
        Profile::Dev => ("dev", "debug"),
        Profile::Release => ("release", "release"),
    };
    let mut cargo = repository::cargo();
    cargo.args(["build", "--quiet", "--package", "drillmaster", "--bin", "drillmaster"]);
    cargo.args(["--features", variant.feature(), "--profile", name]);
    cargo.arg("--target-dir").arg(&own);
    // Shares dependencies with other builds; an older cargo builds them again.
    if std::env::var_os("CARGO_BUILD_BUILD_DIR").is_none() {
        cargo.env("CARGO_BUILD_BUILD_DIR", &target);
    }
    let status = cargo.status().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err(format!("the build `{}` failed ({status})", variant.name()));
    }
    Ok(own.join(folder).join(format!("drillmaster{}", std::env::consts::EXE_SUFFIX)))
}

/// Cargo's target folder.
pub(super) fn target() -> Outcome<PathBuf> {
    let own = std::env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
    let target = own.ancestors().nth(2).map(PathBuf::from);
    target.ok_or_else(|| "I am in no target folder; use `cargo xtask torture`".to_owned())
}
