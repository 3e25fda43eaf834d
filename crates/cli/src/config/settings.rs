//! Effective settings: flags override the environment, the environment overrides the profile, and the profile overrides
//! the defaults.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::str::FromStr;

use drillmaster_models::{Dialect, SERVICES, Service};
use drillmaster_transport::{Rate, base_url};

use super::{Config, KeySource, variable};
use drillmaster_runner::diagnostic::Diagnostic;

/// Where a setting comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag.
    Flag(String),
    /// An environment variable.
    Variable(String),
    /// A profile.
    Profile(String),
    /// The default profile of the configuration.
    File,
    /// The default.
    #[default]
    Default,
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag --{name}"),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::File => f.write_str("configuration"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting, and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// The settings that flags set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    pub(crate) profile: Option<String>,
    /// The name of the flag, which depends on the service, and its value.
    pub(crate) dialect: Option<(String, Dialect)>,
    pub(crate) rate: Option<Rate>,
    /// By service.
    pub(crate) urls: BTreeMap<String, String>,
}

/// The effective settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) profile: Sourced<Option<String>>,
    pub(crate) dialect: Sourced<Dialect>,
    pub(crate) rate: Sourced<Option<Rate>>,
    /// In the order of the services.
    pub(crate) services: Vec<ServiceSettings>,
}

/// The settings of a service.
#[derive(Debug, Clone)]
pub(crate) struct ServiceSettings {
    pub(crate) service: &'static Service,
    pub(crate) url: Sourced<String>,
    pub(crate) key: Sourced<Option<KeySource>>,
}

impl Settings {
    /// Combines flags, environment and configuration.
    pub(crate) fn resolve(flags: &Flags, config: &Config) -> Result<Self, Diagnostic> {
        let profile = Self::profile_name(flags, config);
        let chosen = match &profile.value {
            Some(name) => Some((config.profile(name)?, Origin::Profile(name.clone()))),
            None => None,
        };
        let chosen = chosen.as_ref();
        let dialect = SERVICES.into_iter().filter(|service| service.has_legacy);
        let dialect = dialect.map(|service| variable_of(service, "DIALECT")).find_map(|name| {
            let text = variable(&name)?;
            Some(parsed::<Dialect>(&name, &text))
        });
        let dialect = first([
            flags.dialect.clone().map(|(flag, dialect)| (dialect, Origin::Flag(flag))),
            dialect.transpose()?,
            chosen.and_then(|(profile, origin)| Some((profile.dialect?, origin.clone()))),
        ]);
        let rate = variable(RATE_VARIABLE).map(|text| parsed(RATE_VARIABLE, &text));
        let rate = first([
            flags.rate.map(|rate| (rate, Origin::Flag("rate".to_owned()))),
            rate.transpose()?,
            chosen.and_then(|(profile, origin)| Some((profile.rate?, origin.clone()))),
        ]);
        let services = SERVICES.into_iter().map(|service| {
            let access = chosen
                .and_then(|(profile, origin)| Some((profile.services.get(service.name)?, origin)));
            let url = first([
                flags
                    .urls
                    .get(service.name)
                    .map(|url| (url.clone(), Origin::Flag(format!("{}-url", service.name)))),
                address(&variable_of(service, "URL"))?,
                access.and_then(|(access, origin)| Some((access.url.clone()?, origin.clone()))),
            ]);
            let name = service.credential_variable.to_owned();
            let key = first([
                variable(&name)
                    .map(|_| (KeySource::Variable(name.clone()), Origin::Variable(name.clone()))),
                access.and_then(|(access, origin)| Some((access.key.clone()?, origin.clone()))),
            ]);
            Ok(ServiceSettings { service, url: url.or(service.base_url.to_owned()), key })
        });
        Ok(Self {
            profile,
            dialect: dialect.or(Dialect::default()),
            rate,
            services: services.collect::<Result<_, Diagnostic>>()?,
        })
    }

    /// The name of the profile, which may not exist.
    pub(crate) fn profile_name(flags: &Flags, config: &Config) -> Sourced<Option<String>> {
        let variable = variable(PROFILE_VARIABLE);
        first([
            flags.profile.clone().map(|name| (name, Origin::Flag("profile".to_owned()))),
            variable.map(|name| (name, Origin::Variable(PROFILE_VARIABLE.to_owned()))),
            config.default.clone().map(|name| (name, Origin::File)),
        ])
    }
}

impl<T> Sourced<Option<T>> {
    fn or(self, default: T) -> Sourced<T> {
        Sourced { value: self.value.unwrap_or(default), origin: self.origin }
    }
}

/// The first value that is set.
fn first<T>(values: impl IntoIterator<Item = Option<(T, Origin)>>) -> Sourced<Option<T>> {
    match values.into_iter().flatten().next() {
        Some((value, origin)) => Sourced { value: Some(value), origin },
        None => Sourced { value: None, origin: Origin::Default },
    }
}

const PROFILE_VARIABLE: &str = "DRILLMASTER_PROFILE";
const RATE_VARIABLE: &str = "DRILLMASTER_RATE";

/// The variable for a setting of a service, such as `DRILLMASTER_THM_URL`.
fn variable_of(service: &Service, setting: &str) -> String {
    format!("DRILLMASTER_{}_{setting}", service.name.to_uppercase())
}

fn parsed<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<(T, Origin), Diagnostic> {
    let invalid = |error| Diagnostic::usage(format!("{name}: {error}"));
    Ok((text.parse().map_err(invalid)?, Origin::Variable(name.to_owned())))
}

fn address(name: &str) -> Result<Option<(String, Origin)>, Diagnostic> {
    let Some(url) = variable(name) else { return Ok(None) };
    base_url(&url).map_err(|error| Diagnostic::usage(format!("{name}: {error}")))?;
    Ok(Some((url, Origin::Variable(name.to_owned()))))
}
