//! One test crate over the whole of drillmaster.

mod wire_thm;
mod wire_veracode;
