//! `drillmaster call ENTRY`: a subcommand for every endpoint, with a flag for every field.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use drillmaster_models::json::weight;
use drillmaster_models::{EndpointDef, Field, FieldKind, Pager, Paging, endpoint, endpoints};
use drillmaster_transport::{Connection, Error};
use serde_json::{Map, Value, json};

use crate::Ui;
use crate::target_args;
use crate::target_args::TargetArgs;
use crate::transport::Connections;
use crate::waiting::patience;
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::execution::stop::Stop;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::table::Format;
use drillmaster_runner::output::table::{cell, whole};
use drillmaster_runner::run_spec::Target;

/// The flags of `call`, besides the endpoint's fields.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Walk through all pages of a list
    #[arg(long, global = true)]
    all: bool,
    /// Show what is hidden otherwise, such as the answers of questions
    #[arg(long, global = true)]
    reveal: bool,
    /// Allow what cannot be undone, such as deleting a user
    #[arg(long, global = true)]
    yes: bool,
}

/// Adds a subcommand for every endpoint.
pub(crate) fn with_entries(command: Command) -> Command {
    endpoints().fold(
        command.subcommand_value_name("ENTRY").subcommand_help_heading("Entries"),
        |all, endpoint| all.subcommand(subcommand(endpoint)),
    )
}

fn subcommand(endpoint: &'static EndpointDef) -> Command {
    let command = Command::new(endpoint.name())
        .about(endpoint.summary().to_owned())
        .long_about(endpoint.doc());
    endpoint.fields().iter().fold(command, |command, field| command.arg(flag(field)))
}

fn flag(field: &Field) -> Arg {
    let kind = match &field.kind {
        FieldKind::Text | FieldKind::Choice(_) => "TEXT",
        FieldKind::Whole | FieldKind::Number => "NUMBER",
        FieldKind::Flag => "BOOL",
        FieldKind::Texts | FieldKind::Choices(_) => "TEXT,…",
    };
    let arg = Arg::new(id(field))
        .long(field.name.clone())
        .value_name(kind)
        .help(field.doc.clone())
        .required(field.required)
        .help_heading("Fields")
        .allow_hyphen_values(true)
        .action(ArgAction::Set);
    let arg = match kebab(&field.name) {
        same if same == field.name => arg,
        other => arg.alias(other),
    };
    if let FieldKind::Choice(words) = &field.kind {
        return arg.value_parser(PossibleValuesParser::new(words.clone()));
    }
    let field = field.clone();
    arg.value_parser(move |text: &str| field.read_text(text).map(|_| text.to_owned()))
}

/// Fields share their names with other flags only by chance.
fn id(field: &Field) -> String {
    format!("field:{}", field.name)
}

/// `roomCode` as shells like it: `room-code`.
fn kebab(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() {
            out.push('-');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

pub(crate) fn call(args: &CallArgs, matches: &ArgMatches, shell: &Ui) -> Result<Exit, Diagnostic> {
    let chosen = matches.subcommand_matches("call").and_then(ArgMatches::subcommand);
    let Some((name, given)) = chosen else {
        return Err(
            Diagnostic::usage("name an entry").with_help("`drillmaster endpoints` lists them")
        );
    };
    let endpoint = endpoint(name).map_err(|error| Diagnostic::usage(error.to_string()))?;
    let mut fields = Map::new();
    for field in endpoint.fields() {
        if let Some(text) = given.get_one::<String>(&id(field)) {
            let value = field
                .read_text(text)
                .map_err(|problem| Diagnostic::usage(format!("--{}: {problem}", field.name)))?;
            fields.insert(field.name.clone(), value);
        }
    }
    let fields = Value::Object(fields);
    if endpoint.metadata.effect.write().is_some_and(|write| write.irreversible) && !args.yes {
        let problem = format!("{name} cannot be undone: nothing was sent");
        return Err(Diagnostic { category: Category::Stopped, ..Diagnostic::usage(problem) }
            .with_help("if that is meant, allow it with --yes"));
    }
    let trace = shell.verbose.then(|| shell.console.clone());
    let place = target_args::place_of(given, &args.target)?;
    // An interrupt ends the command.
    let patience = patience(&place, &shell.console, &Stop::default());
    let target = Connections::open(&place, &[endpoint.service().name], &patience)?;
    let connection = target.connect(target.transport(), trace);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Diagnostic::usage(format!("cannot start: {error}")))?;
    let walks = args.all && endpoint.metadata.list.is_some();
    let answer = if walks {
        runtime.block_on(all_items(&connection, endpoint, &fields)).map(Value::Array)
    } else {
        runtime.block_on(connection.call_and_resolve(endpoint, &fields))
    };
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.is_already() => {
            shell.console.note(&format!("unchanged: {}", error.words().unwrap_or_default()));
            return Ok(Exit::Done);
        }
        Err(error) => return Err(Diagnostic::call(&error)),
    };
    if !args.reveal {
        hide(&mut answer, endpoint.metadata.hidden);
    }
    show(endpoint, &answer, walks, shell)?;
    Ok(Exit::Done)
}

/// The most bytes of memory that a list takes that is shown as a whole.
const MOST_TAKEN: usize = 1 << 30;

async fn all_items(
    connection: &Connection,
    endpoint: &'static EndpointDef,
    fields: &Value,
) -> Result<Vec<Value>, Error> {
    let mut pager = Pager::new(endpoint, fields).map_err(|error| Error::answer(error.into()))?;
    let (mut items, mut taken) = (Vec::new(), 0);
    while let Some(request) = pager.request() {
        let page = pager.accept(connection.call(endpoint, &request).await?);
        let page = page.map_err(|failure| Error::answer(failure).for_endpoint(endpoint))?;
        taken += page.iter().map(weight).sum::<usize>();
        if taken > MOST_TAKEN {
            return Err(Error::setup(
                "the list is too long to be shown as a whole; go through it in a script, or page by page",
            )
            .for_endpoint(endpoint));
        }
        items.extend(page);
    }
    Ok(items)
}

/// Blanks out what is shown only when asked for.
pub(crate) fn hide(value: &mut Value, names: &[&str]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, names)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if names.contains(&name.as_str()) && !value.is_null() {
                    *value = "[hidden; --reveal shows it]".into();
                } else {
                    hide(value, names);
                }
            }
        }
        _ => {}
    }
}

fn show(
    endpoint: &EndpointDef,
    answer: &Value,
    is_walk: bool,
    shell: &Ui,
) -> Result<(), Diagnostic> {
    if shell.format == Format::Json {
        return print_items(answer, shell);
    }
    if answer.as_object().is_some_and(Map::is_empty) {
        shell.console.note("done; the service answers nothing to it");
        return Ok(());
    }
    let list = endpoint.metadata.list.filter(|_| !is_walk);
    let items = match list {
        Some(list) if !list.items.is_empty() => &answer[list.items],
        _ => answer,
    };
    print_items(items, shell)?;
    let has_more = match list.map(|list| list.paging) {
        Some(Paging::NextPage) => !answer["nextPage"].is_null(),
        Some(Paging::Pages) => !answer["pages"]["next"].is_null(),
        Some(Paging::Whole) | None => false,
    };
    if has_more {
        shell.console.note("there are more pages; --all walks through them, --page gets one");
    }
    Ok(())
}

/// Prints a list in columns, and anything else as its fields, or all of it as JSON.
pub(super) fn print_items(items: &Value, shell: &Ui) -> Result<(), Diagnostic> {
    if shell.format == Format::Json {
        shell.console.print(&format!("{items:#}"));
        return Ok(());
    }
    // A person gets long lists counted, a file gets them whole.
    let write = if shell.format == Format::Csv { whole } else { cell };
    let (header, rows) = match items {
        Value::Array(items) => as_columns(items, write),
        // An answer without a list reads better as a list of its fields.
        Value::Object(fields) if shell.format == Format::Table => {
            let rows = fields.iter().map(|(name, value)| vec![name.clone(), cell(value)]).collect();
            (vec!["field".to_owned(), "value".to_owned()], rows)
        }
        single => as_columns(std::slice::from_ref(single), write),
    };
    match shell.format {
        Format::Table if rows.is_empty() => shell.console.note("the list is empty"),
        _ => shell.rows(&header, rows)?,
    }
    Ok(())
}

/// The union of the items' fields as columns, less those that are empty in every row.
fn as_columns(items: &[Value], write: fn(&Value) -> String) -> (Vec<String>, Vec<Vec<String>>) {
    let mut header: Vec<String> = Vec::new();
    let single = |item: &Value| json!({ "value": item });
    let items: Vec<Value> = items
        .iter()
        .map(|item| if item.is_object() { item.clone() } else { single(item) })
        .collect();
    for (name, value) in items.iter().filter_map(Value::as_object).flatten() {
        if !value.is_null() && !header.contains(name) {
            header.push(name.clone());
        }
    }
    let cells = |item: &Value| header.iter().map(|name| write(&item[name.as_str()])).collect();
    let rows = items.iter().map(cells).collect();
    (header, rows)
}
