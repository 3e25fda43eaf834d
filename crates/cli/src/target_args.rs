//! Where calls go: the flags that say it, before the environment and the configuration.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command};
use drillmaster_models::{Dialect, SERVICES, Service};
use drillmaster_transport::{Rate, base_url};
use jiff::SignedDuration;

use crate::choices;
use crate::complete;
use crate::config::{Config, Flags, Origin, Settings};
use crate::waiting::time;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::run_spec::{Environment, Target};

/// Under what the flags of this module stand in help.
const HEADING: &str = "Where calls go";

/// The flags of commands that call.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TargetArgs {
    /// Which services are called; the sandbox unless set
    #[arg(long, value_parser = choices::environments(), global = true, help_heading = HEADING)]
    pub(crate) on: Option<Environment>,
    /// How often each live service is called at most, such as 5/s or 30/m; 5/s unless set, and no limit for a
    /// sandbox on this machine
    #[arg(long, value_name = "N/s", global = true, help_heading = HEADING)]
    pub(crate) rate: Option<Rate>,
    /// How long a call waits in all while a live service asks to slow down or has become unreachable; 5m unless set
    #[arg(long, value_name = "TIME", value_parser = time, global = true, help_heading = HEADING)]
    pub(crate) retry_for: Option<SignedDuration>,
}

/// Adds `--thm-url` and its like: the flags that are made from the list of services.
pub(crate) fn with_service_flags(mut command: Command) -> Command {
    let profile = Arg::new(PROFILE)
        .long(PROFILE)
        .global(true)
        .help_heading(HEADING)
        .value_name("NAME")
        .add(complete::profiles())
        .help("The profile of the configuration whose addresses and keys are taken");
    command = command.arg(profile);
    for service in SERVICES {
        let title = service.title;
        let url = Arg::new(url_flag(service))
            .long(url_flag(service))
            .global(true)
            .help_heading(HEADING)
            .value_name("URL")
            .help(format!("Where {title} is, instead of {} (with --on live)", service.base_url));
        command = command.arg(url);
        if service.has_legacy {
            let dialect = Arg::new(dialect_flag(service))
                .long(dialect_flag(service))
                .global(true)
                .help_heading(HEADING)
                .value_name("DIALECT")
                .value_parser(Dialect::ALL.map(Dialect::name))
                .default_value(Dialect::Current.name())
                .help(format!("The dialect in which {title} is spoken to"));
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

/// Refuses the flags of [`with_service_flags`] where nothing is called.
pub(crate) fn refuse_service_flags(matches: &ArgMatches, help: &str) -> Result<(), Diagnostic> {
    let given = |flag: &String| matches.value_source(flag) == Some(ValueSource::CommandLine);
    let flags = SERVICES.into_iter().flat_map(|service| {
        let dialect = service.has_legacy.then(|| dialect_flag(service));
        [Some(url_flag(service)), dialect].into_iter().flatten()
    });
    match flags.chain([PROFILE.to_owned()]).find(given) {
        Some(flag) => Err(Diagnostic::usage(format!("--{flag} does nothing here")).with_help(help)),
        None => Ok(()),
    }
}

/// Whether the command line says which dialect is spoken.
pub(crate) fn names_dialect(matches: &ArgMatches) -> bool {
    SERVICES.into_iter().filter(|service| service.has_legacy).any(|service| {
        matches.value_source(&dialect_flag(service)) == Some(ValueSource::CommandLine)
    })
}

/// What the flags say, whichever place is meant.
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
        // The dialect is one setting: a service that has but one is not affected.
        if service.has_legacy
            && matches.value_source(&flag) == Some(ValueSource::CommandLine)
            && let Some(name) = matches.get_one::<String>(&flag)
        {
            flags.dialect = Some((flag, name.parse().unwrap_or_default()));
        }
    }
    Ok(flags)
}

/// Where the flags, the environment and the configuration send calls to.
pub(crate) fn place_of(matches: &ArgMatches, args: &TargetArgs) -> Result<Target, Diagnostic> {
    let on = args.on.unwrap_or_default();
    let flags = flags(matches, args.rate)?;
    refuse_urls_unless_live(&flags, on)?;
    let settings = Settings::of(&flags, &Config::open()?)?;
    Ok(Target { retry_for: args.retry_for, ..place_with_settings(on, &settings) })
}

/// A place as it is set.
pub(crate) fn place_with_settings(on: Environment, settings: &Settings) -> Target {
    let set = settings.services.iter().filter(|own| own.url.origin != Origin::Usual);
    let urls = set.map(|own| (own.service.name.to_owned(), own.url.value.clone()));
    Target {
        on,
        urls: urls.collect(),
        dialect: settings.dialect.value,
        rate: settings.rate.value,
        profile: settings.profile.value.clone(),
        retry_for: None,
    }
}

/// The same with what the flags say. A profile that they name is read; what was read of another before, and
/// of the environment, stays as it was.
pub(crate) fn place_with(
    mut place: Target,
    matches: &ArgMatches,
    args: &TargetArgs,
) -> Result<Target, Diagnostic> {
    let flags = flags(matches, args.rate)?;
    place.on = args.on.unwrap_or(place.on);
    refuse_urls_unless_live(&flags, place.on)?;
    place.retry_for = args.retry_for.or(place.retry_for);
    if flags.profile.is_some() {
        let settings = Settings::of(&flags, &Config::open()?)?;
        let retry_for = place.retry_for;
        return Ok(Target { retry_for, ..place_with_settings(place.on, &settings) });
    }
    place.rate = flags.rate.or(place.rate);
    place.urls.extend(flags.urls);
    place.dialect = flags.dialect.map_or(place.dialect, |(_, dialect)| dialect);
    Ok(place)
}

fn refuse_urls_unless_live(flags: &Flags, on: Environment) -> Result<(), Diagnostic> {
    let url = SERVICES.into_iter().find(|service| flags.urls.contains_key(service.name));
    match url {
        Some(service) if on != Environment::Live => {
            Err(Diagnostic::usage(format!("--{} is for --on live", url_flag(service)))
                .with_help("add --on live, or leave the address out for the sandbox"))
        }
        _ => Ok(()),
    }
}
