//! One test crate over the whole of drillmaster.

mod cli;
mod desk;
mod guide;
mod http;
mod interchange;
mod malformed_files;
mod openapi;
mod replay;
mod sandbox_http;
mod scripts;
mod server;
mod snapshot;
#[cfg(unix)]
mod terminal;
mod wire_thm;
mod wire_veracode;
mod workflows;
