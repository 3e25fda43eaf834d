//! What is measured.

use std::process::Command;

use drillmaster_transport::Rate;
use serde_json::Value;

use super::process::{Server, measure, program};
use super::race::{Contestant, race};
use super::recorder::{Recorder, most_in_a_second};
use super::report::{Goal, Line};
use super::work::{Desk, Work, script};
use super::{Extent, progress};
use crate::{Outcome, repository};

/// Rows against the bare client, as fast as they go.
pub(super) fn rows(desk: &Desk, extent: Extent) -> Outcome<Vec<Line>> {
    let mut lines = vec![start_up(desk, extent)?];
    for work in Work::ALL {
        let goal = match work {
            Work::Read => 0.8,
            Work::Write => 0.5,
        };
        for concurrency in [16, 64] {
            let job = format!("{}, {concurrency} at a time", work.name());
            lines.extend(against_bare(desk, extent, work, concurrency, (&job, &[], goal))?);
        }
    }
    Ok(lines)
}

/// What a run takes before and after its rows.
fn start_up(desk: &Desk, extent: Extent) -> Outcome<Line> {
    progress("start-up");
    let runner = Contestant::runner(desk, Work::Read, 1, 1);
    let scores = race(&[runner], &[], extent.repetitions)?;
    let millis: Vec<f64> = scores[0].rates().iter().map(|rate| 1000.0 / rate).collect();
    Ok(Line::of("start-up: a run over one row", &millis, "ms"))
}

/// The same with a service that takes its time.
pub(super) fn latency(desk: &Desk, extent: Extent) -> Outcome<Vec<Line>> {
    let mut lines = Vec::new();
    for work in Work::ALL {
        let job = format!("{} that take 20 ms, 64 at a time", work.name());
        let how = (job.as_str(), ["--fault", "delay=20ms"].as_slice(), 0.95);
        lines.extend(against_bare(desk, extent, work, 64, how)?);
    }
    let ideal = Line::new("calls that take 20 ms, 64 at a time: ideal", 64.0 / 0.020, "rows/s");
    lines.push(ideal.note("what a server without any work could serve"));
    Ok(lines)
}

fn against_bare(
    desk: &Desk,
    extent: Extent,
    work: Work,
    concurrency: u32,
    (job, flags, goal): (&str, &[&str], f64),
) -> Outcome<[Line; 2]> {
    progress(job);
    let contestants = [
        Contestant::runner(desk, work, extent.rows, concurrency),
        Contestant::bare(work, extent.rows, concurrency),
    ];
    let scores = race(&contestants, flags, extent.repetitions)?;
    let ratio = scores[0].against(&scores[1]);
    let runner = scores[0].line(job).ratio(ratio).goal(Goal::AtLeast(goal));
    Ok([runner, scores[1].line(job)])
}

/// A run with a budget: how long it takes, and how full its fullest second is.
pub(super) fn pace(desk: &Desk, extent: Extent) -> Outcome<Vec<Line>> {
    progress("pace");
    let rate: Rate = "200/s".parse().map_err(|error| format!("{error}"))?;
    let rows = extent.paced_rows;
    let server = Server::start(&[])?;
    let recorder = Recorder::before(&server.url)?;
    let mut command = desk.run_at(&recorder.url, &Work::Read.script(), rows, 16)?;
    let spent = measure(command.args(["--rate", &rate.to_string()]))?;
    let arrivals = recorder.arrivals();
    if u32::try_from(arrivals.len()) != Ok(rows) {
        return Err(format!("{} requests arrived for {rows} rows", arrivals.len()));
    }
    // The burst leaves at once, and the others one after the other.
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

/// A large cassette: how fast it is opened and replayed, and how much of it is in memory. As recorded, and
/// sealed with a roster that has a row for every two interactions.
pub(super) fn replay(desk: &Desk, extent: Extent) -> Outcome<Vec<Line>> {
    let mut lines = replay_of("plain", desk, extent)?;
    lines.extend(replay_of("sealed", desk, extent)?);
    Ok(lines)
}

fn replay_of(kind: &str, desk: &Desk, extent: Extent) -> Outcome<Vec<Line>> {
    let count = extent.interactions;
    let job = format!("replay of {count} interactions, {kind}");
    progress(&job);
    let (cassette, figures) = (desk.path().join("rate.cassette"), desk.path().join("rate.json"));
    let command = |work: &str| -> Outcome<Command> {
        let mut command = Command::new(program("examples/replay_rate")?);
        command.arg(work).arg(kind).arg(&cassette).arg(count.to_string());
        Ok(command)
    };
    measure(&mut command("write")?)?;
    let told = |error| format!("cannot read what was measured: {error}");
    let size = std::fs::metadata(&cassette).map_err(told)?.len();
    let (mut opening, mut rates, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..extent.repetitions {
        let spent = measure(command("play")?.arg(&figures))?;
        let text = std::fs::read_to_string(&figures).map_err(told)?;
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

/// What a run holds in memory at most, and whether more rows need more.
pub(super) fn memory(desk: &Desk, extent: Extent) -> Outcome<Vec<Line>> {
    const MEGABYTE: f64 = 1024.0 * 1024.0;
    let mut lines = Vec::new();
    for (what, script) in
        [("without a call", script("nothing")), ("with a read", Work::Read.script())]
    {
        let mut fewer = None;
        for rows in extent.many_rows {
            let job = format!("memory of {rows} rows {what}");
            progress(&job);
            let spent = measure(&mut desk.run(&script, rows)?)?;
            let Some(peak) = spent.peak else {
                lines.push(Line::new(job, f64::NAN, "MB").note("this system does not tell"));
                continue;
            };
            // Exact up to petabytes.
            #[expect(clippy::cast_precision_loss, reason = "no process has 2^52 bytes")]
            let peak = peak as f64 / MEGABYTE;
            let took = format!("{:.1} s", spent.wall.as_secs_f64());
            lines.push(Line::new(&job, peak, "MB").goal(Goal::AtMost(150.0)).note(took));
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

/// Ways of doing it in Python: the name, and the module that it needs.
const PYTHON: [(&str, &str); 3] =
    [("requests", "requests"), ("aiohttp", "aiohttp"), ("stdlib", "http.client")];

/// The same job in Python.
pub(super) fn python(desk: &Desk, extent: Extent) -> Outcome<Vec<Line>> {
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
        let mut contestants = vec![Contestant::runner(desk, work, extent.rows, CONCURRENCY)];
        contestants.extend(there.iter().map(|(name, _)| {
            // Slower by an order of magnitude, and no different over more rows.
            let rows = extent.rows / 5;
            let command = move |url: &str| {
                let mut command = Command::new("python3");
                command.arg(repository::root().join("xtask/bench/job.py"));
                command.args([name, work.word(), url, &rows.to_string(), &CONCURRENCY.to_string()]);
                Ok(command)
            };
            Contestant { name: format!("Python, {name}"), rows, command: Box::new(command) }
        }));
        let scores = race(&contestants, &[], extent.repetitions)?;
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
