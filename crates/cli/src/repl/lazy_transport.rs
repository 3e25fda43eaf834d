//! A transport that connects to a service when a line first calls it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use drillmaster_models::SERVICES;
use drillmaster_transport::cassette::RateEvent;
use drillmaster_transport::{Error, Request, Response, Source, Transport};

use crate::console::Console;
use crate::patience::patience;
use crate::transport::Backend;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::run_spec::{Environment, Target};
use tokio_util::sync::CancellationToken;

/// The connections that are open so far. The key of a service is read when it is first called.
pub(super) struct LazyTransport {
    target: Target,
    console: Console,
    open: Mutex<BTreeMap<&'static str, Arc<Backend>>>,
}

impl LazyTransport {
    pub(super) fn new(target: Target, console: Console) -> Self {
        Self { target, console, open: Mutex::default() }
    }

    /// Connects to these services, unless already connected.
    pub(super) fn open(
        &self,
        services: impl Iterator<Item = &'static str>,
    ) -> Result<(), Diagnostic> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for service in services {
            if open.contains_key(service) {
                continue;
            }
            let patience = patience(&self.target, &self.console, &CancellationToken::new());
            let backend = Arc::new(Backend::open(&self.target, &[service], &patience)?);
            match self.target.on {
                // One sandbox simulates all services.
                Environment::Sandbox => {
                    open.extend(
                        SERVICES.into_iter().map(|service| (service.name, backend.clone())),
                    );
                }
                Environment::Live => {
                    open.insert(service, backend);
                }
            }
        }
        Ok(())
    }

    /// How fast the services were called.
    pub(super) fn rate_stats(&self) -> Vec<RateEvent> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values().flat_map(|backend| backend.rate_stats()).collect()
    }

    fn backend(&self, request: &Request) -> Option<Arc<dyn Transport>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(request.metadata.service()).map(|backend| backend.transport())
    }
}

#[async_trait]
impl Transport for LazyTransport {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        if let Some(backend) = self.backend(&request) {
            return backend.send(request).await;
        }
        let service = request.metadata.service();
        Err(Error::setup(format!("not connected to {service}")).for_request(&request))
    }

    fn source(&self, request: &Request) -> Source {
        self.backend(request).map_or(Source::Service, |backend| backend.source(request))
    }
}
