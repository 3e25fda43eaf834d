//! Pictures of the terminal with the program's real output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anstyle_svg::Term;

use super::Files;
use crate::{Outcome, repository};

/// The name of each picture, and the command that it shows.
const PICTURES: [(&str, &str); 2] = [
    ("onboarding", "run onboard_class.rhai --roster class.csv --max-rows 6"),
    ("misspelt", "check misspelt.rhai"),
];

/// A script with a misspelt field.
const MISSPELT: &str =
    "each(roster(), |learner| {\n    thm::add_seat(#{ emial: learner.email });\n});\n";

/// The pictures.
pub(super) fn files() -> Outcome<Files> {
    let failed = |error| format!("cannot prepare a picture: {error}");
    let folder = tempfile::tempdir().map_err(failed)?;
    let scripts = repository::root().join("scripts");
    for (from, name) in
        [("onboard_class.rhai", "onboard_class.rhai"), ("examples/class.csv", "class.csv")]
    {
        fs::copy(scripts.join(from), folder.path().join(name)).map_err(failed)?;
    }
    fs::write(folder.path().join("misspelt.rhai"), MISSPELT).map_err(failed)?;
    let program = program()?;
    let picture = |(name, line): (&str, &str)| {
        let text = format!("$ drillmaster {line}\n{}", run(&program, folder.path(), line)?);
        Ok((format!("docs/pictures/{name}.svg"), Term::new().render_svg(&text)))
    };
    PICTURES.into_iter().map(picture).collect()
}

/// The program, built together with this one: alone it would be built with other features of their dependencies.
fn program() -> Outcome<PathBuf> {
    let mut build = repository::cargo();
    build.args(["build", "--quiet", "--package", "xtask", "--package", "drillmaster"]);
    let ended = build.status().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !ended.success() {
        return Err("cannot build the program".to_owned());
    }
    let own = std::env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
    Ok(own.with_file_name(format!("drillmaster{}", std::env::consts::EXE_SUFFIX)))
}

/// The output of a command, in colour.
fn run(program: &Path, folder: &Path, line: &str) -> Outcome<String> {
    let mut command = Command::new(program);
    command.current_dir(folder).args(line.split(' ')).args(["--color", "always"]);
    command.env("XDG_STATE_HOME", folder).env("XDG_CONFIG_HOME", folder).env_remove("NO_COLOR");
    let ended = command.output().map_err(|error| format!("cannot run `{line}`: {error}"))?;
    // `check` prints errors on standard error and ends with an error code.
    let output = [ended.stdout, ended.stderr].concat();
    String::from_utf8(output)
        .map_err(|error| format!("the output of `{line}` is not UTF-8: {error}"))
}
