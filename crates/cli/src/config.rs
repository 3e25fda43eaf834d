//! The configuration file. Each profile sets the addresses of the services, how to call them, and where their keys come
//! from. Keys are never in the file.
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
mod environment;
mod keys;
mod reader;
mod settings;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use drillmaster_models::{Dialect, Service, nearest};
use drillmaster_transport::Rate;
use etcetera::BaseStrategy;

pub(crate) use environment::variable;
pub(crate) use keys::KeySource;
pub(crate) use reader::is_profile_name;
pub(crate) use settings::{Flags, Origin, Settings};

use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_transport::files;

/// The content of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Config {
    /// The path of the file, which may not exist.
    pub(crate) path: PathBuf,
    /// What sets the path.
    pub(crate) origin: Origin,
    /// The profile to use if none is named.
    pub(crate) default: Option<String>,
    pub(crate) profiles: BTreeMap<String, Profile>,
}

/// How to call the services.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Profile {
    pub(crate) dialect: Option<Dialect>,
    pub(crate) rate: Option<Rate>,
    /// Settings of services, by name.
    pub(crate) services: BTreeMap<String, Access>,
}

/// The address and key of a service.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Access {
    pub(crate) url: Option<String>,
    pub(crate) key: Option<KeySource>,
}

impl Config {
    /// Reads the file. It may be missing, unless the environment names it.
    pub(crate) fn open() -> Result<Self, Diagnostic> {
        let named = variable(FILE_VARIABLE);
        let path = match &named {
            Some(name) => std::path::absolute(name).unwrap_or_else(|_| name.into()),
            None => default_path()?,
        };
        let origin = match &named {
            Some(_) => Origin::Variable(FILE_VARIABLE.to_owned()),
            None => Origin::Default,
        };
        match files::read_text(&path, files::BY_HAND) {
            Ok(text) => Ok(Self { origin, ..reader::read(&text, path)? }),
            Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => {
                Ok(Self { path, origin, ..Self::default() })
            }
            Err(error) => {
                let message = format!("cannot read the configuration {}: {error}", path.display());
                Err(Diagnostic::usage(message).with_help(match named {
                    Some(_) => format!("the path comes from {FILE_VARIABLE}"),
                    None => format!("fix the file, or set {FILE_VARIABLE} to another one"),
                }))
            }
        }
    }

    /// The profile of this name.
    pub(crate) fn profile(&self, name: &str) -> Result<&Profile, Diagnostic> {
        self.profiles.get(name).ok_or_else(|| {
            let message = format!("no profile `{name}` in {}", self.path.display());
            let names: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            let help = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => {
                    format!("the file has no profiles; add one as [profile.{name}]")
                }
                None => format!("profiles are {}", names.join(", ")),
            };
            Diagnostic::usage(message).with_help(help)
        })
    }

    /// The environment variables that hold keys.
    pub(crate) fn key_variables(&self) -> impl Iterator<Item = &str> {
        let services = self.profiles.values().flat_map(|profile| profile.services.values());
        services.filter_map(|access| match &access.key {
            Some(KeySource::Variable(name)) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The settings of a service in a profile, if any.
    pub(crate) fn access(&self, profile: &str, service: &Service) -> Option<&Access> {
        self.profiles.get(profile)?.services.get(service.name)
    }
}

/// The path of the file, if it is not the platform's default.
const FILE_VARIABLE: &str = "DRILLMASTER_CONFIG";

fn default_path() -> Result<PathBuf, Diagnostic> {
    let base = etcetera::choose_base_strategy().map_err(|error| {
        Diagnostic::usage(format!("cannot find the folder for the configuration: {error}"))
            .with_help(format!("set {FILE_VARIABLE} to the path of a file"))
    })?;
    Ok(base.config_dir().join("drillmaster").join("config.toml"))
}
