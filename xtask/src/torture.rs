//! `cargo xtask torture`, the crash test: onboards a class over real HTTP while the service injects faults and
//! the program is killed again and again; then compares the rows with what the service really did.
//!
//! The test itself is tested: it must catch three builds that are broken on purpose.

mod audit;
mod build;
mod class;
mod process;
mod round;
mod service;
mod stats;

use std::path::Path;
use std::time::Instant;

use clap::{Args, ValueEnum};

use self::build::Profile;
use self::round::Workdir;
use self::stats::Stats;
use crate::{Outcome, repository};

/// The flags of `torture`.
#[derive(Debug, Args)]
pub(crate) struct TortureArgs {
    /// Kills per seed; broken builds are killed up to five times as often, until caught
    #[arg(long, value_name = "N", default_value_t = 100)]
    kills: u32,
    /// Seeds; each is a test of its own
    #[arg(long, value_name = "S", value_delimiter = ',', default_value = "1")]
    seed: Vec<u64>,
    /// Learners per round
    #[arg(long, value_name = "N", default_value_t = 200)]
    learners: usize,
    /// Builds to test
    #[arg(long, value_enum, value_delimiter = ',', default_value = "sound")]
    variant: Vec<Variant>,
    /// Profile of the builds
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
}

/// A build of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Variant {
    /// As released, except that it can be killed at named points
    Sound,
    /// Broken on purpose: an in-doubt write is sent again without checking
    Unresolved,
    /// Broken on purpose: a write is recorded only after it was sent
    Unsynced,
    /// Broken on purpose: an in-doubt write is sent again after the first list that lacks it
    Hasty,
}

impl Variant {
    fn name(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Unresolved => "unresolved",
            Self::Unsynced => "unsynced",
            Self::Hasty => "hasty",
        }
    }

    /// The flags for the compiler, quoted for a shell.
    fn flags(self) -> String {
        let crash_test = "--cfg drillmaster_crash_test";
        match self {
            Self::Sound => crash_test.to_owned(),
            broken => format!("{crash_test} --cfg 'drillmaster_break=\"{}\"'", broken.name()),
        }
    }
}

/// Runs the test, prints a table, and fails if something was lost or done twice, or if a broken build was not
/// caught.
pub(crate) fn run(args: &TortureArgs) -> Outcome {
    let mut lines = Vec::new();
    let mut findings = Vec::new();
    for &variant in &args.variant {
        progress(&format!("building {}", variant.name()));
        let program = build::build(variant, args.profile)?;
        let mut doubled = 0;
        for &seed in &args.seed {
            let (stats, finding) = torture(args, variant, &program, seed)?;
            doubled += stats.doubled;
            lines.push((format!("{} {seed}", variant.name()), stats));
            findings.extend(finding);
        }
        if variant != Variant::Sound && doubled == 0 {
            findings.push(format!(
                "the build `{}` doubled nothing that was noticed: the torture proves nothing; try more kills \
                 or other seeds",
                variant.name()
            ));
        }
    }
    println!("{}", stats::table(&lines));
    if findings.is_empty() { Ok(()) } else { Err(findings.join("\n\n")) }
}

/// The short version: a few dozen kills and all broken builds.
pub(crate) fn short() -> Outcome {
    run(&TortureArgs {
        kills: 40,
        seed: vec![1],
        learners: 80,
        variant: Variant::value_variants().to_vec(),
        profile: Profile::Dev,
    })
}

/// Runs rounds until the program was killed often enough. Stops at the first finding: a broken build is caught
/// by then, and a sound one needs investigation.
fn torture(
    args: &TortureArgs,
    variant: Variant,
    program: &Path,
    seed: u64,
) -> Outcome<(Stats, Option<String>)> {
    let start = Instant::now();
    let workdir = Workdir::new(program, seed, args.learners)?;
    let mut stats = Stats::default();
    let mut finding = None;
    // A broken build is not always caught at once.
    let kills = if variant == Variant::Sound { args.kills } else { args.kills.saturating_mul(5) };
    for number in 1.. {
        let round = workdir.round(number, kills - stats.kills())?;
        stats.add(&round.stats);
        progress(&format!(
            "{} {seed}, round {number}: killed {} times, {} of {} by now; {}",
            variant.name(),
            round.stats.kills(),
            stats.kills(),
            kills,
            round.states,
        ));
        if !round.findings.is_empty() {
            if variant == Variant::Sound {
                finding = Some(round.report());
                workdir.keep();
            } else {
                progress(&format!("found: {}", round.findings[0]));
            }
            break;
        }
        if stats.kills() >= kills {
            break;
        }
    }
    stats.wall = start.elapsed();
    Ok((stats, finding))
}

/// The script to run: the main job, as people run it.
fn script() -> std::path::PathBuf {
    repository::root().join("scripts").join("onboard_class.rhai")
}

/// Shows progress.
fn progress(what: &str) {
    eprintln!("== {what}");
}
