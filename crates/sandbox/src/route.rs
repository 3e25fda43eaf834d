//! Finding the endpoint for a method and a path. It works from the list of endpoints alone.

use drillmaster_models::wire::match_path;
use drillmaster_models::{Dialect, EndpointDef, Metadata, SERVICES};

use crate::academy::AnyHandler;
use crate::call::Refusal;
use crate::credential::{admit_to_thm, admit_to_veracode};
use crate::{thm, veracode};

/// How a service is simulated.
struct Simulation {
    service: &'static str,
    /// The handler of the endpoint with this name.
    handler: fn(&str) -> Option<AnyHandler>,
    /// Checks a credential.
    admit: fn(Option<&str>) -> Result<(), Refusal>,
}

static SIMULATIONS: [Simulation; 2] = [
    Simulation {
        service: "thm",
        handler: |name| thm::HANDLERS.iter().find(|own| own.endpoint == name).map(AnyHandler::Thm),
        admit: admit_to_thm,
    },
    Simulation {
        service: "veracode",
        handler: |name| {
            veracode::HANDLERS.iter().find(|own| own.endpoint == name).map(AnyHandler::Veracode)
        },
        admit: admit_to_veracode,
    },
];

/// An endpoint in the dialect of the sandbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) endpoint: &'static EndpointDef,
    pub(crate) metadata: &'static Metadata,
    pub(crate) handler: AnyHandler,
    /// Checks a credential.
    pub(crate) admit: fn(Option<&str>) -> Result<(), Refusal>,
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Found {
    /// An endpoint.
    Route(Route),
    /// Endpoints, but none with this method; these are their methods.
    OtherMethods(Vec<&'static str>),
    /// Nothing.
    Nothing,
}

/// The endpoints of a dialect.
pub(crate) fn routes(dialect: Dialect) -> Vec<Route> {
    let mut routes = Vec::new();
    for service in SERVICES {
        let Some(simulation) = SIMULATIONS.iter().find(|one| one.service == service.name) else {
            continue;
        };
        for endpoint in service.endpoints() {
            let handler = (simulation.handler)(endpoint.name());
            if let (Ok(metadata), Some(handler)) = (endpoint.metadata(dialect), handler) {
                let admit = simulation.admit;
                routes.push(Route { endpoint, metadata, handler, admit });
            }
        }
    }
    // A literal segment takes precedence over a field.
    routes.sort_by_key(|route| route.metadata.path_fields().count());
    routes
}

/// Finds the endpoint for a method and a path without its query.
pub(crate) fn find(routes: &[Route], method: &str, path: &str) -> Found {
    let mut methods = Vec::new();
    for route in routes {
        if match_path(route.metadata.path, path).is_some() {
            if route.metadata.method.as_str() == method {
                return Found::Route(*route);
            }
            methods.push(route.metadata.method.as_str());
        }
    }
    if methods.is_empty() {
        return Found::Nothing;
    }
    Found::OtherMethods(methods)
}

#[cfg(test)]
mod tests {
    use drillmaster_models::endpoints;

    use super::*;

    #[test]
    fn every_endpoint_has_exactly_one_handler() {
        let thm = thm::HANDLERS.iter().map(|handler| handler.endpoint);
        let veracode = veracode::HANDLERS.iter().map(|handler| handler.endpoint);
        let mut handlers: Vec<_> = thm.chain(veracode).collect();
        let mut names: Vec<_> = endpoints().map(EndpointDef::name).collect();
        handlers.sort_unstable();
        names.sort_unstable();
        assert_eq!(handlers, names);
    }

    #[test]
    fn every_endpoint_is_found_at_its_path_in_each_of_its_dialects() {
        for dialect in Dialect::ALL {
            let routes = routes(dialect);
            for endpoint in endpoints() {
                let Ok(metadata) = endpoint.metadata(dialect) else {
                    continue;
                };
                let path = metadata.path.replace(['{', '}'], "");
                match find(&routes, metadata.method.as_str(), &path) {
                    Found::Route(route) => assert_eq!(route.endpoint.name(), endpoint.name()),
                    other => panic!("{}: {other:?}", endpoint.name()),
                }
            }
        }
    }
}
