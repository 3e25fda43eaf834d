//! The tests of the transports, in one binary.

mod answers;
mod any_bytes;
mod api_keys;
mod base_url;
mod cassette;
mod connection;
mod credential;
mod fault;
mod identity;
mod modes;
mod network_errors;
mod proxies;
mod rate_limit;
mod record;
mod replay;
mod resolve;
mod retry;
mod scripted;
mod seal;
mod secrets;
mod server;
mod wait_policy;
mod walk;
