//! `drillmaster auth`

use std::io::{BufRead, IsTerminal, Read};

use clap::builder::PossibleValuesParser;
use clap::{ArgMatches, Args, Subcommand};
use drillmaster_models::{SERVICES, Service, endpoint};
use drillmaster_transport::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::Ui;
use crate::config::{Config, KeySource, Settings, is_profile_name};
use crate::target_args;
use crate::target_args::flags;
use crate::transport::Connections;
use crate::waiting::patience;
use drillmaster_runner::console::ask_hidden;
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::execution::stop::Stop;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::run_spec::{Environment, Target};

/// The flags of `auth`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct AuthArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Try the keys of the services with a harmless read of the live service
    ///
    /// Tells where each key comes from and whether it is accepted, where that can be found out, and warns of a key's file that others can
    /// read. No service says whose a key is; how much it lists gives a hint.
    Status(StatusArgs),
    /// Keep the key of a service for a profile
    ///
    /// Asks for the key without showing it, or reads it from a pipe. It is kept in a file that only you can read,
    /// in the folder of the configuration, where the profile names it. A profile that is not there is made; the
    /// first one is the default.
    Login(ServiceArgs),
    /// Forget the key of a service that `auth login` kept for a profile
    Logout(ServiceArgs),
}

#[derive(Debug, Args)]
struct StatusArgs {
    /// Only this service
    #[arg(value_parser = names())]
    service: Option<String>,
}

#[derive(Debug, Args)]
struct ServiceArgs {
    /// The service
    #[arg(value_parser = names())]
    service: String,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(SERVICES.map(|service| service.name))
}

/// The profile that is made where there is none.
const FIRST: &str = "default";

pub(crate) fn auth(args: &AuthArgs, matches: &ArgMatches, shell: &Ui) -> Result<Exit, Diagnostic> {
    match &args.task {
        Task::Status(args) => status(args, matches, shell),
        Task::Login(args) => login(args.service()?, matches, shell),
        Task::Logout(args) => logout(args.service()?, matches, shell),
    }
}

impl ServiceArgs {
    fn service(&self) -> Result<&'static Service, Diagnostic> {
        let found = SERVICES.into_iter().find(|service| service.name == self.service);
        found.ok_or_else(|| Diagnostic::usage(format!("there is no service `{}`", self.service)))
    }
}

fn status(args: &StatusArgs, matches: &ArgMatches, shell: &Ui) -> Result<Exit, Diagnostic> {
    let mut settings = Settings::of(&flags(matches, None)?, &Config::open()?)?;
    let place = target_args::place_with_settings(Environment::Live, &settings);
    let is_meant = |name: &str| args.service.as_ref().is_none_or(|only| only == name);
    settings.services.retain(|own| is_meant(own.service.name));
    let (mut exit, mut rows) = (Exit::Done, Vec::new());
    for own in &settings.services {
        let name = own.service.name;
        let Some(source) = &own.key.value else {
            rows.push(row(own.service, &Value::Null, &own.url.value, "no key", None));
            continue;
        };
        if let Some(path) = source.open_to_others() {
            shell.console.warn(&format!(
                "others can read {}; `chmod 600` makes it yours alone",
                path.display()
            ));
        }
        let (answer, accepted) = match tried(own.service, &place, shell) {
            Ok(items) => (format!("accepted; {} lists {items}", own.service.probe), Some(true)),
            Err(problem) => {
                let problem =
                    Diagnostic { message: format!("{name}: {}", problem.message), ..problem };
                shell.tell(&problem);
                exit = exit.max(Exit::of(&problem));
                match problem.category {
                    Category::Stopped => ("not accepted".to_owned(), Some(false)),
                    Category::Usage => ("not tried".to_owned(), None),
                    _ => ("no answer that tells".to_owned(), None),
                }
            }
        };
        let key = json!(source.to_string());
        rows.push(row(own.service, &key, &own.url.value, &answer, accepted));
    }
    if settings.services.iter().all(|own| own.key.value.is_none()) {
        exit = Exit::Usage;
        shell.console.note("`drillmaster auth login SERVICE` keeps a key");
    }
    shell.list(&["service", "key", "address", "answer"], rows)?;
    Ok(exit)
}

fn row(service: &Service, key: &Value, url: &str, answer: &str, accepted: Option<bool>) -> Value {
    json!({ "service": service.name, "key": key, "address": url, "answer": answer, "accepted": accepted })
}

/// Makes the harmless read, and counts what it lists.
fn tried(service: &Service, place: &Target, shell: &Ui) -> Result<usize, Diagnostic> {
    let patience = patience(place, &shell.console, &Stop::default());
    let target = Connections::open(place, &[service.name], &patience)?;
    let trace = shell.verbose.then(|| shell.console.clone());
    let connection = target.connect(target.transport(), trace);
    let endpoint = endpoint(service.probe).map_err(|error| Diagnostic::usage(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Diagnostic::usage(format!("cannot start: {error}")))?;
    let answer = runtime.block_on(connection.call(endpoint, &json!({})));
    let answer = answer.map_err(|error| Diagnostic::call(&error))?;
    let items = match endpoint.metadata.list {
        Some(list) if !list.items.is_empty() => &answer[list.items],
        _ => &answer,
    };
    Ok(items.as_array().map_or(0, Vec::len))
}

fn login(service: &Service, matches: &ArgMatches, shell: &Ui) -> Result<Exit, Diagnostic> {
    let config = Config::open()?;
    let profile = profile(matches, &config)?;
    let access = config.access(&profile, service);
    let kept = KeySource::File(config.kept_at(&profile, service));
    if let Some(other) = access.and_then(|access| access.key.as_ref()).filter(|key| **key != kept) {
        let problem = format!(
            "the profile {profile} takes the key of {} from elsewhere: {other}",
            service.title
        );
        let help = format!("take that out of {}, or name another --profile", config.path.display());
        return Err(Diagnostic::usage(problem).with_help(help));
    }
    let key = asked(service)?;
    if !service.accepts_form(key.expose_secret()) {
        let problem = format!("this does not have the form {}", service.credential_form);
        return Err(Diagnostic::usage(problem).with_help("nothing was kept"));
    }
    config.keep(&profile, service, &key)?;
    let path = config.kept_at(&profile, service);
    shell.console.note(&format!("the key of {} is in {}", service.title, path.display()));
    tell_of_variable(service, shell);
    shell.console.note("`drillmaster auth status` tries it");
    Ok(Exit::Done)
}

fn logout(service: &Service, matches: &ArgMatches, shell: &Ui) -> Result<Exit, Diagnostic> {
    let config = Config::open()?;
    let profile = profile(matches, &config)?;
    let kept = KeySource::File(config.kept_at(&profile, service));
    match config.access(&profile, service).and_then(|access| access.key.as_ref()) {
        Some(key) if *key == kept => {}
        Some(other) => {
            let problem = format!(
                "the key of {} was not kept by `auth login`: it comes from {other}",
                service.title
            );
            let help = format!("take that out of {}", config.path.display());
            return Err(Diagnostic::usage(problem).with_help(help));
        }
        None => {
            let problem = format!("no key of {} is kept for the profile {profile}", service.title);
            return Err(Diagnostic::usage(problem)
                .with_help("`drillmaster config show --origin` tells what is"));
        }
    }
    config.forget(&profile, service)?;
    shell.console.note(&format!("the key of {} is forgotten", service.title));
    tell_of_variable(service, shell);
    Ok(Exit::Done)
}

/// A variable comes before what is kept.
fn tell_of_variable(service: &Service, shell: &Ui) {
    let variable = service.credential_variable;
    if std::env::var_os(variable).is_some_and(|value| !value.is_empty()) {
        shell.console.warn(&format!("{variable} is set, and is taken all the same"));
    }
}

fn profile(matches: &ArgMatches, config: &Config) -> Result<String, Diagnostic> {
    let name = Settings::profile_of(&flags(matches, None)?, config).value;
    let name = name.unwrap_or_else(|| FIRST.to_owned());
    if is_profile_name(&name) {
        return Ok(name);
    }
    let problem = format!("`{name}` is no name of a profile");
    Err(Diagnostic::usage(problem).with_help("it is made of letters, digits, - and _"))
}

/// Asks a person for the key, or reads it from what is piped in.
fn asked(service: &Service) -> Result<SecretString, Diagnostic> {
    let told = |error: std::io::Error| Diagnostic::usage(format!("cannot read the key: {error}"));
    let stdin = std::io::stdin();
    let mut key = if stdin.is_terminal() {
        let prompt = format!("The key of {}, as {}: ", service.title, service.credential_form);
        ask_hidden(&prompt).map_err(told)?
    } else {
        let mut line = String::new();
        stdin.lock().take(LONGEST).read_line(&mut line).map_err(told)?;
        line
    };
    key.truncate(key.trim_end_matches(['\r', '\n']).len());
    Ok(SecretString::from(key))
}

/// The most that is read of what is piped in.
const LONGEST: u64 = 64 * 1024;
