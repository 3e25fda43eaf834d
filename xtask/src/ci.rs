//! `cargo xtask ci` runs all checks, the quick ones first.

use crate::repository::cargo;
use crate::{Outcome, codegen, man, tidy, torture};

/// A check.
struct Step {
    name: &'static str,
    work: Work,
}

enum Work {
    /// A cargo command, with environment variables.
    Cargo(&'static [&'static str], &'static [(&'static str, &'static str)]),
    /// Another chore.
    Chore(fn() -> Outcome),
}

// The tests come last, so that the output ends with their summary.
const STEPS: [Step; 8] = [
    Step { name: "fmt", work: Work::Cargo(&["fmt", "--all", "--check"], &[]) },
    Step { name: "tidy", work: Work::Chore(tidy::run) },
    Step { name: "codegen --check", work: Work::Chore(codegen::check) },
    Step {
        name: "clippy",
        work: Work::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[]),
    },
    Step {
        name: "doc",
        work: Work::Cargo(&["doc", "--no-deps", "--workspace"], &[("RUSTDOCFLAGS", "-D warnings")]),
    },
    Step { name: "man", work: Work::Chore(man::run) },
    Step { name: "torture, in short", work: Work::Chore(torture::short) },
    // One seed for property tests, so that a change fails because of what it changed. `cargo test` tries others.
    Step {
        name: "test",
        work: Work::Cargo(&["test", "--workspace"], &[("PROPTEST_RNG_SEED", "1")]),
    },
];

/// Runs the steps up to the first that fails.
pub(crate) fn run() -> Outcome {
    for Step { name, work } in STEPS {
        println!("== {name}");
        take(&work).map_err(|problem| format!("{name}: {problem}"))?;
    }
    Ok(())
}

fn take(work: &Work) -> Outcome {
    match work {
        Work::Chore(chore) => chore(),
        Work::Cargo(arguments, variables) => {
            let mut cargo = cargo();
            cargo.args(*arguments).envs(variables.iter().copied());
            let status = cargo.status().map_err(|error| format!("cannot run cargo: {error}"))?;
            if status.success() {
                Ok(())
            } else {
                Err(format!("`cargo {}` failed ({status})", arguments.join(" ")))
            }
        }
    }
}
