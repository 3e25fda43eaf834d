//! `cargo xtask bench` measures rows per second and the memory of a run.
//!
//! It measures whole processes of the profile `dist`. Candidates take turns within one run; compare their
//! ratios, not the figures of two runs or two machines.

mod compare;
mod jobs;
mod process;
mod recorder;
mod report;
mod work;

use std::collections::BTreeSet;
use std::process::Command;

use clap::Args;
use clap::builder::PossibleValuesParser;

use self::report::Line;
use self::work::Workdir;
use crate::{Outcome, repository};

/// The flags of `bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Use fewer rows and one repetition: a smoke test
    #[arg(long)]
    quick: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Jobs to run [default: all]
    #[arg(value_parser = PossibleValuesParser::new(JOBS.iter().map(|job| job.name)))]
    names: Vec<String>,
}

struct Job {
    name: &'static str,
    work: fn(&Workdir, Extent) -> Outcome<Vec<Line>>,
    /// Arguments of the `cargo build` that the job needs.
    built: &'static [&'static str],
}

const JOBS: [Job; 7] = [
    Job { name: "rows", work: jobs::rows, built: COMMANDS },
    Job { name: "latency", work: jobs::latency, built: COMMANDS },
    Job { name: "pace", work: jobs::pace, built: COMMANDS },
    Job { name: "memory", work: jobs::memory, built: COMMANDS },
    Job { name: "captured", work: jobs::captured, built: COMMANDS },
    Job { name: "replay", work: jobs::replay, built: REPLAY },
    Job { name: "python", work: jobs::python, built: COMMANDS },
];

/// The profile that packages are built with.
const PROFILE: &str = "dist";

/// The command, and the bare client that it is compared with.
const COMMANDS: &[&str] = &["--package", "drillmaster", "--package", "drillmaster-bare"];
const REPLAY: &[&str] = &["--package", "drillmaster-transport", "--example", "replay_rate"];

/// The size of the jobs.
#[derive(Debug, Clone, Copy)]
struct Extent {
    rows: u32,
    repetitions: usize,
    paced_rows: u32,
    many_rows: [u32; 2],
    interactions: u32,
    captured_rows: [u32; 2],
}

/// Enough rows that a program's start does not matter.
const WHOLE: Extent = Extent {
    rows: 20_000,
    repetitions: 5,
    paced_rows: 2000,
    many_rows: [100_000, 1_000_000],
    interactions: 100_000,
    captured_rows: [1000, 64_000],
};
const QUICK: Extent = Extent {
    rows: 2000,
    repetitions: 1,
    paced_rows: 400,
    many_rows: [10_000, 100_000],
    interactions: 20_000,
    captured_rows: [1000, 8000],
};

/// Measures, prints, and fails if a goal is missed.
pub(crate) fn run(args: &BenchArgs) -> Outcome {
    let named =
        |job: &&Job| args.names.is_empty() || args.names.iter().any(|name| name == job.name);
    let jobs: Vec<_> = JOBS.iter().filter(named).collect();
    let needed: BTreeSet<_> = jobs.iter().map(|job| job.built).collect();
    needed.into_iter().try_for_each(build)?;
    let workdir = Workdir::new()?;
    let extent = if args.quick { QUICK } else { WHOLE };
    let facts = facts(&workdir, extent)?;
    let mut lines = Vec::new();
    for job in jobs {
        let measured = (job.work)(&workdir, extent)?;
        // Shown at once, so that an interrupted bench has shown something.
        eprintln!("{}", report::table(&[], &measured));
        lines.extend(measured);
    }
    if args.json {
        println!("{:#}", report::json(&facts, &lines));
    } else {
        println!("{}", report::table(&facts, &lines));
    }
    match report::missed(&lines).as_slice() {
        [] => Ok(()),
        missed => Err(format!("missed: {}", missed.join("; "))),
    }
}

/// Builds what a job needs.
fn build(what: &[&str]) -> Outcome {
    progress("building");
    let status = repository::cargo().args(["build", "--profile", PROFILE]).args(what).status();
    match status.map_err(|error| format!("cannot run cargo: {error}"))? {
        status if status.success() => Ok(()),
        status => Err(format!("`cargo build --profile {PROFILE}` failed ({status})")),
    }
}

/// Facts about the machine.
fn facts(workdir: &Workdir, extent: Extent) -> Outcome<Vec<(String, String)>> {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let first = |file: &str, name: &str| {
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?.to_owned();
        Some(line.rsplit(':').next().unwrap_or_default().trim().to_owned())
    };
    let unknown = || "unknown".to_owned();
    let syncs = process::syncs_per_second(workdir.path())?;
    let commit = repository::output(
        Command::new("git")
            .current_dir(repository::root())
            .args(["describe", "--always", "--dirty"]),
    );
    let facts = [
        ("commit", commit.map_or_else(|_| unknown(), |commit| commit.trim().to_owned())),
        ("processor", first("/proc/cpuinfo", "model name").unwrap_or_else(unknown)),
        ("cores, shared by client and server", cores.to_string()),
        ("load before", first("/proc/loadavg", "").unwrap_or_else(unknown)),
        ("fdatasync of this disk", format!("{syncs:.0}/s, one after the other")),
        ("rows, repetitions", format!("{}, {}", extent.rows, extent.repetitions)),
    ];
    Ok(facts.map(|(name, value)| (name.to_owned(), value)).into())
}

/// Shows progress.
fn progress(what: &str) {
    eprintln!("== {what}");
}
