//! `drillmaster sandbox` as a server: the documents' samples, the documented refusals, and whatever else
//! arrives.

mod lifecycle;
mod malformed;
mod refusals;
mod samples_thm;
mod samples_veracode;
mod shape;
