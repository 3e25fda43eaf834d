//! `drillmaster auth`

use std::io::{BufRead, IsTerminal, Read};

use crate::console::ask_hidden;
use clap::builder::PossibleValuesParser;
use clap::{ArgMatches, Args, Subcommand};
use drillmaster_models::{SERVICES, Service, endpoint};
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::exit::Exit;
use drillmaster_runner::run_spec::{Environment, Target};
use drillmaster_transport::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, KeySource, Settings, is_profile_name};
use crate::patience::patience;
use crate::runtime::current_thread;
use crate::target_args::{flags, target_from_settings};
use crate::transport::Backend;
use crate::ui::Ui;

/// The arguments of `auth`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct AuthArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check API keys with a read-only call to each live service
    ///
    /// Shows where each key comes from and whether the service accepts it, and warns about key files that others can
    /// read. Services do not say whose key it is; the number of items listed is a hint.
    Status(StatusArgs),
    /// Store the API key of a service in a profile
    ///
    /// Prompts for the key without echoing it, or reads it from standard input. The key is stored in a file next to the
    /// configuration that only you can read. The profile is created if missing; the first profile is the default.
    Login(ServiceArgs),
    /// Remove an API key that `auth login` stored
    Logout(ServiceArgs),
}

#[derive(Debug, Args)]
struct StatusArgs {
    /// Service to check [default: all]
    #[arg(value_parser = service_names())]
    service: Option<String>,
}

#[derive(Debug, Args)]
struct ServiceArgs {
    /// Service the key is for
    #[arg(value_parser = service_names())]
    service: String,
}

fn service_names() -> PossibleValuesParser {
    PossibleValuesParser::new(SERVICES.map(|service| service.name))
}

/// The name of the profile that is created if there is none.
const FIRST_PROFILE: &str = "default";

pub(crate) fn run(args: &AuthArgs, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    match &args.command {
        Command::Status(args) => status(args, matches, ui),
        Command::Login(args) => login(args.service()?, matches, ui),
        Command::Logout(args) => logout(args.service()?, matches, ui),
    }
}

impl ServiceArgs {
    fn service(&self) -> Result<&'static Service, Diagnostic> {
        let found = SERVICES.into_iter().find(|service| service.name == self.service);
        found.ok_or_else(|| Diagnostic::usage(format!("unknown service `{}`", self.service)))
    }
}

fn status(args: &StatusArgs, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    let mut settings = Settings::resolve(&flags(matches, None)?, &Config::open()?)?;
    let target = target_from_settings(Environment::Live, &settings);
    let is_selected = |name: &str| args.service.as_ref().is_none_or(|only| only == name);
    settings.services.retain(|one| is_selected(one.service.name));
    let (mut exit, mut rows) = (Exit::Done, Vec::new());
    for one in &settings.services {
        let name = one.service.name;
        let Some(source) = &one.key.value else {
            rows.push(row(one.service, &Value::Null, &one.url.value, "no key", None));
            continue;
        };
        if let Some(path) = source.readable_by_others() {
            ui.console.warn(&format!("others can read {}; run `chmod 600` on it", path.display()));
        }
        let (status, accepted) = match try_key(one.service, &target, ui) {
            Ok(items) => (format!("accepted; {} lists {items}", one.service.probe), Some(true)),
            Err(error) => {
                let error = Diagnostic { message: format!("{name}: {}", error.message), ..error };
                ui.print_diagnostic(&error);
                exit = exit.max(Exit::of(&error));
                match error.category {
                    Category::Stopped => ("rejected".to_owned(), Some(false)),
                    Category::Usage => ("not checked".to_owned(), None),
                    _ => ("could not check".to_owned(), None),
                }
            }
        };
        let key = json!(source.to_string());
        rows.push(row(one.service, &key, &one.url.value, &status, accepted));
    }
    if settings.services.iter().all(|one| one.key.value.is_none()) {
        exit = Exit::Usage;
        ui.console.note("to store a key, run `drillmaster auth login SERVICE`");
    }
    ui.list(&["service", "key", "address", "status"], rows);
    Ok(exit)
}

fn row(service: &Service, key: &Value, url: &str, status: &str, accepted: Option<bool>) -> Value {
    json!({ "service": service.name, "key": key, "address": url, "status": status, "accepted": accepted })
}

/// Makes the read-only call, and counts the items that it lists.
fn try_key(service: &Service, target: &Target, ui: &Ui) -> Result<usize, Diagnostic> {
    let patience = patience(target, &ui.console, &CancellationToken::new());
    let backend = Backend::open(target, &[service.name], &patience)?;
    let connection = backend.connect(backend.transport(), ui.trace());
    let endpoint = endpoint(service.probe).map_err(|error| Diagnostic::usage(error.to_string()))?;
    let response = current_thread()?.block_on(connection.call(endpoint, &json!({})));
    let response = response.map_err(|error| Diagnostic::call(&error))?;
    let items = match endpoint.metadata.list {
        Some(list) if !list.items.is_empty() => &response[list.items],
        _ => &response,
    };
    Ok(items.as_array().map_or(0, Vec::len))
}

fn login(service: &Service, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    let config = Config::open()?;
    let profile = profile(matches, &config)?;
    let access = config.access(&profile, service);
    let stored = KeySource::File(config.key_path(&profile, service));
    if let Some(other) = access.and_then(|access| access.key.as_ref()).filter(|key| **key != stored)
    {
        let message =
            format!("profile {profile} already gets the key of {} from {other}", service.title);
        let help = format!("remove that from {}, or use another --profile", config.path.display());
        return Err(Diagnostic::usage(message).with_help(help));
    }
    let key = prompt(service)?;
    if !service.accepts_form(key.expose_secret()) {
        let message = format!("the key does not have the form {}", service.credential_form);
        return Err(Diagnostic::usage(message).with_help("nothing was stored"));
    }
    config.store_key(&profile, service, &key)?;
    let path = config.key_path(&profile, service);
    ui.console.note(&format!("stored the key of {} in {}", service.title, path.display()));
    warn_if_overridden(service, ui);
    ui.console.note("to check it, run `drillmaster auth status`");
    Ok(Exit::Done)
}

fn logout(service: &Service, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    let config = Config::open()?;
    let profile = profile(matches, &config)?;
    let stored = KeySource::File(config.key_path(&profile, service));
    match config.access(&profile, service).and_then(|access| access.key.as_ref()) {
        Some(key) if *key == stored => {}
        Some(other) => {
            let message = format!(
                "`auth login` did not store the key of {}: it comes from {other}",
                service.title
            );
            let help = format!("remove that from {}", config.path.display());
            return Err(Diagnostic::usage(message).with_help(help));
        }
        None => {
            let message = format!("profile {profile} has no stored key for {}", service.title);
            return Err(Diagnostic::usage(message)
                .with_help("to see where keys come from, run `drillmaster config show --origin`"));
        }
    }
    config.remove_key(&profile, service)?;
    ui.console.note(&format!("removed the key of {}", service.title));
    warn_if_overridden(service, ui);
    Ok(Exit::Done)
}

/// The environment overrides stored keys.
fn warn_if_overridden(service: &Service, ui: &Ui) {
    let variable = service.credential_variable;
    if std::env::var_os(variable).is_some_and(|value| !value.is_empty()) {
        ui.console.warn(&format!("{variable} is set and overrides stored keys"));
    }
}

fn profile(matches: &ArgMatches, config: &Config) -> Result<String, Diagnostic> {
    let name = Settings::profile_name(&flags(matches, None)?, config).value;
    let name = name.unwrap_or_else(|| FIRST_PROFILE.to_owned());
    if is_profile_name(&name) {
        return Ok(name);
    }
    let message = format!("`{name}` is not a valid profile name");
    Err(Diagnostic::usage(message).with_help("use letters, digits, - and _"))
}

/// Prompts for the key on a terminal, otherwise reads it from standard input.
fn prompt(service: &Service) -> Result<SecretString, Diagnostic> {
    let cannot_read =
        |error: std::io::Error| Diagnostic::usage(format!("cannot read the key: {error}"));
    let stdin = std::io::stdin();
    let mut key = if stdin.is_terminal() {
        let prompt = format!("API key of {} ({}): ", service.title, service.credential_form);
        ask_hidden(&prompt).map_err(cannot_read)?
    } else {
        let mut line = String::new();
        stdin.lock().take(MAX_INPUT).read_line(&mut line).map_err(cannot_read)?;
        line
    };
    key.truncate(key.trim_end_matches(['\r', '\n']).len());
    Ok(SecretString::from(key))
}

/// The maximum length of standard input that is read.
const MAX_INPUT: u64 = 64 * 1024;
