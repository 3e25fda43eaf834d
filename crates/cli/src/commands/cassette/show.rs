//! `drillmaster cassette show` and `drillmaster cassette stats`

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use drillmaster_models::{endpoint, json};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::table::{Format, cell};
use drillmaster_transport::cassette::{Body, Interaction, Recording, mask_secrets};
use serde_json::{Value, json};

use super::open;
use crate::commands::endpoints::LIST_ENDPOINTS;
use crate::complete;
use crate::print::{HIDDEN, hide_fields};
use crate::ui::Ui;

/// The arguments of `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Cassette, or journal of a run
    file: PathBuf,
    /// Show only requests to this endpoint, such as thm.rooms
    #[arg(long, alias = "entry", value_parser = parse_endpoint, add = complete::endpoint_names())]
    endpoint: Option<String>,
    /// Show only requests of this scope: a row's key, or main
    #[arg(long, value_name = "KEY")]
    scope: Option<String>,
    /// Show only requests with this result
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Show requests and responses in full
    #[arg(long)]
    full: bool,
    /// With --full, show hidden values, such as answers to questions, tokens and links
    #[arg(long, requires = "full")]
    reveal: bool,
}

/// The arguments of `stats`.
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// Cassette, or journal of a run
    file: PathBuf,
}

/// The result of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    /// Success
    Answered,
    /// Client error (4xx)
    Refused,
    /// Server error (5xx)
    Broken,
    /// No response
    Lost,
}

impl State {
    fn from_outcome(interaction: &Interaction) -> Self {
        match &interaction.outcome {
            Err(_) => Self::Lost,
            Ok(response) if response.status >= 500 => Self::Broken,
            Ok(response) if response.status >= 400 => Self::Refused,
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

fn parse_endpoint(name: &str) -> Result<String, String> {
    endpoint(name)
        .map(|endpoint| endpoint.name().to_owned())
        .map_err(|error| format!("{error}; {LIST_ENDPOINTS}"))
}

pub(super) fn show(args: &ShowArgs, ui: &Ui) -> Result<Exit, Diagnostic> {
    let tape = open(&args.file)?;
    // A journal has real secrets, such as links that log someone in.
    let tape = if args.full && !args.reveal { mask_secrets(tape, HIDDEN) } else { tape };
    let is_selected = |interaction: &&Interaction| {
        let request = &interaction.request;
        args.endpoint.as_ref().is_none_or(|name| *name == request.endpoint)
            && args.scope.as_ref().is_none_or(|scope| *scope == request.scope)
            && args.state.is_none_or(|state| state == State::from_outcome(interaction))
    };
    let shown: Vec<_> = tape.interactions.iter().filter(is_selected).collect();
    match ui.format {
        Format::Json => {
            let all: Vec<_> = shown.iter().map(|one| as_json(one, args)).collect();
            ui.console.print(&format!("{:#}", Value::Array(all)));
        }
        Format::Table if args.full => {
            for one in &shown {
                ui.console.print(&in_full(one, args));
            }
        }
        Format::Table if shown.is_empty() => {}
        Format::Table | Format::Csv => {
            ui.rows(&COLUMNS, shown.iter().map(|one| line(one)).collect());
        }
    }
    let (shown, all) = (shown.len(), tape.interactions.len());
    let requests = if all == 1 { "request" } else { "requests" };
    let shown = if shown == all { String::new() } else { format!("{shown} of ") };
    ui.console.note(&format!("{shown}{all} {requests}"));
    Ok(Exit::Done)
}

const COLUMNS: [&str; 5] = ["scope", "no", "endpoint", "request", "result"];

fn line(interaction: &Interaction) -> Vec<String> {
    let request = &interaction.request;
    let result = match &interaction.outcome {
        Ok(response) => response.status.to_string(),
        Err(_) => State::Lost.name().to_owned(),
    };
    let ordinal = request.ordinal.to_string();
    vec![request.scope.clone(), ordinal, request.endpoint.clone(), request.line(), result]
}

fn as_json(interaction: &Interaction, args: &ShowArgs) -> Value {
    let request = &interaction.request;
    let mut all = json!({
        "scope": request.scope,
        "ordinal": request.ordinal,
        "endpoint": request.endpoint,
        "request": request.line(),
        "state": State::from_outcome(interaction).name(),
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

/// The messages as in HTTP, with indented bodies.
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
        // A redirect may log someone in.
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

/// A body as JSON or text, if it is that.
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
        hide_fields(&mut body, endpoint.metadata.hidden);
    }
    body
}

/// The counts of an endpoint.
#[derive(Default)]
struct Count {
    requests: usize,
    states: [usize; 4],
    bytes: usize,
}

pub(super) fn stats(args: &StatsArgs, ui: &Ui) -> Result<Exit, Diagnostic> {
    let tape = open(&args.file)?;
    let counts = count(&tape);
    let header = ["endpoint", "requests", "answered", "refused", "broken", "lost", "bytes"];
    let row = |(name, count): (&str, &Count)| {
        let numbers = [count.requests].into_iter().chain(count.states).chain([count.bytes]);
        std::iter::once(name.to_owned()).chain(numbers.map(|n| n.to_string())).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> =
        counts.iter().map(|(name, count)| row((name.as_str(), count))).collect();
    match ui.format {
        Format::Json => {
            let endpoints: Vec<Value> = rows
                .iter()
                .map(|row| header.iter().copied().zip(row.iter().map(String::as_str)))
                .map(|cells| {
                    cells.map(|(name, cell)| (name.to_owned(), number_or_text(cell))).collect()
                })
                .collect();
            ui.console
                .print(&format!("{:#}", json!({ "facts": facts(&tape), "endpoints": endpoints })));
        }
        Format::Csv => ui.rows(&header, rows),
        Format::Table => {
            for (name, value) in facts(&tape).as_object().into_iter().flatten() {
                ui.console.print(&format!("{name:<9} {}", cell(value)));
            }
            if !rows.is_empty() {
                ui.rows(&header, rows);
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
        count.states[State::from_outcome(interaction) as usize] += 1;
        count.bytes += interaction.outcome.as_ref().map_or(0, |answer| answer.body.len());
    }
    counts
}

/// The counts of a whole cassette.
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
