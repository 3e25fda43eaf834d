//! The configuration file: profiles, each of which says where the services are, how they are spoken to, and
//! where their keys come from. A key itself is never in it.
//!
//! ```toml
//! default = "school"
//!
//! [profile.school]
//! dialect = "legacy"
//! rate = "30/m"
//!
//! [profile.school.thm]
//! command = "pass show thm"
//!
//! [profile.school.veracode]
//! url = "https://securitylabs.example"
//! env = "SCHOOL_LABS"
//! ```

mod edit;
mod keys;
mod reader;
mod settings;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use drillmaster_models::{Dialect, Service, nearest};
use drillmaster_transport::Rate;
use etcetera::BaseStrategy;

pub(crate) use keys::KeySource;
pub(crate) use reader::is_profile_name;
pub(crate) use settings::{Flags, Origin, Settings, variable};

use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_transport::files;

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Config {
    /// Where it is, or would be.
    pub(crate) path: PathBuf,
    /// Who says that it is there.
    pub(crate) origin: Origin,
    /// The profile that is taken where none is named.
    pub(crate) default: Option<String>,
    pub(crate) profiles: BTreeMap<String, Profile>,
}

/// One way to the services.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Profile {
    pub(crate) dialect: Option<Dialect>,
    pub(crate) rate: Option<Rate>,
    /// What it says of each service, by the service's name.
    pub(crate) services: BTreeMap<String, Access>,
}

/// What a profile says of a service.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Access {
    pub(crate) url: Option<String>,
    pub(crate) key: Option<KeySource>,
}

impl Config {
    /// Reads the file, where there is one. One that was named must be there.
    pub(crate) fn open() -> Result<Self, Diagnostic> {
        let named = variable(FILE_VARIABLE);
        let path = match &named {
            Some(name) => std::path::absolute(name).unwrap_or_else(|_| name.into()),
            None => usual_place()?,
        };
        let origin = match &named {
            Some(_) => Origin::Variable(FILE_VARIABLE.to_owned()),
            None => Origin::Usual,
        };
        match files::read_text(&path, files::BY_HAND) {
            Ok(text) => Ok(Self { origin, ..reader::read(&text, path)? }),
            Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => {
                Ok(Self { path, origin, ..Self::default() })
            }
            Err(error) => {
                let problem = format!("cannot read the configuration {}: {error}", path.display());
                Err(Diagnostic::usage(problem).with_help(match named {
                    Some(_) => format!("{FILE_VARIABLE} names it"),
                    None => format!("put it right, or name another file in {FILE_VARIABLE}"),
                }))
            }
        }
    }

    /// The profile of this name.
    pub(crate) fn profile(&self, name: &str) -> Result<&Profile, Diagnostic> {
        self.profiles.get(name).ok_or_else(|| {
            let problem = format!("there is no profile `{name}` in {}", self.path.display());
            let names: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            let help = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => {
                    format!("it has no profiles; write one as [profile.{name}]")
                }
                None => format!("it has {}", names.join(", ")),
            };
            Diagnostic::usage(problem).with_help(help)
        })
    }

    /// The variables in which profiles have keys.
    pub(crate) fn key_variables(&self) -> impl Iterator<Item = &str> {
        let services = self.profiles.values().flat_map(|profile| profile.services.values());
        services.filter_map(|access| match &access.key {
            Some(KeySource::Variable(name)) => Some(name.as_str()),
            _ => None,
        })
    }

    /// What a profile says of a service, if it says something.
    pub(crate) fn access(&self, profile: &str, service: &Service) -> Option<&Access> {
        self.profiles.get(profile)?.services.get(service.name)
    }
}

/// Names the file, where it is not at the platform's place.
const FILE_VARIABLE: &str = "DRILLMASTER_CONFIG";

fn usual_place() -> Result<PathBuf, Diagnostic> {
    let base = etcetera::choose_base_strategy().map_err(|error| {
        Diagnostic::usage(format!("no folder for the configuration can be found: {error}"))
            .with_help(format!("name a file in {FILE_VARIABLE}"))
    })?;
    Ok(base.config_dir().join("drillmaster").join("config.toml"))
}
