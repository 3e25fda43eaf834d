//! The reports of a run: checked before anything is sent, and written at the end.

use std::path::{Path, PathBuf};

use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::report::{About, Kind, Report, Template, write};
use drillmaster_runner::roster::Roster;
use drillmaster_runner::run::RunSummary;
use drillmaster_runner::run_spec::{Reports, RunSpec};

use crate::paths::{display_path, output_path};
use crate::ui::Ui;

/// Reports whose files and template have been checked.
pub(crate) struct PreparedReports {
    files: Vec<PathBuf>,
    template: Template,
    requested: Reports,
}

/// How the run ended that a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completion {
    /// It ran to its end, or stopped with an error.
    Ended,
    /// The user interrupted it.
    Interrupted,
    /// It was a dry run.
    DryRun,
}

impl PreparedReports {
    /// Checks the requested reports: their kinds, their files and the template.
    pub(crate) fn new(requested: &Reports) -> Result<Self, Diagnostic> {
        let kinds = requested.files.iter().map(|file| Kind::from_path(&display_path(file)));
        let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
        if requested.template.is_some() && !kinds.contains(&Kind::Page) {
            let message = "--template needs a report that is a page";
            return Err(Diagnostic::usage(message).with_help("add --report FILE.html"));
        }
        let files = requested.files.iter().map(|file| output_path(&display_path(file)));
        let files = files.collect::<Result<_, _>>()?;
        let template = Template::open(requested.template.as_deref().map(display_path).as_deref())?;
        Ok(Self { files, template, requested: requested.clone() })
    }

    /// Refuses to let a dry run replace a report, which may be that of a real run.
    pub(crate) fn refuse_to_replace(&self) -> Result<(), Diagnostic> {
        match self.files.iter().find(|file| file.exists()) {
            Some(file) => {
                let message =
                    format!("{} already exists and may be about a real run", file.display());
                Err(Diagnostic::usage(message)
                    .with_help("name another file for the report of a dry run"))
            }
            None => Ok(()),
        }
    }

    /// Writes the reports, and prints the main figures of each section.
    pub(crate) fn write(
        &self,
        about: About,
        spec: &RunSpec,
        roster: Option<&Roster>,
        summary: &RunSummary,
        ui: &Ui,
    ) -> Result<(), Diagnostic> {
        if self.files.is_empty() && !summary.has_data() {
            return Ok(());
        }
        let is_partial = about.stopped.is_some();
        let sections = Some(self.requested.sections.as_slice()).filter(|some| !some.is_empty());
        let cannot_read =
            |error| Diagnostic::usage(format!("cannot read the finished rows: {error}"));
        let mut report = Report::new(about, summary, sections).map_err(cannot_read)?;
        if self.requested.pseudonymise {
            let people = roster.map(Roster::people).transpose()?;
            report.pseudonymise(people, spec.key.as_deref());
        }
        let views = report.views();
        if summary.has_data() {
            for view in &views {
                ui.console.note(&format!("{}: {}", view.name, view.summary));
            }
        }
        // All files are tried before an error is returned.
        let results = self.files.iter().map(|file| {
            let path = display_path(file);
            let path = path.display();
            if is_partial && file.exists() {
                ui.console.warn(&format!("{path} was not replaced: the run is incomplete"));
                return Ok(());
            }
            write(file, &report, &views, &self.template)?;
            // The other kinds say that they are incomplete; a CSV file has no place for it.
            if is_partial && Kind::from_path(file)? == Kind::Csv {
                ui.console.warn(&format!("report: {path} (incomplete, because the run stopped)"));
            } else {
                ui.console.note(&format!("report: {path}"));
            }
            Ok(())
        });
        results.collect::<Vec<Result<(), Diagnostic>>>().into_iter().collect()
    }
}

/// The title of a report: the first sentence of the script's documentation, up to a colon.
pub(crate) fn title(doc: &str, script: &Path) -> String {
    let line = doc.lines().next().unwrap_or_default();
    let line =
        line.split_once(": ").map_or(line, |(before, _)| before).trim_end_matches('.').trim();
    if line.is_empty() { file_name(script) } else { line.to_owned() }
}

/// The last part of a path.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
