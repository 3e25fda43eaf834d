//! The script language: Rhai, the endpoints as functions, and functions of its own.

pub mod definitions;
pub mod endpoints;
pub(crate) mod engine;
pub(crate) mod imports;
pub(crate) mod limits;
pub(crate) mod prelude;
pub(crate) mod reading;
pub(crate) mod shown;
