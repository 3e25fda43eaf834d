//! What is printed at the end of a run: counts, the rows that need attention, and what to run next.

use std::fmt::Write;
use std::time::Duration;

use drillmaster_runner::diagnostic::Category;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::outcome::State;
use drillmaster_runner::run::RunSummary;
use drillmaster_runner::run::journal::RunJournal;
use drillmaster_runner::run::summary::Needs;
use drillmaster_transport::Recorder;
use drillmaster_transport::cassette::RateEvent;
use jiff::SignedDuration;

use crate::ui::Ui;

/// The maximum number of rows that are listed.
pub(crate) const MAX_ROWS: usize = 20;

/// Prints what became of the rows, and what to run next.
pub(crate) fn print_summary(
    summary: &RunSummary,
    rate_stats: &[RateEvent],
    exit: Exit,
    journal: Option<&RunJournal>,
    recorder: Option<&Recorder>,
    ui: &Ui,
) {
    if let Some(line) = summary.summary() {
        ui.console.note(&line);
    }
    let Needs { needs, is_cut } = summary.needs_a_person(MAX_ROWS);
    for mut need in needs {
        // With a sealed cassette, only names that are in the recording are printed.
        if let Some(recorder) = recorder {
            need.key = need.key.map(|key| recorder.redacted_key(&key));
            need.text = recorder.redacted_text(&need.text);
        }
        ui.console.note(&format!("  {need}"));
    }
    if is_cut {
        let show = journal.map_or_else(String::new, |journal| {
            format!("`{} --format csv` or ", journal.command("runs show"))
        });
        ui.console.note(&format!("for the full list, use {show}`run` with `--results FILE`"));
    }
    let left_out = recorder.map_or(0, Recorder::skipped_writes);
    if left_out > 0 {
        let writes = if left_out == 1 { "write was" } else { "writes were" };
        ui.console.note(&format!(
            "{left_out} {writes} not sent but answered from the recording; add --writes to send"
        ));
    }
    for stats in rate_stats {
        ui.console.note(&rate_line(stats));
    }
    if let Some(journal) = journal {
        print_next_steps(summary, exit, journal, ui);
    }
}

fn print_next_steps(summary: &RunSummary, exit: Exit, journal: &RunJournal, ui: &Ui) {
    let RunJournal { journal, resume, .. } = journal;
    let is_empty = summary.is_empty() && journal.requests() == 0;
    let outside = summary.outside.iter().filter(|(state, _)| *state == State::InDoubt);
    let in_doubt = summary.count(State::InDoubt) + outside.count();
    match summary.problem.as_ref().map(|problem| problem.category) {
        _ if exit == Exit::Interrupted => {
            ui.console.warn(&format!("interrupted; resume with `{resume}`"));
        }
        // The diagnostic of a file that cannot be written names the command itself.
        None | Some(Category::Unwritten) => {}
        // Nothing was done, so there is nothing to resume.
        Some(_) if is_empty => {}
        // A new run would not know about in-doubt writes.
        Some(Category::Script) if in_doubt > 0 => {
            ui.console.note(
                "do not start a new run until you know whether the in-doubt write took effect",
            );
        }
        // With the same script, inputs and answers, a resumed run would stop at the same place.
        Some(Category::Script) => ui.console.note(&format!(
            "after fixing it, run the script again, or resume with `{resume}`; add `--allow-changed` if the script or \
             an input has changed"
        )),
        Some(_) => ui.console.note(&format!("after fixing it, resume with `{resume}`")),
    }
    if in_doubt > 0 {
        ui.console.note(&check_again(resume, summary.horizon));
    }
    // Rows that could not be journaled are repeated by any resume.
    let is_unwritten =
        summary.problem.as_ref().is_some_and(|one| one.category == Category::Unwritten);
    if summary.count(State::Refused) + summary.count(State::Failed) > 0 && !is_unwritten {
        ui.console.note(&format!("retry refused and failed rows with `{resume} --failed`"));
    }
}

/// How to check in-doubt writes again, and from when on the result is final.
fn check_again(resume: &str, horizon: Option<Duration>) -> String {
    let check = format!("check in-doubt writes again with `{resume}`");
    // Rounded up, so that the named second is not too early.
    let seconds = horizon.filter(|left| !left.is_zero()).map(|left| left.as_secs() + 1);
    let Some(seconds) = seconds.and_then(|left| i64::try_from(left).ok()) else { return check };
    let wait = SignedDuration::from_secs(seconds);
    let at = jiff::Timestamp::now() + wait;
    format!(
        "{check} in {wait:#}, at {} UTC: a check is final only after that; `--wait` waits until then",
        at.strftime("%H:%M:%S")
    )
}

/// How fast a service was called: `thm: 120 requests in 24.1 s, 5.0 per second`.
pub(crate) fn rate_line(stats: &RateEvent) -> String {
    let RateEvent { service, requests, throttled, seconds } = stats;
    let count =
        if *requests == 1 { "1 request".to_owned() } else { format!("{requests} requests") };
    let mut line = format!("{service}: {count} in {seconds:.1} s");
    if *seconds > 0.0 {
        #[expect(clippy::cast_precision_loss, reason = "no run sends 2^52 requests")]
        let rate = *requests as f64 / seconds;
        let _ = write!(line, ", {rate:.1} per second");
    }
    if *throttled > 0 {
        let times = if *throttled == 1 { "once".to_owned() } else { format!("{throttled} times") };
        let _ = write!(line, "; asked to slow down {times}");
    }
    line
}
