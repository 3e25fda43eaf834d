//! Runs a function over the rows of a roster: calls, captured variables, concurrency, and the outcome of each row.

pub(crate) mod captures;
pub(crate) mod classify;
pub(crate) mod context;
pub(crate) mod details;
pub mod each;
pub(crate) mod fiber;
pub mod history;
pub(crate) mod memory;
pub(crate) mod pool;
pub(crate) mod row_context;
pub mod row_sink;
pub(crate) mod script_context;
pub(crate) mod script_error;
pub mod store;

/// How many rows run at a time by default.
pub const DEFAULT_CONCURRENCY: usize = 16;

/// The most rows that run at a time. Each has a stack of its own, and services ask for slower calls long before.
pub const MAX_CONCURRENCY: usize = 256;
