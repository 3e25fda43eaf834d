//! `drillmaster cassette show` and `stats`: looking at what was recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use drillmaster_models::endpoint;
use drillmaster_transport::cassette::{Body, Interaction, Recording, veiled};
use serde_json::{Value, json};

use super::open;
use crate::Ui;
use crate::commands::call::hide;
use crate::complete;
use drillmaster_models::json;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::table::Format;

/// The flags of `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A cassette, or the journal of a run
    file: PathBuf,
    /// Only requests of this endpoint, such as thm.rooms
    #[arg(long, value_name = "ENTRY", value_parser = known_entry, add = complete::entry_names())]
    endpoint: Option<String>,
    /// Only requests of this scope: a row's key, or main
    #[arg(long, value_name = "KEY")]
    scope: Option<String>,
    /// Only requests that ended so
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Show all that travelled, not a line a request
    #[arg(long)]
    full: bool,
    /// With --full, show what is hidden otherwise, such as answers of questions, tokens and links
    #[arg(long, requires = "full")]
    reveal: bool,
}

/// The flags of `stats`.
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// A cassette, or the journal of a run
    file: PathBuf,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    /// With what was asked for
    Answered,
    /// With a no
    Refused,
    /// With a breakdown of the service
    Broken,
    /// Without an answer
    Lost,
}

impl State {
    fn of(interaction: &Interaction) -> Self {
        match &interaction.outcome {
            Err(_) => Self::Lost,
            Ok(answer) if answer.status >= 500 => Self::Broken,
            Ok(answer) if answer.status >= 400 => Self::Refused,
            Ok(_) => Self::Answered,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Broken => "broken",
            Self::Lost => "lost",
        }
    }
}

fn known_entry(name: &str) -> Result<String, String> {
    endpoint(name).map(|endpoint| endpoint.name().to_owned()).map_err(|error| error.to_string())
}

pub(super) fn show(args: &ShowArgs, shell: &Ui) -> Result<Exit, Diagnostic> {
    let tape = open(&args.file)?;
    // A journal holds what travelled, links that let somebody in among it.
    let tape = if args.full && !args.reveal { veiled(tape, HIDDEN) } else { tape };
    let wanted = |interaction: &&Interaction| {
        let request = &interaction.request;
        args.endpoint.as_ref().is_none_or(|name| *name == request.endpoint)
            && args.scope.as_ref().is_none_or(|scope| *scope == request.scope)
            && args.state.is_none_or(|state| state == State::of(interaction))
    };
    let shown: Vec<_> = tape.interactions.iter().filter(wanted).collect();
    match shell.format {
        Format::Json => {
            let all: Vec<_> = shown.iter().map(|one| as_json(one, args)).collect();
            shell.console.print(&format!("{:#}", Value::Array(all)));
        }
        Format::Table if args.full => {
            for one in &shown {
                shell.console.print(&in_full(one, args));
            }
        }
        Format::Table if shown.is_empty() => {}
        Format::Table | Format::Csv => {
            shell.rows(&COLUMNS, shown.iter().map(|one| line(one)).collect())?;
        }
    }
    let (shown, all) = (shown.len(), tape.interactions.len());
    let requests = if all == 1 { "request" } else { "requests" };
    let shown = if shown == all { String::new() } else { format!("{shown} of ") };
    shell.console.note(&format!("{shown}{all} {requests}"));
    Ok(Exit::Done)
}

const COLUMNS: [&str; 5] = ["scope", "no", "entry", "request", "ended"];

fn line(interaction: &Interaction) -> Vec<String> {
    let request = &interaction.request;
    let ended = match &interaction.outcome {
        Ok(answer) => answer.status.to_string(),
        Err(_) => State::Lost.name().to_owned(),
    };
    let ordinal = request.ordinal.to_string();
    vec![request.scope.clone(), ordinal, request.endpoint.clone(), request.line(), ended]
}

fn as_json(interaction: &Interaction, args: &ShowArgs) -> Value {
    let request = &interaction.request;
    let mut all = json!({
        "scope": request.scope,
        "ordinal": request.ordinal,
        "entry": request.endpoint,
        "request": request.line(),
        "state": State::of(interaction).name(),
        "status": interaction.outcome.as_ref().ok().map(|answer| answer.status),
    });
    if args.full {
        let asked = request.wire().map(|wire| wire.body).unwrap_or_default();
        all["asked"] = body_of(&asked, request.is_open(), &request.endpoint, args.reveal);
        all["answered"] = match &interaction.outcome {
            Ok(answer) => body_of(&answer.body, true, &request.endpoint, args.reveal),
            Err(error) => error.to_string().into(),
        };
    }
    all
}

/// The messages as HTTP has them, with bodies laid out for reading.
fn in_full(interaction: &Interaction, args: &ShowArgs) -> String {
    let request = &interaction.request;
    let asked = request.wire().map(|wire| wire.body).unwrap_or_default();
    let asked = body_of(&asked, request.is_open(), &request.endpoint, args.reveal);
    let mut text = format!("── {} {} {}\n", request.scope, request.ordinal, request.endpoint);
    text += &message(&request.line(), &request.headers, &asked, args.reveal);
    text += "\n";
    match &interaction.outcome {
        Ok(answer) => {
            let body = body_of(&answer.body, true, &request.endpoint, args.reveal);
            text += &message(&answer.status.to_string(), &answer.headers, &body, args.reveal);
        }
        Err(error) => {
            let _ = writeln!(text, "{error}");
        }
    }
    text
}

fn message(first: &str, headers: &[(String, String)], body: &Value, reveal: bool) -> String {
    let mut text = format!("{first}\n");
    for (name, value) in headers {
        // Where it leads lets somebody in.
        let value = if name == "location" && !reveal { HIDDEN } else { value };
        let _ = writeln!(text, "{name}: {value}");
    }
    let _ = match body {
        Value::Null => Ok(()),
        Value::String(body) => writeln!(text, "\n{body}"),
        body => writeln!(text, "\n{body:#}"),
    };
    text
}

const HIDDEN: &str = "[hidden; --reveal shows it]";

/// A body as data where it is JSON, as text where it is text.
fn body_of(body: &[u8], is_open: bool, name: &str, reveal: bool) -> Value {
    match (is_open || reveal, Body::new(body)) {
        _ if body.is_empty() => Value::Null,
        (false, _) => HIDDEN.into(),
        (true, Body::Text(text)) => match json::read(text.as_bytes()) {
            Ok(json) => hidden(json, name, reveal),
            Err(_) => text.into(),
        },
        (true, Body::Json(json)) => hidden(json, name, reveal),
        (true, Body::Base64(text)) => format!("base64: {text}").into(),
    }
}

fn hidden(mut body: Value, name: &str, reveal: bool) -> Value {
    if !reveal && let Ok(endpoint) = endpoint(name) {
        hide(&mut body, endpoint.metadata.hidden);
    }
    body
}

/// What is counted of an endpoint.
#[derive(Default)]
struct Count {
    requests: usize,
    states: [usize; 4],
    bytes: usize,
}

pub(super) fn stats(args: &StatsArgs, shell: &Ui) -> Result<Exit, Diagnostic> {
    let tape = open(&args.file)?;
    let counts = count(&tape);
    let header = ["entry", "requests", "answered", "refused", "broken", "lost", "bytes"];
    let row = |(name, count): (&str, &Count)| {
        let numbers = [count.requests].into_iter().chain(count.states).chain([count.bytes]);
        std::iter::once(name.to_owned()).chain(numbers.map(|n| n.to_string())).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> =
        counts.iter().map(|(name, count)| row((name.as_str(), count))).collect();
    match shell.format {
        Format::Json => {
            let endpoints: Vec<Value> = rows
                .iter()
                .map(|row| header.iter().copied().zip(row.iter().map(String::as_str)))
                .map(|cells| {
                    cells.map(|(name, cell)| (name.to_owned(), number_or_text(cell))).collect()
                })
                .collect();
            shell
                .console
                .print(&format!("{:#}", json!({ "facts": facts(&tape), "entries": endpoints })));
        }
        Format::Csv => shell.rows(&header, rows)?,
        Format::Table => {
            for (name, value) in facts(&tape).as_object().into_iter().flatten() {
                shell.console.print(&format!(
                    "{name:<9} {}",
                    drillmaster_runner::output::table::cell(value)
                ));
            }
            if !rows.is_empty() {
                shell.rows(&header, rows)?;
            }
        }
    }
    Ok(Exit::Done)
}

fn number_or_text(cell: &str) -> Value {
    cell.parse::<u64>().map_or_else(|_| cell.into(), Value::from)
}

fn count(tape: &Recording) -> BTreeMap<String, Count> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for interaction in &tape.interactions {
        let count = counts.entry(interaction.request.endpoint.clone()).or_default();
        count.requests += 1;
        count.states[State::of(interaction) as usize] += 1;
        count.bytes += interaction.outcome.as_ref().map_or(0, |answer| answer.body.len());
    }
    counts
}

/// What is to be said of a cassette as a whole.
fn facts(tape: &Recording) -> Value {
    let scopes: BTreeSet<_> =
        tape.interactions.iter().map(|interaction| &interaction.request.scope).collect();
    json!({
        "program": tape.header.program,
        "requests": tape.interactions.len(),
        "scopes": scopes.len(),
        "values": tape.values.len(),
    })
}
