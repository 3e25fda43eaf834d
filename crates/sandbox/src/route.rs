//! From a method and a path to the entry that is meant. It works from the list of entries alone.

use drillmaster_models::wire::match_path;
use drillmaster_models::{Dialect, Entry, SERVICES, Spec};

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

/// An entry, as a sandbox of some dialect answers it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) entry: &'static Entry,
    pub(crate) spec: &'static Spec,
    pub(crate) handler: &'static Handler,
    /// Whether the service lets in whoever shows this.
    pub(crate) admit: fn(Option<&str>) -> Result<(), Refusal>,
}

/// What there is at a path.
#[derive(Debug)]
pub(crate) enum Found {
    /// The entry that is meant.
    Entry(Route),
    /// Entries, but none with this method; these are the methods they have.
    OtherMethods(Vec<&'static str>),
    /// Nothing.
    Nothing,
}

/// The entries that a dialect has.
pub(crate) fn routes(dialect: Dialect) -> Vec<Route> {
    let mut routes = Vec::new();
    for service in SERVICES {
        let Some(simulation) = SIMULATIONS.iter().find(|one| one.service == service.name) else {
            continue;
        };
        for entry in service.entries {
            let handler = simulation.handlers.iter().find(|one| one.entry == entry.name());
            if let (Ok(spec), Some(handler)) = (entry.spec(dialect), handler) {
                let admit = simulation.admit;
                routes.push(Route { entry, spec, handler, admit });
            }
        }
    }
    // A segment that is spelt out goes before one that stands for a field.
    routes.sort_by_key(|route| route.spec.path_fields().count());
    routes
}

/// Finds the entry for a method and a path without its query.
pub(crate) fn find(routes: &[Route], method: &str, path: &str) -> Found {
    let mut methods = Vec::new();
    for route in routes {
        if match_path(route.spec.path, path).is_some() {
            if route.spec.method.as_str() == method {
                return Found::Entry(*route);
            }
            methods.push(route.spec.method.as_str());
        }
    }
    if methods.is_empty() {
        return Found::Nothing;
    }
    Found::OtherMethods(methods)
}

#[cfg(test)]
mod tests {
    use drillmaster_models::entries;

    use super::*;

    #[test]
    fn every_entry_has_exactly_one_handler() {
        let handlers = || SIMULATIONS.iter().flat_map(|simulation| simulation.handlers);
        for entry in entries() {
            let own = handlers().filter(|handler| handler.entry == entry.name());
            assert_eq!(own.count(), 1, "{}", entry.name());
        }
        assert_eq!(handlers().count(), entries().count());
    }

    #[test]
    fn every_entry_is_found_at_its_own_path_in_every_dialect_that_has_it() {
        for dialect in Dialect::ALL {
            let routes = routes(dialect);
            for entry in entries() {
                let Ok(spec) = entry.spec(dialect) else {
                    continue;
                };
                let path = spec.path.replace(['{', '}'], "");
                match find(&routes, spec.method.as_str(), &path) {
                    Found::Entry(route) => assert_eq!(route.entry.name(), entry.name()),
                    other => panic!("{}: {other:?}", entry.name()),
                }
            }
        }
    }
}
