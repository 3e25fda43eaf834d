//! Pictures of the terminal, of what the program really prints.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anstyle_svg::Term;

use super::Files;
use crate::{Outcome, repository};

/// A picture's name, and what is typed in it.
const PICTURES: [(&str, &str); 2] = [
    ("onboarding", "run onboard_class.rhai --roster class.csv --max-rows 6"),
    ("misspelt", "check misspelt.rhai"),
];

/// What lies where it is typed, besides the shipped workflow and its class.
const MISSPELT: &str =
    "each(roster(), |learner| {\n    thm::add_seat(#{ emial: learner.email });\n});\n";

/// The pictures.
pub(super) fn files() -> Outcome<Files> {
    let told = |error| format!("cannot set the scene of a picture: {error}");
    let desk = tempfile::tempdir().map_err(told)?;
    let scripts = repository::root().join("scripts");
    for (from, name) in
        [("onboard_class.rhai", "onboard_class.rhai"), ("examples/class.csv", "class.csv")]
    {
        fs::copy(scripts.join(from), desk.path().join(name)).map_err(told)?;
    }
    fs::write(desk.path().join("misspelt.rhai"), MISSPELT).map_err(told)?;
    let program = program()?;
    let picture = |(name, line): (&str, &str)| {
        let seen = format!("$ drillmaster {line}\n{}", typed(&program, desk.path(), line)?);
        Ok((format!("docs/pictures/{name}.svg"), Term::new().render_svg(&seen)))
    };
    PICTURES.into_iter().map(picture).collect()
}

/// The program, built beside this one: alone it would be built with other features of what both are made of.
fn program() -> Outcome<PathBuf> {
    let mut build = repository::cargo();
    build.args(["build", "--quiet", "--package", "xtask", "--package", "drillmaster"]);
    let ended = build.status().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !ended.success() {
        return Err("the program cannot be built".to_owned());
    }
    let own = std::env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
    Ok(own.with_file_name(format!("drillmaster{}", std::env::consts::EXE_SUFFIX)))
}

/// What comes of a line, in colour.
fn typed(program: &Path, desk: &Path, line: &str) -> Outcome<String> {
    let mut command = Command::new(program);
    command.current_dir(desk).args(line.split(' ')).args(["--color", "always"]);
    command.env("XDG_STATE_HOME", desk).env("XDG_CONFIG_HOME", desk).env_remove("NO_COLOR");
    let ended = command.output().map_err(|error| format!("cannot run `{line}`: {error}"))?;
    // A mistake is told on standard error, and ends with another code.
    let seen = [ended.stdout, ended.stderr].concat();
    String::from_utf8(seen).map_err(|error| format!("`{line}` printed no text: {error}"))
}
