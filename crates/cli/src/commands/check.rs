//! `drillmaster check`

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::{Format, Ui, complete};
use drillmaster_runner::diagnostic::{Diagnostic, Severity};
use drillmaster_runner::exit::Exit;
use drillmaster_runner::script::Script;

/// The flags of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The scripts
    #[arg(required = true, value_name = "SCRIPT", add = complete::files("rhai"))]
    scripts: Vec<PathBuf>,
    /// Take warnings for mistakes: end with 3 where there are any
    #[arg(long)]
    strict: bool,
}

/// Tells the mistakes and the warnings of each script, or lists them with `--format`. Warnings alone are no failure.
pub(crate) fn check(args: &CheckArgs, shell: &Ui) -> Result<Exit, Diagnostic> {
    let (mut worst, mut listed) = (Exit::Done, Vec::new());
    for path in &args.scripts {
        let found = match Script::open(path) {
            Ok(script) => {
                let mistakes = script.check().err().unwrap_or_default();
                mistakes.into_iter().chain(script.warnings()).collect()
            }
            Err(problem) => Script::complaints(path, problem),
        };
        for problem in &found {
            worst = worst.max(weight(problem, args.strict));
        }
        if shell.format != Format::Table {
            listed.extend(found.iter().map(|problem| item(path, problem)));
            continue;
        }
        for problem in &found {
            shell.tell(problem);
        }
        if found.iter().all(|problem| problem.severity == Severity::Warning) {
            let warnings = match found.len() {
                0 => String::new(),
                1 => ", and 1 warning".to_owned(),
                several => format!(", and {several} warnings"),
            };
            shell.console.print(&format!("{}: no mistakes found{warnings}", path.display()));
        }
    }
    if shell.format != Format::Table {
        shell.list(&["script", "line", "column", "weight", "message", "help"], listed)?;
    }
    Ok(worst)
}

/// What was found, for editors and other programs.
fn item(path: &Path, problem: &Diagnostic) -> Value {
    let place = problem.location.as_ref();
    json!({
        "script": path,
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "weight": if problem.severity == Severity::Warning { "warning" } else { "mistake" },
        "message": problem.message,
        "help": problem.help,
    })
}

fn weight(problem: &Diagnostic, strict: bool) -> Exit {
    match Exit::of(problem) {
        Exit::Done if strict => Exit::Script,
        exit => exit,
    }
}
