//! `drillmaster runs`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use drillmaster_transport::cassette::RowEvent;
use drillmaster_transport::journal::{History, Journal};
use serde_json::{Map, Value, json};

use crate::Ui;
use crate::commands::resume::OLD;
use crate::complete;
use crate::execute::pace_line;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::outcome::State;
use drillmaster_runner::output::table::Format;
use drillmaster_runner::output::table::cell;
use drillmaster_runner::run_spec::{self, RunSpec};

/// How many runs are listed unless all are asked for.
const LISTED: usize = 20;
/// The most rows of which a person is told.
const TOLD: usize = 20;

/// The flags of `runs`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    task: Option<Task>,
    /// List all, not only the latest
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Show what a run was asked to do, and what came of it
    Show {
        /// The run's id, or the path of its journal; the last run unless named
        #[arg(add = complete::runs())]
        run: Option<String>,
    },
}

pub(crate) fn runs(args: &RunsArgs, shell: &Ui) -> Result<Exit, Diagnostic> {
    match &args.task {
        Some(Task::Show { run }) => show(&run_spec::find(run.as_deref())?, shell)?,
        None => list(args.all, shell)?,
    }
    Ok(Exit::Done)
}

fn list(all: bool, shell: &Ui) -> Result<(), Diagnostic> {
    let paths = run_spec::journals()?;
    let left_out = if all { 0 } else { paths.len().saturating_sub(LISTED) };
    let runs: Vec<Value> = paths[left_out..].iter().rev().map(|path| gist(path)).collect();
    let header = ["run", "started", "script", "on", "state", "rows"];
    let cells = |run: &Value| {
        let told = |name: &&str| match *name {
            "rows" => counts_line(&run["rows"]),
            name => cell(&run[name]),
        };
        header.iter().map(told).collect::<Vec<_>>()
    };
    let rows: Vec<_> = runs.iter().map(cells).collect();
    match shell.format {
        Format::Json => shell.console.print(&format!("{:#}", Value::Array(runs))),
        Format::Table if rows.is_empty() => shell.console.note("there is no run yet"),
        Format::Table | Format::Csv => shell.rows(&header, rows)?,
    }
    if left_out > 0 {
        shell.console.note(&format!("and {left_out} earlier; --all lists them too"));
    }
    Ok(())
}

/// A run in short. One whose journal cannot be read is listed all the same.
fn gist(path: &Path) -> Value {
    let told = run_spec::read(path).and_then(|history| {
        let order = RunSpec::of(history.header(), path)?;
        Ok(in_short(&order, &history, path))
    });
    told.unwrap_or_else(
        |problem| json!({ "run": run_spec::name_of(path), "state": format!("unreadable: {problem}") }),
    )
}

fn in_short(order: &RunSpec, history: &History, path: &Path) -> Value {
    let file = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let counts: Map<String, Value> =
        history.counts().into_iter().map(|(state, rows)| (state.to_owned(), rows.into())).collect();
    json!({
        "run": run_spec::name_of(path),
        "started": order.started.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        "script": file(&order.script),
        "roster": order.roster.as_ref().map(file),
        "on": order.place.on,
        "state": state(history, path),
        "rows": counts,
        "requests": history.requests(),
        "journal": path,
    })
}

/// `ended`, `running`, or `stopped`: it can be gone on with.
fn state(history: &History, path: &Path) -> &'static str {
    match () {
        () if Journal::is_in_use(path) => "running",
        () if history.is_finished() => "ended",
        () => "stopped",
    }
}

fn counts_line(counts: &Value) -> String {
    let counts = counts.as_object().into_iter().flatten();
    counts.map(|(state, rows)| format!("{rows} {state}")).collect::<Vec<_>>().join(", ")
}

fn show(path: &Path, shell: &Ui) -> Result<(), Diagnostic> {
    let history = run_spec::read(path)?;
    let order = RunSpec::of(history.header(), path)?;
    let mut shown = in_short(&order, &history, path);
    if !history.is_chained() {
        shell.console.note(OLD);
    }
    match shell.format {
        Format::Json => {
            let rows: Result<Vec<Value>, Diagnostic> = rows(&history).map(|row| {
                let RowEvent { key, state, detail, returned, .. } = row?;
                Ok(json!({ "key": key, "state": state, "detail": detail, "returned": returned }))
            }).collect();
            shown["counts"] = shown["rows"].take();
            shown["rows"] = Value::Array(rows?);
            shown["asked"] = serde_json::to_value(&order).unwrap_or_default();
            shell.console.print(&format!("{shown:#}"));
        }
        Format::Csv => {
            let rows: Result<Vec<Vec<String>>, Diagnostic> = rows(&history)
                .map(|row| {
                    let RowEvent { key, state, detail, .. } = row?;
                    Ok(vec![key, state, detail])
                })
                .collect();
            shell.rows(&["key", "state", "detail"], rows?)?;
        }
        Format::Table => {
            for line in describe(&order, &history, &shown)? {
                shell.console.print(&line);
            }
        }
    }
    Ok(())
}

fn rows(history: &History) -> impl Iterator<Item = Result<RowEvent, Diagnostic>> {
    history.rows().map(|row| row.map_err(|error| Diagnostic::usage(error.to_string())))
}

fn describe(order: &RunSpec, history: &History, shown: &Value) -> Result<Vec<String>, Diagnostic> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let inputs: Vec<_> = order.set.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let urls: Vec<_> =
        order.place.urls.iter().map(|(name, url)| format!("{name} at {url}")).collect();
    let fields = [
        ("run", Some(cell(&shown["run"]))),
        ("started", Some(cell(&shown["started"]))),
        ("script", Some(order.script.display().to_string())),
        ("roster", path(&order.roster)),
        ("inputs", Some(inputs.join(", "))),
        ("on", Some(cell(&shown["on"]))),
        ("services", Some(urls.join(", "))),
        ("dialect", Some(order.place.dialect.to_string())),
        ("results", path(&order.results)),
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
    for pace in history.paces() {
        let pace = pace.map_err(|error| Diagnostic::usage(error.to_string()))?;
        lines.push(format!("{:<9} {}", "pace", pace_line(&pace)));
    }
    let fine = State::ALL.into_iter().filter(|state| state.is_fine()).map(State::name);
    let fine: Vec<_> = fine.collect();
    let mut untold = 0;
    let mut told = 0;
    for row in rows(history) {
        let row = row?;
        if fine.contains(&row.state.as_str()) {
            continue;
        }
        if told == TOLD {
            untold += 1;
            continue;
        }
        told += 1;
        lines.push(format!(
            "  {}: {}",
            row.key,
            drillmaster_runner::outcome::describe(&row.state, &row.detail, row.line)
        ));
    }
    if untold > 0 {
        let rows = if untold == 1 { "row" } else { "rows" };
        lines.push(format!("  and {untold} more {rows}; --format csv shows all"));
    }
    Ok(lines)
}
