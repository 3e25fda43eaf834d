//! Runs Rhai scripts over class lists: the library behind the `drillmaster` command.
//!
//! A [`Script`](script::Script) is a Rhai program in which every endpoint of TryHackMe and Veracode Security Labs is a
//! function. [`run`](run::run) executes it, with a [`Roster`](roster::Roster) if it needs one, and returns the outcome of
//! every row. The functions come from the list of endpoints in `drillmaster-models`; nothing here names one.
//!
//! The crate has no terminal and no command line: output goes to an [`OutputSink`](output::OutputSink), and whatever
//! follows the rows of a run is a [`RowSink`](execution::row_sink::RowSink).
//!
//! Its modules stand in layers, and use only those to their left:
//! `{outcome, diagnostic, exit, run_spec, report_data, roster, fs, output, log}` ← `value` ← `execution` ← `language` ←
//! `analysis` ← `script` ← `run` ← `{report, snapshot}`.

pub mod analysis;
pub mod diagnostic;
pub mod execution;
pub mod exit;
pub mod fs;
pub mod guards;
pub mod language;
pub mod log;
pub mod outcome;
pub mod output;
pub mod report;
pub mod report_data;
pub mod roster;
pub mod run;
pub mod run_spec;
pub mod script;
pub mod snapshot;
pub mod value;
