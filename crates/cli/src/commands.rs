//! One file for each subcommand, its arguments included.

pub(crate) mod auth;
pub(crate) mod call;
pub(crate) mod cassette;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod endpoints;
pub(crate) mod init;
pub(crate) mod repl;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod sandbox;
pub(crate) mod test;
