//! `drillmaster call`: a subcommand for each endpoint, with a flag for each field.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use drillmaster_models::json::weight;
use drillmaster_models::{EndpointDef, Field, FieldKind, Pager, Paging, endpoint, endpoints};
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::table::Format;
use drillmaster_transport::{Connection, Error};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::commands::endpoints::LIST_ENDPOINTS;
use crate::patience::patience;
use crate::print::{hide_fields, print_items};
use crate::runtime::current_thread;
use crate::target_args::{TargetArgs, target_from_flags};
use crate::transport::Backend;
use crate::ui::Ui;

/// The arguments of `call`, without the fields of the endpoint.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Fetch all pages of a list
    #[arg(long, global = true)]
    all: bool,
    /// Show hidden fields, such as answers to questions
    #[arg(long, global = true)]
    reveal: bool,
    /// Allow irreversible calls, such as deleting a user
    #[arg(long, global = true)]
    yes: bool,
}

/// Adds a subcommand for each endpoint.
pub(crate) fn with_endpoints(command: Command) -> Command {
    endpoints().fold(
        command.subcommand_value_name("ENDPOINT").subcommand_help_heading("Endpoints"),
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
    let arg = Arg::new(arg_id(field))
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

/// The id of a field's argument, which cannot clash with another flag's.
fn arg_id(field: &Field) -> String {
    format!("field:{}", field.name)
}

/// `roomCode` in kebab case: `room-code`.
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

pub(crate) fn run(args: &CallArgs, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    let subcommand = matches.subcommand_matches("call").and_then(ArgMatches::subcommand);
    let Some((name, given)) = subcommand else {
        return Err(Diagnostic::usage("no endpoint given").with_help(LIST_ENDPOINTS));
    };
    let endpoint = endpoint(name)
        .map_err(|error| Diagnostic::usage(error.to_string()).with_help(LIST_ENDPOINTS))?;
    let mut fields = Map::new();
    for field in endpoint.fields() {
        if let Some(text) = given.get_one::<String>(&arg_id(field)) {
            let value = field
                .read_text(text)
                .map_err(|error| Diagnostic::usage(format!("--{}: {error}", field.name)))?;
            fields.insert(field.name.clone(), value);
        }
    }
    let fields = Value::Object(fields);
    if endpoint.metadata.effect.write().is_some_and(|write| write.irreversible) && !args.yes {
        let message = format!("{name} is irreversible: nothing was sent");
        return Err(Diagnostic { category: Category::Stopped, ..Diagnostic::usage(message) }
            .with_help("to allow it, add --yes"));
    }
    let target = target_from_flags(given, &args.target)?;
    // Ctrl-C ends the process, so nothing has to stop the waits.
    let patience = patience(&target, &ui.console, &CancellationToken::new());
    let backend = Backend::open(&target, &[endpoint.service().name], &patience)?;
    let connection = backend.connect(backend.transport(), ui.trace());
    let runtime = current_thread()?;
    let fetches_all = args.all && endpoint.metadata.list.is_some();
    let response = if fetches_all {
        runtime.block_on(all_items(&connection, endpoint, &fields)).map(Value::Array)
    } else {
        runtime.block_on(connection.call_and_resolve(endpoint, &fields))
    };
    let mut response = match response {
        Ok(response) => response,
        Err(error) if error.is_already() => {
            ui.console.note(&format!("unchanged: {}", error.words().unwrap_or_default()));
            return Ok(Exit::Done);
        }
        Err(error) => return Err(Diagnostic::call(&error)),
    };
    if !args.reveal {
        hide_fields(&mut response, endpoint.metadata.hidden);
    }
    print_response(endpoint, &response, fetches_all, ui);
    Ok(Exit::Done)
}

/// The maximum size of a list in memory, in bytes.
const MAX_SIZE: usize = 1 << 30;

async fn all_items(
    connection: &Connection,
    endpoint: &'static EndpointDef,
    fields: &Value,
) -> Result<Vec<Value>, Error> {
    let mut pager = Pager::new(endpoint, fields).map_err(|error| Error::answer(error.into()))?;
    let (mut items, mut size) = (Vec::new(), 0);
    while let Some(request) = pager.request() {
        let page = pager.accept(connection.call(endpoint, &request).await?);
        let page = page.map_err(|failure| Error::answer(failure).for_endpoint(endpoint))?;
        size += page.iter().map(weight).sum::<usize>();
        if size > MAX_SIZE {
            return Err(Error::setup(
                "the list is too long to print; read it in a script, or page by page",
            )
            .for_endpoint(endpoint));
        }
        items.extend(page);
    }
    Ok(items)
}

fn print_response(endpoint: &EndpointDef, response: &Value, is_complete: bool, ui: &Ui) {
    if ui.format == Format::Json {
        print_items(response, ui);
        return;
    }
    if response.as_object().is_some_and(Map::is_empty) {
        ui.console.note("done (empty response)");
        return;
    }
    let list = endpoint.metadata.list.filter(|_| !is_complete);
    let items = match list {
        Some(list) if !list.items.is_empty() => &response[list.items],
        _ => response,
    };
    print_items(items, ui);
    let has_more = match list.map(|list| list.paging) {
        Some(Paging::NextPage) => !response["nextPage"].is_null(),
        Some(Paging::Pages) => !response["pages"]["next"].is_null(),
        Some(Paging::Whole) | None => false,
    };
    if has_more {
        ui.console.note("there are more pages; use --all to fetch all, or --page for one");
    }
}
