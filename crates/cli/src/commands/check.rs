//! `drillmaster check`

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::complete;
use crate::ui::Ui;

use drillmaster_runner::diagnostic::{Diagnostic, Severity};
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::table::Format;
use drillmaster_runner::script::Script;

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Scripts to check
    #[arg(required = true, value_name = "SCRIPT", add = complete::files("rhai"))]
    scripts: Vec<PathBuf>,
    /// Treat warnings as mistakes: exit with code 3 if there are any
    #[arg(long)]
    strict: bool,
}

/// Prints the mistakes and warnings of each script, or lists them with `--format`. Warnings alone are no failure.
pub(crate) fn run(args: &CheckArgs, ui: &Ui) -> Exit {
    let (mut exit, mut listed) = (Exit::Done, Vec::new());
    for path in &args.scripts {
        let found = match Script::open(path) {
            Ok(script) => {
                let mistakes = script.check().err().unwrap_or_default();
                mistakes.into_iter().chain(script.warnings()).collect()
            }
            Err(problem) => Script::parse_errors(path, problem),
        };
        for problem in &found {
            exit = exit.max(exit_code(problem, args.strict));
        }
        if ui.format != Format::Table {
            listed.extend(found.iter().map(|problem| item(path, problem)));
            continue;
        }
        for problem in &found {
            ui.print_diagnostic(problem);
        }
        if found.iter().all(|problem| problem.severity == Severity::Warning) {
            let warnings = match found.len() {
                0 => String::new(),
                1 => ", 1 warning".to_owned(),
                several => format!(", {several} warnings"),
            };
            ui.console.print(&format!("{}: no mistakes{warnings}", path.display()));
        }
    }
    if ui.format != Format::Table {
        ui.list(&["script", "line", "column", "weight", "message", "help"], listed);
    }
    exit
}

/// A mistake or warning, for editors and other programs.
fn item(path: &Path, problem: &Diagnostic) -> Value {
    let location = problem.location.as_ref();
    json!({
        "script": path,
        "line": location.map(|location| location.line),
        "column": location.map(|location| location.column),
        "weight": if problem.severity == Severity::Warning { "warning" } else { "mistake" },
        "message": problem.message,
        "help": problem.help,
    })
}

fn exit_code(problem: &Diagnostic, strict: bool) -> Exit {
    match Exit::of(problem) {
        Exit::Done if strict => Exit::Script,
        exit => exit,
    }
}
