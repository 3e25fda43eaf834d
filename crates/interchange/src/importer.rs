//! Builds a recording from the requests of a file.

use drillmaster_transport::cassette::{Header, Interaction, Recording, RequestEvent};
use drillmaster_transport::{Error, Response, Scope};

use super::bodies::Decompressor;
use super::call::{Call, credentials};
use super::{ImportError, Imported, Options, Skipped};

/// A recording that is built from the requests of a file.
pub(super) struct Importer<'a> {
    hosts: &'a [String],
    pub(super) decompressor: Decompressor,
    pub(super) recording: Recording,
    pub(super) skipped: Skipped,
    /// The number of the next request of another tool; `None` if exported requests use the largest number.
    next: Option<u64>,
    /// Whether the file is an exported cassette.
    pub(super) is_export: bool,
}

impl<'a> Importer<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        let recording =
            Recording { header: Header::default(), interactions: Vec::new(), values: Vec::new() };
        Self {
            hosts: &options.hosts,
            decompressor: Decompressor::new(options.max_decompressed_bytes),
            recording,
            skipped: Skipped::default(),
            next: Some(0),
            is_export: false,
        }
    }

    /// The call of an endpoint that a request makes. A request that makes none is counted as skipped.
    pub(super) fn recognise(&mut self, method: &str, url: &str) -> Option<Call> {
        match Call::from_request(method, url, self.hosts) {
            Ok(call) => Some(call),
            Err((reason, what)) => {
                self.skipped.add(reason, &what);
                None
            }
        }
    }

    /// Reserves the number of an exported request, so that no request of another tool gets it.
    pub(super) fn reserve(&mut self, scope: &str, ordinal: u64) {
        if scope == Scope::MAIN {
            self.next = self.next.and_then(|next| Some(next.max(ordinal.checked_add(1)?)));
        }
    }

    /// Adds an exported request, unchanged.
    pub(super) fn add(&mut self, request: RequestEvent, outcome: Result<Response, Error>) {
        self.reserve(&request.scope, request.ordinal);
        self.recording.interactions.push(Interaction { request, outcome });
    }

    /// Adds a request of another tool, as the next one outside of rows.
    pub(super) fn add_next(
        &mut self,
        path: &str,
        call: &Call,
        headers: &[(String, String)],
        body: &[u8],
        outcome: Result<Response, Error>,
    ) -> Result<(), ImportError> {
        let number = self.next.ok_or_else(|| {
            ImportError::value(path, "cannot be numbered: the largest number is already in use")
        })?;
        let content_type = headers.iter().find(|(name, _)| name == "content-type");
        let request = call.request(content_type.map(|(_, value)| value.as_str()), body, number);
        let credentials = credentials(headers, body);
        self.add(request, outcome.map(|response| credentials.mask_response(response)));
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Imported, ImportError> {
        let Self { recording, skipped, is_export, .. } = self;
        // An exported cassette may be empty; another tool's file without requests is probably the wrong file.
        if recording.interactions.is_empty() && !(is_export && skipped.count() == 0) {
            return Err(ImportError::NoRequests(skipped));
        }
        Ok(Imported { recording, skipped })
    }
}
