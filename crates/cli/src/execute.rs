//! Executing a prepared run: the layers of its transport, the run itself, and what is written at the end.

use std::io;
use std::sync::Arc;

use crate::progress::Progress;
use drillmaster_journal::Journaled;
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::exit::Exit;
use drillmaster_runner::guards::{Approved, Guard, Limits};
use drillmaster_runner::run::journal::RunJournal;
use drillmaster_runner::run::{Job, RunSummary, plan, run as run_script};
use drillmaster_runner::run_spec::RunSpec;
use drillmaster_transport::cassette::{Event, RateEvent};
use drillmaster_transport::{Error, Mode, Recorder, Transport};

use crate::cassette_args::{CassetteOptions, print_warnings};
use crate::paths::display_path;
use crate::prepare::PreparedRun;
use crate::reports::Completion;
use crate::runtime::InterruptibleRuntime;
use crate::summary::print_summary;
use crate::transport::Backend;
use crate::ui::Ui;

/// Executes a prepared run, journaled and recorded as asked for, and prints how it went.
pub(crate) fn execute(
    run: &PreparedRun,
    backend: &Backend,
    runtime: &InterruptibleRuntime,
    journal: Option<&RunJournal>,
    cassette: Option<&CassetteOptions>,
    ui: &Ui,
) -> Result<Exit, Diagnostic> {
    Execution { run, backend, runtime, journal, cassette }.execute(ui)
}

/// A run, what it calls, and where it is journaled and recorded.
struct Execution<'a> {
    run: &'a PreparedRun,
    backend: &'a Backend,
    runtime: &'a InterruptibleRuntime,
    journal: Option<&'a RunJournal>,
    cassette: Option<&'a CassetteOptions>,
}

/// The layers of a run's transport that are asked for something at its end.
struct Layers {
    top: Arc<dyn Transport>,
    recorder: Option<Recorder>,
    approved: Option<Arc<Approved<Arc<dyn Transport>>>>,
}

impl Execution<'_> {
    fn execute(&self, ui: &Ui) -> Result<Exit, Diagnostic> {
        let Self { run, backend, runtime, journal, cassette } = *self;
        let layers = self.stack_layers()?;
        let connection =
            backend.connect(layers.top.clone(), ui.trace()).resolving(run.resolve_policy(backend));
        let job = Job {
            results: run.results.clone(),
            journal: journal.cloned(),
            // A deferred row runs twice, and a recorder would record it twice.
            defers: cassette.is_none(),
            sinks: Progress::on_stderr(&ui.console, runtime.handle()).into_iter().collect(),
            ..run.job(connection, &ui.console, runtime)
        };
        let summary = run_script(&run.script, job, runtime.handle());
        run.warn_of_changed_roster(ui);
        let interrupted = runtime.stop.is_cancelled();
        let ended = summary.problem.is_none() && !interrupted;
        let rate_stats = backend.rate_stats();
        let journal_closed = match journal {
            Some(journal) => runtime.handle().block_on(close_journal(journal, &rate_stats, ended)),
            None => Ok(()),
        };
        let recorded = self.finish_cassette(&layers, ended, ui);
        // Only a script that came to its end has made all of its requests.
        let replayed = if ended { backend.finish() } else { Ok(()) };
        let mut exit = summary.exit();
        // It is no news that an interrupted script did not reach its end.
        let is_news =
            |diagnostic: &&Diagnostic| !interrupted || diagnostic.category != Category::Interrupted;
        let problem = summary.problem.iter().filter(is_news).cloned();
        let unclosed = journal_closed.err().and_then(|error| journal_error(&error, &summary));
        let problems = problem.chain(unclosed).map(|problem| self.with_resume_help(problem));
        for problem in problems.chain(recorded.err()).chain(replayed.err()) {
            ui.print_diagnostic(&problem);
            exit = exit.max(Exit::of(&problem));
        }
        if interrupted {
            exit = Exit::Interrupted;
        }
        print_summary(&summary, &rate_stats, exit, journal, layers.recorder.as_ref(), ui);
        if let Some(recorder) = &layers.recorder {
            print_warnings(&recorder.warnings(), &ui.console);
        }
        let completion = if interrupted { Completion::Interrupted } else { Completion::Ended };
        if let Err(problem) = run.write_reports(&summary, completion, ui) {
            ui.print_diagnostic(&self.with_resume_help(problem.clone()));
            exit = exit.max(Exit::of(&problem));
        }
        let unused = layers.approved.map_or(0, |approved| approved.remaining());
        if unused > 0 {
            let writes = if unused == 1 { "write" } else { "writes" };
            ui.console.note(&format!("{unused} {writes} of the approved plan not made"));
        }
        Ok(exit)
    }

    /// Stacks journal, recorder, guard and approved plan on the backend.
    fn stack_layers(&self) -> Result<Layers, Diagnostic> {
        let mut top = self.backend.transport();
        if let Some(RunJournal { journal, history, resume, .. }) = self.journal {
            top = Arc::new(Journaled::new(top, journal.clone(), history.clone()));
            self.runtime.set_resume_command(resume);
        }
        let recorder =
            self.cassette.map(|options| self.open_cassette(options, &top)).transpose()?;
        if let Some(recorder) = &recorder {
            top = Arc::new(recorder.clone());
        }
        let RunSpec { max_removals, yes, approved, .. } = &self.run.spec;
        let limits = Limits { removals: *max_removals, irreversible: *yes };
        top = Arc::new(Guard::new(top, limits));
        let approved = match approved {
            Some(approved) => {
                Some(Arc::new(Approved::new(top.clone(), plan::approved(&approved.plan)?)))
            }
            None => None,
        };
        if let Some(approved) = &approved {
            top = approved.clone();
        }
        Ok(Layers { top, recorder, approved })
    }

    fn open_cassette(
        &self,
        options: &CassetteOptions,
        below: &Arc<dyn Transport>,
    ) -> Result<Recorder, Diagnostic> {
        let mut builder = Recorder::builder(&options.path)
            .mode(options.mode)
            .writes(options.writes)
            .header(self.run.cassette_header())
            .policy(options.policy.clone());
        if let Some(roster) = &self.run.roster {
            builder = builder.roster(roster.people()?);
        }
        let below = below.clone();
        let recorder = builder.allow_unfinished().open(move || Ok(below));
        recorder.map_err(|error| Diagnostic::call(&error))
    }

    /// Writes the cassette, unless an incomplete recording would replace a complete one.
    fn finish_cassette(&self, layers: &Layers, ended: bool, ui: &Ui) -> Result<(), Diagnostic> {
        let (Some(recorder), Some(options)) = (&layers.recorder, self.cassette) else {
            return Ok(());
        };
        if !ended && options.mode == Mode::Record && options.path.exists() {
            let path = display_path(&options.path);
            let path = path.display();
            ui.console.warn(&format!("{path} was not replaced: the run is incomplete"));
            return Ok(());
        }
        match recorder.finish().map_err(|error| self.cassette_error(&error)) {
            // A script that stopped early has not asked for everything that is recorded.
            Err(problem) if problem.category == Category::Replay && !ended => Ok(()),
            result => result,
        }
    }

    /// Why there is no cassette. The recording is not lost, because the journal has it.
    fn cassette_error(&self, error: &Error) -> Diagnostic {
        let problem = Diagnostic::call(error);
        match (self.cassette, self.journal) {
            (Some(CassetteOptions { path, mode: Mode::Record, .. }), Some(journal))
                if problem.category != Category::Replay =>
            {
                let (seal, path) = (journal.command("cassette seal"), display_path(path));
                problem.with_help(format!("after fixing this, run `{seal} -o {}`", path.display()))
            }
            _ => problem,
        }
    }

    /// Adds the command that resumes the run to the help of a file that cannot be written.
    fn with_resume_help(&self, problem: Diagnostic) -> Diagnostic {
        match (&problem.help, self.journal) {
            (Some(help), Some(journal)) if problem.category == Category::Unwritten => {
                let help =
                    format!("nothing that was sent is lost; {help}, then run `{}`", journal.resume);
                problem.with_help(help)
            }
            _ => problem,
        }
    }
}

/// Why the journal could not be closed; `None` if the run stopped for the same reason.
fn journal_error(error: &io::Error, summary: &RunSummary) -> Option<Diagnostic> {
    let is_known =
        summary.problem.as_ref().is_some_and(|problem| problem.category == Category::Unwritten);
    (!is_known).then(|| Diagnostic::unwritten(format!("cannot write the journal: {error}")))
}

/// Syncs the journal to disk, and closes it if the run came to its end.
async fn close_journal(
    journal: &RunJournal,
    rate_stats: &[RateEvent],
    ended: bool,
) -> io::Result<()> {
    for stats in rate_stats {
        journal.journal.append(&Event::Rate(stats.clone()))?;
    }
    if ended { journal.journal.close().await } else { journal.journal.flush().await }
}
