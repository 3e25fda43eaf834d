//! From a method and a path to the endpoint that is meant. It works from the list of endpoints alone.

use drillmaster_models::wire::match_path;
use drillmaster_models::{Dialect, EndpointDef, Metadata, SERVICES};

use crate::credential::{admit_to_thm, admit_to_veracode};
use crate::handler::{Handler, Refusal};
use crate::{thm, veracode};

/// How a service is simulated.
struct Simulation {
    service: &'static str,
    handlers: &'static [Handler],
    admit: fn(Option<&str>) -> Result<(), Refusal>,
}

static SIMULATIONS: [Simulation; 2] = [
    Simulation { service: "thm", handlers: &thm::HANDLERS, admit: admit_to_thm },
    Simulation { service: "veracode", handlers: &veracode::HANDLERS, admit: admit_to_veracode },
];

/// An endpoint, as a sandbox of some dialect answers it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) endpoint: &'static EndpointDef,
    pub(crate) metadata: &'static Metadata,
    pub(crate) handler: &'static Handler,
    /// Whether the service lets in whoever shows this.
    pub(crate) admit: fn(Option<&str>) -> Result<(), Refusal>,
}

/// What there is at a path.
#[derive(Debug)]
pub(crate) enum Found {
    /// The endpoint that is meant.
    EndpointDef(Route),
    /// Entries, but none with this method; these are the methods they have.
    OtherMethods(Vec<&'static str>),
    /// Nothing.
    Nothing,
}

/// The endpoints that a dialect has.
pub(crate) fn routes(dialect: Dialect) -> Vec<Route> {
    let mut routes = Vec::new();
    for service in SERVICES {
        let Some(simulation) = SIMULATIONS.iter().find(|one| one.service == service.name) else {
            continue;
        };
        for endpoint in service.endpoints() {
            let handler = simulation.handlers.iter().find(|one| one.endpoint == endpoint.name());
            if let (Ok(metadata), Some(handler)) = (endpoint.metadata(dialect), handler) {
                let admit = simulation.admit;
                routes.push(Route { endpoint, metadata, handler, admit });
            }
        }
    }
    // A segment that is spelt out goes before one that stands for a field.
    routes.sort_by_key(|route| route.metadata.path_fields().count());
    routes
}

/// Finds the endpoint for a method and a path without its query.
pub(crate) fn find(routes: &[Route], method: &str, path: &str) -> Found {
    let mut methods = Vec::new();
    for route in routes {
        if match_path(route.metadata.path, path).is_some() {
            if route.metadata.method.as_str() == method {
                return Found::EndpointDef(*route);
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
    fn every_entry_has_exactly_one_handler() {
        let handlers = || SIMULATIONS.iter().flat_map(|simulation| simulation.handlers);
        for endpoint in endpoints() {
            let own = handlers().filter(|handler| handler.endpoint == endpoint.name());
            assert_eq!(own.count(), 1, "{}", endpoint.name());
        }
        assert_eq!(handlers().count(), endpoints().count());
    }

    #[test]
    fn every_entry_is_found_at_its_own_path_in_every_dialect_that_has_it() {
        for dialect in Dialect::ALL {
            let routes = routes(dialect);
            for endpoint in endpoints() {
                let Ok(metadata) = endpoint.metadata(dialect) else {
                    continue;
                };
                let path = metadata.path.replace(['{', '}'], "");
                match find(&routes, metadata.method.as_str(), &path) {
                    Found::EndpointDef(route) => assert_eq!(route.endpoint.name(), endpoint.name()),
                    other => panic!("{}: {other:?}", endpoint.name()),
                }
            }
        }
    }
}
