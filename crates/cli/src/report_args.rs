//! The reports of a run: what was asked for, looked through before anything is sent, and written at its end.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::Ui;
use crate::choices;
use crate::complete;
use crate::execute::PreparedRun;
use crate::run_args::absolute;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::report::{About, Kind, Report, Template, write};
use drillmaster_runner::report_data::Section;
use drillmaster_runner::roster::Roster;
use drillmaster_runner::run::RunSummary;
use drillmaster_runner::run_spec::{Environment, Reports};

/// Under what these flags stand in help.
const HEADING: &str = "Reports";

/// The flags for reports.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ReportArgs {
    /// Write a report: a page to look at (.html), its tables (.csv) or its data (.json); may be given again for
    /// another form
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    report: Vec<PathBuf>,
    /// Draw the page with a template of your own (minijinja); `definitions FOLDER` writes the built-in one
    #[arg(long, value_name = "FILE", add = complete::files("j2"), requires = "report", help_heading = HEADING)]
    template: Option<PathBuf>,
    /// Only these sections, whatever the script chooses
    #[arg(long, value_name = "SECTION", value_parser = choices::sections(), value_delimiter = ',', requires = "report", help_heading = HEADING)]
    sections: Vec<Section>,
    /// Put learner-0001 and so on in the place of people in reports
    #[arg(long, requires = "report", help_heading = HEADING)]
    pseudonymise: bool,
}

/// Reports of which everything was found in order.
pub(crate) struct ReadyReports {
    files: Vec<PathBuf>,
    template: Template,
    asked: Reports,
}

/// How a run went that is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As a run.
    Run,
    /// It was interrupted.
    Interrupted,
    /// As a dry run.
    Rehearsal,
}

impl ReportArgs {
    /// What is asked for here, or else what was.
    pub(crate) fn over(&self, before: Reports) -> Result<Reports, Diagnostic> {
        if self.report.is_empty() {
            return Ok(before);
        }
        Ok(Reports {
            files: self.report.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?,
            template: self.template.as_deref().map(absolute).transpose()?,
            sections: self.sections.clone(),
            pseudonymise: self.pseudonymise,
        })
    }
}

impl ReadyReports {
    /// Looks everything through that is asked for. `place` tells where a file can be written.
    pub(crate) fn of(
        asked: &Reports,
        place: impl FnMut(&Path) -> Result<PathBuf, Diagnostic>,
    ) -> Result<Self, Diagnostic> {
        let kinds = asked.files.iter().map(|file| Kind::of(&crate::execute::near(file)));
        let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
        if asked.template.is_some() && !kinds.contains(&Kind::Page) {
            let problem = "--template draws pages, and none is asked for";
            return Err(Diagnostic::usage(problem).with_help("give --report FILE.html with it"));
        }
        let files =
            asked.files.iter().map(PathBuf::as_path).map(place).collect::<Result<_, _>>()?;
        let template =
            Template::open(asked.template.as_deref().map(crate::execute::near).as_deref())?;
        Ok(Self { files, template, asked: asked.clone() })
    }

    /// A dry run takes the place of no report: what is there may be what a real run came to.
    pub(crate) fn refuse_to_replace(&self) -> Result<(), Diagnostic> {
        match self.files.iter().find(|file| file.exists()) {
            Some(file) => {
                let problem = format!("{} is there already, and may tell of a run", file.display());
                Err(Diagnostic::usage(problem)
                    .with_help("name another file for the report of a dry run"))
            }
            None => Ok(()),
        }
    }

    /// Writes them, and tells in short what they tell.
    pub(crate) fn finish(
        &self,
        ready: &PreparedRun,
        report: &RunSummary,
        ending: Ending,
        shell: &Ui,
    ) -> Result<(), Diagnostic> {
        if self.files.is_empty() && !report.has_data() {
            return Ok(());
        }
        let problem = report.problem.as_ref().map(|problem| problem.message.clone());
        let about = About {
            title: title(&ready.script.doc(), ready.script.path()),
            script: file_name(ready.script.path()),
            began: ready.order.started,
            on: match ready.order.place.on {
                Environment::Sandbox => "on the sandbox: nobody real was asked",
                Environment::Live => "on the live services",
            },
            is_rehearsal: ending == Ending::Rehearsal,
            stopped: if ending == Ending::Interrupted {
                Some("It was interrupted.".to_owned())
            } else {
                problem
            },
        };
        let is_half = about.stopped.is_some();
        let chosen = Some(self.asked.sections.as_slice()).filter(|chosen| !chosen.is_empty());
        let unread =
            |error| Diagnostic::usage(format!("the finished rows cannot be read: {error}"));
        let mut facts = Report::of(about, report, chosen).map_err(unread)?;
        if self.asked.pseudonymise {
            let roster = ready.roster.as_ref().map(Roster::people).transpose()?;
            facts.pseudonymise(roster, ready.order.key.as_deref());
        }
        let views = facts.views();
        if report.has_data() {
            for view in &views {
                shell.console.note(&format!("{}: {}", view.name, view.told));
            }
        }
        // One that cannot be written keeps no other from being.
        let written = self.files.iter().map(|file| {
            // It takes the place of no report that may tell of a whole run.
            if is_half && file.exists() {
                shell.console.warn(&format!(
                    "{} is left as it was, because the run did not come to its end",
                    crate::execute::near(file).display()
                ));
                return Ok(());
            }
            write(file, &facts, &views, &self.template)?;
            let path = crate::execute::near(file);
            // The other kinds say it themselves.
            if is_half && Kind::of(file)? == Kind::Csv {
                let path = path.display();
                shell
                    .console
                    .warn(&format!("report: {path} holds what was known when the run stopped"));
            } else {
                shell.console.note(&format!("report: {}", path.display()));
            }
            Ok(())
        });
        written.collect::<Vec<Result<(), Diagnostic>>>().into_iter().collect()
    }
}

/// The first line of a script's own words, as a heading.
fn title(doc: &str, script: &Path) -> String {
    let line = doc.lines().next().unwrap_or_default();
    let line =
        line.split_once(": ").map_or(line, |(before, _)| before).trim_end_matches('.').trim();
    if line.is_empty() { file_name(script) } else { line.to_owned() }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
