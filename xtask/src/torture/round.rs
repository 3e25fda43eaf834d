//! A round: one class, onboarded to the end however often the program is killed, and its audit.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use drillmaster_models::SERVICES;
use drillmaster_sandbox::{THM_KEY, VERACODE_KEY};
use drillmaster_transport::cassette::{Event, lines};
use fastrand::Rng;
use tempfile::TempDir;

use super::audit::{self, Audit, Row, cell};
use super::class::{self, Class};
use super::process::{self, End, KillPoint};
use super::service::{Faults, HORIZON, Service};
use super::stats::Stats;
use super::{build, script};
use crate::Outcome;

/// How often a person would resume a run that ended with rows left to do.
const PATIENT: u32 = 12;
/// The marker in a half-written line, which must be dropped.
const TORN: &str = "torn by the torture";

/// The folder of the rounds of a seed.
pub(super) struct Workdir {
    program: PathBuf,
    seed: u64,
    learners: usize,
    takes: Takes,
    folder: TempDir,
}

/// Which flags the program has: older versions can be tested too.
struct Takes {
    /// `--effect-within` and `--resolve-for`.
    horizon: bool,
    /// `--wait` of `resume`.
    wait: bool,
}

impl Takes {
    fn of(program: &Path) -> Outcome<Self> {
        let help = |command: &str| {
            let failed = Command::new(program).args([command, "--help"]).output();
            let failed = failed.map_err(|error| format!("cannot run the program: {error}"))?;
            Ok::<_, String>(String::from_utf8_lossy(&failed.stdout).into_owned())
        };
        let (run, resume) = (help("run")?, help("resume")?);
        let horizon = ["--effect-within", "--resolve-for"].iter().all(|flag| run.contains(flag));
        Ok(Self { horizon, wait: resume.contains("--wait") })
    }
}

/// The result of a round.
pub(super) struct Round {
    pub(super) stats: Stats,
    pub(super) findings: Vec<String>,
    /// How many rows ended in each state, as text.
    pub(super) states: String,
    seed: u64,
    number: u64,
    folder: PathBuf,
    faults: Faults,
}

impl Workdir {
    pub(super) fn new(program: &Path, seed: u64, learners: usize) -> Outcome<Self> {
        // On the disk of the build: a folder in memory is not synced.
        let folder = tempfile::Builder::new()
            .prefix(&format!("seed-{seed}-"))
            .tempdir_in(build::target()?.join("torture"))
            .map_err(|error| format!("cannot make a folder: {error}"))?;
        let takes = Takes::of(program)?;
        Ok(Self { program: program.to_owned(), seed, learners, takes, folder })
    }

    /// Keeps the folder for inspection.
    pub(super) fn keep(self) {
        let _ = self.folder.keep();
    }

    /// Onboards a class, with at most this many kills.
    pub(super) fn round(&self, number: u64, kills_left: u32) -> Outcome<Round> {
        // Each round has its own randomness, so that it does not depend on earlier rounds.
        let mut chance = Rng::with_seed(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number);
        let folder = self.folder.path().join(format!("round-{number}"));
        std::fs::create_dir(&folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let options = class::options(self.seed, self.learners);
        let class = Class::gather(options, self.learners, &folder, &mut chance)?;
        class.write(&folder.join("roster.csv"))?;
        let faults = Faults::draw(&mut chance);
        let service = Service::start(&self.program, options, &faults, &folder)?;
        let mut run = Run {
            program: &self.program,
            takes: &self.takes,
            url: service.url.clone(),
            results: folder.join(if number % 2 == 1 { "results.csv" } else { "results.jsonl" }),
            journal: folder.join("run.journal"),
            log: folder.join("run.log"),
            roster: folder.join("roster.csv"),
            concurrency: [1, 4, 16, 64][chance.usize(..4)],
            stats: Stats { rounds: 1, rows: self.learners, ..Stats::default() },
        };
        let kills = kills_left.min(chance.u32(10..30));
        let mut findings: Vec<_> = run.go_on_to_the_end(kills, &mut chance)?.into_iter().collect();
        let rows = audit::results(&run.results).unwrap_or_default();
        // After the service ended, so that all effects have arrived.
        let audit = Audit::of(&class, &rows, &service.end()?);
        let mut stats = run.stats;
        stats.lost = audit.lost.len();
        stats.doubled = audit.doubled.len();
        findings.extend(audit.findings());
        findings.extend(look_into(&run.journal, &rows, &mut stats).err());
        let counts = states(&rows);
        Ok(Round { stats, findings, states: counts, seed: self.seed, number, folder, faults })
    }
}

/// Counts the doubts in a journal, and checks that it can be read and has no half-written line.
fn look_into(journal: &Path, rows: &[Row], stats: &mut Stats) -> Outcome {
    let is_open =
        |scope: &str| rows.iter().any(|row| cell(row, "email") == scope && is(row, &["in-doubt"]));
    for (scope, writes) in audit::doubts(journal)? {
        stats.doubts += writes;
        if !is_open(&scope) {
            stats.settled += writes;
        }
    }
    let doubtful = || rows.iter().filter(|row| is(row, &["in-doubt"]));
    stats.in_doubt = doubtful().count();
    stats.timed = doubtful().filter(|row| tells_time(cell(row, "detail"))).count();
    stats.undone = rows.iter().filter(|row| is(row, &["refused", "failed", "skipped"])).count();
    let bytes = std::fs::read(journal).map_err(|error| error.to_string())?;
    if bytes.windows(TORN.len()).any(|part| part == TORN.as_bytes()) {
        return Err("a torn line is in the journal still".to_owned());
    }
    Ok(())
}

/// Whether a text contains a time such as `14:05`.
fn tells_time(text: &str) -> bool {
    let is_time = |part: &[u8]| {
        let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
        part[2] == b':' && digits(&part[..2]) && digits(&part[3..])
    };
    text.as_bytes().windows(5).any(is_time)
}

fn is(row: &Row, states: &[&str]) -> bool {
    states.contains(&cell(row, "state"))
}

fn states(rows: &[Row]) -> String {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for row in rows {
        *counts.entry(cell(row, "state")).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    counts.join(", ")
}

impl Round {
    /// The findings, and everything needed to reproduce them.
    pub(super) fn report(&self) -> String {
        let mut lines = vec![format!("seed {}, round {}:", self.seed, self.number)];
        lines.extend(self.findings.iter().map(|finding| format!("  {finding}")));
        lines.push(format!("the journal, roster, results and words: {}", self.folder.display()));
        let Faults { faults, invites } = &self.faults;
        lines.push(format!("the service: --invite-outcome {invites} --fault {faults}"));
        lines.join("\n")
    }
}

/// A run of the script, which is resumed until it ends.
struct Run<'a> {
    program: &'a Path,
    takes: &'a Takes,
    url: String,
    results: PathBuf,
    journal: PathBuf,
    log: PathBuf,
    roster: PathBuf,
    concurrency: usize,
    stats: Stats,
}

impl Run<'_> {
    /// Starts processes until nothing is left to do; the first ones are killed. Returns what went wrong.
    fn go_on_to_the_end(&mut self, kills: u32, chance: &mut Rng) -> Outcome<Option<String>> {
        let mut tries = 0;
        let mut again = false;
        loop {
            let death =
                if self.stats.kills() < kills { KillPoint::draw(chance) } else { KillPoint::None };
            let command = self.command(again, death)?;
            let mut log = process::open_log(&self.log)?;
            let words = format!("{}; {}", words_of(&command), death.words());
            writeln!(log, "-- {words}")
                .map_err(|error| format!("cannot write the log: {error}"))?;
            match process::run(command, death, &self.journal, log)? {
                End::Killed => {
                    self.stats.died(death);
                    self.tear(chance)?;
                }
                End::Exit(0) => return Ok(None),
                // Some rows need attention, or the script could not continue.
                End::Exit(1 | 3) => {
                    tries += 1;
                    if tries == PATIENT {
                        return Ok(None);
                    }
                    let rows = audit::results(&self.results).unwrap_or_default();
                    again = rows.iter().any(|row| is(row, &["refused", "failed"]));
                }
                End::Exit(code) => {
                    return Ok(Some(format!("exit code {code} of `{words}`")));
                }
                End::Crashed => return Ok(Some(format!("`{words}` crashed"))),
                End::Stuck => return Ok(Some(format!("`{words}` did not end"))),
            }
        }
    }

    /// The command that starts or resumes the run.
    fn command(&self, again: bool, death: KillPoint) -> Outcome<Command> {
        let mut command = Command::new(self.program);
        // Without the user's profile, and without the user's key for journals.
        command.env("XDG_CONFIG_HOME", self.journal.with_extension("config"));
        command.env("XDG_STATE_HOME", self.journal.with_extension("state"));
        if self.has_begun() {
            command.arg("resume").arg(&self.journal);
            command.args(again.then_some("--failed"));
            // A process that is to be killed does not wait for the horizon.
            command.args((self.takes.wait && death == KillPoint::None).then_some("--wait"));
        } else {
            // Without a first line nothing was sent: the journal is deleted, as the program advises.
            if self.journal.exists() {
                std::fs::remove_file(&self.journal).map_err(|error| {
                    format!("cannot remove {}: {error}", self.journal.display())
                })?;
            }
            command.arg("run").arg(script()).args(["--on", "live"]);
            for service in SERVICES {
                command.args([&format!("--{}-url", service.name), &self.url]);
            }
            command.arg("--roster").arg(&self.roster).arg("--results").arg(&self.results);
            command.arg("--journal").arg(&self.journal);
            command.args(["--concurrency", &self.concurrency.to_string()]);
        }
        if self.takes.horizon {
            let horizon = format!("{}s", HORIZON.as_secs());
            command.args(["--effect-within", &horizon, "--resolve-for", "1s"]);
        }
        for (service, key) in SERVICES.into_iter().zip([THM_KEY, VERACODE_KEY]) {
            command.env(service.credential_variable, key);
        }
        Ok(command)
    }

    fn has_begun(&self) -> bool {
        std::fs::read(&self.journal).is_ok_and(|bytes| bytes.contains(&b'\n'))
    }

    /// Leaves half a line in the journal now and then, like a power cut.
    fn tear(&mut self, chance: &mut Rng) -> Outcome {
        if chance.u8(..4) != 0 || !self.has_begun() {
            return Ok(());
        }
        let line = lines::line(&Event::Retry { scope: TORN.to_owned() });
        let half = &line[..chance.usize(1..line.len())];
        let mut journal = OpenOptions::new()
            .append(true)
            .open(&self.journal)
            .map_err(|error| format!("cannot tear the journal: {error}"))?;
        journal.write_all(half).map_err(|error| format!("cannot tear the journal: {error}"))?;
        self.stats.torn += 1;
        Ok(())
    }
}

fn words_of(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    arguments.collect::<Vec<_>>().join(" ")
}
