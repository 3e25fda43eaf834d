//! The measurements.

use std::process::Command;

use drillmaster_transport::Rate;
use serde_json::Value;

use super::compare::{Candidate, compare};
use super::process::{Server, measure, program};
use super::recorder::{Recorder, most_in_a_second};
use super::report::{Goal, Line, median};
use super::work::{Work, Workdir, script};
use super::{Extent, progress};
use crate::{Outcome, repository};

/// Rows per second, compared with the bare client.
pub(super) fn rows(workdir: &Workdir, extent: Extent) -> Outcome<Vec<Line>> {
    let mut lines = vec![start_up(workdir, extent)?];
    for work in Work::ALL {
        let goals = match work {
            Work::Read => [0.85, 0.85],
            Work::Write => [0.45, 0.65],
        };
        for (concurrency, goal) in [16, 64].into_iter().zip(goals) {
            let job = format!("{}, {concurrency} at a time", work.name());
            lines.extend(against_bare(workdir, extent, work, concurrency, (&job, &[], goal))?);
        }
    }
    Ok(lines)
}

/// The time that a run takes before and after its rows.
fn start_up(workdir: &Workdir, extent: Extent) -> Outcome<Line> {
    progress("start-up");
    let runner = Candidate::runner(workdir, Work::Read, 1, 1);
    let scores = compare(&[runner], &[], extent.repetitions)?;
    let millis: Vec<f64> = scores[0].rates().iter().map(|rate| 1000.0 / rate).collect();
    Ok(Line::of("start-up: a run over one row", &millis, "ms"))
}

/// The same with a slow service.
pub(super) fn latency(workdir: &Workdir, extent: Extent) -> Outcome<Vec<Line>> {
    let mut lines = Vec::new();
    for work in Work::ALL {
        let job = format!("{} that take 20 ms, 64 at a time", work.name());
        let how = (job.as_str(), ["--fault", "delay=20ms"].as_slice(), 0.95);
        lines.extend(against_bare(workdir, extent, work, 64, how)?);
    }
    let ideal = Line::new("calls that take 20 ms, 64 at a time: ideal", 64.0 / 0.020, "rows/s");
    lines.push(ideal.note("what a server without any work could serve"));
    Ok(lines)
}

fn against_bare(
    workdir: &Workdir,
    extent: Extent,
    work: Work,
    concurrency: u32,
    (job, flags, goal): (&str, &[&str], f64),
) -> Outcome<[Line; 2]> {
    progress(job);
    let candidates = [
        Candidate::runner(workdir, work, extent.rows, concurrency),
        Candidate::bare(work, extent.rows, concurrency),
    ];
    let scores = compare(&candidates, flags, extent.repetitions)?;
    let ratio = scores[0].against(&scores[1]);
    let runner = scores[0].line(job).ratio(ratio).goal(Goal::AtLeast(goal));
    Ok([runner, scores[1].line(job)])
}

/// A run with a rate limit: its time, and the most requests within a second.
pub(super) fn pace(workdir: &Workdir, extent: Extent) -> Outcome<Vec<Line>> {
    progress("pace");
    let rate: Rate = "200/s".parse().map_err(|error| format!("{error}"))?;
    let rows = extent.paced_rows;
    let server = Server::start(&[])?;
    let recorder = Recorder::before(&server.url)?;
    let mut command = workdir.run_at(&recorder.url, &Work::Read.script(), rows, 16)?;
    let spent = measure(command.args(["--rate", &rate.to_string()]))?;
    let arrivals = recorder.arrivals();
    if u32::try_from(arrivals.len()) != Ok(rows) {
        return Err(format!("{} requests arrived for {rows} rows", arrivals.len()));
    }
    // The burst leaves at once, the other requests one by one.
    let ideal = f64::from(rows - rate.burst().min(rows)) / rate.requests_per_second();
    let took = spent.wall.as_secs_f64();
    let most = u32::try_from(most_in_a_second(&arrivals)).unwrap_or(u32::MAX);
    let bound = rate.requests_per_second() + f64::from(rate.burst());
    let job = format!("{rows} rows at {rate}");
    Ok(vec![
        Line::new(format!("{job}: time"), took, "s")
            .ratio(took / ideal)
            .goal(Goal::AtMost(1.03))
            .note(format!("ideal: {ideal:.3} s")),
        Line::new(format!("{job}: never early"), took, "s")
            .ratio(took / ideal)
            .goal(Goal::AtLeast(0.97)),
        Line::new(format!("{job}: the fullest second"), most.into(), "requests")
            .goal(Goal::AtMost(bound))
            .note(format!("burst: {}", rate.burst())),
    ])
}

/// A large cassette: how fast it is opened and replayed, and how much memory that takes. As recorded, and
/// sealed with a roster of one row for every two interactions.
pub(super) fn replay(workdir: &Workdir, extent: Extent) -> Outcome<Vec<Line>> {
    let mut lines = replay_of("plain", workdir, extent)?;
    lines.extend(replay_of("sealed", workdir, extent)?);
    Ok(lines)
}

fn replay_of(kind: &str, workdir: &Workdir, extent: Extent) -> Outcome<Vec<Line>> {
    let count = extent.interactions;
    let job = format!("replay of {count} interactions, {kind}");
    progress(&job);
    let (cassette, figures) =
        (workdir.path().join("rate.cassette"), workdir.path().join("rate.json"));
    let command = |work: &str| -> Outcome<Command> {
        let mut command = Command::new(program("examples/replay_rate")?);
        command.arg(work).arg(kind).arg(&cassette).arg(count.to_string());
        Ok(command)
    };
    measure(&mut command("write")?)?;
    let failed = |error| format!("cannot read what was measured: {error}");
    let size = std::fs::metadata(&cassette).map_err(failed)?.len();
    let (mut opening, mut rates, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..extent.repetitions {
        let spent = measure(command("play")?.arg(&figures))?;
        let text = std::fs::read_to_string(&figures).map_err(failed)?;
        let seconds: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let seconds = |what: &str| seconds[what].as_f64().unwrap_or(f64::NAN);
        opening.push(seconds("open"));
        rates.push(f64::from(count) / seconds("play"));
        // Exact up to petabytes.
        #[expect(clippy::cast_precision_loss, reason = "no process has 2^52 bytes")]
        shares.extend(spent.peak.map(|peak| peak as f64 / size as f64));
    }
    // Exact up to petabytes.
    #[expect(clippy::cast_precision_loss, reason = "no file has 2^52 bytes")]
    let megabytes = size as f64 / 1024.0 / 1024.0;
    let mut lines = vec![
        Line::of(format!("{job}: opening"), &opening, "s")
            .goal(Goal::AtMost(2.0))
            .note(format!("a file of {megabytes:.0} MB")),
        Line::of(format!("{job}, two threads"), &rates, "interactions/s")
            .goal(Goal::AtLeast(50_000.0))
            .note("each made, sent and compared"),
    ];
    let memory = format!("{job}: memory");
    lines.push(match shares.as_slice() {
        [] => Line::new(memory, f64::NAN, "times the file").note("this system does not tell"),
        shares => Line::of(memory, shares, "times the file").goal(Goal::AtMost(3.0)),
    });
    Ok(lines)
}

/// The most memory that a run needs, and whether more rows need more.
pub(super) fn memory(workdir: &Workdir, extent: Extent) -> Outcome<Vec<Line>> {
    const MEGABYTE: f64 = 1024.0 * 1024.0;
    let mut lines = Vec::new();
    for (what, script) in
        [("without a call", script("nothing")), ("with a read", Work::Read.script())]
    {
        let mut fewer = None;
        for rows in extent.many_rows {
            let job = format!("memory of {rows} rows {what}");
            progress(&job);
            let spent = measure(&mut workdir.run(&script, rows)?)?;
            let Some(peak) = spent.peak else {
                lines.push(Line::new(job, f64::NAN, "MB").note("this system does not tell"));
                continue;
            };
            // Exact up to petabytes.
            #[expect(clippy::cast_precision_loss, reason = "no process has 2^52 bytes")]
            let peak = peak as f64 / MEGABYTE;
            let took = format!("{:.1} s", spent.wall.as_secs_f64());
            lines.push(Line::new(&job, peak, "MB").goal(Goal::AtMost(100.0)).note(took));
            match fewer {
                None => fewer = Some(peak),
                Some(fewer) => lines.push(
                    Line::new(format!("{job}: growth"), peak - fewer, "MB")
                        .ratio(peak / fewer)
                        .goal(Goal::AtMost(1.25)),
                ),
            }
        }
    }
    Ok(lines)
}

/// Rows whose function looks itself up in a captured map with as many entries as there are rows: what a row costs must
/// not grow with the map.
pub(super) fn captured(workdir: &Workdir, extent: Extent) -> Outcome<Vec<Line>> {
    let script = script("captured");
    let seconds = |rows: u32| -> Outcome<f64> {
        Ok(measure(&mut workdir.run(&script, rows)?)?.wall.as_secs_f64())
    };
    let [few, many] = extent.captured_rows;
    let (mut few_rates, mut many_rates, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    progress(&format!("{few} and {many} rows with as many captured entries"));
    for _ in 0..extent.repetitions {
        // Start and end of the program are not part of a row's cost.
        let start = seconds(1)?;
        let per_second = |rows: u32, took: f64| f64::from(rows) / (took - start).max(1e-6);
        // A single run over few rows is too short to measure.
        let took = (0..10).map(|_| seconds(few)).sum::<Outcome<f64>>()? / 10.0;
        few_rates.push(per_second(few, took));
        many_rates.push(per_second(many, seconds(many)?));
        ratios.extend(few_rates.last().zip(many_rates.last()).map(|(few, many)| many / few));
    }
    let job = |rows| format!("{rows} rows with {rows} captured entries");
    Ok(vec![
        Line::of(job(few), &few_rates, "rows/s"),
        Line::of(job(many), &many_rates, "rows/s").ratio(median(&ratios)).goal(Goal::AtLeast(0.8)),
    ])
}

/// Python clients: the name, and the module it needs.
const PYTHON: [(&str, &str); 3] =
    [("requests", "requests"), ("aiohttp", "aiohttp"), ("stdlib", "http.client")];

/// The same job in Python.
pub(super) fn python(workdir: &Workdir, extent: Extent) -> Outcome<Vec<Line>> {
    const CONCURRENCY: u32 = 64;
    let imports = |module: &str| {
        let mut python = Command::new("python3");
        repository::output(python.args(["-c", &format!("import {module}")])).is_ok()
    };
    let (there, missing): (Vec<_>, Vec<_>) =
        PYTHON.into_iter().partition(|(_, module)| imports(module));
    let mut lines = Vec::new();
    for work in Work::ALL {
        if there.is_empty() {
            break;
        }
        let job = format!("{}, {CONCURRENCY} at a time, beside Python", work.name());
        progress(&job);
        let mut candidates = vec![Candidate::runner(workdir, work, extent.rows, CONCURRENCY)];
        candidates.extend(there.iter().map(|(name, _)| {
            // Ten times slower, and the same for more rows.
            let rows = extent.rows / 5;
            let command = move |url: &str| {
                let mut command = Command::new("python3");
                command.arg(repository::root().join("xtask/bench/job.py"));
                command.args([name, work.word(), url, &rows.to_string(), &CONCURRENCY.to_string()]);
                Ok(command)
            };
            Candidate { name: format!("Python, {name}"), rows, command: Box::new(command) }
        }));
        let scores = compare(&candidates, &[], extent.repetitions)?;
        for score in &scores {
            lines.push(score.line(&job).ratio(score.against(&scores[0])));
        }
    }
    lines.extend(missing.iter().map(|(name, _)| {
        let note = "not measured: python3 cannot import it, or is not there";
        Line::new(format!("Python, {name}"), f64::NAN, "rows/s").note(note)
    }));
    Ok(lines)
}
