//! The flags for reports.

use std::path::PathBuf;

use clap::Args;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::report_data::Section;
use drillmaster_runner::run_spec::Reports;

use crate::paths::absolute;
use crate::{choices, complete};

/// The flags for reports.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reports")]
pub(crate) struct ReportArgs {
    /// Write a report: a web page (.html), tables (.csv) or data (.json); can be repeated
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
    /// Template for the page, in minijinja; `drillmaster definitions FOLDER` writes the default one
    #[arg(long, value_name = "FILE", add = complete::files("j2"), requires = "report")]
    template: Option<PathBuf>,
    /// Include only these sections, overriding the script
    #[arg(long, value_name = "SECTION", value_parser = choices::sections(), value_delimiter = ',', requires = "report")]
    sections: Vec<Section>,
    /// Replace people in reports by learner-0001, learner-0002, ...
    #[arg(long, requires = "report")]
    pseudonymise: bool,
}

impl ReportArgs {
    /// The requested reports, or `earlier` if these flags request none.
    pub(crate) fn or(&self, earlier: Reports) -> Result<Reports, Diagnostic> {
        if self.report.is_empty() {
            return Ok(earlier);
        }
        Ok(Reports {
            files: self.report.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?,
            template: self.template.as_deref().map(absolute).transpose()?,
            sections: self.sections.clone(),
            pseudonymise: self.pseudonymise,
        })
    }
}
