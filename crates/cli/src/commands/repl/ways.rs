//! The ways to the services, each opened when a line first calls it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use drillmaster_models::SERVICES;
use drillmaster_transport::cassette::RateEvent;
use drillmaster_transport::{Error, Request, Response, Source, Transport};

use crate::transport::Connections;
use crate::waiting::patience;
use drillmaster_runner::console::Console;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::execution::stop::Stop;
use drillmaster_runner::run_spec::{Environment, Target};

/// No key is asked for before its service is called.
pub(super) struct Ways {
    place: Target,
    console: Console,
    open: Mutex<BTreeMap<&'static str, Arc<Connections>>>,
}

impl Ways {
    pub(super) fn to(place: Target, console: Console) -> Self {
        Self { place, console, open: Mutex::default() }
    }

    /// Opens the ways to these services, as far as they are not open.
    pub(super) fn open(
        &self,
        services: impl Iterator<Item = &'static str>,
    ) -> Result<(), Diagnostic> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for service in services {
            if open.contains_key(service) {
                continue;
            }
            let patience = patience(&self.place, &self.console, &Stop::default());
            let target = Arc::new(Connections::open(&self.place, &[service], &patience)?);
            match self.place.on {
                // One sandbox is both services.
                Environment::Sandbox => {
                    open.extend(SERVICES.into_iter().map(|own| (own.name, target.clone())));
                }
                Environment::Live => {
                    open.insert(service, target);
                }
            }
        }
        Ok(())
    }

    /// How fast the services were called.
    pub(super) fn paces(&self) -> Vec<RateEvent> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values().flat_map(|target| target.paces()).collect()
    }

    fn way(&self, request: &Request) -> Option<Arc<dyn Transport>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(request.metadata.service()).map(|target| target.transport())
    }
}

#[async_trait]
impl Transport for Ways {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        if let Some(way) = self.way(&request) {
            return way.send(request).await;
        }
        let service = request.metadata.service();
        Err(Error::setup(format!("no connection to {service} is set up")).for_request(&request))
    }

    fn source(&self, request: &Request) -> Source {
        self.way(request).map_or(Source::Service, |way| way.source(request))
    }
}
