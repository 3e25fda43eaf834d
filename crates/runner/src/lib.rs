//! Runs Rhai scripts over class lists: the library behind the `drillmaster` command.
//!
//! A [`Script`](script::Script) is a Rhai program in which every endpoint of TryHackMe and Veracode Security
//! Labs is a function. [`run`](run::run) maps it over a [`Roster`](roster::Roster) and says what became of
//! every row. The functions come from the list of endpoints in `drillmaster-models`; nothing here names one.

pub mod analysis;
pub mod console;
pub mod diagnostic;
pub mod dialogue;
pub mod execution;
pub mod exit;
pub mod fs;
pub mod guards;
pub mod language;
pub mod log;
pub mod outcome;
pub mod output;
pub mod progress;
pub mod report;
pub mod report_data;
pub mod roster;
pub mod run;
pub mod run_spec;
pub mod script;
pub mod snapshot;
pub mod value;

pub use execution::stop::Stop;
pub use run::journal::RunJournal;
