//! A training service: its address, its credential and the refusals that all of its endpoints share.

use crate::error_spec::ErrorSpec;

/// A training service.
///
/// ```
/// let thm = drillmaster_models::endpoint("thm.rooms").unwrap().service();
/// assert_eq!(thm.title, "TryHackMe");
/// ```
#[derive(Debug)]
pub struct Service {
    /// The first part of its endpoints' names.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The base URL of its API.
    pub base_url: &'static str,
    /// The environment variable with its credential.
    pub credential_variable: &'static str,
    /// The form of its credential, `KEY` or `KEY:SECRET`.
    pub credential_form: &'static str,
    /// Whether it also has a legacy dialect.
    pub has_legacy: bool,
    /// A read without fields that shows whether a credential is accepted. No service says whose credential it
    /// is; the length of this list is a hint.
    pub probe: &'static str,
    /// The refusals that any of its endpoints may answer.
    pub errors: &'static [ErrorSpec],
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
