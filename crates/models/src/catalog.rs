//! The list of all services and endpoints. Everything that works with endpoints works from it.

use crate::endpoint_def::EndpointDef;
use crate::nearest::nearest;
use crate::service::Service;
use crate::{thm, veracode};

/// Both services.
pub static SERVICES: [&Service; 2] = [&thm::SERVICE, &veracode::SERVICE];

/// Every endpoint of both services, in the order of their declarations.
///
/// ```
/// assert_eq!(drillmaster_models::endpoints().count(), 26);
/// ```
pub fn endpoints() -> impl Iterator<Item = &'static EndpointDef> {
    thm::ENDPOINTS.iter().chain(&veracode::ENDPOINTS)
}

impl Service {
    /// The service's endpoints, in the order of their declarations.
    ///
    /// ```
    /// use drillmaster_models::thm;
    /// assert!(thm::SERVICE.endpoints().any(|endpoint| endpoint.name() == "thm.rooms"));
    /// ```
    pub fn endpoints(&self) -> impl Iterator<Item = &'static EndpointDef> + use<> {
        let name = self.name;
        endpoints().filter(move |endpoint| endpoint.service().name == name)
    }
}

/// Finds an endpoint by its name: `thm.rooms`, or `thm::rooms` as in scripts.
///
/// ```
/// assert!(drillmaster_models::endpoint("thm::rooms").is_ok());
/// let error = drillmaster_models::endpoint("thm.room").unwrap_err();
/// assert_eq!(error.to_string(), "there is no endpoint `thm.room`; did you mean `thm.rooms`?");
/// ```
pub fn endpoint(name: &str) -> Result<&'static EndpointDef, UnknownEndpoint> {
    let dotted = name.replace("::", ".");
    endpoints().find(|endpoint| endpoint.name() == dotted).ok_or_else(|| UnknownEndpoint {
        name: name.to_owned(),
        nearest: nearest(name, endpoints().map(EndpointDef::name)),
    })
}

/// There is no endpoint with this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEndpoint {
    /// The name that was asked for.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

impl std::fmt::Display for UnknownEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "there is no endpoint `{}`", self.name)?;
        match self.nearest {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownEndpoint {}
