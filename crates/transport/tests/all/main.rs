//! What the transports promise, in one binary.

mod answers;
mod base_url;
mod cassette;
mod connection;
mod credential;
mod identity;
mod record;
mod replay;
mod scripted;
mod server;
mod trouble;
mod walk;
