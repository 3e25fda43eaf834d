//! Tables, lists and CSV.

pub mod listing;
pub mod table;
pub mod visible;
