//! The two services, and the list of everything that can be asked of them.

use crate::endpoint_def::EndpointDef;
use crate::field::nearest;
use crate::metadata::ErrorSpec;
use crate::{thm, veracode};

/// A training service.
#[derive(Debug)]
pub struct Service {
    /// The first part of its endpoints' names.
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
    pub errors: &'static [ErrorSpec],
    /// Its endpoints.
    pub endpoints: &'static [EndpointDef],
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

/// Every endpoint of both services, in the order of the declarations.
///
/// ```
/// assert_eq!(drillmaster_models::endpoints().count(), 26);
/// ```
pub fn endpoints() -> impl Iterator<Item = &'static EndpointDef> {
    SERVICES.into_iter().flat_map(|service| service.endpoints)
}

/// Finds an endpoint by its name, `thm.rooms`; `thm::rooms`, as scripts write it, is understood too.
///
/// ```
/// assert!(drillmaster_models::endpoint("thm::rooms").is_ok());
/// let error = drillmaster_models::endpoint("thm.room").unwrap_err();
/// assert_eq!(error.to_string(), "there is no endpoint `thm.room`; did you mean `thm.rooms`?");
/// ```
pub fn endpoint(name: &str) -> Result<&'static EndpointDef, UnknownEndpoint> {
    let spelt = name.replace("::", ".");
    endpoints().find(|endpoint| endpoint.metadata.name == spelt).ok_or_else(|| UnknownEndpoint {
        name: name.to_owned(),
        nearest: nearest(name, endpoints().map(|endpoint| endpoint.metadata.name)),
    })
}

/// No endpoint has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEndpoint {
    /// The name that was asked for.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

impl std::fmt::Display for UnknownEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "there is no entry `{}`; ", self.name)?;
        match self.nearest {
            Some(name) => write!(f, "did you mean `{name}`?"),
            None => write!(f, "`drillmaster endpoints` lists them all"),
        }
    }
}

impl std::error::Error for UnknownEndpoint {}
