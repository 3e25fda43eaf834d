//! The two services, and the list of everything that can be asked of them.

use crate::entry::Entry;
use crate::field::nearest;
use crate::spec::Fault;
use crate::{thm, veracode};

/// A training service.
#[derive(Debug)]
pub struct Service {
    /// The first part of its entries' names.
    pub name: &'static str,
    /// The name people know.
    pub title: &'static str,
    /// Where its API lives.
    pub base_url: &'static str,
    /// The environment variable that holds its credential.
    pub credential_variable: &'static str,
    /// The form of its credential, `KEY` or `KEY:SECRET`.
    pub credential_form: &'static str,
    /// Whether a legacy dialect is spoken as well.
    pub has_legacy: bool,
    /// A read without fields that tells whether a credential is accepted. No service says whose the credential is;
    /// how long this list is gives a hint.
    pub probe: &'static str,
    /// The refusals that any of its endpoints may answer.
    pub faults: &'static [Fault],
    /// Its endpoints.
    pub entries: &'static [Entry],
}

impl Service {
    /// Whether this text has the form of the service's credential.
    ///
    /// ```
    /// use drillmaster_models::SERVICES;
    /// assert!(!SERVICES[1].accepts_form("only-a-key"));
    /// assert!(SERVICES[1].accepts_form("key:secret"));
    /// ```
    pub fn accepts_form(&self, credential: &str) -> bool {
        let visible =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
        match self.credential_form.split_once(':') {
            Some(_) => credential
                .split_once(':')
                .is_some_and(|(key, secret)| visible(key) && visible(secret)),
            None => visible(credential),
        }
    }
}

/// Both services.
pub static SERVICES: [&Service; 2] = [&thm::SERVICE, &veracode::SERVICE];

/// Every entry of both services, in the order of the declarations.
///
/// ```
/// assert_eq!(drillmaster_models::entries().count(), 26);
/// ```
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    SERVICES.into_iter().flat_map(|service| service.entries)
}

/// Finds an entry by its name, `thm.rooms`; `thm::rooms`, as scripts write it, is understood too.
///
/// ```
/// assert!(drillmaster_models::entry("thm::rooms").is_ok());
/// let error = drillmaster_models::entry("thm.room").unwrap_err();
/// assert_eq!(error.to_string(), "there is no entry `thm.room`; did you mean `thm.rooms`?");
/// ```
pub fn entry(name: &str) -> Result<&'static Entry, UnknownEntry> {
    let spelt = name.replace("::", ".");
    entries().find(|entry| entry.spec.name == spelt).ok_or_else(|| UnknownEntry {
        name: name.to_owned(),
        nearest: nearest(name, entries().map(|entry| entry.spec.name)),
    })
}

/// No entry has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEntry {
    /// The name that was asked for.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

impl std::fmt::Display for UnknownEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "there is no entry `{}`; ", self.name)?;
        match self.nearest {
            Some(name) => write!(f, "did you mean `{name}`?"),
            None => write!(f, "`drillmaster endpoints` lists them all"),
        }
    }
}

impl std::error::Error for UnknownEntry {}
