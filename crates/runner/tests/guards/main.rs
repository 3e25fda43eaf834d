//! Transports that keep a run within what its user allowed.

mod approved;
mod dry_run;
mod limits;

#[path = "../../../transport/tests/all/scripted.rs"]
mod scripted;
