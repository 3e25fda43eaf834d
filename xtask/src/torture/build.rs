//! The builds that are crash-tested.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::Variant;
use crate::{Outcome, repository};

/// How a build is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Profile {
    /// Quick to build
    #[default]
    Dev,
    /// As it is released
    Release,
}

/// Builds a variant and returns its program. Each variant has a target folder of its own, so that no other build is
/// replaced by one that is broken on purpose.
pub(super) fn build(variant: Variant, profile: Profile) -> Outcome<PathBuf> {
    let target = target()?;
    let own = target.join("torture").join(variant.name());
    let (name, folder) = match profile {
        Profile::Dev => ("dev", "debug"),
        Profile::Release => ("release", "release"),
    };
    let mut cargo = repository::cargo();
    cargo.args(["build", "--quiet", "--package", "drillmaster", "--bin", "drillmaster"]);
    cargo.args(["--profile", name]);
    cargo.arg("--target-dir").arg(&own);
    cargo.env("RUSTC_WORKSPACE_WRAPPER", wrapper(&own, variant)?);
    // Dependencies are shared with other builds; an older cargo builds them again.
    if std::env::var_os("CARGO_BUILD_BUILD_DIR").is_none() {
        cargo.env("CARGO_BUILD_BUILD_DIR", &target);
    }
    let status = cargo.status().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err(format!("the build `{}` failed ({status})", variant.name()));
    }
    Ok(own.join(folder).join(format!("drillmaster{}", std::env::consts::EXE_SUFFIX)))
}

/// Writes a script that adds the variant's `--cfg` flags for the crates of the workspace. With `RUSTFLAGS` every
/// dependency would be built again. Cargo keeps the results apart by the script's path.
fn wrapper(folder: &Path, variant: Variant) -> Outcome<PathBuf> {
    let path = folder.join("rustc-wrapper.sh");
    let script = format!("#!/bin/sh\nexec \"$@\" {}\n", variant.flags());
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, script))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(path)
}

/// The folder that cargo builds in.
pub(super) fn target() -> Outcome<PathBuf> {
    let own = std::env::current_exe()
        .map_err(|error| format!("cannot find the program itself: {error}"))?;
    let target = own.ancestors().nth(2).map(PathBuf::from);
    target.ok_or_else(|| "xtask is not in a target folder; use `cargo xtask torture`".to_owned())
}
