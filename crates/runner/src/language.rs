//! The script language: Rhai, the endpoints as functions, and the words of its own.

pub mod definitions;
pub mod endpoints;
pub mod engine;
pub mod imports;
pub mod limits;
pub mod prelude;
pub mod reading;
pub mod shown;
