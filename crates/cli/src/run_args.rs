//! What can be said about a run, when it begins and again when it is resumed.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args};
use jiff::SignedDuration;

use crate::complete;
use crate::report_args::ReportArgs;
use crate::target_args;
use crate::target_args::TargetArgs;
use crate::waiting::time;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::execution::{DEFAULT_CONCURRENCY, MAX_CONCURRENCY};
use drillmaster_runner::run_spec::{Reports, RunSpec, Target};

/// The flags that `run` and `resume` share.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Settings {
    /// A CSV file with a row per person
    #[arg(long, value_name = "CSV", add = complete::files("csv"))]
    roster: Option<PathBuf>,
    /// The roster's column that tells rows apart; the first unless named
    #[arg(long, value_name = "COLUMN")]
    key: Option<String>,
    /// Set an input of the script
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value, add = complete::inputs())]
    set: Vec<(String, String)>,
    #[command(flatten)]
    target: TargetArgs,
    /// Take only the first rows
    #[arg(long, value_name = "N")]
    max_rows: Option<usize>,
    /// How many rows run at a time: 16 unless set, 256 at most
    #[arg(long, value_name = "N", value_parser = concurrency)]
    concurrency: Option<usize>,
    /// Write what became of each row as CSV, or as JSON lines to a .jsonl file
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// From how many rows something may be taken away: a seat, a room, access; 10, or a tenth of the rows,
    /// unless set
    #[arg(long, value_name = "N")]
    max_removals: Option<usize>,
    /// Allow what cannot be undone, such as deleting a user
    #[arg(long)]
    yes: bool,
    /// How long after a write without a clear answer its effect may still appear, such as 90s or 5m; as the
    /// endpoint declares unless set, which is 2m. Only after that may it be sent again
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = DOUBTS)]
    effect_within: Option<SignedDuration>,
    /// For how long to check whether a write without a clear answer took effect; 30s unless set
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = DOUBTS)]
    resolve_for: Option<SignedDuration>,
    #[command(flatten)]
    reports: ReportArgs,
}

/// Under what the flags about writes without a clear answer stand in help.
pub(super) const DOUBTS: &str = "Writes in doubt";

fn concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=MAX_CONCURRENCY).contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from 1 to {MAX_CONCURRENCY}")),
    }
}

pub(super) fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

/// Refuses an input that is set twice: nobody knows which of the two was meant.
pub(super) fn refuse_twice(set: &[(String, String)]) -> Result<(), Diagnostic> {
    let again = |index: usize| set[..index].iter().any(|(name, _)| *name == set[index].0);
    match (0..set.len()).find(|&index| again(index)) {
        None => Ok(()),
        Some(index) => {
            let name = &set[index].0;
            Err(Diagnostic::usage(format!("--set gives the input `{name}` twice"))
                .with_help("leave one of the two out"))
        }
    }
}

impl Settings {
    /// A roster and nothing else.
    pub(crate) fn of_roster(roster: PathBuf) -> Self {
        Self { roster: Some(roster), ..Self::default() }
    }

    /// A new run of this script.
    pub(crate) fn order(&self, script: &Path, matches: &ArgMatches) -> Result<RunSpec, Diagnostic> {
        if self.key.is_some() && self.roster.is_none() {
            return Err(Diagnostic::usage("--key names a column of a roster, and there is none")
                .with_help("give the roster as --roster FILE.csv"));
        }
        let started = jiff::Timestamp::now();
        let blank = RunSpec {
            id: RunSpec::new_id(started),
            started,
            script: absolute(script)?,
            roster: None,
            key: None,
            set: Vec::new(),
            place: target_args::place_of(matches, &self.target)?,
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
        self.over(blank, matches)
    }

    /// The order with what is said here instead of what it said.
    pub(crate) fn over(&self, order: RunSpec, matches: &ArgMatches) -> Result<RunSpec, Diagnostic> {
        let path = |own: &Option<PathBuf>, other: Option<PathBuf>| match own {
            Some(path) => absolute(path).map(Some),
            None => Ok(other),
        };
        refuse_twice(&self.set)?;
        let mut set = order.set;
        // What is said now wins over what was said before.
        set.extend(self.set.iter().cloned());
        Ok(RunSpec {
            roster: path(&self.roster, order.roster)?,
            key: self.key.clone().or(order.key),
            set,
            place: target_args::place_with(order.place, matches, &self.target)?,
            max_rows: self.max_rows.or(order.max_rows),
            concurrency: self.concurrency.unwrap_or(order.concurrency),
            results: path(&self.results, order.results)?,
            reports: self.reports.over(order.reports)?,
            max_removals: self.max_removals.or(order.max_removals),
            yes: self.yes || order.yes,
            effect_within: self.effect_within.or(order.effect_within),
            resolve_for: self.resolve_for.or(order.resolve_for),
            ..order
        })
    }
}

pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Diagnostic> {
    std::path::absolute(path).map_err(|error| {
        Diagnostic::usage(format!("cannot tell where {} is: {error}", path.display()))
    })
}
