//! `drillmaster test`

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::console::Stream;
use crate::styled::Styled;
use clap::Args;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::fs::{Visibility, write_atomic};
use drillmaster_runner::output::table::Format;
use drillmaster_runner::output::visible::visible_line;
use drillmaster_runner::snapshot::{SnapshotTest, find};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::json;
use similar::TextDiff;
use tokio::runtime::Handle;

use crate::complete;
use crate::paths::{Paths, output_path};
use crate::runtime::InterruptibleRuntime;
use crate::ui::Ui;

/// The number of unchanged lines shown around a difference.
const CONTEXT: usize = 3;

/// The arguments of `test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Folder to search for tests; a test is a cassette next to its script, or in `recordings/` below it
    #[arg(default_value = ".", add = complete::folders())]
    folder: PathBuf,
    /// Run only tests whose name contains this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Accept new or different output; asks about each test on a terminal, accepts all otherwise
    #[arg(long)]
    accept: bool,
    /// Also write the results as `JUnit` XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Number of tests to run in parallel [default: number of processors]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// A test and its verdict.
struct TestResult {
    test: SnapshotTest,
    verdict: Verdict,
}

enum Verdict {
    Passed,
    /// The output differs from the accepted one, or none has been accepted.
    Differs {
        output: String,
        accepted: Option<String>,
    },
    Accepted,
    /// The test cannot run, or its requests do not match the recording.
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

    fn is_success(&self) -> bool {
        matches!(self, Self::Passed | Self::Accepted)
    }

    /// Why it failed, or how the output differs.
    fn detail(&self) -> String {
        match self {
            Self::Passed | Self::Accepted => String::new(),
            Self::Failed(why) => why.clone(),
            Self::Differs { output, accepted } => {
                let accepted = accepted.as_deref().unwrap_or_default();
                let diff = TextDiff::from_lines(accepted, output);
                let mut diff = diff.unified_diff();
                diff.context_radius(CONTEXT).header("accepted", "now").to_string()
            }
        }
    }
}

pub(crate) fn run(args: &TestArgs, ui: &Ui) -> Result<Exit, Diagnostic> {
    let found = find(&args.folder)?;
    let mut tests = found.tests;
    let files = tests.iter().flat_map(SnapshotTest::files);
    let files = files.fold(Paths::default(), |all, file| all.read("a test", Some(file)));
    files.write("--junit", args.junit.as_ref()).check()?;
    let junit = args.junit.as_deref().map(output_path).transpose()?;
    let all = tests.len();
    if let Some(part) = &args.filter {
        tests.retain(|test| test.name().contains(part.as_str()));
    }
    if tests.is_empty() && all > 0 {
        let part = args.filter.as_deref().unwrap_or_default();
        let folder = args.folder.display();
        let message = format!("no test in {folder} has `{part}` in its name");
        return Err(Diagnostic::usage(message).with_help("to list the names, remove --filter"));
    }
    if tests.is_empty() {
        let message = format!("no tests in {}", args.folder.display());
        return Err(Diagnostic::usage(message).with_help(
            "a test is a cassette with the name of its script, such as onboard.cassette, next to onboard.rhai or in recordings/; to record a cassette, run \
             `drillmaster run SCRIPT --record FILE`; to create a whole project, run `drillmaster init`",
        ));
    }
    let runtime = InterruptibleRuntime::start(&ui.console)?;
    let jobs = args.jobs.or_else(|| thread::available_parallelism().ok().map(Into::into));
    let mut results = run_all(tests, jobs.unwrap_or(1).max(1), runtime.handle());
    if args.accept {
        accept(&mut results, ui)?;
    }
    print_results(&results, ui);
    print_counts(&results, found.orphans.len(), ui);
    if let Some(path) = junit {
        write_junit(&path, &results)?;
    }
    let all_succeeded = results.iter().all(|result| result.verdict.is_success());
    Ok(if all_succeeded { Exit::Done } else { Exit::Rows })
}

/// Runs tests in parallel, and returns the results in their order.
fn run_all(tests: Vec<SnapshotTest>, jobs: usize, runtime: &Handle) -> Vec<TestResult> {
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
        verdict.unwrap_or_else(|| Verdict::Failed("the test did not run".to_owned()))
    });
    tests.into_iter().zip(verdicts).map(|(test, verdict)| TestResult { test, verdict }).collect()
}

fn verdict(test: &SnapshotTest, runtime: &Handle) -> Verdict {
    let failed = |error: Diagnostic| Verdict::Failed(error.render(false, 100));
    let snapshot = match test.run(runtime) {
        Ok(snapshot) => snapshot,
        Err(error) => return failed(error),
    };
    if let Some(why) = snapshot.mismatch {
        return Verdict::Failed(format!("{why}\nthe script has changed since it was recorded"));
    }
    match test.last_accepted() {
        Ok(Some(accepted)) if accepted == snapshot.text => Verdict::Passed,
        Ok(accepted) => Verdict::Differs { output: snapshot.text, accepted },
        Err(error) => failed(error),
    }
}

/// Accepts new or different output; on a terminal, only what the user confirms.
fn accept(results: &mut [TestResult], ui: &Ui) -> Result<(), Diagnostic> {
    let asks = io::stdin().is_terminal() && Stream::Stderr.is_terminal();
    for result in results {
        let Verdict::Differs { output, .. } = &result.verdict else { continue };
        if asks {
            print_result(result, ui);
            let question = format!("accept {}? [y/n/q] ", visible_line(result.test.name()));
            match ui.console.ask(&question).to_lowercase().as_str() {
                "y" | "yes" => {}
                "q" | "quit" => break,
                _ => continue,
            }
        }
        result.test.accept(output)?;
        result.verdict = Verdict::Accepted;
    }
    Ok(())
}

fn print_result(result: &TestResult, ui: &Ui) {
    let TestResult { test, verdict } = result;
    ui.console.print(&format!("{:<9} {}", verdict.word(), visible_line(test.name())));
    let detail = verdict.detail();
    if !detail.is_empty() {
        let detail = Styled::plain(detail.trim_end());
        let in_color = Stream::Stdout.has_colors();
        ui.console.print_styled(&if in_color { detail.diff() } else { detail });
    }
}

fn print_results(results: &[TestResult], ui: &Ui) {
    let path = |path: &Path| path.display().to_string();
    match ui.format {
        Format::Table => {
            for result in results {
                print_result(result, ui);
            }
        }
        Format::Json => {
            let all: Vec<_> = results
                .iter()
                .map(|TestResult { test, verdict }| {
                    json!({
                        "test": test.name(),
                        "script": path(test.script()),
                        "verdict": verdict.word(),
                        "detail": verdict.detail(),
                    })
                })
                .collect();
            ui.console.print(&format!("{:#}", json!(all)));
        }
        Format::Csv => {
            let rows: Vec<_> = results
                .iter()
                .map(|TestResult { test, verdict }| {
                    vec![test.name().to_owned(), path(test.script()), verdict.word().to_owned()]
                })
                .collect();
            ui.rows(&["test", "script", "verdict"], rows);
        }
    }
}

fn print_counts(results: &[TestResult], without_script: usize, ui: &Ui) {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for word in results.iter().map(|result| result.verdict.word()) {
        match counts.iter_mut().find(|(own, _)| *own == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let tests = if results.len() == 1 { "test" } else { "tests" };
    ui.console.note(&format!("{} {tests}: {}", results.len(), counts.join(", ")));
    let differs = |result: &TestResult| matches!(result.verdict, Verdict::Differs { .. });
    if results.iter().any(differs) {
        ui.console.note("if the new output is right, run again with --accept");
    }
    if without_script > 0 {
        let cassettes = if without_script == 1 { "cassette" } else { "cassettes" };
        ui.console.note(&format!("skipped {without_script} {cassettes} without a script"));
    }
}

/// Writes a `JUnit` XML report.
fn write_junit(path: &Path, results: &[TestResult]) -> Result<(), Diagnostic> {
    let mut suite = TestSuite::new("drillmaster");
    suite.add_test_cases(results.iter().map(|TestResult { test, verdict }| {
        let status = if verdict.is_success() {
            TestCaseStatus::success()
        } else {
            let mut failure = TestCaseStatus::non_success(NonSuccessKind::Failure);
            failure.set_message(verdict.word()).set_description(for_xml(&verdict.detail()));
            failure
        };
        let mut case = TestCase::new(for_xml(test.name()), status);
        case.set_classname(for_xml(&test.script().display().to_string()));
        case
    }));
    let mut report = Report::new("drillmaster");
    report.add_test_suite(suite);
    let write = || {
        let xml = report.to_string().map_err(io::Error::other)?;
        write_atomic(path, Visibility::Everyone, |out| out.write_all(xml.as_bytes()))
    };
    write().map_err(|error: io::Error| Diagnostic::cannot_write(path, &error))
}

/// Removes the two characters that XML forbids and `quick_junit` keeps.
fn for_xml(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "")
}
