//! `drillmaster run`

use std::path::PathBuf;

use crate::console::Console;
use clap::{ArgAction, ArgMatches, Args, CommandFactory};
use drillmaster_journal::{History, Journal};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::table::layout;
use drillmaster_runner::run::journal::RunJournal;
use drillmaster_runner::run_spec::{self, ApprovedPlan, ReplaySpec};
use drillmaster_runner::script::Script;
use drillmaster_transport::{Mode, Replay, VerifyWrites};

use crate::cassette_args::{CassetteArgs, CassetteOptions};
use crate::execute::execute;
use crate::paths::{Paths, absolute, output_path};
use crate::patience::patience;
use crate::preflight::{dry_run, preflight};
use crate::prepare::{PreparedRun, prepare};
use crate::run_args::RunOptions;
use crate::runtime::InterruptibleRuntime;
use crate::target_args::sets_dialect;
use crate::transport::Backend;
use crate::ui::Ui;
use crate::{Cli, complete, trust};

/// The exit codes, for help.
const EXIT_CODES: &str = "\
Exit codes (the highest that applies):
  0    all rows succeeded or were unchanged
  1    some rows were refused, failed, skipped or are in doubt
  2    the command line, configuration or roster is wrong; nothing was sent
  3    the script is wrong or stopped with an error
  4    a limit or a refused API key stopped the run
  5    a replay or verification does not match its recording
  8    a file could not be written
  130  interrupted";

/// The arguments of `run`.
#[derive(Debug, Args)]
#[command(disable_help_flag = true, after_help = EXIT_CODES)]
pub(crate) struct RunArgs {
    /// Script to run; add `--help` to list its inputs
    #[arg(required_unless_present = "help", add = complete::files("rhai"))]
    script: Option<PathBuf>,
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    cassettes: CassetteArgs,
    /// Keep the journal of the run in this new file instead of the state folder
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    journal: Option<PathBuf>,
    /// Read for real, but simulate writes, and print what the run would write; with -v, row by row
    #[arg(long, conflicts_with_all = ["record", "replay", "append", "verify", "journal", "results", "approved"])]
    dry_run: bool,
    /// Save the plan of a dry run, for --approved
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    plan: Option<PathBuf>,
    /// Make only the writes of this plan, and stop before any other
    #[arg(long, value_name = "PLAN", conflicts_with = "replay")]
    approved: Option<PathBuf>,
    /// Print help, including that of the script if you name one
    #[arg(short, long, action = ArgAction::SetTrue)]
    help: bool,
}

pub(crate) fn run(args: &RunArgs, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    let Some(path) = &args.script else {
        ui.console.print(&flag_help());
        return Ok(Exit::Done);
    };
    if args.help {
        ui.console.print(&script_help(&Script::open(path)?, ui.console.width()));
        return Ok(Exit::Done);
    }
    let mut spec = args.options.new_spec(path, matches)?;
    let approve = |plan: &PathBuf| ApprovedPlan::read(absolute(plan)?);
    spec.approved = args.approved.as_ref().map(approve).transpose()?;
    args.cassettes
        .add_to(Paths::for_run(&spec))
        .write("--journal", args.journal.as_ref())
        .write("--plan", args.plan.as_ref())
        .check()?;
    let replay = args.cassettes.replay.as_ref().map(Replay::open);
    let replay = replay.transpose().map_err(|error| Diagnostic::call(&error))?;
    if let Some(replay) = &replay {
        let dialect = sets_dialect(matches).then_some(spec.place.dialect);
        // An imported recording has no run to take settings from.
        if let Ok(recorded) = ReplaySpec::from_header(replay.header()) {
            spec = spec.recorded_as(recorded);
        }
        spec.place.dialect = dialect.unwrap_or(spec.place.dialect);
    }
    let mut run = prepare(spec, ui)?;
    let mut cassette = args.cassettes.options()?;
    let journal = args.journal.as_deref().map(output_path).transpose()?;
    let plan = args.plan.as_deref().map(output_path).transpose()?;
    let runtime = InterruptibleRuntime::start(&ui.console)?;
    if let Some(replay) = replay {
        let backend = Backend::replay(replay, run.spec.place.dialect, run.roster.as_ref())?;
        // A replay sends nothing, so limits do not apply.
        run.spec.max_removals = None;
        run.spec.yes = true;
        return execute(&run, &backend, &runtime, None, None, ui);
    }
    let patience = patience(&run.spec.place, &ui.console, &runtime.stop);
    let backend = Backend::open(&run.spec.place, &run.services(), &patience)?;
    if args.dry_run {
        return dry_run(&run, &backend, &runtime, plan.as_deref(), ui);
    }
    let verifies = |cassette: &&mut CassetteOptions| cassette.mode == Mode::Verify;
    if let Some(cassette) = cassette.as_mut().filter(verifies)
        && backend.is_remote
        && !args.cassettes.writes
    {
        // Resuming from a journal would send the writes that this run leaves out.
        if journal.is_some() {
            let message = "--verify without --writes keeps no journal";
            return Err(Diagnostic::usage(message).with_help("remove --journal, or add --writes"));
        }
        cassette.writes = VerifyWrites::Skip;
        return execute(&run, &backend, &runtime, None, Some(cassette), ui);
    }
    preflight(&mut run, &backend, &runtime, ui)?;
    let journal = create_journal(&run, journal, &ui.console)?;
    execute(&run, &backend, &runtime, Some(&journal), cassette.as_ref(), ui)
}

/// Creates the journal of a new run.
fn create_journal(
    run: &PreparedRun,
    journal: Option<PathBuf>,
    console: &Console,
) -> Result<RunJournal, Diagnostic> {
    let id = &run.spec.id;
    let path = match journal {
        Some(path) => path,
        None => run_spec::make_folder()?.join(format!("{id}.journal")),
    };
    let header = trust::sign(run.journal_header(), console);
    let journal =
        Journal::create(&path, header).map_err(|error| Diagnostic::usage(error.to_string()))?;
    Ok(RunJournal::new(journal, History::default(), &path, &run_spec::name_of(&path)))
}

fn flag_help() -> String {
    let mut command = crate::command();
    command.build();
    let run = command.find_subcommand_mut("run");
    run.map_or_else(|| Cli::command().render_help(), clap::Command::render_help).to_string()
}

fn script_help(script: &Script, width: Option<u16>) -> String {
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
        let table = layout(&["input", "default", "description"], rows, width);
        parts.push(format!("Inputs (set with --set INPUT=VALUE):\n{table}"));
    }
    if script.uses_roster() {
        parts.push(format!("Roster columns: {}", script.columns().join(", ")));
        let optional = script.optional_columns().join(", ");
        if !optional.is_empty() {
            parts.push(format!("Optional roster columns: {optional}"));
        }
    }
    parts.push(flag_help());
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}
