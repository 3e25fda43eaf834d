//! The flags that say where calls go. They override the environment and the configuration.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command};
use drillmaster_models::{Dialect, SERVICES, Service};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::run_spec::{Environment, Target};
use drillmaster_transport::{Rate, base_url};
use jiff::SignedDuration;

use crate::config::{Config, Flags, Origin, Settings};
use crate::patience::parse_duration;
use crate::{choices, complete};

/// The heading of these flags in help.
const HEADING: &str = "Services";

/// The flags of commands that make calls.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TargetArgs {
    /// Environment to call [default: sandbox]
    #[arg(long, value_parser = choices::environments(), global = true, help_heading = HEADING)]
    pub(crate) on: Option<Environment>,
    /// Maximum call rate per live service, such as 5/s or 30/m [default: 5/s; unlimited for a local sandbox]
    #[arg(long, value_name = "N/s", global = true, help_heading = HEADING)]
    pub(crate) rate: Option<Rate>,
    /// How long each call may wait in total while a live service limits the rate or, after it has answered once, cannot be
    /// reached [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, global = true, help_heading = HEADING)]
    pub(crate) retry_for: Option<SignedDuration>,
}

/// Adds `--profile`, and for each service its flags, such as `--thm-url`.
pub(crate) fn with_service_flags(mut command: Command) -> Command {
    let profile = Arg::new(PROFILE)
        .long(PROFILE)
        .global(true)
        .help_heading(HEADING)
        .value_name("NAME")
        .add(complete::profiles())
        .help("Configuration profile that provides addresses and keys");
    command = command.arg(profile);
    for service in SERVICES {
        let title = service.title;
        let url = Arg::new(url_flag(service))
            .long(url_flag(service))
            .global(true)
            .help_heading(HEADING)
            .value_name("URL")
            .help(format!("Address of {title}, with --on live [default: {}]", service.base_url));
        command = command.arg(url);
        if service.has_legacy {
            let dialect = Arg::new(dialect_flag(service))
                .long(dialect_flag(service))
                .global(true)
                .help_heading(HEADING)
                .value_name("DIALECT")
                .value_parser(Dialect::ALL.map(Dialect::name))
                .default_value(Dialect::Current.name())
                .help(format!("API dialect of {title}"));
            command = command.arg(dialect);
        }
    }
    command
}

const PROFILE: &str = "profile";

fn url_flag(service: &Service) -> String {
    format!("{}-url", service.name)
}

fn dialect_flag(service: &Service) -> String {
    format!("{}-dialect", service.name)
}

/// Refuses the flags of [`with_service_flags`] for a command that makes no calls.
pub(crate) fn refuse_service_flags(matches: &ArgMatches, help: &str) -> Result<(), Diagnostic> {
    let is_given = |flag: &String| matches.value_source(flag) == Some(ValueSource::CommandLine);
    let flags = SERVICES.into_iter().flat_map(|service| {
        let dialect = service.has_legacy.then(|| dialect_flag(service));
        [Some(url_flag(service)), dialect].into_iter().flatten()
    });
    match flags.chain([PROFILE.to_owned()]).find(is_given) {
        Some(flag) => {
            Err(Diagnostic::usage(format!("--{flag} has no effect here")).with_help(help))
        }
        None => Ok(()),
    }
}

/// Whether the command line sets a dialect.
pub(crate) fn sets_dialect(matches: &ArgMatches) -> bool {
    SERVICES.into_iter().filter(|service| service.has_legacy).any(|service| {
        matches.value_source(&dialect_flag(service)) == Some(ValueSource::CommandLine)
    })
}

/// The settings that the command line sets, for any environment.
pub(crate) fn flags(matches: &ArgMatches, rate: Option<Rate>) -> Result<Flags, Diagnostic> {
    let profile = matches.get_one::<String>(PROFILE).cloned();
    let mut flags = Flags { profile, rate, ..Flags::default() };
    for service in SERVICES {
        if let Some(url) = matches.get_one::<String>(&url_flag(service)) {
            base_url(url)
                .map_err(|error| Diagnostic::usage(format!("--{}: {error}", url_flag(service))))?;
            flags.urls.insert(service.name.to_owned(), url.clone());
        }
        let flag = dialect_flag(service);
        // All services share the dialect setting; one with a single dialect ignores it.
        if service.has_legacy
            && matches.value_source(&flag) == Some(ValueSource::CommandLine)
            && let Some(name) = matches.get_one::<String>(&flag)
        {
            flags.dialect = Some((flag, name.parse().unwrap_or_default()));
        }
    }
    Ok(flags)
}

/// The target that the flags, the environment and the configuration set.
pub(crate) fn target_from_flags(
    matches: &ArgMatches,
    args: &TargetArgs,
) -> Result<Target, Diagnostic> {
    let on = args.on.unwrap_or_default();
    let flags = flags(matches, args.rate)?;
    refuse_urls_unless_live(&flags, on)?;
    let settings = Settings::resolve(&flags, &Config::open()?)?;
    Ok(Target { retry_for: args.retry_for, ..target_from_settings(on, &settings) })
}

/// The target that the settings describe.
pub(crate) fn target_from_settings(on: Environment, settings: &Settings) -> Target {
    let set = settings.services.iter().filter(|one| one.url.origin != Origin::Default);
    let urls = set.map(|one| (one.service.name.to_owned(), one.url.value.clone()));
    Target {
        on,
        urls: urls.collect(),
        dialect: settings.dialect.value,
        rate: settings.rate.value,
        profile: settings.profile.value.clone(),
        retry_for: None,
    }
}

/// The target with everything replaced that the flags set. Only a profile that the flags name is read again.
pub(crate) fn override_target(
    mut target: Target,
    matches: &ArgMatches,
    args: &TargetArgs,
) -> Result<Target, Diagnostic> {
    let flags = flags(matches, args.rate)?;
    target.on = args.on.unwrap_or(target.on);
    refuse_urls_unless_live(&flags, target.on)?;
    target.retry_for = args.retry_for.or(target.retry_for);
    if flags.profile.is_some() {
        let settings = Settings::resolve(&flags, &Config::open()?)?;
        let retry_for = target.retry_for;
        return Ok(Target { retry_for, ..target_from_settings(target.on, &settings) });
    }
    target.rate = flags.rate.or(target.rate);
    target.urls.extend(flags.urls);
    target.dialect = flags.dialect.map_or(target.dialect, |(_, dialect)| dialect);
    Ok(target)
}

fn refuse_urls_unless_live(flags: &Flags, on: Environment) -> Result<(), Diagnostic> {
    let url = SERVICES.into_iter().find(|service| flags.urls.contains_key(service.name));
    match url {
        Some(service) if on != Environment::Live => {
            Err(Diagnostic::usage(format!("--{} needs --on live", url_flag(service)))
                .with_help("add --on live, or remove the address to use the sandbox"))
        }
        _ => Ok(()),
    }
}
