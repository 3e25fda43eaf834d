//! `drillmaster runs`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use drillmaster_journal::{History, Journal};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::outcome::{self, State};
use drillmaster_runner::output::table::{Format, cell};
use drillmaster_runner::roster::Roster;
use drillmaster_runner::run_spec::{self, RunSpec};
use drillmaster_transport::cassette::RowEvent;
use serde_json::{Map, Value, json};

use crate::complete;
use crate::summary::{MAX_ROWS, rate_line};
use crate::trust::UNCHAINED;
use crate::ui::Ui;

/// The number of runs that are listed without `--all`.
const RECENT: usize = 20;

/// The arguments of `runs`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    command: Option<Command>,
    /// List all runs, not only recent ones
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the settings and results of a run
    Show {
        /// ID of the run, or path of its journal [default: the last run]
        #[arg(add = complete::runs())]
        run: Option<String>,
    },
}

pub(crate) fn run(args: &RunsArgs, ui: &Ui) -> Result<Exit, Diagnostic> {
    match &args.command {
        Some(Command::Show { run }) => show(&run_spec::find(run.as_deref())?, ui)?,
        None => list(args.all, ui)?,
    }
    Ok(Exit::Done)
}

fn list(all: bool, ui: &Ui) -> Result<(), Diagnostic> {
    let paths = run_spec::journals()?;
    let left_out = if all { 0 } else { paths.len().saturating_sub(RECENT) };
    let runs: Vec<Value> = paths[left_out..].iter().rev().map(|path| item(path)).collect();
    let header = ["run", "started", "script", "on", "state", "rows"];
    let cells = |run: &Value| {
        let text = |name: &&str| match *name {
            "rows" => counts_line(&run["rows"]),
            name => cell(&run[name]),
        };
        header.iter().map(text).collect::<Vec<_>>()
    };
    let rows: Vec<_> = runs.iter().map(cells).collect();
    match ui.format {
        Format::Json => ui.console.print(&format!("{:#}", Value::Array(runs))),
        Format::Table if rows.is_empty() => ui.console.note("no runs yet"),
        Format::Table | Format::Csv => ui.rows(&header, rows),
    }
    if left_out > 0 {
        ui.console.note(&format!("{left_out} earlier runs not shown; use --all to list them"));
    }
    Ok(())
}

/// A run as an item of the list, even if its journal cannot be read.
fn item(path: &Path) -> Value {
    let item = run_spec::read(path).and_then(|history| {
        let spec = RunSpec::from_header(history.header(), path)?;
        Ok(overview(&spec, &history, path))
    });
    item.unwrap_or_else(
        |problem| json!({ "run": run_spec::name_of(path), "state": format!("unreadable: {problem}") }),
    )
}

fn overview(spec: &RunSpec, history: &History, path: &Path) -> Value {
    let file = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let counts: Map<String, Value> =
        history.counts().into_iter().map(|(state, rows)| (state.to_owned(), rows.into())).collect();
    json!({
        "run": run_spec::name_of(path),
        "started": spec.started.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        "script": file(&spec.script),
        "roster": spec.roster.as_ref().map(file),
        "on": spec.place.on,
        "state": state(history, path),
        "rows": counts,
        "requests": history.requests(),
        "journal": path,
    })
}

/// `ended`, `running`, or `stopped`, which can be resumed.
fn state(history: &History, path: &Path) -> &'static str {
    match () {
        () if Journal::is_in_use(path) => "running",
        () if history.is_finished() => "ended",
        () => "stopped",
    }
}

fn counts_line(counts: &Value) -> String {
    let counts = State::ALL.iter().filter_map(|state| Some((state, counts.get(state.name())?)));
    counts.map(|(state, rows)| format!("{rows} {state}")).collect::<Vec<_>>().join(", ")
}

fn show(path: &Path, ui: &Ui) -> Result<(), Diagnostic> {
    let history = run_spec::read(path)?;
    let spec = RunSpec::from_header(history.header(), path)?;
    let mut shown = overview(&spec, &history, path);
    if !history.is_chained() {
        ui.console.note(UNCHAINED);
    }
    match ui.format {
        Format::Json => {
            let rows: Result<Vec<Value>, Diagnostic> = rows(&history).map(|row| {
                let RowEvent { key, state, detail, returned, .. } = row?;
                Ok(json!({ "key": key, "state": state, "detail": detail, "returned": returned }))
            }).collect();
            shown["counts"] = shown["rows"].take();
            shown["rows"] = Value::Array(rows?);
            shown["asked"] = serde_json::to_value(&spec).unwrap_or_default();
            ui.console.print(&format!("{shown:#}"));
        }
        Format::Csv => {
            let rows: Result<Vec<Vec<String>>, Diagnostic> = rows(&history)
                .map(|row| {
                    let RowEvent { key, state, detail, .. } = row?;
                    Ok(vec![key, state, detail])
                })
                .collect();
            ui.rows(&[&*key_column(&spec), "state", "detail"], rows?);
        }
        Format::Table => {
            for line in describe(&spec, &history, &shown)? {
                ui.console.print(&line);
            }
        }
    }
    Ok(())
}

/// The heading for the keys of rows.
fn key_column(spec: &RunSpec) -> String {
    let roster = || Roster::open(spec.roster.as_deref()?, None).ok();
    let first = || roster().map(|roster| roster.columns().key().to_owned());
    spec.key.clone().or_else(first).unwrap_or_else(|| "row".to_owned())
}

fn rows(history: &History) -> impl Iterator<Item = Result<RowEvent, Diagnostic>> {
    history.rows().map(|row| row.map_err(|error| Diagnostic::usage(error.to_string())))
}

fn describe(spec: &RunSpec, history: &History, shown: &Value) -> Result<Vec<String>, Diagnostic> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let inputs: Vec<_> = spec.set.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let urls: Vec<_> =
        spec.place.urls.iter().map(|(name, url)| format!("{name} at {url}")).collect();
    let fields = [
        ("run", Some(cell(&shown["run"]))),
        ("started", Some(cell(&shown["started"]))),
        ("script", Some(spec.script.display().to_string())),
        ("roster", path(&spec.roster)),
        ("inputs", Some(inputs.join(", "))),
        ("on", Some(cell(&shown["on"]))),
        ("services", Some(urls.join(", "))),
        ("dialect", Some(spec.place.dialect.to_string())),
        ("results", path(&spec.results)),
        ("state", Some(cell(&shown["state"]))),
        ("rows", Some(counts_line(&shown["rows"]))),
        ("requests", Some(history.requests().to_string())),
        ("journal", Some(cell(&shown["journal"]))),
    ];
    let mut lines: Vec<String> = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)))
        .map(|(name, value)| format!("{name:<9} {value}"))
        .collect();
    for stats in history.rates() {
        let stats = stats.map_err(|error| Diagnostic::usage(error.to_string()))?;
        lines.push(format!("{:<9} {}", "rate", rate_line(&stats)));
    }
    let fine = State::ALL.into_iter().filter(|state| state.is_fine()).map(State::name);
    let fine: Vec<_> = fine.collect();
    let (mut listed, mut left_out) = (0, 0);
    for row in rows(history) {
        let row = row?;
        if fine.contains(&row.state.as_str()) {
            continue;
        }
        if listed == MAX_ROWS {
            left_out += 1;
            continue;
        }
        listed += 1;
        lines.push(format!(
            "  {}: {}",
            row.key,
            outcome::describe(&row.state, &row.detail, row.line)
        ));
    }
    if left_out > 0 {
        let rows = if left_out == 1 { "row" } else { "rows" };
        lines.push(format!("  {left_out} more {rows} not shown; use --format csv to list all"));
    }
    Ok(lines)
}
