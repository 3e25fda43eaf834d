//! Candidates take turns, so that other load on the machine affects all of them.

use std::process::Command;
use std::time::Duration;

use super::process::{Server, Spent, measure, program};
use super::report::{Line, median};
use super::work::{KEY, Work, Workdir};
use crate::Outcome;

/// A program that does a job against a server.
pub(super) struct Candidate<'a> {
    pub(super) name: String,
    pub(super) rows: u32,
    pub(super) command: Start<'a>,
}

/// Makes the command that does the job against the server at an address.
type Start<'a> = Box<dyn Fn(&str) -> Outcome<Command> + 'a>;

impl<'a> Candidate<'a> {
    /// `drillmaster run`.
    pub(super) fn runner(workdir: &'a Workdir, work: Work, rows: u32, concurrency: u32) -> Self {
        let command = move |url: &str| workdir.run_at(url, &work.script(), rows, concurrency);
        Self { name: "drillmaster".to_owned(), rows, command: Box::new(command) }
    }

    /// The bare client.
    pub(super) fn bare(work: Work, rows: u32, concurrency: u32) -> Self {
        let command = move |url: &str| {
            let mut command = Command::new(program("drillmaster-bare")?);
            command.args([work.word(), url, &rows.to_string(), &concurrency.to_string()]);
            command.env("DRILLMASTER_THM_KEY", KEY);
            Ok(command)
        };
        Self { name: "bare client".to_owned(), rows, command: Box::new(command) }
    }
}

/// The turns of a candidate.
pub(super) struct Score {
    pub(super) name: String,
    rows: u32,
    turns: Vec<Turn>,
}

struct Turn {
    spent: Spent,
    server: Option<Duration>,
}

/// Lets each candidate do the job this many times, each time against a new server started with these flags.
pub(super) fn compare(
    candidates: &[Candidate],
    flags: &[&str],
    repetitions: usize,
) -> Outcome<Vec<Score>> {
    let mut scores: Vec<Score> = candidates
        .iter()
        .map(|one| Score { name: one.name.clone(), rows: one.rows, turns: Vec::new() })
        .collect();
    for repetition in 0..repetitions {
        let mut pairs: Vec<_> = candidates.iter().zip(&mut scores).collect();
        // The first one has the cooler machine.
        if repetition % 2 == 1 {
            pairs.reverse();
        }
        for (candidate, score) in pairs {
            let server = Server::start(flags)?;
            let before = server.cpu();
            let spent = measure(&mut (candidate.command)(&server.url)?)?;
            let server =
                server.cpu().zip(before).map(|(after, before)| after.saturating_sub(before));
            score.turns.push(Turn { spent, server });
        }
    }
    Ok(scores)
}

impl Score {
    /// Rows per second, turn by turn.
    pub(super) fn rates(&self) -> Vec<f64> {
        let rate = |turn: &Turn| f64::from(self.rows) / turn.spent.wall.as_secs_f64();
        self.turns.iter().map(rate).collect()
    }

    /// The median ratio to another candidate, turn by turn.
    pub(super) fn against(&self, other: &Self) -> f64 {
        let ratios = self.rates().into_iter().zip(other.rates()).map(|(own, other)| own / other);
        median(&ratios.collect::<Vec<_>>())
    }

    /// A line of the report, with the processor time per row.
    pub(super) fn line(&self, job: &str) -> Line {
        let cost = |of: fn(&Turn) -> Option<Duration>| {
            let costs = self.turns.iter().filter_map(of);
            let micros: Vec<f64> =
                costs.map(|cost| cost.as_secs_f64() * 1e6 / f64::from(self.rows)).collect();
            (!micros.is_empty()).then(|| format!("{:.0}", median(&micros)))
        };
        let line = Line::of(format!("{job}: {}", self.name), &self.rates(), "rows/s");
        match (cost(|turn| turn.spent.cpu), cost(|turn| turn.server)) {
            (Some(own), Some(server)) => {
                line.note(format!("cpu a row: {own} us, server {server} us"))
            }
            _ => line,
        }
    }
}
