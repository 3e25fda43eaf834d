//! Running a function over the rows of a roster.

pub mod captures;
pub mod classify;
pub mod context;
pub mod each;
pub mod fiber;
pub mod memory;
pub mod pool;
pub mod row_context;
pub mod script_error;
pub mod stop;
pub mod store;

/// How many rows run at a time by default.
pub const DEFAULT_CONCURRENCY: usize = 16;

/// The most rows that run at a time. Each has a stack of its own, and services ask for slower calls long before.
pub const MAX_CONCURRENCY: usize = 256;
