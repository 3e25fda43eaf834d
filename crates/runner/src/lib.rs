//! Security training in bulk: the `drillmaster` command, and the script runner behind it.
//!
//! A [`Script`](script::Script) is a Rhai program in which every endpoint of TryHackMe and Veracode Security
//! Labs is a function. [`run`](run::run) maps it over a [`Roster`](roster::Roster) and says what became of
//! every row. The functions come from the list of endpoints in `drillmaster-models`; nothing here names one.

mod calls;
pub mod cases;
pub mod cli;
mod config;
pub mod console;
pub mod definitions;
mod dialogue;
mod engine;
pub mod exit;
mod fan;
mod fiber;
mod files;
mod host;
pub mod interchange;
mod listing;
mod log;
mod order;
pub mod plan;
pub mod problem;
pub mod progress;
mod report;
mod results;
pub mod roster;
mod rows;
pub mod run;
mod running;
pub mod script;
mod spool;
mod survey;
pub mod table;
mod visible;
mod vocabulary;

pub use host::{Keeping, Stop};
pub use rows::{Outcome, State};
