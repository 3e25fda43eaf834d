//! Running a function over the rows of a roster.

pub mod captures;
pub mod classify;
pub mod context;
pub mod each;
pub mod fiber;
pub mod pool;
pub mod row_context;
pub mod stop;
pub mod store;
