//! The project's chores; `cargo xtask help` lists them.

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
    /// Write the generated files in docs
    Codegen {
        /// Fail if a generated file is out of date; write nothing
        #[arg(long)]
        check: bool,
    },
    /// Check rules that the compiler does not know: layers, import circles, no endpoint named in a match
    Tidy,
    /// Run all checks, up to the first that fails
    Ci,
    /// Measure speed and memory, and fail if a goal is missed
    Bench(bench::BenchArgs),
    /// Run the crash test: kill a run again and again while the service injects faults, and audit the result
    Torture(torture::TortureArgs),
    /// Write manual pages to target/man, and check them with mandoc if it is installed
    Man,
    /// Check reports in Chromium if it is installed, and save screenshots
    ReportCheck,
}

/// The result of a chore; an error is printed as it is.
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
