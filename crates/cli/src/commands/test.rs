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
use drillmaster_runner::fs::{Visibility, write_atomic};
use drillmaster_runner::output::table::Format;
use drillmaster_runner::output::visible::{Styled, visible_line};
use drillmaster_runner::snapshot::{SnapshotTest, find};

/// Unchanged lines that are shown around a difference.
const CONTEXT: usize = 3;

/// The flags of `test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Where the tests are: cassettes beside their scripts
    #[arg(default_value = ".", add = complete::folders())]
    folder: PathBuf,
    /// Only the tests whose name has this in it
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Accept what is new or different: asks for each on a terminal, and takes all elsewhere
    #[arg(long)]
    accept: bool,
    /// Write what came of it as `JUnit` XML too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// How many tests run at a time; as many as there are processors unless set
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// What came of a case.
struct Outcome {
    case: SnapshotTest,
    verdict: Verdict,
}

enum Verdict {
    Passed,
    /// Nothing was accepted so far, or something else was.
    Differs {
        picture: String,
        accepted: Option<String>,
    },
    Accepted,
    /// It cannot be run, or does not go with its recording.
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

    /// What a person has to see of it.
    fn detail(&self) -> String {
        match self {
            Self::Passed | Self::Accepted => String::new(),
            Self::Failed(why) => why.clone(),
            Self::Differs { picture, accepted } => {
                let accepted = accepted.as_deref().unwrap_or_default();
                let diff = TextDiff::from_lines(accepted, picture);
                let mut diff = diff.unified_diff();
                diff.context_radius(CONTEXT).header("accepted", "now").to_string()
            }
        }
    }
}

pub(crate) fn test(args: &TestArgs, shell: &Ui) -> Result<Exit, Diagnostic> {
    let found = find(&args.folder)?;
    let mut cases = found.cases;
    let files = cases.iter().flat_map(SnapshotTest::files);
    let files = files.fold(Paths::default(), |all, file| all.read("a test", Some(file)));
    files.write("--junit", args.junit.as_ref()).check()?;
    let junit = args.junit.as_deref().map(output).transpose()?;
    let all = cases.len();
    if let Some(part) = &args.filter {
        cases.retain(|case| case.name().contains(part.as_str()));
    }
    if cases.is_empty() && all > 0 {
        let part = args.filter.as_deref().unwrap_or_default();
        let folder = args.folder.display();
        let problem = format!("there is no test in {folder} that has `{part}` in its name");
        return Err(Diagnostic::usage(problem)
            .with_help("`drillmaster test` without --filter lists the names"));
    }
    if cases.is_empty() {
        let problem = format!("there is no test in {}", args.folder.display());
        return Err(Diagnostic::usage(problem).with_help(
            "a test is a cassette beside its script, such as onboard.cassette beside onboard.rhai; \
             `drillmaster run SCRIPT --record FILE` makes one, `drillmaster init` a whole project",
        ));
    }
    let session = Session::start(&shell.console)?;
    let jobs = args.jobs.or_else(|| thread::available_parallelism().ok().map(Into::into));
    let mut outcomes = run_all(cases, jobs.unwrap_or(1).max(1), session.handle());
    if args.accept {
        accept(&mut outcomes, shell)?;
    }
    tell(&outcomes, found.strangers.len(), shell)?;
    if let Some(path) = junit {
        write_junit(&path, &outcomes)?;
    }
    let all_fine = outcomes.iter().all(|outcome| outcome.verdict.is_fine());
    Ok(if all_fine { Exit::Done } else { Exit::Rows })
}

/// Runs cases side by side; what came of them is in their order.
fn run_all(cases: Vec<SnapshotTest>, jobs: usize, runtime: &Handle) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let verdicts: Vec<Mutex<Option<Verdict>>> = cases.iter().map(|_| Mutex::default()).collect();
    thread::scope(|scope| {
        for _ in 0..jobs.min(cases.len()) {
            scope.spawn(|| {
                while let Some(index) = Some(next.fetch_add(1, Ordering::Relaxed))
                    && let Some(case) = cases.get(index)
                {
                    let verdict = verdict(case, runtime);
                    *verdicts[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
                }
            });
        }
    });
    let verdicts = verdicts.into_iter().map(|verdict| {
        let verdict = verdict.into_inner().unwrap_or_else(PoisonError::into_inner);
        verdict.unwrap_or_else(|| Verdict::Failed("it was not run".to_owned()))
    });
    cases.into_iter().zip(verdicts).map(|(case, verdict)| Outcome { case, verdict }).collect()
}

fn verdict(case: &SnapshotTest, runtime: &Handle) -> Verdict {
    let failed = |problem: Diagnostic| Verdict::Failed(problem.render(false, 100));
    let picture = match case.run(runtime) {
        Ok(picture) => picture,
        Err(problem) => return failed(problem),
    };
    if let Some(why) = picture.mismatch {
        return Verdict::Failed(format!("{why}\nthe script is not the recorded one any more"));
    }
    match case.last_accepted() {
        Ok(Some(accepted)) if accepted == picture.text => Verdict::Passed,
        Ok(accepted) => Verdict::Differs { picture: picture.text, accepted },
        Err(problem) => failed(problem),
    }
}

/// Takes what is new or different for right, where a person who can be asked says so.
fn accept(outcomes: &mut [Outcome], shell: &Ui) -> Result<(), Diagnostic> {
    let asks = std::io::stdin().is_terminal() && Stream::People.is_terminal();
    for outcome in outcomes {
        let Verdict::Differs { picture, .. } = &outcome.verdict else { continue };
        if asks {
            show(outcome, shell);
            let question = format!("accept {}? [y/n/q] ", visible_line(outcome.case.name()));
            match shell.console.ask(&question).to_lowercase().as_str() {
                "y" | "yes" => {}
                "q" | "quit" => break,
                _ => continue,
            }
        }
        outcome.case.accept(picture)?;
        outcome.verdict = Verdict::Accepted;
    }
    Ok(())
}

fn show(outcome: &Outcome, shell: &Ui) {
    let Outcome { case, verdict } = outcome;
    shell.console.print(&format!("{:<9} {}", verdict.word(), visible_line(case.name())));
    let detail = verdict.detail();
    if !detail.is_empty() {
        let detail = Styled::plain(detail.trim_end());
        shell.console.print_styled(&if shell.coloured.data { detail.diff() } else { detail });
    }
}

fn tell(outcomes: &[Outcome], strangers: usize, shell: &Ui) -> Result<(), Diagnostic> {
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
                .map(|Outcome { case, verdict }| {
                    json!({
                        "test": case.name(),
                        "script": path(case.script()),
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
                .map(|Outcome { case, verdict }| {
                    vec![case.name().to_owned(), path(case.script()), verdict.word().to_owned()]
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
        shell.console.note("if that is as it should be, accept it with --accept");
    }
    if strangers > 0 {
        let cassettes = if strangers == 1 { "cassette has" } else { "cassettes have" };
        shell.console.note(&format!("{strangers} {cassettes} no script beside it: left out"));
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
        write_atomic(path, Visibility::Everyone, |out| {
            out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
            out.write_all(&xml.into_inner())?;
            out.write_all(b"\n")
        })
    };
    write().map_err(|error: std::io::Error| Diagnostic::cannot_write(path, &error))
}

fn junit_case(xml: &mut Writer<Vec<u8>>, outcome: &Outcome) -> std::io::Result<()> {
    let script = outcome.case.script().display().to_string();
    let (name, script) = (printable(outcome.case.name()), printable(&script));
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

/// XML has no place for control characters, not even escaped.
fn printable(text: &str) -> String {
    let is_allowed = |c: &char| match c {
        '\n' | '\t' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => !c.is_control(),
    };
    text.chars().filter(is_allowed).collect()
}
