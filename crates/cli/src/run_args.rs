//! The flags that `run` and `resume` share.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::execution::{DEFAULT_CONCURRENCY, MAX_CONCURRENCY};
use drillmaster_runner::run_spec::{Reports, RunSpec};
use jiff::SignedDuration;

use crate::complete;
use crate::paths::absolute;
use crate::patience::parse_duration;
use crate::report_args::ReportArgs;
use crate::target_args::{TargetArgs, override_target, target_from_flags};

/// The flags that `run` and `resume` share.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RunOptions {
    /// CSV file with one row per person
    #[arg(long, value_name = "CSV", add = complete::files("csv"))]
    roster: Option<PathBuf>,
    /// Roster column that identifies a row [default: the first]
    #[arg(long, value_name = "COLUMN")]
    key: Option<String>,
    /// Set an input of the script
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_input, add = complete::inputs())]
    set: Vec<(String, String)>,
    #[command(flatten)]
    target: TargetArgs,
    /// Process only the first N rows
    #[arg(long, value_name = "N")]
    max_rows: Option<usize>,
    /// Number of rows to process in parallel, 1 to 256 [default: 16]
    #[arg(long, value_name = "N", value_parser = parse_concurrency)]
    concurrency: Option<usize>,
    /// Write the result of each row to a CSV file, or as JSON lines to a .jsonl file
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Stop before removing something (a seat, a room, access) from more than N rows [default: a tenth of the
    /// rows, at least 10]
    #[arg(long, value_name = "N")]
    max_removals: Option<usize>,
    /// Allow irreversible calls, such as deleting a user
    #[arg(long)]
    yes: bool,
    /// How long a write may still take effect after its response was lost, such as 90s or 5m; it is not repeated
    /// before that [default: set by the endpoint, 2m]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = IN_DOUBT)]
    effect_within: Option<SignedDuration>,
    /// How long to check whether an in-doubt write took effect [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = IN_DOUBT)]
    resolve_for: Option<SignedDuration>,
    #[command(flatten)]
    reports: ReportArgs,
}

/// The help heading of the flags about writes whose outcome is unknown.
pub(crate) const IN_DOUBT: &str = "In-doubt writes (no clear response)";

fn parse_concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=MAX_CONCURRENCY).contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from 1 to {MAX_CONCURRENCY}")),
    }
}

/// Parses `NAME=VALUE`.
pub(crate) fn parse_input(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must have the form NAME=VALUE".to_owned()),
    }
}

/// Refuses an input that is set twice: it is unclear which value is meant.
pub(crate) fn refuse_duplicate_inputs(set: &[(String, String)]) -> Result<(), Diagnostic> {
    let is_repeated = |index: usize| set[..index].iter().any(|(name, _)| *name == set[index].0);
    match (0..set.len()).find(|&index| is_repeated(index)) {
        None => Ok(()),
        Some(index) => {
            let name = &set[index].0;
            Err(Diagnostic::usage(format!("--set gives the input `{name}` twice"))
                .with_help("remove one of them"))
        }
    }
}

impl RunOptions {
    /// A roster, and defaults for everything else.
    pub(crate) fn with_roster(roster: PathBuf) -> Self {
        Self { roster: Some(roster), ..Self::default() }
    }

    /// The specification of a new run of this script.
    pub(crate) fn new_spec(
        &self,
        script: &Path,
        matches: &ArgMatches,
    ) -> Result<RunSpec, Diagnostic> {
        if self.key.is_some() && self.roster.is_none() {
            return Err(Diagnostic::usage("--key names a roster column, but there is no roster")
                .with_help("add --roster FILE.csv"));
        }
        let started = jiff::Timestamp::now();
        let defaults = RunSpec {
            id: RunSpec::new_id(started),
            started,
            script: absolute(script)?,
            roster: None,
            key: None,
            set: Vec::new(),
            place: target_from_flags(matches, &self.target)?,
            max_rows: None,
            concurrency: DEFAULT_CONCURRENCY,
            results: None,
            reports: Reports::default(),
            max_removals: None,
            yes: false,
            approved: None,
            effect_within: None,
            resolve_for: None,
        };
        self.override_spec(defaults, matches)
    }

    /// The specification with everything replaced that these flags set.
    pub(crate) fn override_spec(
        &self,
        spec: RunSpec,
        matches: &ArgMatches,
    ) -> Result<RunSpec, Diagnostic> {
        let path = |flag: &Option<PathBuf>, earlier: Option<PathBuf>| match flag {
            Some(path) => absolute(path).map(Some),
            None => Ok(earlier),
        };
        refuse_duplicate_inputs(&self.set)?;
        let mut set = spec.set;
        // Of two values for an input the last one wins.
        set.extend(self.set.iter().cloned());
        Ok(RunSpec {
            roster: path(&self.roster, spec.roster)?,
            key: self.key.clone().or(spec.key),
            set,
            place: override_target(spec.place, matches, &self.target)?,
            max_rows: self.max_rows.or(spec.max_rows),
            concurrency: self.concurrency.unwrap_or(spec.concurrency),
            results: path(&self.results, spec.results)?,
            reports: self.reports.or(spec.reports)?,
            max_removals: self.max_removals.or(spec.max_removals),
            yes: self.yes || spec.yes,
            effect_within: self.effect_within.or(spec.effect_within),
            resolve_for: self.resolve_for.or(spec.resolve_for),
            ..spec
        })
    }
}
