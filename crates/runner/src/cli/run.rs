//! `drillmaster run`

use std::path::{Path, PathBuf};

use clap::{ArgAction, ArgMatches, Args, CommandFactory};
use drillmaster_transport::cassette::Header;

use super::interrupts::Interrupts;
use super::target::{CassetteArgs, Target, TargetArgs, output};
use super::{Cli, Shell};
use crate::exit::Exit;
use crate::host::Stop;
use crate::problem::Problem;
use crate::roster::Roster;
use crate::run::{CONCURRENCY, Job, Report, run as run_script};
use crate::script::Script;
use crate::table::layout;

/// The flags of `run`.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct RunArgs {
    /// The script; `--help` after it lists its inputs
    #[arg(required_unless_present = "help")]
    script: Option<PathBuf>,
    /// A CSV file with a row per person
    #[arg(long, value_name = "CSV")]
    roster: Option<PathBuf>,
    /// The roster's column that tells rows apart; the first unless named
    #[arg(long, value_name = "COLUMN", requires = "roster")]
    key: Option<String>,
    /// Set an input of the script
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    cassettes: CassetteArgs,
    /// Take only the first rows
    #[arg(long, value_name = "N")]
    max_rows: Option<usize>,
    /// How many rows run at a time
    #[arg(long, value_name = "N", default_value_t = CONCURRENCY, value_parser = at_least_one)]
    concurrency: usize,
    /// Write what became of each row as CSV, or as JSON lines to a .jsonl file
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Print help, with the script's own where one is named
    #[arg(short, long, action = ArgAction::SetTrue)]
    help: bool,
}

/// The most lines in which a summary tells of rows.
const TOLD: usize = 20;

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("a whole number from 1 is due".to_owned()),
    }
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

pub(crate) fn run(args: &RunArgs, matches: &ArgMatches, shell: &Shell) -> Result<Exit, Problem> {
    let Some(path) = &args.script else {
        shell.console.print(&flags());
        return Ok(Exit::Done);
    };
    let script = Script::open(path)?;
    if args.help {
        shell.console.print(&help(&script));
        return Ok(Exit::Done);
    }
    if let Err(mut problems) = script.check() {
        let last = problems.pop().unwrap_or_else(|| Problem::script("the script has mistakes"));
        for problem in &problems {
            shell.tell(problem);
        }
        return Err(last);
    }
    let inputs = script.read_inputs(&args.set)?;
    let roster = roster(args, &script, shell)?;
    let (results, cassettes) = outputs(args, path)?;
    let header = Header {
        script: Some(script.hash()),
        roster: roster.as_ref().map(|roster| roster.hash().to_owned()),
        ..Header::default()
    };
    let services: Vec<_> = script.services().collect();
    let trace = shell.verbose.then(|| shell.console.clone());
    let target = Target::connect(matches, &args.target, &cassettes, header, &services, trace)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Problem::usage(format!("cannot start: {error}")))?;
    let stop = Stop::default();
    let interrupts = {
        let _inside = runtime.enter();
        Interrupts::watch()
            .map_err(|error| Problem::usage(format!("cannot watch for Ctrl-C: {error}")))?
    };
    runtime.spawn(listen(interrupts, stop.clone(), shell.console.clone()));
    let job = Job {
        roster,
        inputs,
        max_rows: args.max_rows,
        concurrency: args.concurrency,
        results,
        stop: stop.clone(),
        ..Job::new(target.connection.clone(), shell.console.clone())
    };
    let report = run_script(&script, job, runtime.handle());
    Ok(conclude(&report, &target, &stop, shell))
}

/// Where results and recording go, refused where they would replace what the run is made from.
fn outputs(args: &RunArgs, script: &Path) -> Result<(Option<PathBuf>, CassetteArgs), Problem> {
    let mut taken = vec![script];
    taken.extend(args.roster.as_deref());
    taken.extend(args.cassettes.replay.as_deref());
    let results = args.results.as_deref().map(|file| output(file, &taken)).transpose()?;
    taken.extend(args.results.as_deref());
    let record = args.cassettes.record.as_deref().map(|file| output(file, &taken)).transpose()?;
    Ok((results, CassetteArgs { record, ..args.cassettes.clone() }))
}

fn conclude(report: &Report, target: &Target, stop: &Stop, shell: &Shell) -> Exit {
    let mut exit = report.exit();
    let finished = target.finish();
    if stop.is_requested() {
        exit = Exit::Interrupted;
        // What was in flight is told; that the script did not come to its end goes without saying.
        if let Some(problem) = report.problem.as_ref().filter(|told| told.exit != Exit::Interrupted)
        {
            shell.tell(problem);
        }
    } else if let Some(problem) = &report.problem {
        shell.tell(problem);
    } else if let Err(problem) = finished {
        // Only a script that came to its end has asked for all that it would.
        shell.tell(&problem);
        exit = problem.exit;
    }
    if let Some(summary) = report.summary() {
        shell.console.note(&summary);
    }
    for line in report.needs_a_person(TOLD) {
        shell.console.note(&format!("  {line}"));
    }
    exit
}

fn roster(args: &RunArgs, script: &Script, shell: &Shell) -> Result<Option<Roster>, Problem> {
    let Some(path) = &args.roster else {
        if script.uses_roster() {
            let problem = format!("{} needs a roster", script.path().display());
            let columns = script.columns().join(", ");
            return Err(Problem::usage(problem)
                .with_help(format!("give it as --roster FILE.csv with the columns {columns}")));
        }
        return Ok(None);
    };
    let roster = Roster::open(path, args.key.as_deref())?;
    script.check_roster(&roster)?;
    if !script.uses_roster() {
        shell.console.warn(&format!("{} uses no roster", script.path().display()));
    }
    Ok(Some(roster))
}

/// The first interrupt ends the run after the row in flight, the second at once.
async fn listen(mut interrupts: Interrupts, stop: Stop, console: crate::console::Console) {
    interrupts.next().await;
    stop.request();
    console.warn("interrupted: finishing what is in flight; once more to stop at once");
    interrupts.next().await;
    std::process::exit(i32::from(Exit::Interrupted as u8));
}

fn flags() -> String {
    let mut command = super::command();
    command.build();
    let run = command.find_subcommand_mut("run");
    run.map_or_else(|| Cli::command().render_help(), clap::Command::render_help).to_string()
}

fn help(script: &Script) -> String {
    let mut parts = vec![script.doc()];
    if !script.inputs().is_empty() {
        let rows = script.inputs().iter().map(|input| {
            let default = match &input.default {
                None => "(required)".to_owned(),
                Some(value) if value.is_string() => format!("\"{value}\""),
                Some(value) => value.to_string(),
            };
            vec![input.name.clone(), default, input.doc.clone()]
        });
        let table = layout(&["input", "default", "meaning"], rows, None);
        parts.push(format!("Inputs, given as --set INPUT=VALUE:\n{table}"));
    }
    if script.uses_roster() {
        parts.push(format!("Columns of the roster: {}", script.columns().join(", ")));
        let optional = script.optional_columns().join(", ");
        if !optional.is_empty() {
            parts.push(format!("Optional columns: {optional}"));
        }
    }
    parts.push(flags());
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}
