//! `drillmaster test`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use clap::Args;
use quick_xml::Writer;
use serde_json::json;
use similar::TextDiff;
use tokio::runtime::Handle;

use crate::Ui;
use crate::complete;
use crate::paths::Paths;
use crate::session::Session;
use crate::transport::output;
use drillmaster_runner::console::Stream;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::fs::{Readers, put};
use drillmaster_runner::output::table::Format;
use drillmaster_runner::output::visible::{Styled, visible_line};
use drillmaster_runner::snapshot::{SnapshotTest, find};

/// Unchanged lines that are shown around a difference.
const CONTEXT: usize = 3;

/// The flags of `test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The folder to search: a test is a cassette next to its script, or in `recordings/` below it
    #[arg(default_value = ".", add = complete::folders())]
    folder: PathBuf,
    /// Run only the tests whose name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Accept new and changed snapshots: asks for each one on a terminal, accepts all elsewhere
    #[arg(long)]
    accept: bool,
    /// Also write the outcome as `JUnit` XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// How many tests run at a time [default: the number of processors]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// The outcome of a test.
struct Outcome {
    test: SnapshotTest,
    verdict: Verdict,
}

enum Verdict {
    Passed,
    /// No snapshot is accepted yet, or a different one is.
    Differs {
        snapshot: String,
        accepted: Option<String>,
    },
    Accepted,
    /// It cannot be run, or does not match its recording.
    Failed(String),
}

impl Verdict {
    fn word(&self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Differs { accepted: None, .. } => "new",
            Self::Differs { .. } => "different",
            Self::Accepted => "accepted",
            Self::Failed(_) => "failed",
        }
    }

    fn is_fine(&self) -> bool {
        matches!(self, Self::Passed | Self::Accepted)
    }

    /// What a person needs to see: the diff, or the error.
    fn detail(&self) -> String {
        match self {
            Self::Passed | Self::Accepted => String::new(),
            Self::Failed(reason) => reason.clone(),
            Self::Differs { snapshot, accepted } => {
                let accepted = accepted.as_deref().unwrap_or_default();
                let diff = TextDiff::from_lines(accepted, snapshot);
                let mut diff = diff.unified_diff();
                diff.context_radius(CONTEXT).header("accepted", "now").to_string()
            }
        }
    }
}

pub(crate) fn test(args: &TestArgs, shell: &Ui) -> Result<Exit, Diagnostic> {
    let found = find(&args.folder)?;
    let mut tests = found.tests;
    let files = tests.iter().flat_map(SnapshotTest::files);
    let files = files.fold(Paths::default(), |all, file| all.read("a test", Some(file)));
    files.write("--junit", args.junit.as_ref()).check()?;
    let junit = args.junit.as_deref().map(output).transpose()?;
    let all = tests.len();
    if let Some(part) = &args.filter {
        tests.retain(|test| test.name().contains(part.as_str()));
    }
    if tests.is_empty() && all > 0 {
        let part = args.filter.as_deref().unwrap_or_default();
        let folder = args.folder.display();
        let problem = format!("no test in {folder} has `{part}` in its name");
        return Err(Diagnostic::usage(problem)
            .with_help("`drillmaster test` without --filter lists the names"));
    }
    if tests.is_empty() {
        let problem = format!("there are no tests in {}", args.folder.display());
        return Err(Diagnostic::usage(problem).with_help(
            "a test is a cassette with the name of its script, such as onboard.cassette, next to \
             onboard.rhai or in recordings/; `drillmaster run SCRIPT --record FILE` makes one, \
             `drillmaster init` makes a whole project",
        ));
    }
    let session = Session::start(&shell.console)?;
    let jobs = args.jobs.or_else(|| thread::available_parallelism().ok().map(Into::into));
    let mut outcomes = run_all(tests, jobs.unwrap_or(1).max(1), session.handle());
    if args.accept {
        accept(&mut outcomes, shell)?;
    }
    tell(&outcomes, found.orphans.len(), shell)?;
    if let Some(path) = junit {
        write_junit(&path, &outcomes)?;
    }
    let all_fine = outcomes.iter().all(|outcome| outcome.verdict.is_fine());
    Ok(if all_fine { Exit::Done } else { Exit::Rows })
}

/// Runs tests in parallel. The outcomes keep the order of the tests.
fn run_all(tests: Vec<SnapshotTest>, jobs: usize, runtime: &Handle) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let verdicts: Vec<Mutex<Option<Verdict>>> = tests.iter().map(|_| Mutex::default()).collect();
    thread::scope(|scope| {
        for _ in 0..jobs.min(tests.len()) {
            scope.spawn(|| {
                while let Some(index) = Some(next.fetch_add(1, Ordering::Relaxed))
                    && let Some(test) = tests.get(index)
                {
                    let verdict = verdict(test, runtime);
                    *verdicts[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
                }
            });
        }
    });
    let verdicts = verdicts.into_iter().map(|verdict| {
        let verdict = verdict.into_inner().unwrap_or_else(PoisonError::into_inner);
        verdict.unwrap_or_else(|| Verdict::Failed("it was not run".to_owned()))
    });
    tests.into_iter().zip(verdicts).map(|(test, verdict)| Outcome { test, verdict }).collect()
}

fn verdict(test: &SnapshotTest, runtime: &Handle) -> Verdict {
    let failed = |problem: Diagnostic| Verdict::Failed(problem.render(false, 100));
    let snapshot = match test.run(runtime) {
        Ok(snapshot) => snapshot,
        Err(problem) => return failed(problem),
    };
    if let Some(reason) = snapshot.mismatch {
        return Verdict::Failed(format!("{reason}\nthe script no longer matches its recording"));
    }
    match test.last_accepted() {
        Ok(Some(accepted)) if accepted == snapshot.text => Verdict::Passed,
        Ok(accepted) => Verdict::Differs { snapshot: snapshot.text, accepted },
        Err(problem) => failed(problem),
    }
}

/// Accepts new and changed snapshots; where a person can be asked, only those they agree to.
fn accept(outcomes: &mut [Outcome], shell: &Ui) -> Result<(), Diagnostic> {
    let asks = std::io::stdin().is_terminal() && Stream::People.is_terminal();
    for outcome in outcomes {
        let Verdict::Differs { snapshot, .. } = &outcome.verdict else { continue };
        if asks {
            show(outcome, shell);
            let question = format!("accept {}? [y/n/q] ", visible_line(outcome.test.name()));
            match shell.console.ask(&question).to_lowercase().as_str() {
                "y" | "yes" => {}
                "q" | "quit" => break,
                _ => continue,
            }
        }
        outcome.test.accept(snapshot)?;
        outcome.verdict = Verdict::Accepted;
    }
    Ok(())
}

fn show(outcome: &Outcome, shell: &Ui) {
    let Outcome { test, verdict } = outcome;
    shell.console.print(&format!("{:<9} {}", verdict.word(), visible_line(test.name())));
    let detail = verdict.detail();
    if !detail.is_empty() {
        let detail = Styled::plain(detail.trim_end());
        shell.console.print_styled(&if shell.coloured.data { detail.diff() } else { detail });
    }
}

fn tell(outcomes: &[Outcome], orphans: usize, shell: &Ui) -> Result<(), Diagnostic> {
    let path = |path: &Path| path.display().to_string();
    match shell.format {
        Format::Table => {
            for outcome in outcomes {
                show(outcome, shell);
            }
        }
        Format::Json => {
            let all: Vec<_> = outcomes
                .iter()
                .map(|Outcome { test, verdict }| {
                    json!({
                        "test": test.name(),
                        "script": path(test.script()),
                        "verdict": verdict.word(),
                        "detail": verdict.detail(),
                    })
                })
                .collect();
            shell.console.print(&format!("{:#}", json!(all)));
        }
        Format::Csv => {
            let rows: Vec<_> = outcomes
                .iter()
                .map(|Outcome { test, verdict }| {
                    vec![test.name().to_owned(), path(test.script()), verdict.word().to_owned()]
                })
                .collect();
            shell.rows(&["test", "script", "verdict"], rows)?;
        }
    }
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for word in outcomes.iter().map(|outcome| outcome.verdict.word()) {
        match counts.iter_mut().find(|(own, _)| *own == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let tests = if outcomes.len() == 1 { "test" } else { "tests" };
    shell.console.note(&format!("{} {tests}: {}", outcomes.len(), counts.join(", ")));
    let differ = |outcome: &Outcome| matches!(outcome.verdict, Verdict::Differs { .. });
    if outcomes.iter().any(differ) {
        shell.console.note("if the changes are right, accept them with --accept");
    }
    if orphans > 0 {
        let cassettes = if orphans == 1 { "cassette" } else { "cassettes" };
        shell.console.note(&format!("skipped {orphans} {cassettes} without a script"));
    }
    Ok(())
}

/// Writes `JUnit` XML.
fn write_junit(path: &Path, outcomes: &[Outcome]) -> Result<(), Diagnostic> {
    let failures = outcomes.iter().filter(|outcome| !outcome.verdict.is_fine()).count();
    let counts = [("tests", outcomes.len().to_string()), ("failures", failures.to_string())];
    let counts = counts.each_ref().map(|(name, count)| (*name, count.as_str()));
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    let written = xml
        .create_element("testsuites")
        .with_attributes(counts)
        .write_inner_content(|xml| {
            let suite = xml.create_element("testsuite").with_attribute(("name", "drillmaster"));
            suite.with_attributes(counts).write_inner_content(|xml| {
                outcomes.iter().try_for_each(|outcome| junit_case(xml, outcome))
            })?;
            Ok(())
        })
        .map(drop);
    let write = || {
        written?;
        put(path, Readers::Everybody, |out| {
            out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
            out.write_all(&xml.into_inner())?;
            out.write_all(b"\n")
        })
    };
    write().map_err(|error: std::io::Error| Diagnostic::cannot_write(path, &error))
}

fn junit_case(xml: &mut Writer<Vec<u8>>, outcome: &Outcome) -> std::io::Result<()> {
    let script = outcome.test.script().display().to_string();
    let (name, script) = (printable(outcome.test.name()), printable(&script));
    let element = xml
        .create_element("testcase")
        .with_attributes([("name", name.as_str()), ("classname", script.as_str())]);
    if outcome.verdict.is_fine() {
        element.write_empty()?;
        return Ok(());
    }
    let detail = outcome.verdict.detail();
    element.write_inner_content(|xml| {
        let failure = xml.create_element("failure");
        let failure = failure.with_attribute(("message", outcome.verdict.word()));
        failure.write_text_content(quick_xml::events::BytesText::new(&printable(&detail)))?;
        Ok(())
    })?;
    Ok(())
}

/// XML does not allow control characters, not even escaped ones.
fn printable(text: &str) -> String {
    let is_allowed = |c: &char| match c {
        '\n' | '\t' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => !c.is_control(),
    };
    text.chars().filter(is_allowed).collect()
}
