//! `drillmaster check`

use std::path::PathBuf;

use clap::Args;

use super::{Shell, complete};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::script::Script;

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

/// Tells the mistakes and the warnings of each script. Warnings alone are no failure.
pub(crate) fn check(args: &CheckArgs, shell: &Shell) -> Exit {
    let mut worst = Exit::Done;
    for path in &args.scripts {
        let found = match Script::open(path) {
            Ok(script) => {
                let mistakes = script.check().err().unwrap_or_default();
                mistakes.into_iter().chain(script.warnings()).collect()
            }
            Err(problem) => vec![problem],
        };
        for problem in &found {
            shell.tell(problem);
            worst = worst.max(weight(problem, args.strict));
        }
        if found.iter().all(|problem| problem.exit == Exit::Done) {
            let warnings = match found.len() {
                0 => String::new(),
                1 => ", and 1 warning".to_owned(),
                several => format!(", and {several} warnings"),
            };
            shell.console.print(&format!("{}: no mistakes found{warnings}", path.display()));
        }
    }
    worst
}

fn weight(problem: &Problem, strict: bool) -> Exit {
    match problem.exit {
        Exit::Done if strict => Exit::Script,
        exit => exit,
    }
}
