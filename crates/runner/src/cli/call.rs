//! `drillmaster call ENTRY`: a subcommand for every entry, with a flag for every field.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use drillmaster_models::{Entry, Field, FieldKind, Pager, Paging, entries, entry};
use drillmaster_transport::{Connection, Error};
use serde_json::{Map, Value, json};

use super::place::TargetArgs;
use super::target::Target;
use super::waiting::patience;
use super::{Format, Shell};
use crate::exit::Exit;
use crate::host::Stop;
use crate::order::Place;
use crate::problem::Problem;
use crate::table::{cell, whole};

/// The flags of `call`, besides the entry's fields.
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

/// Adds a subcommand for every entry.
pub(crate) fn with_entries(command: Command) -> Command {
    entries().fold(
        command.subcommand_value_name("ENTRY").subcommand_help_heading("Entries"),
        |all, entry| all.subcommand(subcommand(entry)),
    )
}

fn subcommand(entry: &'static Entry) -> Command {
    let command =
        Command::new(entry.name()).about(entry.summary().to_owned()).long_about(entry.doc());
    entry.fields().iter().fold(command, |command, field| command.arg(flag(field)))
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

pub(crate) fn call(args: &CallArgs, matches: &ArgMatches, shell: &Shell) -> Result<Exit, Problem> {
    let chosen = matches.subcommand_matches("call").and_then(ArgMatches::subcommand);
    let Some((name, given)) = chosen else {
        return Err(Problem::usage("name an entry").with_help("`drillmaster endpoints` lists them"));
    };
    let entry = entry(name).map_err(|error| Problem::usage(error.to_string()))?;
    let mut fields = Map::new();
    for field in entry.fields() {
        if let Some(text) = given.get_one::<String>(&id(field)) {
            let value = field
                .read_text(text)
                .map_err(|problem| Problem::usage(format!("--{}: {problem}", field.name)))?;
            fields.insert(field.name.clone(), value);
        }
    }
    let fields = Value::Object(fields);
    if entry.spec.effect.write().is_some_and(|write| write.irreversible) && !args.yes {
        let problem = format!("{name} cannot be undone: nothing was sent");
        return Err(Problem { exit: Exit::Stopped, ..Problem::usage(problem) }
            .with_help("if that is meant, allow it with --yes"));
    }
    let trace = shell.verbose.then(|| shell.console.clone());
    let place = Place::of(given, &args.target)?;
    // An interrupt ends the command.
    let patience = patience(&place, &shell.console, &Stop::default());
    let target = Target::open(&place, &[entry.service().name], &patience)?;
    let connection = target.connect(target.transport(), trace);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::usage(format!("cannot start: {error}")))?;
    let walks = args.all && entry.spec.list.is_some();
    let answer = if walks {
        runtime.block_on(all_items(&connection, entry, &fields)).map(Value::Array)
    } else {
        runtime.block_on(connection.call_and_settle(entry, &fields))
    };
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.is_already() => {
            shell.console.note(&format!("unchanged: {}", error.words().unwrap_or_default()));
            return Ok(Exit::Done);
        }
        Err(error) => return Err(Problem::call(&error)),
    };
    if !args.reveal {
        hide(&mut answer, entry.spec.hidden);
    }
    show(entry, &answer, walks, shell)?;
    Ok(Exit::Done)
}

async fn all_items(
    connection: &Connection,
    entry: &'static Entry,
    fields: &Value,
) -> Result<Vec<Value>, Error> {
    let mut pager = Pager::new(entry, fields).map_err(|error| Error::answer(error.into()))?;
    let mut items = Vec::new();
    while let Some(request) = pager.request() {
        items.extend(pager.accept(connection.call(entry, &request).await?));
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

fn show(entry: &Entry, answer: &Value, is_walk: bool, shell: &Shell) -> Result<(), Problem> {
    if shell.format == Format::Json {
        return print_items(answer, shell);
    }
    if answer.as_object().is_some_and(Map::is_empty) {
        shell.console.note("done; the service answers nothing to it");
        return Ok(());
    }
    let list = entry.spec.list.filter(|_| !is_walk);
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
pub(super) fn print_items(items: &Value, shell: &Shell) -> Result<(), Problem> {
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
