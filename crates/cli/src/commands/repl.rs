//! `drillmaster repl`

use std::path::PathBuf;

use clap::{ArgMatches, Args};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::guards::Limits;
use drillmaster_runner::roster::Roster;

use crate::complete;
use crate::preflight::removal_limit;
use crate::repl::{Options, Repl};
use crate::run_args::{parse_input, refuse_duplicate_inputs};
use crate::target_args::{TargetArgs, target_from_flags};
use crate::ui::Ui;

/// The arguments of `repl`.
#[derive(Debug, Args)]
pub(crate) struct ReplArgs {
    /// CSV file with one row per person, for `roster()`
    #[arg(long, value_name = "CSV", add = complete::files("csv"))]
    roster: Option<PathBuf>,
    /// Roster column that identifies a row [default: the first]
    #[arg(long, value_name = "COLUMN", requires = "roster")]
    key: Option<String>,
    /// Set the value of an `input(...)`
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_input)]
    set: Vec<(String, String)>,
    #[command(flatten)]
    target: TargetArgs,
    /// Stop before removing something from more than N rows or people in total [default: a tenth of the rows, at
    /// least 10]
    #[arg(long, value_name = "N")]
    max_removals: Option<usize>,
    /// Allow irreversible calls, such as deleting a user
    #[arg(long)]
    yes: bool,
    /// Show hidden fields, such as answers to questions
    #[arg(long)]
    reveal: bool,
}

pub(crate) fn run(args: &ReplArgs, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    refuse_duplicate_inputs(&args.set)?;
    let target = target_from_flags(matches, &args.target)?;
    let roster = args.roster.as_deref().map(|path| Roster::open(path, args.key.as_deref()));
    let roster = roster.transpose()?;
    let removals = removal_limit(args.max_removals, roster.as_ref().map_or(0, Roster::len));
    let options = Options {
        target,
        roster,
        inputs: args.set.clone(),
        limits: Limits { removals: Some(removals), irreversible: args.yes },
        reveal: args.reveal,
    };
    Repl::new(options, ui)?.run()
}
