//! The flags that record, replay and verify, and the flags that mark private data.

use std::path::PathBuf;

use crate::console::Console;
use clap::Args;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_transport::redact::{Policy, Sensitivity, Warnings};
use drillmaster_transport::{Mode, VerifyWrites};

use crate::complete;
use crate::paths::{Paths, cassette_output_path};

/// The heading of these flags in help.
const HEADING: &str = "Recordings";

/// The flags that record and replay.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct CassetteArgs {
    /// Record requests and responses to a cassette that is safe to share: no secrets, made-up people
    #[arg(long, value_name = "FILE", add = complete::files("cassette"))]
    pub(crate) record: Option<PathBuf>,
    /// Answer requests from a cassette, and send nothing
    #[arg(long, value_name = "FILE", add = complete::files("cassette"), conflicts_with_all = ["record", "on"])]
    pub(crate) replay: Option<PathBuf>,
    /// Answer requests from a cassette, call the service for new ones, and add those to the cassette
    #[arg(long, value_name = "FILE", add = complete::files("cassette"), conflicts_with_all = ["record", "replay"])]
    pub(crate) append: Option<PathBuf>,
    /// Send the requests of a cassette to the service, and report changed responses
    #[arg(long, value_name = "FILE", add = complete::files("cassette"), conflicts_with_all = ["record", "replay", "append"])]
    pub(crate) verify: Option<PathBuf>,
    /// With --verify on live services, send the recorded writes too (on a sandbox they are always sent)
    #[arg(long, requires = "verify")]
    pub(crate) writes: bool,
    #[command(flatten)]
    private: PrivateArgs,
}

/// The flags that mark data as private, in addition to what endpoints declare.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct PrivateArgs {
    /// Redact the values of a field, column or input in recordings; KIND is id, name, username, email,
    /// words, link, avatar or secret (default)
    #[arg(long = "private", value_name = "FIELD[=KIND]", value_parser = parse_private_field)]
    fields: Vec<(String, Sensitivity)>,
    /// Redact this value in recordings, wherever it occurs
    #[arg(long = "private-value", value_name = "VALUE")]
    values: Vec<String>,
}

fn parse_private_field(text: &str) -> Result<(String, Sensitivity), String> {
    match text.split_once('=') {
        Some((name, kind)) => Ok((name.to_owned(), kind.parse()?)),
        None => Ok((text.to_owned(), Sensitivity::Secret)),
    }
}

impl PrivateArgs {
    pub(crate) fn policy(&self) -> Policy {
        let fields = self.fields.iter();
        let policy =
            fields.fold(Policy::default(), |policy, (name, kind)| policy.field(name, *kind));
        self.values.iter().fold(policy, Policy::value)
    }
}

/// Prints what to check in a cassette that was just sealed.
pub(crate) fn print_warnings(warnings: &Warnings, console: &Console) {
    if let Some(left) = warnings.unredacted() {
        console.note(&format!("not redacted: {left}; use `--private FIELD` to redact a field"));
    }
    for field in &warnings.absent_fields {
        console.warn(&format!(
            "--private {field} redacts nothing: there is no such field; check the spelling"
        ));
    }
    for index in &warnings.absent_values {
        // The value is private, so it is only counted.
        let number = index + 1;
        console.warn(&format!(
            "--private-value number {number} redacts nothing: the value does not occur; check the spelling"
        ));
    }
}

/// How a run uses a cassette on the way to the service.
pub(crate) struct CassetteOptions {
    pub(crate) path: PathBuf,
    pub(crate) mode: Mode,
    pub(crate) policy: Policy,
    /// Whether a verification sends writes.
    pub(crate) writes: VerifyWrites,
}

impl CassetteArgs {
    /// Adds the cassettes to the files of a run.
    pub(crate) fn add_to(&self, paths: Paths) -> Paths {
        paths
            .write_cassette("--record", self.record.as_ref())
            .write_cassette("--append", self.append.as_ref())
            .read("--replay", self.replay.as_ref())
            .read("--verify", self.verify.as_ref())
    }

    /// The cassette that the run records, appends to or verifies, if any.
    pub(crate) fn options(&self) -> Result<Option<CassetteOptions>, Diagnostic> {
        let output = |file: &Option<PathBuf>, mode| {
            let file = file.as_deref().map(cassette_output_path).transpose()?;
            Ok(file.map(|path| (path, mode)))
        };
        let record = output(&self.record, Mode::Record)?;
        let append = output(&self.append, Mode::Append)?;
        let verify = self.verify.clone().map(|path| (path, Mode::Verify));
        Ok(record.or(append).or(verify).map(|(path, mode)| CassetteOptions {
            path,
            mode,
            policy: self.private.policy(),
            writes: VerifyWrites::default(),
        }))
    }
}
