//! Carrying out an order: looking everything through, running the script, and telling how it went.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use drillmaster_transport::cassette::{Event, Header, PaceEvent};
use drillmaster_transport::journal::Journaled;
use drillmaster_transport::redact::Keys;
use drillmaster_transport::{
    Approved, Connection, Error, Guard, Limits, Mode, Recorder, ResolvePolicy,
};
use jiff::SignedDuration;
use rhai::Map;

use crate::Ui;
use crate::report_args::{Ending, ReadyReports};
use crate::session::Session;
use crate::transport::{CassetteOptions, Connections, output, tell};
use drillmaster_runner::console::Console;
use drillmaster_runner::diagnostic::{Category, Diagnostic};
use drillmaster_runner::exit::Exit;
use drillmaster_runner::outcome::State;
use drillmaster_runner::progress::Progress;
use drillmaster_runner::roster::Roster;
use drillmaster_runner::run::journal::RunJournal;
use drillmaster_runner::run::plan;
use drillmaster_runner::run::{Job, Needs, RunSummary, run as run_script};
use drillmaster_runner::run_spec::RunSpec;
use drillmaster_runner::script::Script;

/// The most lines in which a summary tells of rows.
pub(crate) const TOLD: usize = 20;

/// A run of which everything was read and found in order; nothing was sent yet.
pub(crate) struct PreparedRun {
    pub(crate) order: RunSpec,
    pub(crate) script: Script,
    pub(crate) inputs: Map,
    pub(crate) roster: Option<Roster>,
    pub(crate) results: Option<PathBuf>,
    pub(crate) reports: ReadyReports,
    /// Whether it waits until what is in doubt can no longer take effect.
    pub(crate) waits: bool,
    /// Whether it sends again what cannot be shown to be absent.
    pub(crate) repeats_in_doubt: bool,
}

impl PreparedRun {
    /// Looks through what an order names.
    pub(crate) fn of(order: RunSpec, shell: &Ui) -> Result<Self, Diagnostic> {
        let script = Script::open(&near(&order.script))?;
        if let Err(mut problems) = script.check() {
            let last =
                problems.pop().unwrap_or_else(|| Diagnostic::script("the script has mistakes"));
            for problem in &problems {
                shell.tell(problem);
            }
            return Err(last);
        }
        let inputs = script.read_inputs(&order.set)?;
        let roster = roster(&order, &script, shell)?;
        let results = order.results.as_deref().map(|file| output(&near(file))).transpose()?;
        let reports = ReadyReports::of(&order.reports, |file| output(&near(file)))?;
        Ok(Self {
            order,
            script,
            inputs,
            roster,
            results,
            reports,
            waits: false,
            repeats_in_doubt: false,
        })
    }

    /// How writes in doubt are resolved at this target.
    fn resolving(&self, target: &Connections) -> ResolvePolicy {
        let usual = target.resolving;
        let set =
            |time: Option<SignedDuration>| time.and_then(|time| Duration::try_from(time).ok());
        ResolvePolicy {
            effect_within: set(self.order.effect_within).or(usual.effect_within),
            look_for: set(self.order.resolve_for).unwrap_or(usual.look_for),
            wait: self.waits,
            repeat_unproven: self.repeats_in_doubt,
        }
    }

    /// The header of its recordings: what it is made from.
    pub(crate) fn header(&self) -> Header {
        let roster = self.roster.as_ref().map(|roster| roster.hash().to_owned());
        Header { script: Some(self.script.hash()), roster, ..Header::default() }
    }

    /// The header of its cassette, which knows how it is replayed.
    pub(crate) fn recording_header(&self) -> Header {
        Header { run: self.order.recorded().as_run(), ..self.header() }
    }

    /// The header of its journal, which knows how it was begun too, and the keys that must not be in what is made
    /// of it.
    pub(crate) fn journal_header(&self) -> Header {
        Header { keys: Keys::known(), run: self.order.as_run(), ..self.header() }
    }

    /// How many rows the roster has for it.
    pub(crate) fn rows(&self) -> usize {
        let rows = self.roster.as_ref().map_or(0, Roster::len);
        rows.min(self.order.max_rows.unwrap_or(rows))
    }

    /// What the script runs with.
    pub(crate) fn job(&self, connection: Connection, console: Console, session: &Session) -> Job {
        Job {
            roster: self.roster.clone(),
            inputs: self.inputs.clone(),
            max_rows: self.order.max_rows,
            concurrency: self.order.concurrency,
            stop: session.stop.clone(),
            ..Job::new(connection, console)
        }
    }

    /// The services that it calls.
    pub(crate) fn services(&self) -> Vec<&'static str> {
        self.script.services().collect()
    }
}

fn roster(order: &RunSpec, script: &Script, shell: &Ui) -> Result<Option<Roster>, Diagnostic> {
    let Some(path) = &order.roster else {
        if script.uses_roster() {
            let problem = format!("{} needs a roster", script.path().display());
            let columns = match script.columns().as_slice() {
                [] => String::new(),
                [only] => format!(" with the column {only}"),
                columns => format!(" with the columns {}", columns.join(", ")),
            };
            return Err(Diagnostic::usage(problem)
                .with_help(format!("give it as --roster FILE.csv{columns}")));
        }
        return Ok(None);
    };
    // Nothing was sent yet, whatever is in the way.
    let roster = Roster::open(&near(path), order.key.as_deref())
        .map_err(|problem| Diagnostic { category: Category::Usage, ..problem })?;
    script.check_roster(&roster)?;
    let place = roster.path().display();
    match roster.odd_lines() {
        [] => {}
        [line, others @ ..] => shell.console.warn(&format!(
            "{place} line {line}: a cell in quotes has a line in it that looks like a row{}; is a quote missing?",
            if others.is_empty() { String::new() } else { format!(", and so in {} more", others.len()) }
        )),
    }
    if roster.is_empty() {
        shell.console.warn(&format!("{place} has no rows below its header"));
    }
    if !script.uses_roster() {
        shell.console.warn(&format!("{} uses no roster", script.path().display()));
    }
    Ok(Some(roster))
}

/// The path as a person in this folder would write it.
pub(crate) fn near(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    let inside = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    inside.filter(|path| *path != Path::new("")).unwrap_or_else(|| path.to_owned())
}

/// Runs a script that is ready over the target, with its journal where it keeps one, and recorded where that
/// was asked for. Tells how it went.
pub(crate) fn perform(
    ready: &PreparedRun,
    target: &Connections,
    session: &Session,
    keeping: Option<&RunJournal>,
    taping: Option<&CassetteOptions>,
    shell: &Ui,
) -> Result<Exit, Diagnostic> {
    let mut layers = target.transport();
    if let Some(keeping) = keeping {
        let (journal, history) = (keeping.journal.clone(), keeping.history.clone());
        layers = Arc::new(Journaled::new(layers, journal, history));
        session.resumes_by(&keeping.resume);
    }
    let cassette = match taping {
        Some(CassetteOptions { path, mode, policy, writes }) => {
            let mut opening = Recorder::open(path)
                .mode(*mode)
                .writes(*writes)
                .header(ready.recording_header())
                .policy(policy.clone());
            if let Some(roster) = &ready.roster {
                opening = opening.roster(roster.people()?);
            }
            let below = layers.clone();
            let opened = opening.unwatched().over(move || Ok(below));
            Some(opened.map_err(|error| Diagnostic::call(&error))?)
        }
        None => None,
    };
    if let Some(cassette) = &cassette {
        layers = Arc::new(cassette.clone());
    }
    let RunSpec { max_removals, yes, .. } = ready.order;
    layers = Arc::new(Guard::new(layers, Limits { removals: max_removals, irreversible: yes }));
    let approved = match &ready.order.approved {
        Some(approval) => {
            let plan = plan::approved(&approval.plan)?;
            Some(Arc::new(Approved::new(layers.clone(), plan)))
        }
        None => None,
    };
    if let Some(approved) = &approved {
        layers = approved.clone();
    }
    let connection = target
        .connect(layers, shell.verbose.then(|| shell.console.clone()))
        .resolving(ready.resolving(target));
    let job = Job {
        results: ready.results.clone(),
        journal: keeping.cloned(),
        // A row that is run again would be recorded twice.
        defers: taping.is_none(),
        progress: Progress::on_standard_error(&shell.console, shell.coloured.people),
        ..ready.job(connection, shell.console.clone(), session)
    };
    let report = run_script(&ready.script, job, session.handle());
    let interrupted = session.stop.is_requested();
    let paces = target.paces();
    let ended = report.problem.is_none() && !interrupted;
    let closed = keeping.map(|keeping| session.handle().block_on(close(keeping, &paces, ended)));
    // Half a recording does not take the place of a whole one.
    let spares = taping
        .filter(|taping| !ended && matches!(taping.mode, Mode::Record) && taping.path.exists());
    if let Some(taping) = spares {
        let path = near(&taping.path);
        shell.console.warn(&format!(
            "{} is left as it was, because the run did not come to its end",
            path.display()
        ));
    }
    let taped = match cassette.as_ref().filter(|_| spares.is_none()) {
        // What was recorded is kept, however the run ended; what was not asked for tells only of a whole one.
        Some(cassette) => cassette.finish().map_err(|error| unfinished(&error, taping, keeping)),
        None => Ok(()),
    };
    let taped = taped.or_else(|problem| match problem.category {
        Category::Replay if !ended => Ok(()),
        _ => Err(problem),
    });
    // Only a script that came to its end has asked for all that it would.
    let used_up = if ended { target.finish() } else { Ok(()) };
    let mut exit = report.exit();
    // What was in flight is told; that an interrupted script did not come to its end goes without saying.
    let told = |problem: &&Diagnostic| !interrupted || problem.category != Category::Interrupted;
    let problems = report.problem.iter().filter(told).cloned();
    let unclosed = closed.and_then(Result::err).and_then(|error| unclosed(&error, &report));
    let problems = problems.chain(unclosed).map(|problem| going_on(problem, keeping));
    for problem in problems.chain(taped.err()).chain(used_up.err()) {
        shell.tell(&problem);
        exit = exit.max(Exit::of(&problem));
    }
    if interrupted {
        exit = Exit::Interrupted;
    }
    summarise(&report, &paces, exit, keeping, cassette.as_ref(), shell);
    if let Some(cassette) = &cassette {
        tell(&cassette.remarks(), &shell.console);
    }
    let ending = if interrupted { Ending::Interrupted } else { Ending::Run };
    if let Err(problem) = ready.reports.finish(ready, &report, ending, shell) {
        shell.tell(&going_on(problem.clone(), keeping));
        exit = exit.max(Exit::of(&problem));
    }
    if let Some(left) = approved.map(|approved| approved.remaining()).filter(|left| *left > 0) {
        let writes = if left == 1 { "write" } else { "writes" };
        let were = if left == 1 { "was" } else { "were" };
        shell.console.note(&format!("{left} {writes} of the approved plan {were} not made"));
    }
    Ok(exit)
}

/// Why the journal was not ended; nothing where the run was stopped for the same reason.
fn unclosed(error: &std::io::Error, report: &RunSummary) -> Option<Diagnostic> {
    let is_told =
        report.problem.as_ref().is_some_and(|problem| problem.category == Category::Unwritten);
    (!is_told).then(|| Diagnostic::unwritten(format!("the journal cannot be written: {error}")))
}

/// Says of a file that cannot be written by which command the run goes on.
fn going_on(problem: Diagnostic, keeping: Option<&RunJournal>) -> Diagnostic {
    match (&problem.help, keeping) {
        (Some(help), Some(keeping)) if problem.category == Category::Unwritten => {
            let help =
                format!("what was sent stands; {help}, then go on with `{}`", keeping.resume);
            problem.with_help(help)
        }
        _ => problem,
    }
}

/// Why there is no cassette. What travelled is not lost with it: the journal has it.
fn unfinished(
    error: &Error,
    taping: Option<&CassetteOptions>,
    keeping: Option<&RunJournal>,
) -> Diagnostic {
    let problem = Diagnostic::call(error);
    match (taping, keeping) {
        (Some(CassetteOptions { path, mode: Mode::Record, .. }), Some(keeping))
            if problem.category != Category::Replay =>
        {
            let (seal, path) = (keeping.command("cassette seal"), near(path));
            problem.with_help(format!(
                "the run is kept in its journal: when that is put right, `{seal} -o {}` seals it",
                path.display()
            ))
        }
        _ => problem,
    }
}

/// Ends a part of a run: the journal is on the disk when this returns, and closed where the run came to its
/// end.
async fn close(keeping: &RunJournal, paces: &[PaceEvent], ended: bool) -> std::io::Result<()> {
    for pace in paces {
        keeping.journal.append(&Event::RateLimit(pace.clone()))?;
    }
    if ended {
        return keeping.journal.close().await;
    }
    keeping.journal.flush().await
}

/// Tells what became of the rows, and what to do about it.
pub(super) fn summarise(
    report: &RunSummary,
    paces: &[PaceEvent],
    exit: Exit,
    keeping: Option<&RunJournal>,
    cassette: Option<&Recorder>,
    shell: &Ui,
) {
    if let Some(summary) = report.summary() {
        shell.console.note(&summary);
    }
    let Needs { needs, is_cut } = report.needs_a_person(TOLD);
    for mut need in needs {
        // What is told of a verification names nobody whom the recording does not name.
        if let Some(cassette) = cassette {
            need.key = need.key.map(|key| cassette.told_key(&key));
            need.told = cassette.told(&need.told);
        }
        shell.console.note(&format!("  {need}"));
    }
    if is_cut {
        let all = keeping.map_or_else(String::new, |keeping| {
            format!("`{} --format csv`, or ", keeping.command("runs show"))
        });
        shell.console.note(&format!("all of it: {all}`--results FILE` of a run"));
    }
    let left_out = cassette.map_or(0, Recorder::writes_left_out);
    if left_out > 0 {
        let writes = if left_out == 1 { "write was" } else { "writes were" };
        shell.console.note(&format!(
            "{left_out} {writes} not made, but answered as recorded; --writes makes them, too"
        ));
    }
    for pace in paces {
        shell.console.note(&pace_line(pace));
    }
    let Some(RunJournal { journal, resume, .. }) = keeping else { return };
    let is_new = report.is_empty() && journal.requests() == 0;
    let outside = report.outside.iter().filter(|(state, _)| *state == State::InDoubt);
    let doubts = report.count(State::InDoubt) + outside.count();
    match &report.problem {
        _ if exit == Exit::Interrupted => {
            shell.console.warn(&format!("interrupted; go on with `{resume}`"));
        }
        // Where nothing was done there is nothing to go on with.
        Some(_) if is_new => {}
        // It says so itself.
        Some(problem) if problem.category == Category::Unwritten => {}
        // Another run would not know of them.
        Some(problem) if problem.category == Category::Script && doubts > 0 => {
            shell
                .console
                .note("do not run it again before it is known what became of the write in doubt");
        }
        // What it stopped at is in its inputs, its text or what it read, which the journal would tell it again.
        Some(problem) if problem.category == Category::Script => {
            shell.console.note(&format!(
                "when that is put right, run it again, or go on with `{resume} --allow-changed`"
            ));
        }
        Some(_) => {
            shell.console.note(&format!("when that is put right, go on with `{resume}`"));
        }
        None => {}
    }
    if doubts > 0 {
        shell.console.note(&look_again(resume, report.horizon));
    }
    // What could not be written down is made up for without being asked.
    let is_unwritten =
        report.problem.as_ref().is_some_and(|one| one.category == Category::Unwritten);
    if report.count(State::Refused) + report.count(State::Failed) > 0 && !is_unwritten {
        let note = format!("try what was refused or failed again with `{resume} --failed`");
        shell.console.note(&note);
    }
}

/// What to do about writes in doubt, and from when on it tells more than now.
fn look_again(resume: &str, horizon: Option<Duration>) -> String {
    let look = format!("check again what is in doubt with `{resume}`");
    // Rounded up: who comes to the second must not come too early.
    let left = horizon.filter(|left| !left.is_zero()).map(|left| left.as_secs() + 1);
    let Some(left) = left.and_then(|left| i64::try_from(left).ok()) else { return look };
    let wait = SignedDuration::from_secs(left);
    let at = jiff::Timestamp::now() + wait;
    format!(
        "{look} in {wait:#}, at {} UTC: until then it may still take effect; `--wait` waits for that",
        at.strftime("%H:%M:%S")
    )
}

/// A pace for people: `thm: 120 requests in 24.1 s, 5.0 a second`.
pub(crate) fn pace_line(pace: &PaceEvent) -> String {
    let PaceEvent { service, requests, throttled, seconds } = pace;
    let requests_told =
        if *requests == 1 { "1 request".to_owned() } else { format!("{requests} requests") };
    let mut line = format!("{service}: {requests_told} in {seconds:.1} s");
    if *seconds > 0.0 {
        #[expect(clippy::cast_precision_loss, reason = "no run sends 2^52 requests")]
        let rate = *requests as f64 / seconds;
        let _ = write!(line, ", {rate:.1} a second");
    }
    if *throttled > 0 {
        let times = if *throttled == 1 { "once".to_owned() } else { format!("{throttled} times") };
        let _ = write!(line, "; it asked {times} to slow down");
    }
    line
}
