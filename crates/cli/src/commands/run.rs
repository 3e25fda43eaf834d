//! `drillmaster run`

use std::path::PathBuf;

use clap::{ArgAction, ArgMatches, Args, CommandFactory};
use drillmaster_journal::{History, Journal};
use drillmaster_transport::{Mode, Replay, VerifyWrites};

use crate::complete;
use crate::execute::{PreparedRun, perform};
use crate::paths::Paths;
use crate::preflight::{dry_run, look_ahead};
use crate::run_args::{Settings, absolute};
use crate::session::Session;
use crate::target_args::names_dialect;
use crate::transport::{CassetteArgs, CassetteOptions, Connections, output};
use crate::waiting::patience;
use crate::{Cli, Ui, trust};
use drillmaster_runner::console::Console;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::table::layout;
use drillmaster_runner::run::journal::RunJournal;
use drillmaster_runner::run_spec::{self, ApprovedPlan, Recorded};
use drillmaster_runner::script::Script;

/// The flags of `run`.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct RunArgs {
    /// The script; `--help` after it lists its inputs
    #[arg(required_unless_present = "help", add = complete::files("rhai"))]
    script: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    cassettes: CassetteArgs,
    /// Keep the run's journal in this file, which must not be there yet, instead of in the state folder
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    journal: Option<PathBuf>,
    /// Let reads through and answer writes ourselves: tells what a run would write, row by row with -v
    #[arg(long, conflicts_with_all = ["record", "replay", "append", "verify", "journal", "results", "approved"])]
    dry_run: bool,
    /// Write what a dry run found to a file, for --approved
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    plan: Option<PathBuf>,
    /// Make the writes of a plan, and stop before any other
    #[arg(long, value_name = "PLAN", conflicts_with = "replay")]
    approved: Option<PathBuf>,
    /// Print help, with the script's own where one is named
    #[arg(short, long, action = ArgAction::SetTrue)]
    help: bool,
}

pub(crate) fn run(args: &RunArgs, matches: &ArgMatches, shell: &Ui) -> Result<Exit, Diagnostic> {
    let Some(path) = &args.script else {
        shell.console.print(&flags());
        return Ok(Exit::Done);
    };
    if args.help {
        shell.console.print(&help(&Script::open(path)?, shell.console.width()));
        return Ok(Exit::Done);
    }
    let mut order = args.settings.order(path, matches)?;
    let approve = |plan: &PathBuf| ApprovedPlan::of(absolute(plan)?);
    order.approved = args.approved.as_ref().map(approve).transpose()?;
    let files = args.cassettes.among(Paths::of(&order));
    files.write("--journal", args.journal.as_ref()).write("--plan", args.plan.as_ref()).check()?;
    let replay = args
        .cassettes
        .replay
        .as_ref()
        .map(|path| Replay::open(path).map_err(|error| Diagnostic::call(&error)));
    let replay = replay.transpose()?;
    if let Some(replay) = &replay {
        let asked = names_dialect(matches).then_some(order.place.dialect);
        // Of a recording that was not made by a run nothing is known.
        if let Ok(recorded) = Recorded::of(replay.header()) {
            order = order.recorded_as(recorded);
        }
        order.place.dialect = asked.unwrap_or(order.place.dialect);
    }
    let mut ready = PreparedRun::of(order, shell)?;
    let mut taping = args.cassettes.taping()?;
    let journal = args.journal.as_deref().map(output).transpose()?;
    let plan = args.plan.as_deref().map(output).transpose()?;
    let session = Session::start(&shell.console)?;
    if let Some(replay) = replay {
        let target =
            Connections::replaying(replay, ready.order.place.dialect, ready.roster.as_ref())?;
        // Nothing is sent, so that nothing can be removed.
        ready.order.max_removals = None;
        ready.order.yes = true;
        return perform(&ready, &target, &session, None, None, shell);
    }
    let patience = patience(&ready.order.place, &shell.console, &session.stop);
    let target = Connections::open(&ready.order.place, &ready.services(), &patience)?;
    if args.dry_run {
        return dry_run(&ready, &target, &session, plan.as_deref(), shell);
    }
    let verifies = |taping: &&mut CassetteOptions| taping.mode == Mode::Verify;
    if let Some(taping) = taping.as_mut().filter(verifies)
        && target.is_remote
        && !args.cassettes.writes
    {
        // There is nothing to go on with, and whoever did would make the writes.
        if journal.is_some() {
            let problem = "a verification that makes no writes keeps no journal";
            return Err(
                Diagnostic::usage(problem).with_help("leave --journal out, or add --writes")
            );
        }
        taping.writes = VerifyWrites::Skip;
        return perform(&ready, &target, &session, None, Some(taping), shell);
    }
    look_ahead(&mut ready, &target, &session, shell)?;
    let keeping = begin(&ready, journal, &shell.console)?;
    perform(&ready, &target, &session, Some(&keeping), taping.as_ref(), shell)
}

/// Begins the journal of a new run.
fn begin(
    ready: &PreparedRun,
    journal: Option<PathBuf>,
    console: &Console,
) -> Result<RunJournal, Diagnostic> {
    let id = &ready.order.id;
    let path = match journal {
        Some(path) => path,
        None => run_spec::make_folder()?.join(format!("{id}.journal")),
    };
    let header = trust::signed(ready.journal_header(), console);
    let journal =
        Journal::create(&path, header).map_err(|error| Diagnostic::usage(error.to_string()))?;
    Ok(RunJournal::new(journal, History::default(), &path, &run_spec::name_of(&path)))
}

fn flags() -> String {
    let mut command = crate::command();
    command.build();
    let run = command.find_subcommand_mut("run");
    run.map_or_else(|| Cli::command().render_help(), clap::Command::render_help).to_string()
}

fn help(script: &Script, width: Option<u16>) -> String {
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
        let table = layout(&["input", "default", "meaning"], rows, width);
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
