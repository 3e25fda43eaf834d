//! The project's chores: `cargo xtask codegen`, `cargo xtask tidy`, `cargo xtask ci`,
//! `cargo xtask bench`, `cargo xtask torture`, `cargo xtask fuzz`, `cargo xtask soak`, `cargo xtask man`,
//! `cargo xtask report-check`.

mod bench;
mod ci;
mod codegen;
mod man;
mod report_check;
mod repository;
mod tidy;
mod torture;

use std::process::ExitCode;

use clap::Parser;

/// The project's chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
enum Chore {
    /// Write what is generated from the list of endpoints: docs/endpoints.md, docs/openapi, docs/rhai
    Codegen {
        /// Write nothing; fail where a generated file is not what it would be
        #[arg(long)]
        check: bool,
    },
    /// Check the rules of the house that no compiler knows: layering, no endpoint named in a match
    Tidy,
    /// Do all that must hold before a change goes in, and stop at the first thing that does not
    Ci,
    /// Measure rows a second, pace and memory in the release build, and fail where a goal is missed
    Bench(bench::BenchArgs),
    /// Kill a run again and again while the service makes trouble, and compare its rows with what was done
    Torture(torture::TortureArgs),
    /// Write manual pages of the command into target/man, and have mandoc look at them, where it is installed
    Man,
    /// Look at reports in Chromium, where it is installed: sort, filter, point, and leave pictures
    ReportCheck,
}

/// What a chore ends with: an error is told as it stands.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Codegen { check: false } => codegen::write(),
        Chore::Codegen { check: true } => codegen::check(),
        Chore::Tidy => tidy::run(),
        Chore::Ci => ci::run(),
        Chore::Bench(args) => bench::run(&args),
        Chore::Torture(args) => torture::run(&args),
        Chore::Man => man::run(),
        Chore::ReportCheck => report_check::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}
