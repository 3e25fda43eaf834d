//! Security training in bulk: the `drillmaster` command, and the script runner behind it.
//!
//! A [`Script`](script::Script) is a Rhai program in which every endpoint of TryHackMe and Veracode Security
//! Labs is a function. [`run`](run::run) maps it over a [`Roster`](roster::Roster) and says what became of
//! every row. The functions come from the list of endpoints in `drillmaster-models`; nothing here names one.

pub mod calls;
pub mod cases;
pub mod console;
pub mod definitions;
pub mod dialogue;
pub mod engine;
pub mod exit;
pub mod fan;
pub mod fiber;
pub mod files;
pub mod host;
pub mod listing;
pub mod log;
pub mod order;
pub mod plan;
pub mod problem;
pub mod progress;
pub mod report;
pub mod results;
pub mod roster;
pub mod rows;
pub mod run;
pub mod running;
pub mod script;
pub mod spool;
pub mod survey;
pub mod table;
pub mod visible;
pub mod vocabulary;

pub use host::{Keeping, Stop};
pub use rows::{Outcome, State};
